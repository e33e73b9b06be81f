/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "libcommon/observe/metrics.h"
#include "libcommon/rpc/pb_time.h"
#include "services/workout/workout_derived.h"
#include "services/workout/workout_doc.h"
#include "services/workout/workout_rpc.h"
#include "services/workout/workout_session_prepare.h"
#include "services/workout/workout_session_reply.h"
#include "services/workout/workout_session_store.h"

/* What a change of a session needs; each method uses its part. */
struct change {
	struct workout_scope scope;
	struct workout_rules rules;
	struct uuid id;
	const void *request;
	session_doc *fresh; /* CreateSession: completed but not yet checked */
	void *reply;
	session_entry *entry; /* set methods: what was changed */
	session_set *set;
	bool compound; /* SwapExercise: another entry was needed */
};

static enum status
begin(struct rpc_call *call, const void *request, void *reply, const char *session_id,
      struct change *c, struct err *err)
{
	enum status st =
		workout_rpc_begin_of(call, reply, session_id, "sessionId", &c->scope, &c->id, err);

	c->request = request;
	c->reply = reply;
	c->rules = (struct workout_rules){ .arena = c->scope.arena, .now_ms = clock_wall_ms() };
	return st;
}

static enum status
missing(const char *member, struct err *err)
{
	err_init(err);
	return err_add_field(err, member, "is missing");
}

/* A patch without members has no mask, or an empty one. */
static size_t
mask_paths(const Google__Protobuf__FieldMask *mask, char ***ret_paths)
{
	*ret_paths = mask != NULL ? mask->paths : NULL;
	return mask != NULL ? mask->n_paths : 0;
}

/* ---- replies ---- */

static void
reply_session(void *arg, const struct workout_session_outcome *outcome)
{
	const struct change *c = arg;
	session_doc *reply = c->reply;

	*reply = *outcome->session;
	workout_session_reply(reply, outcome->records, outcome->nrecords, c->scope.arena);
}

static void
reply_set(void *arg, const struct workout_session_outcome *outcome)
{
	const struct change *c = arg;
	session_set *reply = c->reply;

	*reply = *c->set;
	workout_set_reply(reply, outcome->session, c->entry, outcome->records, outcome->nrecords,
			  c->scope.arena);
}

static enum status
run_session(struct rpc_call *call, struct change *c, struct workout_session_change *change,
	    struct err *err)
{
	struct workout *w = rpc_call_service(call);
	const session_doc *reply = c->reply;
	enum status st;

	change->versioned = rpc_call_if_match(call, &change->version);
	change->arg = c;
	change->reply = reply_session;
	st = workout_session_change(w->sessions, &c->scope, &c->id, change, err);
	if (st == STATUS_OK)
		rpc_call_set_etag(call, reply->version);
	return st;
}

/* See workout_rpc_refused. */
static enum status
refused(struct rpc_call *call, const struct change *c, struct err *err)
{
	const session_doc *reply = c->reply;
	enum status st = workout_rpc_refused(rpc_call_service(call), &c->scope, err);

	if (st == STATUS_OK)
		rpc_call_set_etag(call, reply->version);
	return st;
}

/* ---- metrics ---- */

/* Changes of a training day while it runs. `compound`: sets were logged, so an entry was added. */
static struct metric modifications =
	METRIC_COUNTER("workout_modifications_total", "Changes of a running session by kind.",
		       "type", "complexity", "success");

static enum status
count_modification(const char *type, const struct change *c, enum status st)
{
	metric_add(metric_series(&modifications, type, c->compound ? "compound" : "simple",
				 st == STATUS_OK ? "true" : "false"),
		   1);
	return st;
}

void
workout_rpc_register_metrics(void)
{
	metric_register(&modifications);
}

/* ---- reads ---- */

