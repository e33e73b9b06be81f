/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A turn: read the message (safety first), gather what the answer needs, let a provider word it,
 * keep what follows, and stream it.
 *
 * What is urgent does not wait for stores: a finding of level refuse and above is answered before
 * anything is looked up or kept, and stays answered when PostgreSQL or another service is away.
 * Everything else is kept before it is said: a proposal that a client sees is there.
 */
#include "libcommon/base/compiler.h"
#include "libcommon/observe/log.h"
#include "libcommon/observe/metrics.h"
#include "libcommon/rpc/pb_arena.h"
#include "services/ai-coaching/coach_gather.h"
#include "services/ai-coaching/coach_memory.h"
#include "services/ai-coaching/coach_provider.h"
#include "services/ai-coaching/coach_rpc.h"
#include "services/ai-coaching/coach_store.h"

#define DELTA_BYTES 80

static struct metric requests = METRIC_COUNTER("ai_requests_total", "Answers of the coach.",
					       "provider", "model", "personality", "status");
static struct metric findings =
	METRIC_COUNTER("ai_safety_total", "Safety findings by level.", "level");

void
coach_rpc_register_metrics(void)
{
	metric_register(&requests);
	metric_register(&findings);
}

struct turn {
	struct rpc_call *call;
	struct coach *coach;
	struct coach_scope scope;
	const Fit__AiCoaching__V1__ChatRequest *req;
	struct coach_snapshot *snapshot;
	int64_t started_ms;
	struct uuid id;
	enum coach_personality personality;
	struct coach_reading reading;
	struct coach_facts facts;
	struct coach_answer answer;
	const struct coach_provider *provider;
	bool locked;
};

/* ---- the answer ---- */

static void
recall(struct turn *t)
{
	Fit__AiCoaching__V1__Turn **turns;
	struct err err;
	size_t n;

	err_init(&err);
	t->facts.last_intent = "";
	if (coach_memory_turns(t->coach, &t->scope, 1, &turns, &n, &err) != STATUS_OK) {
		log_warn_err("conversation_not_read", &err);
		return;
	}
	if (n == 0)
		return;
	t->facts.last_intent = turns[0]->intent;
	t->facts.last_exercise = coach_library_find(t->facts.library, turns[0]->exercise_id);
	t->facts.last_proposal = *turns[0]->proposal_id != '\0';
}

static void
choose_personality(struct turn *t)
{
	const char *name = t->req->personality;

	if (*name == '\0' && coach_reading_level(&t->reading) < COACH_LEVEL_REFUSE)
		name = coach_gather_personality(t->coach, &t->scope);
	t->personality = coach_voice_parse(name);
}

static enum status
make_answer(struct turn *t, struct err *err)
{
	const struct coach_request ask = { &t->reading, &t->facts, t->personality,
					   t->scope.deadline, t->scope.arena };
	const struct coach_ask gather = { coach_intent_needs(t->reading.intent), t->req->plan_id,
					  t->req->session_id };
	struct coach_state state;
	enum status st = coach_store_state(t->coach, &t->scope, &state, err);

	if (st != STATUS_OK)
		return st;
	t->locked = state.locked && t->reading.intent != COACH_INTENT_ACKNOWLEDGE;
	if (t->locked) {
		coach_answer_locked(t->scope.arena, &t->answer);
		return STATUS_OK;
	}
	t->facts.minor = state.minor;
	t->facts.pregnant = state.pregnant;
	for (size_t i = 0; i < t->reading.findings.n; i++) {
		t->facts.minor |= strcmp(t->reading.findings.rows[i]->topic, "minor") == 0;
		t->facts.pregnant |= strcmp(t->reading.findings.rows[i]->topic, "pregnancy") == 0;
	}
	recall(t);
	st = coach_gather(t->coach, &t->scope, &gather, &t->facts, err);
	if (st == STATUS_OK)
		t->provider = coach_provider_answer(&ask, &t->answer);
	return st;
}

/* ---- keeping ---- */

