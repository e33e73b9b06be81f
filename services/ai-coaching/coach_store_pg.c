/* SPDX-License-Identifier: Apache-2.0 */
#include "services/ai-coaching/coach_store.h"

#include "libcommon/base/compiler.h"
#include "libcommon/base/strbuf.h"
#include "libcommon/rpc/pb_arena.h"
#include "libcommon/rpc/pb_time.h"
#include "libcommon/store/pg.h"
#include "services/ai-coaching/coach_events.h"

#define DAY_MS INT64_C(86400000)
#define PROPOSAL_DAYS 7
#define KEEP_DAYS 30 /* after the end; accepted ones live on in the plan's history */
#define LOCK_DAYS 7
#define PREGNANT_DAYS 300
#define MINOR_DAYS 365

static const char sql_state[] =
	"SELECT coalesce(bool_or(level = 5 AND acknowledged_at IS NULL AND created_at > $2), "
	"false),"
	" coalesce(bool_or(topic = 'minor'), false),"
	" coalesce(bool_or(topic = 'pregnancy' AND created_at > $3), false)"
	" FROM safety_event WHERE user_id = $1 AND created_at > $4";
static const char sql_log[] =
	"INSERT INTO safety_event (id, user_id, topic, level, created_at) VALUES ($1, $2, $3, "
	"$4, $5)";
static const char sql_acknowledge[] = "UPDATE safety_event SET acknowledged_at = $2"
				      " WHERE user_id = $1 AND acknowledged_at IS NULL";
static const char sql_propose[] =
	"INSERT INTO proposal (id, user_id, plan_id, plan_version, change, body, after, "
	"created_at, expires_at)"
	" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
static const char sql_forget[] = "DELETE FROM proposal WHERE user_id = $1 AND expires_at < $2";
static const char sql_find[] =
	"SELECT body, after, status, accepted_version, created_at, expires_at FROM proposal"
	" WHERE user_id = $1 AND id = $2";
static const char sql_accepted[] =
	"UPDATE proposal SET status = 'accepted', accepted_version = $3 WHERE user_id = $1 AND "
	"id = $2"
	" AND status <> 'accepted'";
static const char sql_outdated[] =
	"UPDATE proposal SET status = 'outdated' WHERE user_id = $1 AND id = $2 AND status = "
	"'open'";

enum status
coach_store_state(struct coach *coach, const struct coach_scope *scope,
		  struct coach_state *ret_state, struct err *err)
{
	int64_t now = clock_wall_ms();
	struct pg_result *res;
	enum status st = pg_query(coach->pg, scope->deadline, sql_state,
				  PG_ARGS(pg_uuid(&scope->owner), pg_time(now - LOCK_DAYS * DAY_MS),
					  pg_time(now - PREGNANT_DAYS * DAY_MS),
					  pg_time(now - MINOR_DAYS * DAY_MS)),
				  scope->arena, &res, err);

	if (st != STATUS_OK)
		return st;
	*ret_state = (struct coach_state){ pg_get_bool(res, 0, 0), pg_get_bool(res, 0, 1),
					   pg_get_bool(res, 0, 2) };
	return STATUS_OK;
}

/* ---- writes ---- */

static struct slice
packed(const ProtobufCMessage *message, struct arena *arena)
{
	size_t n = protobuf_c_message_get_packed_size(message);
	uint8_t *wire = arena_alloc(arena, n + 1);

	protobuf_c_message_pack(message, wire);
	return slice_make(wire, n);
}

static enum status
put_proposal(struct pg_tx *tx, const struct coach_scope *scope, const struct coach_draft *draft,
	     struct err *err)
{
	coach_proposal *p = draft->proposal;
	int64_t now = clock_wall_ms();
	struct uuid id = uuid_v7(), plan;
	Fit__AiCoaching__V1__ProposalMade made;
	enum status st;