static enum status
on_list_sessions(struct rpc_call *call, const void *request, void *reply, struct err *err)
{
	const Fit__Workout__V1__ListSessionsRequest *req = request;
	Fit__Workout__V1__ListSessionsResponse *res = reply;
	struct workout *w = rpc_call_service(call);
	struct workout_session_filter f = { .status = req->status, .exercise_id = "" };
	struct workout_scope scope;
	struct workout_page page;
	struct uuid exercise;
	const char *text;
	enum status st = workout_rpc_begin(call, reply, &scope, err);

	if (st == STATUS_OK && *req->exercise_id != '\0') {
		st = workout_rpc_id(req->exercise_id, "exerciseId", &exercise, err);
		f.exercise_id = uuid_text(scope.arena, &exercise);
	}
	if (st != STATUS_OK)
		return st;
	f.has_from = req->from != NULL;
	f.has_to = req->to != NULL;
	f.from_ms = f.has_from ? pb_time_ms(req->from) : 0;
	f.to_ms = f.has_to ? pb_time_ms(req->to) : 0;
	text = arena_printf(scope.arena, "sessions\n%d %lld %d %lld\n%s\n%s", f.has_from,
			    (long long)f.from_ms, f.has_to, (long long)f.to_ms, f.status,
			    f.exercise_id);
	st = workout_page_open(&page, req->page_size, req->page_token, slice_str(text), err);
	if (st == STATUS_OK)
		st = workout_session_list(w->sessions, &scope, &f, &page, &res->sessions,
					  &res->n_sessions, &res->next_page_token, err);
	for (size_t i = 0; st == STATUS_OK && i < res->n_sessions; i++)
		workout_session_reply(res->sessions[i], NULL, 0, scope.arena);
	return st;
}

static enum status
on_get_session(struct rpc_call *call, const void *request, void *reply, struct err *err)
{
	const Fit__Workout__V1__GetSessionRequest *req = request;
	struct workout *w = rpc_call_service(call);
	struct workout_held_record *records;
	struct workout_scope scope;
	session_doc *session;
	struct uuid id;
	size_t n;
	enum status st =
		workout_rpc_begin_of(call, reply, req->session_id, "sessionId", &scope, &id, err);

	if (st == STATUS_OK)
		st = workout_session_find(w->sessions, &scope, &id, &session, err);
	if (st == STATUS_OK)
		st = workout_derived_records_of(w, &scope, &id, &records, &n, err);
	if (st != STATUS_OK)
		return st;
	workout_session_reply(session, records, n, scope.arena);
	rpc_call_set_etag(call, session->version);
	*(session_doc *)reply = *session;
	return STATUS_OK;
}

/* ---- create ---- */

static enum status
on_apply_create(void *arg, session_doc **session, struct workout_events *events,
		enum workout_session_verdict *ret_verdict, struct err *err)
{
	struct change *c = arg;
	session_doc *fresh = workout_doc_copy(&c->fresh->base, c->scope.arena);
	enum status st;

	c->rules.events = events;
	if (*session != NULL) {
		*ret_verdict = WORKOUT_SESSION_KEEP;
		if (workout_session_is_same(*session, fresh))
			return STATUS_OK;
		err_public(err, STATUS_ALREADY_EXISTS, "This id is taken.");
		return err_reason(err, "ID_TAKEN");
	}
	st = workout_session_begin(fresh, &c->rules, err);
	*session = fresh;
	*ret_verdict = WORKOUT_SESSION_WRITE;
	return st;
}

static enum status
check_authors(const struct rpc_call *call, const session_doc *session, struct err *err)
{
	enum status st = STATUS_OK;
	char path[64];

	for (size_t i = 0; st == STATUS_OK && i < session->n_exercises; i++) {
		if (session->exercises[i]->modifications == NULL)
			continue;
		snprintf(path, sizeof(path), "exercises[%zu].modifications.modifiedBy", i);
		st = workout_rpc_author(call, session->exercises[i]->modifications->modified_by,
					path, err);
	}
	return st;
}

