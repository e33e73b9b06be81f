/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A turn: read the message (safety first), gather what the answer needs, let a provider word it,
 * keep what follows, and stream it.
 *
 * What is urgent does not wait for stores: a finding of level refuse and above is answered before
 * anything is looked up or kept, and stays answered when PostgreSQL or another service is away.
 * Everything else is kept before it is said: a proposal that a client sees is there.
 *
 * The worker that thinks does not stay to talk: coach_stream.h.
 */
#include "libcommon/base/compiler.h"
#include "libcommon/observe/log.h"
#include "libcommon/observe/metrics.h"
#include "libcommon/rpc/pb_arena.h"
#include "libcommon/rpc/pb_time.h"
#include "services/ai-coaching/coach_gather.h"
#include "services/ai-coaching/coach_memory.h"
#include "services/ai-coaching/coach_provider.h"
#include "services/ai-coaching/coach_rpc.h"
#include "services/ai-coaching/coach_store.h"
#include "services/ai-coaching/coach_stream.h"

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
	int64_t started_ms;
	struct uuid id;
	enum coach_personality personality;
	struct coach_reading reading;
	struct coach_facts facts;
	struct coach_answer answer;
	const struct coach_provider *provider;
	bool locked;
	struct coach_stream out;
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
	turn->time = pb_time_new(arena, now);
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

/* ---- the end ---- */

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

static Fit__AiCoaching__V1__Done *
make_done(struct turn *t)
{
	struct arena *arena = t->scope.arena;
	Fit__AiCoaching__V1__Done *done =
		pb_arena_new(arena, &fit__ai_coaching__v1__done__descriptor);

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
	return done;
}

/* Said first, kept then: help must not wait for a store. */
static void
warn(struct turn *t)
{
	const struct coach_request ask = { &t->reading, &t->facts, t->personality,
					   t->scope.deadline, t->scope.arena };
	struct err kept;

	err_init(&kept);
	t->provider = coach_provider_answer(&ask, &t->answer);
	coach_stream_open(&t->out, t->call, t->scope.arena);
	coach_stream_text(&t->out, strbuf_cstr(&t->answer.text));
	if (keep(t, &kept) != STATUS_OK)
		log_error_err("safety_finding_not_kept", &kept);
	remember(t);
	coach_stream_done(&t->out, make_done(t));
}

static enum status
answer(struct turn *t, struct err *err)
{
	enum status st = make_answer(t, err);

	/* Nobody is there to read it: nothing is proposed, nothing kept. */
	if (st == STATUS_OK && rpc_call_cancelled(t->call))
		st = err_set(err, STATUS_CANCELLED, "the client has gone");
	if (st == STATUS_OK)
		st = keep(t, err);
	if (st != STATUS_OK)
		return st;
	remember(t);
	coach_stream_open(&t->out, t->call, t->scope.arena);
	coach_stream_text(&t->out, strbuf_cstr(&t->answer.text));
	coach_stream_done(&t->out, make_done(t));
	return STATUS_OK;
}

/* Urgent words are found with whatever library is there; only for the rest one may wait for it. */
static void
read_message(struct turn *t)
{
	struct slice message = slice_str(t->req->message);
	const struct coach_snapshot *now = coach_snapshot_now(t->coach, &t->scope), *fresh;

	coach_brain_read(now->brain, message, t->scope.arena, &t->reading);
	t->facts.library = coach_brain_library(now->brain);
	if (coach_reading_level(&t->reading) >= COACH_LEVEL_REFUSE)
		return;
	fresh = coach_snapshot_hold(t->coach, &t->scope);
	if (fresh == now)
		return;
	coach_brain_read(fresh->brain, message, t->scope.arena, &t->reading);
	t->facts.library = coach_brain_library(fresh->brain);
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
	t.facts.level = "";
	read_message(&t);
	level = coach_reading_level(&t.reading);
	choose_personality(&t);
	if (level >= COACH_LEVEL_REFUSE)
		warn(&t);
	else
		st = answer(&t, err);
	if (level > COACH_LEVEL_NONE)
		metric_add(metric_series(&findings, coach_level_name(level)), 1);
	metric_add(metric_series(&requests, t.provider->name, t.provider->model,
				 coach_voice_name(t.personality),
				 status_name(st != STATUS_OK ? st : t.out.status)),
		   1);
	return coach_stream_close(&t.out, st, err);
}