static enum status
keep(struct turn *t, struct err *err)
{
	const struct coach_turn turn = {
		.message_id = t->id,
		.provider = t->provider->name,
		.model = t->provider->model,
		.personality = coach_voice_name(t->personality),
		.reading = &t->reading,
		.draft = t->answer.has_draft ? &t->answer.draft : NULL,
		.acknowledged = t->reading.intent == COACH_INTENT_ACKNOWLEDGE,
		.duration_ms = (unsigned)(clock_mono_ms() - t->started_ms),
	};

	return coach_store_turn(t->coach, &t->scope, &turn, err);
}

static void
remember(struct turn *t)
{
	Fit__AiCoaching__V1__Turn *turn =
		pb_arena_new(t->scope.arena, &fit__ai_coaching__v1__turn__descriptor);
	struct arena *arena = t->scope.arena;
	int64_t now = clock_wall_ms();
	struct err err;

	err_init(&err);
	turn->message_id = arena_alloc(arena, UUID_TEXT_SIZE);
	uuid_format(&t->id, turn->message_id);
	turn->time = pb_arena_new(arena, &google__protobuf__timestamp__descriptor);
	turn->time->seconds = now / 1000;
	turn->time->nanos = (int32_t)(now % 1000) * 1000000;
	turn->message = t->req->message;
	turn->reply = arena_strdup(arena, strbuf_cstr(&t->answer.text));
	turn->personality = arena_strdup(arena, coach_voice_name(t->personality));
	turn->intent = arena_strdup(arena, coach_intent_name(t->reading.intent));
	turn->confidence = t->reading.confidence;
	turn->safety_level =
		arena_strdup(arena, coach_level_name(coach_reading_level(&t->reading)));
	if (t->answer.about != NULL)
		turn->exercise_id = t->answer.about->id;
	if (t->answer.has_draft)
		turn->proposal_id = t->answer.draft.proposal->id;
	if (coach_memory_add(t->coach, &t->scope, turn, &err) != STATUS_OK)
		log_warn_err("conversation_not_kept", &err);
}

/* ---- the stream ---- */

static enum status
send_event(struct turn *t, Fit__AiCoaching__V1__ChatEvent__TypeCase type,
	   const ProtobufCMessage *member, struct err *err)
{
	Fit__AiCoaching__V1__ChatEvent event;

	fit__ai_coaching__v1__chat_event__init(&event);
	event.type_case = type;
	event.delta = (void *)(uintptr_t)member; /* all members are pointers to messages */
	return rpc_call_send(t->call, &event.base, err);
}

/* Up to about DELTA_BYTES, to the end of a word; never inside of a character. */
static size_t
next_piece(const char *text)
{
	size_t n = strlen(text), cut = DELTA_BYTES;

	if (n <= DELTA_BYTES)
		return n;
	while (cut < n && text[cut - 1] != ' ' && text[cut - 1] != '\n')
		cut++;
	return cut;
}

static enum status
send_text(struct turn *t, struct err *err)
{
	const char *text = strbuf_cstr(&t->answer.text);
	enum status st = STATUS_OK;

	while (st == STATUS_OK && *text != '\0') {
		size_t n = next_piece(text);
		Fit__AiCoaching__V1__Delta delta;

		fit__ai_coaching__v1__delta__init(&delta);
		delta.text = arena_strndup(t->scope.arena, text, n);
		st = send_event(t, FIT__AI_COACHING__V1__CHAT_EVENT__TYPE_DELTA, &delta.base, err);
		text += n;
	}
	return st;
}

static void
add_actions(struct turn *t, Fit__AiCoaching__V1__Done *done)
{
	struct arena *arena = t->scope.arena;
	Fit__AiCoaching__V1__Action *a;

	done->actions = ARENA_ARRAY(arena, Fit__AiCoaching__V1__Action *, 2);
	if (t->answer.has_draft) {
		a = done->actions[done->n_actions++] =
			pb_arena_new(arena, &fit__ai_coaching__v1__action__descriptor);
		a->type = arena_strdup(arena, "accept_proposal");
		a->proposal = t->answer.draft.proposal;
	}
	if (t->answer.lock) {
		a = done->actions[done->n_actions++] =
			pb_arena_new(arena, &fit__ai_coaching__v1__action__descriptor);
		a->type = arena_strdup(arena, "acknowledge_safety");
	}
}