static enum status
on_create_session(struct rpc_call *call, const void *request, void *reply, struct err *err)
{
	const Fit__Workout__V1__CreateSessionRequest *req = request;
	struct workout_session_change change = { .create = true, .apply = on_apply_create };
	struct workout *w = rpc_call_service(call);
	session_doc *s;
	struct change c = { .request = request, .reply = reply };
	enum status st = workout_rpc_begin(call, reply, &c.scope, err);

	if (st == STATUS_OK && req->session == NULL)
		st = missing("session", err);
	if (st == STATUS_OK)
		st = check_authors(call, req->session, err);
	if (st == STATUS_OK)
		st = workout_rpc_new_id(req->session->id, "id", &c.id, err);
	if (st != STATUS_OK)
		return st;
	c.rules = (struct workout_rules){ .arena = c.scope.arena, .now_ms = clock_wall_ms() };
	s = workout_doc_copy(&req->session->base, c.scope.arena);
	s->id = uuid_text(c.scope.arena, &c.id);
	s->user_id = uuid_text(c.scope.arena, &c.scope.owner);
	s->plan_version = 0;
	st = workout_session_prepare(w, &c.scope, s, err);
	c.fresh = s;
	return st == STATUS_OK ? run_session(call, &c, &change, err) : refused(call, &c, err);
}

/* ---- changes of the whole ---- */

static enum status
on_apply_update(void *arg, session_doc **session, struct workout_events *events,
		enum workout_session_verdict *ret_verdict, struct err *err)
{
	struct change *c = arg;
	const Fit__Workout__V1__UpdateSessionRequest *req = c->request;
	char **paths;
	size_t n = mask_paths(req->update_mask, &paths);

	c->rules.events = events;
	/* An empty patch changes nothing. */
	*ret_verdict = n > 0 ? WORKOUT_SESSION_WRITE : WORKOUT_SESSION_KEEP;
	return workout_session_patch(*session,
				     workout_doc_copy(&req->session->base, c->scope.arena), paths,
				     n, &c->rules, err);
}

static enum status
on_update_session(struct rpc_call *call, const void *request, void *reply, struct err *err)
{
	const Fit__Workout__V1__UpdateSessionRequest *req = request;
	struct workout_session_change change = { .apply = on_apply_update };
	struct change c = { 0 };
	enum status st = begin(call, request, reply, req->session_id, &c, err);

	if (st == STATUS_OK && req->session == NULL)
		st = missing("session", err);
	return st == STATUS_OK ? run_session(call, &c, &change, err) : st;
}

static enum status
on_apply_complete(void *arg, session_doc **session, struct workout_events *events,
		  enum workout_session_verdict *ret_verdict, struct err *err)
{
	struct change *c = arg;
	const Fit__Workout__V1__CompleteSessionRequest *req = c->request;
	Fit__Workout__V1__UserFeedback *feedback =
		req->user_feedback != NULL
			? workout_doc_copy(&req->user_feedback->base, c->scope.arena)
			: NULL;

	c->rules.events = events;
	*ret_verdict = WORKOUT_SESSION_WRITE;
	return workout_session_complete(*session, req->completed_at, feedback, &c->rules, err);
}

static enum status
on_complete_session(struct rpc_call *call, const void *request, void *reply, struct err *err)
{
	const Fit__Workout__V1__CompleteSessionRequest *req = request;
	struct workout_session_change change = { .apply = on_apply_complete };
	struct change c = { 0 };
	enum status st = begin(call, request, reply, req->session_id, &c, err);

	return st == STATUS_OK ? run_session(call, &c, &change, err) : st;
}

static enum status
on_apply_swap(void *arg, session_doc **session, struct workout_events *events,
	      enum workout_session_verdict *ret_verdict, struct err *err)
{
	struct change *c = arg;
	const Fit__Workout__V1__SwapExerciseRequest *req = c->request;
	size_t before = (*session)->n_exercises;
	enum status st;
	struct uuid id;