	if (!uuid_parse_str(p->plan_id, &plan))
		return err_set(err, STATUS_INTERNAL, "plan id \"%.40s\" is not a UUID", p->plan_id);
	/* A transaction may run again: what the body holds must not depend on that. */
	p->id = p->status = arena_strdup(scope->arena, "");
	p->created_at = p->expires_at = NULL;
	st = pg_tx_query(tx, sql_forget,
			 PG_ARGS(pg_uuid(&scope->owner), pg_time(now - KEEP_DAYS * DAY_MS)), NULL,
			 err);
	if (st == STATUS_OK)
		st = pg_tx_query(tx, sql_propose,
				 PG_ARGS(pg_uuid(&id), pg_uuid(&scope->owner), pg_uuid(&plan),
					 pg_int(p->plan_version),
					 pg_str(coach_change_name(draft->type)),
					 pg_bytes(packed(&p->base, scope->arena)),
					 pg_bytes(packed(&draft->after->base, scope->arena)),
					 pg_time(now), pg_time(now + PROPOSAL_DAYS * DAY_MS)),
				 NULL, err);
	if (st != STATUS_OK)
		return st;
	p->id = arena_alloc(scope->arena, UUID_TEXT_SIZE);
	uuid_format(&id, p->id);
	p->status = arena_strdup(scope->arena, "open");
	p->created_at = pb_time_new(scope->arena, now);
	p->expires_at = pb_time_new(scope->arena, now + PROPOSAL_DAYS * DAY_MS);
	fit__ai_coaching__v1__proposal_made__init(&made);
	made.proposal_id = p->id;
	made.plan_id = p->plan_id;
	made.plan_version = p->plan_version;
	made.change = arena_strdup(scope->arena, coach_change_name(draft->type));
	return coach_events_emit(tx, &scope->owner, FIT__AI_COACHING__V1__EVENT__TYPE_PROPOSAL_MADE,
				 &made.base, scope->traceparent, err);
}

/* Adaptations are logged only where they last: minors, pregnancy. */
static enum status
put_findings(struct pg_tx *tx, const struct coach_scope *scope,
	     const struct coach_findings *findings, struct err *err)
{
	Fit__AiCoaching__V1__SafetyEscalated escalated;
	enum status st = STATUS_OK;

	for (size_t i = 0; st == STATUS_OK && i < findings->n; i++) {
		const struct coach_safety_row *row = findings->rows[i];
		struct uuid id = uuid_v7();

		if (row->level == COACH_LEVEL_ADAPT && strcmp(row->topic, "minor") != 0 &&
		    strcmp(row->topic, "pregnancy") != 0)
			continue;
		st = pg_tx_query(tx, sql_log,
				 PG_ARGS(pg_uuid(&id), pg_uuid(&scope->owner), pg_str(row->topic),
					 pg_int(row->level), pg_time(clock_wall_ms())),
				 NULL, err);
	}
	if (st != STATUS_OK || findings->n == 0 || findings->rows[0]->level == COACH_LEVEL_ADAPT)
		return st;
	fit__ai_coaching__v1__safety_escalated__init(&escalated);
	escalated.severity = (uint32_t)findings->rows[0]->level - COACH_LEVEL_ADAPT;
	return coach_events_emit(tx, &scope->owner,
				 FIT__AI_COACHING__V1__EVENT__TYPE_SAFETY_ESCALATED,
				 &escalated.base, scope->traceparent, err);
}

struct write {
	const struct coach_scope *scope;
	const struct coach_turn *turn;
	const struct coach_draft *draft;
	const struct uuid *id;
	const coach_proposal *proposal;
	unsigned version;
	struct pg_idem *idem;
};

static char *
text(const char *s, struct arena *arena)
{
	return arena_strdup(arena, s);
}

static enum status
on_turn(struct pg_tx *tx, void *arg, struct err *err)
{
	struct write *w = arg;
	const struct coach_turn *t = w->turn;
	struct arena *arena = w->scope->arena;
	Fit__AiCoaching__V1__TurnFinished finished;
	enum status st = put_findings(tx, w->scope, &t->reading->findings, err);

	if (st == STATUS_OK && t->acknowledged)
		st = pg_tx_query(tx, sql_acknowledge,
				 PG_ARGS(pg_uuid(&w->scope->owner), pg_time(clock_wall_ms())), NULL,
				 err);
	if (st == STATUS_OK && t->draft != NULL)
		st = put_proposal(tx, w->scope, t->draft, err);
	if (st != STATUS_OK)
		return st;
	fit__ai_coaching__v1__turn_finished__init(&finished);
	finished.message_id = arena_alloc(arena, UUID_TEXT_SIZE);
	uuid_format(&t->message_id, finished.message_id);
	finished.provider = text(t->provider, arena);
	finished.model = text(t->model, arena);
	finished.personality = text(t->personality, arena);
	finished.intent = text(coach_intent_name(t->reading->intent), arena);
	finished.confidence = t->reading->confidence;
	finished.duration_ms = t->duration_ms;
	return coach_events_emit(tx, &w->scope->owner,
				 FIT__AI_COACHING__V1__EVENT__TYPE_TURN_FINISHED, &finished.base,
				 w->scope->traceparent, err);
}

static enum status
transact(struct coach *coach, pg_tx_fn fn, struct write *w, struct err *err)
{
	const struct pg_tx_options opts = { .deadline = w->scope->deadline,
					    .arena = w->scope->arena,
					    .idem = w->idem };

	return pg_transaction(coach->pg, &opts, fn, w, err);
}

