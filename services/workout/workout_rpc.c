/* SPDX-License-Identifier: Apache-2.0 */
#include "services/workout/workout_rpc.h"

#include "libcommon/rpc/rpc_meta.h"
#include "libcommon/schema/schema.h"

const struct rpc_service *const workout_rpc_services[] = {
	&workout_rpc_exercises,
	&workout_rpc_plans,
	&workout_rpc_sessions,
	&workout_rpc_progress,
};
const size_t workout_rpc_nservices = ARRAY_LEN(workout_rpc_services);

enum status
workout_rpc_begin(struct rpc_call *call, void *reply, struct workout_scope *ret_scope,
		  struct err *err)
{
	const struct principal *who = rpc_call_principal(call);
	struct arena *arena = rpc_call_arena(call);
	char *traceparent;

	if (!who->present)
		return err_public(err, STATUS_UNAUTHENTICATED, "Sign in first.");
	if (!uuid_is_nil(&who->acting_for))
		return err_public(err, STATUS_PERMISSION_DENIED,
				  "Acting for an athlete is not possible here.");
	traceparent = arena_alloc(arena, TRACE_PARENT_SIZE);
	trace_format(rpc_call_trace(call), traceparent);
	*ret_scope = (struct workout_scope){
		.owner = who->user_id,
		.deadline = rpc_call_deadline(call),
		.arena = arena,
		.traceparent = traceparent,
	};
	ret_scope->idem = ARENA_NEW(arena, struct pg_idem);
	*ret_scope->idem = (struct pg_idem){
		.owner = who->user_id,
		.method = rpc_call_method(call)->path,
		.key = rpc_call_idempotency_key(call),
		.fingerprint = rpc_call_idempotency_fingerprint(call),
		.reply = reply,
	};
	return STATUS_OK;
}

static enum status
on_refused(struct pg_tx *tx, void *arg, struct err *err)
{
	const struct err *why = arg;

	(void)tx;
	*err = *why;
	return why->status;
}

enum status
workout_rpc_refused(struct workout *w, const struct workout_scope *scope, struct err *err)
{
	const struct pg_tx_options opts = { .deadline = scope->deadline,
					    .arena = scope->arena,
					    .idem = scope->idem };
	struct err why = *err;

	if (scope->idem->key.n == 0 ||
	    (why.status != STATUS_INVALID_ARGUMENT && why.status != STATUS_NOT_FOUND))
		return why.status;
	return pg_transaction(w->pg, &opts, on_refused, &why, err);
}

enum status
workout_rpc_id(const char *text, const char *path, struct uuid *ret_id, struct err *err)
{
	if (uuid_parse_str(text, ret_id))
		return STATUS_OK;
	err_init(err);
	return err_add_field(err, path, "is not a UUID");
}

enum status
workout_rpc_begin_of(struct rpc_call *call, void *reply, const char *text, const char *path,
		     struct workout_scope *ret_scope, struct uuid *ret_id, struct err *err)
{
	enum status st = workout_rpc_begin(call, reply, ret_scope, err);

	return st == STATUS_OK ? workout_rpc_id(text, path, ret_id, err) : st;
}

enum status
workout_rpc_author(const struct rpc_call *call, const char *by, const char *path, struct err *err)
{
	if (strcmp(by, "ai") != 0 || slice_eq_str(rpc_call_metadata(call, RPC_META_ACTOR), "ai"))
		return STATUS_OK;
	err_init(err);
	return err_add_field(err, path, "is the coach's to set");
}

enum status
workout_rpc_new_id(const char *text, const char *path, struct uuid *ret_id, struct err *err)
{
	if (*text == '\0') {
		*ret_id = uuid_v7();
		return STATUS_OK;
	}
	if (uuid_parse_str(text, ret_id) && !uuid_is_nil(ret_id))
		return STATUS_OK;
	err_init(err);
	return err_add_field(err, path, "is not a UUID");
}