	c->rules.events = events;
	*ret_verdict = WORKOUT_SESSION_WRITE;
	/* Checked before. */
	(void)!uuid_parse_str(req->exercise_id, &id);
	st = workout_session_swap(*session, req->entry_id, uuid_text(c->scope.arena, &id),
				  req->reason, req->modified_by, &c->rules, err);
	c->compound = (*session)->n_exercises > before;
	return st;
}

static enum status
on_swap_exercise(struct rpc_call *call, const void *request, void *reply, struct err *err)
{
	const Fit__Workout__V1__SwapExerciseRequest *req = request;
	struct workout_session_change change = { .apply = on_apply_swap };
	struct change c = { 0 };
	enum status st = begin(call, request, reply, req->session_id, &c, err);

	if (st == STATUS_OK)
		st = workout_rpc_author(call, req->modified_by, "modifiedBy", err);
	if (st != STATUS_OK)
		return st;
	st = workout_session_check_exercise(rpc_call_service(call), &c.scope, req->exercise_id,
					    &c.rules.tracking, err);
	st = st == STATUS_OK ? run_session(call, &c, &change, err) : refused(call, &c, err);
	return count_modification("swap", &c, st);
}

static enum status
on_apply_skip(void *arg, session_doc **session, struct workout_events *events,
	      enum workout_session_verdict *ret_verdict, struct err *err)
{
	struct change *c = arg;
	const Fit__Workout__V1__SkipExerciseRequest *req = c->request;

	c->rules.events = events;
	*ret_verdict = WORKOUT_SESSION_WRITE;
	return workout_session_skip(*session, req->entry_id, req->reason, req->modified_by,
				    &c->rules, err);
}

static enum status
on_skip_exercise(struct rpc_call *call, const void *request, void *reply, struct err *err)
{
	const Fit__Workout__V1__SkipExerciseRequest *req = request;
	struct workout_session_change change = { .apply = on_apply_skip };
	struct change c = { 0 };
	enum status st = begin(call, request, reply, req->session_id, &c, err);

	if (st == STATUS_OK)
		st = workout_rpc_author(call, req->modified_by, "modifiedBy", err);
	if (st == STATUS_OK)
		st = run_session(call, &c, &change, err);
	return count_modification("skip", &c, st);
}

static enum status
on_apply_delete(void *arg, session_doc **session, struct workout_events *events,
		enum workout_session_verdict *ret_verdict, struct err *err)
{
	struct change *c = arg;

	(void)err;
	c->rules.events = events;
	*ret_verdict = WORKOUT_SESSION_DELETE;
	workout_session_delete(*session, &c->rules);
	return STATUS_OK;
}

static enum status
on_delete_session(struct rpc_call *call, const void *request, void *reply, struct err *err)
{
	const Fit__Workout__V1__DeleteSessionRequest *req = request;
	struct workout_session_change change = { .apply = on_apply_delete };
	struct workout *w = rpc_call_service(call);
	struct change c = { 0 };
	enum status st = begin(call, request, reply, req->session_id, &c, err);

	change.arg = &c;
	return st == STATUS_OK ? workout_session_change(w->sessions, &c.scope, &c.id, &change, err)
			       : st;
}

/* ---- sets ---- */

static enum status
on_apply_add_set(void *arg, session_doc **session, struct workout_events *events,
		 enum workout_session_verdict *ret_verdict, struct err *err)
{
	struct change *c = arg;
	const Fit__Workout__V1__AddSetRequest *req = c->request;
	bool same = false;
	enum status st;

	c->rules.events = events;
	st = workout_session_add_set(*session, workout_doc_copy(&req->set->base, c->scope.arena),
				     &c->rules, &same, &c->entry, &c->set, err);
	*ret_verdict = same ? WORKOUT_SESSION_KEEP : WORKOUT_SESSION_WRITE;
	return st;
}

