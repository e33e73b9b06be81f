/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Proposals: made by a button instead of a sentence, looked at, accepted.
 *
 * Accepting is two steps in two services: workout makes the version (its idempotency key is the
 * proposal's id, its If-Match the version that the proposal was made for), then the proposal is
 * marked here. A crash between them leaves the proposal open; accepting again gets workout's stored
 * answer, or later, when that is no longer kept, finds the version itself, and marks it. What is
 * said to be done is done.
 */
#include "libcommon/base/compiler.h"
#include "libcommon/base/crashpoint.h"
#include "libcommon/client/workout_client.h"
#include "libcommon/crypto/digest.h"
#include "libcommon/observe/log.h"
#include "libcommon/schema/schema.h"
#include "libcommon/store/pg.h"
#include "services/ai-coaching/coach_gather.h"
#include "services/ai-coaching/coach_rpc.h"
#include "services/ai-coaching/coach_store.h"

static enum status
parse_id(const char *text, const char *path, struct uuid *ret_id, struct err *err)
{
	if (uuid_parse_str(text, ret_id))
		return STATUS_OK;
	err_init(err);
	return err_add_field(err, path, "is not a UUID");
}

static const coach_entry *
find_entry(const coach_plan *plan, const char *entry_id)
{
	for (size_t i = 0; i < plan->n_exercises; i++) {
		if (strcmp(plan->exercises[i]->entry_id, entry_id) == 0)
			return plan->exercises[i];
	}
	return NULL;
}

static enum status
read_change(const Fit__AiCoaching__V1__ProposeChangeRequest *req, const struct coach_facts *facts,
	    struct coach_change *ret_change, struct err *err)
{
	struct coach_change c = { .reason = NULL };
	const char *entry_id = "";

	switch (req->change_case) {
	case FIT__AI_COACHING__V1__PROPOSE_CHANGE_REQUEST__CHANGE_SWAP:
		c.type = COACH_CHANGE_SWAP;
		c.exercise = coach_library_find(facts->library, req->swap->exercise_id);
		entry_id = req->swap->entry_id;
		break;
	case FIT__AI_COACHING__V1__PROPOSE_CHANGE_REQUEST__CHANGE_LOAD:
		c.type = COACH_CHANGE_LOAD;
		c.grams = (int64_t)(req->load->weight * 1000 + 0.5);
		entry_id = req->load->entry_id;
		break;
	case FIT__AI_COACHING__V1__PROPOSE_CHANGE_REQUEST__CHANGE_DAY:
		c.type = COACH_CHANGE_DAY;
		c.day = req->day->day;
		c.from_day = req->day->from_day;
		entry_id = req->day->entry_id;
		if ((*entry_id != '\0') == (c.from_day != 0)) {
			err_init(err);
			return err_add_field(err, "day", "one of entryId and fromDay is needed");
		}
		break;
	default:
		err_init(err);
		return err_add_field(err, "swap", "one of swap, load and day is needed");
	}
	if (c.from_day == 0)
		c.entry = find_entry(facts->plan, entry_id);
	if (c.entry == NULL && c.from_day == 0)
		return err_public(err, STATUS_NOT_FOUND, "The plan has no such entry.");
	*ret_change = c;
	return STATUS_OK;
}

static enum status
check_lock(const struct coach_state *state, struct err *err)
{
	if (!state->locked)
		return STATUS_OK;
	return err_public(
		err, STATUS_FAILED_PRECONDITION,
		"There is an open emergency: tell the coach that you have been checked and "
		"cleared first.");
}

enum status
coach_on_propose(struct rpc_call *call, const void *request, void *reply, struct err *err)
{
	const Fit__AiCoaching__V1__ProposeChangeRequest *req = request;
	struct coach *coach = rpc_call_service(call);
	const struct coach_ask ask = {
		COACH_NEEDS_PROFILE | COACH_NEEDS_PLAN | COACH_NEEDS_SESSIONS, req->plan_id, ""
	};
	struct coach_facts facts = { .level = "", .last_intent = "" };
	struct coach_scope scope;
	struct coach_state state;
	struct coach_change change;
	struct coach_draft draft;
	struct pg_idem idem;
	enum status st = coach_rpc_begin(call, &scope, err);

	if (st != STATUS_OK)
		return st;
	facts.library = coach_brain_library(coach_snapshot_hold(coach, &scope)->brain);
	if (coach_library_size(facts.library) == 0)
		return err_public(err, STATUS_UNAVAILABLE,
				  "The exercise library cannot be read just now.");
	st = coach_store_state(coach, &scope, &state, err);
	if (st == STATUS_OK)
		st = check_lock(&state, err);
	if (st == STATUS_OK)
		st = coach_gather(coach, &scope, &ask, &facts, err);
	if (st != STATUS_OK)
		return st;
	facts.minor = state.minor;
	facts.pregnant = state.pregnant;
	st = read_change(req, &facts, &change, err);
	if (st == STATUS_OK)
		st = coach_proposal_make(&facts, &change, scope.arena, &draft, err);
	if (st != STATUS_OK)
		return st;
	idem = (struct pg_idem){ .owner = scope.owner,
				 .method = rpc_call_method(call)->path,
				 .key = rpc_call_idempotency_key(call),
				 .fingerprint = rpc_call_idempotency_fingerprint(call),
				 .reply = reply };
	return coach_store_propose(coach, &scope, &idem, &draft, err);
}

enum status
coach_on_get_proposal(struct rpc_call *call, const void *request, void *reply, struct err *err)
{
	const Fit__AiCoaching__V1__GetProposalRequest *req = request;
	struct coach_scope scope;
	coach_proposal *proposal;
	coach_plan *after;
	struct uuid id;
	enum status st = coach_rpc_begin(call, &scope, err);

	if (st == STATUS_OK)
		st = parse_id(req->proposal_id, "proposalId", &id, err);
	if (st == STATUS_OK)
		st = coach_store_find(rpc_call_service(call), &scope, &id, &proposal, &after, err);
	if (st == STATUS_OK)
		*(coach_proposal *)reply = *proposal;
	return st;
}

/* ---- accepting ---- */

/* What was said since the proposal was made counts, too. */
static enum status
check_state(struct coach *coach, const struct coach_scope *scope, const coach_proposal *p,
	    struct err *err)
{
	bool heavier = p->change_case == FIT__AI_COACHING__V1__PROPOSAL__CHANGE_LOAD &&
		       p->after->volume_load > p->before->volume_load;
	struct coach_state state;
	enum status st = coach_store_state(coach, scope, &state, err);

	if (st == STATUS_OK)
		st = check_lock(&state, err);
	if (st == STATUS_OK && heavier && (state.minor || state.pregnant))
		st = err_public(err, STATUS_FAILED_PRECONDITION,
				"This makes a load heavier, which I do not do for people under 18 "
				"or in pregnancy.");
	return st;
}

static enum status
change_plan(struct coach *coach, const struct coach_scope *scope, const coach_proposal *p,
	    const coach_plan *after, coach_plan **ret_plan, struct err *err)
{
	static const char what[] = "coach proposal ";
	unsigned char *hash = arena_alloc(scope->arena, DIGEST_SHA256_SIZE);
	char *key = arena_printf(scope->arena, "%s%s", what, p->id);
	coach_plan patch = *after;
	const struct workout_client_change change = {
		.plan_id = p->plan_id,
		.version = p->plan_version,
		.patch = &patch,
		.key = key,
		.fingerprint = slice_make(hash, DIGEST_SHA256_SIZE)
	};

	digest_sha256(slice_str(key), hash);
	patch.changes_description = p->reason;
	return workout_client_change_plan(coach->workouts, &scope->opts, &change, scope->arena,
					  ret_plan, err);
}

static enum status
outdated(struct coach *coach, const struct coach_scope *scope, const struct uuid *id,
	 struct err *err)
{
	struct err mark;

	err_init(&mark);
	if (coach_store_outdated(coach, scope, id, &mark) != STATUS_OK)
		log_warn_err("proposal_not_marked", &mark);
	err_public(err, STATUS_FAILED_PRECONDITION,
		   "The plan has changed since this was proposed. Ask for a new proposal.");
	return err_reason(err, "STATE_CONFLICT");
}

/* Whether the version has at its entry what the proposal is about. */
static bool
has_change(const coach_plan *plan, const coach_proposal *p)
{
	const coach_entry *e;
	double most = 0;

	switch (p->change_case) {
	case FIT__AI_COACHING__V1__PROPOSAL__CHANGE_SWAP:
		e = find_entry(plan, p->swap->entry_id);
		return e != NULL && strcmp(e->exercise_id, p->swap->exercise_id) == 0;
	case FIT__AI_COACHING__V1__PROPOSAL__CHANGE_LOAD:
		e = find_entry(plan, p->load->entry_id);
		for (size_t i = 0; e != NULL && i < e->n_sets; i++)
			most = e->sets[i]->weight > most ? e->sets[i]->weight : most;
		return e != NULL && most == p->load->weight;
	case FIT__AI_COACHING__V1__PROPOSAL__CHANGE_DAY:
		e = find_entry(plan, p->day->entry_id);
		return p->day->from_day != 0 || (e != NULL && e->day == p->day->day);
	default:
		return false;
	}
}

/* The plan is no longer what the proposal was made for: because of this very proposal? */
static bool
is_made(struct coach *coach, const struct coach_scope *scope, const coach_proposal *p)
{
	Fit__Workout__V1__PlanVersion *v;
	struct err err;

	err_init(&err);
	if (workout_client_get_version(coach->workouts, &scope->opts, p->plan_id,
				       p->plan_version + 1, scope->arena, &v, &err) != STATUS_OK)
		return false;
	return strcmp(v->created_by, "ai") == 0 && strcmp(v->changes_description, p->reason) == 0 &&
	       v->plan != NULL && has_change(v->plan, p);
}

static enum status
accept_open(struct coach *coach, const struct coach_scope *scope, const struct uuid *id,
	    coach_proposal *p, const coach_plan *after, coach_plan **ret_plan, struct err *err)
{
	unsigned version = p->plan_version + 1;
	enum status st = change_plan(coach, scope, p, after, ret_plan, err);

	if (st == STATUS_FAILED_PRECONDITION && err->reason != NULL &&
	    strcmp(err->reason, "ETAG_MISMATCH") == 0) {
		if (!is_made(coach, scope, p))
			return outdated(coach, scope, id, err);
		err_init(err);
		st = workout_client_get_plan(coach->workouts, &scope->opts, p->plan_id,
					     scope->arena, ret_plan, err);
	} else if (st == STATUS_OK) {
		version = (*ret_plan)->version_number;
	}
	if (st != STATUS_OK)
		return st;
	CRASH_POINT("coach.between_plan_and_proposal");
	st = coach_store_accepted(coach, scope, id, p, version, err);
	if (st != STATUS_OK)
		return st;
	p->status = arena_strdup(scope->arena, "accepted");
	p->accepted_version = version;
	return STATUS_OK;
}

enum status
coach_on_accept(struct rpc_call *call, const void *request, void *reply, struct err *err)
{
	const Fit__AiCoaching__V1__AcceptProposalRequest *req = request;
	Fit__AiCoaching__V1__AcceptProposalResponse *res = reply;
	struct coach *coach = rpc_call_service(call);
	struct coach_scope scope;
	coach_proposal *p;
	coach_plan *after;
	struct uuid id;
	enum status st = coach_rpc_begin(call, &scope, err);

	if (st == STATUS_OK)
		st = parse_id(req->proposal_id, "proposalId", &id, err);
	if (st == STATUS_OK)
		st = coach_store_find(coach, &scope, &id, &p, &after, err);
	if (st == STATUS_OK && strcmp(p->status, "open") == 0)
		st = check_state(coach, &scope, p, err);
	if (st != STATUS_OK)
		return st;
	if (strcmp(p->status, "accepted") == 0) {
		st = workout_client_get_plan(coach->workouts, &scope.opts, p->plan_id, scope.arena,
					     &res->plan, err);
	} else if (strcmp(p->status, "open") == 0) {
		st = accept_open(coach, &scope, &id, p, after, &res->plan, err);
	} else {
		err_public(err, STATUS_FAILED_PRECONDITION,
			   "This proposal is %s. Ask for a new one.", p->status);
		st = err_reason(err, "STATE_CONFLICT");
	}
	if (st == STATUS_OK)
		res->proposal = p;
	return st;
}