enum status
coach_store_turn(struct coach *coach, const struct coach_scope *scope,
		 const struct coach_turn *turn, struct err *err)
{
	struct write w = { .scope = scope, .turn = turn };

	return transact(coach, on_turn, &w, err);
}

static enum status
on_propose(struct pg_tx *tx, void *arg, struct err *err)
{
	struct write *w = arg;
	enum status st = put_proposal(tx, w->scope, w->draft, err);

	if (st == STATUS_OK)
		*(coach_proposal *)w->idem->reply = *w->draft->proposal;
	return st;
}

enum status
coach_store_propose(struct coach *coach, const struct coach_scope *scope, struct pg_idem *idem,
		    const struct coach_draft *draft, struct err *err)
{
	struct write w = { .scope = scope, .draft = draft, .idem = idem };

	return transact(coach, on_propose, &w, err);
}

enum status
coach_store_find(struct coach *coach, const struct coach_scope *scope, const struct uuid *id,
		 coach_proposal **ret_proposal, coach_plan **ret_after, struct err *err)
{
	struct pg_result *res;
	void *body, *after;
	coach_proposal *p;
	enum status st =
		pg_query(coach->pg, scope->deadline, sql_find,
			 PG_ARGS(pg_uuid(&scope->owner), pg_uuid(id)), scope->arena, &res, err);

	if (st != STATUS_OK)
		return st;
	if (pg_rows(res) == 0)
		return err_public(err, STATUS_NOT_FOUND, "There is no such proposal.");
	st = pb_arena_unpack(scope->arena, &fit__ai_coaching__v1__proposal__descriptor,
			     pg_get_bytes(res, 0, 0), &body, err);
	if (st == STATUS_OK)
		st = pb_arena_unpack(scope->arena, &fit__workout__v1__plan__descriptor,
				     pg_get_bytes(res, 0, 1), &after, err);
	if (st != STATUS_OK)
		return err_context(err, "stored proposal");
	p = body;
	p->id = arena_alloc(scope->arena, UUID_TEXT_SIZE);
	uuid_format(id, p->id);
	p->status = text(pg_text(res, 0, 2), scope->arena);
	p->accepted_version = (uint32_t)pg_get_int(res, 0, 3);
	p->created_at = pb_time_new(scope->arena, pg_get_time(res, 0, 4));
	p->expires_at = pb_time_new(scope->arena, pg_get_time(res, 0, 5));
	if (strcmp(p->status, "open") == 0 && pg_get_time(res, 0, 5) <= clock_wall_ms())
		p->status = text("expired", scope->arena);
	*ret_proposal = p;
	*ret_after = after;
	return STATUS_OK;
}

static enum status
on_accepted(struct pg_tx *tx, void *arg, struct err *err)
{
	static const enum coach_change_type types[] = {
		[FIT__AI_COACHING__V1__PROPOSAL__CHANGE_SWAP] = COACH_CHANGE_SWAP,
		[FIT__AI_COACHING__V1__PROPOSAL__CHANGE_LOAD] = COACH_CHANGE_LOAD,
		[FIT__AI_COACHING__V1__PROPOSAL__CHANGE_DAY] = COACH_CHANGE_DAY,
	};
	struct write *w = arg;
	Fit__AiCoaching__V1__ProposalAccepted accepted;
	struct pg_result *res;
	enum status st =
		pg_tx_query(tx, sql_accepted,
			    PG_ARGS(pg_uuid(&w->scope->owner), pg_uuid(w->id), pg_int(w->version)),
			    &res, err);

	/* Somebody was first: the event is there. */
	if (st != STATUS_OK || pg_affected(res) == 0)
		return st;
	fit__ai_coaching__v1__proposal_accepted__init(&accepted);
	accepted.proposal_id = w->proposal->id;
	accepted.plan_id = w->proposal->plan_id;
	accepted.version_number = w->version;
	accepted.change = text(coach_change_name(types[w->proposal->change_case]), w->scope->arena);
	return coach_events_emit(tx, &w->scope->owner,
				 FIT__AI_COACHING__V1__EVENT__TYPE_PROPOSAL_ACCEPTED,
				 &accepted.base, w->scope->traceparent, err);
}

enum status
coach_store_accepted(struct coach *coach, const struct coach_scope *scope, const struct uuid *id,
		     const coach_proposal *proposal, unsigned version, struct err *err)
{
	struct write w = { .scope = scope, .id = id, .proposal = proposal, .version = version };

	return transact(coach, on_accepted, &w, err);
}

enum status
coach_store_outdated(struct coach *coach, const struct coach_scope *scope, const struct uuid *id,
		     struct err *err)
{
	return pg_query(coach->pg, scope->deadline, sql_outdated,
			PG_ARGS(pg_uuid(&scope->owner), pg_uuid(id)), scope->arena, NULL, err);
}