static enum status
on_add_set(struct rpc_call *call, const void *request, void *reply, struct err *err)
{
	const Fit__Workout__V1__AddSetRequest *req = request;
	struct workout_session_change change = { .apply = on_apply_add_set, .reply = reply_set };
	struct workout *w = rpc_call_service(call);
	struct change c = { 0 };
	enum status st = begin(call, request, reply, req->session_id, &c, err);

	if (st == STATUS_OK && req->set == NULL)
		st = missing("set", err);
	if (st != STATUS_OK)
		return st;
	if (*req->set->exercise_id != '\0')
		st = workout_session_check_exercise(w, &c.scope, req->set->exercise_id,
						    &c.rules.tracking, err);
	if (st != STATUS_OK)
		return workout_rpc_refused(w, &c.scope, err);
	change.arg = &c;
	return workout_session_change(w->sessions, &c.scope, &c.id, &change, err);
}

static enum status
on_apply_update_set(void *arg, session_doc **session, struct workout_events *events,
		    enum workout_session_verdict *ret_verdict, struct err *err)
{
	struct change *c = arg;
	const Fit__Workout__V1__UpdateSetRequest *req = c->request;
	char **paths;
	size_t n = mask_paths(req->update_mask, &paths);

	c->rules.events = events;
	*ret_verdict = n > 0 ? WORKOUT_SESSION_WRITE : WORKOUT_SESSION_KEEP;
	return workout_session_patch_set(*session, req->set_id,
					 workout_doc_copy(&req->set->base, c->scope.arena), paths,
					 n, &c->rules, &c->entry, &c->set, err);
}

static enum status
on_update_set(struct rpc_call *call, const void *request, void *reply, struct err *err)
{
	const Fit__Workout__V1__UpdateSetRequest *req = request;
	struct workout_session_change change = { .apply = on_apply_update_set, .reply = reply_set };
	struct workout *w = rpc_call_service(call);
	struct change c = { 0 };
	enum status st = begin(call, request, reply, req->session_id, &c, err);

	if (st == STATUS_OK && req->set == NULL)
		st = missing("set", err);
	change.arg = &c;
	return st == STATUS_OK ? workout_session_change(w->sessions, &c.scope, &c.id, &change, err)
			       : st;
}

static enum status
on_apply_delete_set(void *arg, session_doc **session, struct workout_events *events,
		    enum workout_session_verdict *ret_verdict, struct err *err)
{
	struct change *c = arg;
	const Fit__Workout__V1__DeleteSetRequest *req = c->request;

	c->rules.events = events;
	*ret_verdict = WORKOUT_SESSION_WRITE;
	return workout_session_remove_set(*session, req->set_id, &c->rules, err);
}

static enum status
on_delete_set(struct rpc_call *call, const void *request, void *reply, struct err *err)
{
	const Fit__Workout__V1__DeleteSetRequest *req = request;
	struct workout_session_change change = { .apply = on_apply_delete_set };
	struct workout *w = rpc_call_service(call);
	struct change c = { 0 };
	enum status st = begin(call, request, reply, req->session_id, &c, err);

	change.arg = &c;
	return st == STATUS_OK ? workout_session_change(w->sessions, &c.scope, &c.id, &change, err)
			       : st;
}

static const struct rpc_method methods[] = {
	{ "ListSessions", on_list_sessions },
	{ "CreateSession", on_create_session },
	{ "GetSession", on_get_session },
	{ "UpdateSession", on_update_session },
	{ "DeleteSession", on_delete_session },
	{ "AddSet", on_add_set },
	{ "UpdateSet", on_update_set },
	{ "DeleteSet", on_delete_set },
	{ "SwapExercise", on_swap_exercise },
	{ "SkipExercise", on_skip_exercise },
	{ "CompleteSession", on_complete_session },
};
const struct rpc_service workout_rpc_sessions = { &fit__workout__v1__session_service__descriptor,
						  methods, ARRAY_LEN(methods) };