static enum status
send_end(struct turn *t, struct err *err)
{
	struct arena *arena = t->scope.arena;
	Fit__AiCoaching__V1__Done *done =
		pb_arena_new(arena, &fit__ai_coaching__v1__done__descriptor);
	enum status st = STATUS_OK;

	done->message_id = arena_alloc(arena, UUID_TEXT_SIZE);
	uuid_format(&t->id, done->message_id);
	done->provider = arena_strdup(arena, t->provider->name);
	done->model = arena_strdup(arena, t->provider->model);
	done->personality = arena_strdup(arena, coach_voice_name(t->personality));
	done->usage = pb_arena_new(arena, &fit__ai_coaching__v1__usage__descriptor);
	done->confidence = t->reading.confidence;
	done->text = arena_strdup(arena, strbuf_cstr(&t->answer.text));
	done->intent =
		arena_strdup(arena, t->locked ? "safety" : coach_intent_name(t->reading.intent));
	done->safety = pb_arena_new(arena, &fit__ai_coaching__v1__safety__descriptor);
	done->safety->level =
		arena_strdup(arena, coach_level_name(coach_reading_level(&t->reading)));
	if (t->reading.findings.n > 0)
		done->safety->topic = arena_strdup(arena, t->reading.findings.rows[0]->topic);
	add_actions(t, done);
	for (size_t i = 0; st == STATUS_OK && i < done->n_actions; i++)
		st = send_event(t, FIT__AI_COACHING__V1__CHAT_EVENT__TYPE_ACTION,
				&done->actions[i]->base, err);
	return st == STATUS_OK ? send_event(t, FIT__AI_COACHING__V1__CHAT_EVENT__TYPE_DONE,
					    &done->base, err)
			       : st;
}

/* ---- */

/* Said first, kept then: help must not wait for a store. */
static enum status
warn(struct turn *t, struct err *err)
{
	const struct coach_request ask = { &t->reading, &t->facts, t->personality,
					   t->scope.deadline, t->scope.arena };
	struct err kept;
	enum status st;

	err_init(&kept);
	t->provider = coach_provider_answer(&ask, &t->answer);
	st = send_text(t, err);
	if (keep(t, &kept) != STATUS_OK)
		log_error_err("safety_finding_not_kept", &kept);
	remember(t);
	return st == STATUS_OK ? send_end(t, err) : st;
}

static enum status
answer(struct turn *t, struct err *err)
{
	enum status st = make_answer(t, err);

	if (st == STATUS_OK)
		st = keep(t, err);
	if (st != STATUS_OK)
		return st;
	remember(t);
	st = send_text(t, err);
	return st == STATUS_OK ? send_end(t, err) : st;
}

enum status
coach_on_chat(struct rpc_call *call, const void *request, void *reply, struct err *err)
{
	struct turn t = { .call = call,
			  .coach = rpc_call_service(call),
			  .req = request,
			  .started_ms = clock_mono_ms(),
			  .provider = coach_providers[0],
			  .id = uuid_v7() };
	enum status st = coach_rpc_begin(call, &t.scope, err);
	enum coach_level level;

	(void)reply;
	if (st != STATUS_OK)
		return st;
	t.snapshot = coach_snapshot_hold(t.coach, &t.scope);
	t.facts.library = coach_brain_library(t.snapshot->brain);
	t.facts.level = "";
	coach_brain_read(t.snapshot->brain, slice_str(t.req->message), t.scope.arena, &t.reading);
	level = coach_reading_level(&t.reading);
	choose_personality(&t);
	st = level >= COACH_LEVEL_REFUSE ? warn(&t, err) : answer(&t, err);
	metric_add(metric_series(&requests, t.provider->name, t.provider->model,
				 coach_voice_name(t.personality), status_name(st)),
		   1);
	if (level > COACH_LEVEL_NONE)
		metric_add(metric_series(&findings, coach_level_name(level)), 1);
	return st;
}
