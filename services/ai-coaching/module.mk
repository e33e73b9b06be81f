# SPDX-License-Identifier: Apache-2.0
$(eval $(call migrations,coach,services/ai-coaching/migrations))

# What answers: pure, and what the fuzz target and the unit tests link.
COACH_PURE := $(addprefix services/ai-coaching/,coach_answer.c coach_answer_basics.c coach_answer_change.c coach_answer_data.c coach_answer_training.c coach_brain.c \
	coach_facts.c coach_intent_table.c coach_language.c coach_lexicon.c coach_library.c coach_pattern.c coach_proposal.c coach_rules.c \
	coach_safety.c coach_safety_body.c coach_safety_choices.c coach_safety_mind.c coach_safety_person.c \
	coach_safety_rules.c coach_text.c coach_voice.c)
PROGRAMS += ai-coaching
ai-coaching_SRCS := $(COACH_PURE) $(addprefix services/ai-coaching/,main.c coach_config.c coach_events.c coach_gather.c \
	coach_memory.c coach_provider.c coach_recommend.c coach_rpc.c coach_rpc_chat.c coach_rpc_plans.c coach_store_pg.c \
	coach_stream.c) \
	$(coach_MIGRATIONS)
fuzz_coach_SRCS := $(COACH_PURE)
