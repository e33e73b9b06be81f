/* SPDX-License-Identifier: Apache-2.0 */
#include "services/ai-coaching/coach_rpc.h"

#include "fit/ai_coaching/v1/coach.pb-c.h"
#include "libcommon/base/compiler.h"
#include "libcommon/base/strbuf.h"
#include "services/ai-coaching/coach_memory.h"

enum status
coach_rpc_begin(struct rpc_call *call, struct coach_scope *ret_scope, struct err *err)
{
	const struct principal *who = rpc_call_principal(call);
	struct arena *arena = rpc_call_arena(call);
	struct strbuf wire = STRBUF_ARENA(arena);
	char *traceparent = arena_alloc(arena, TRACE_PARENT_SIZE);

	if (!who->present)
		return err_public(err, STATUS_UNAUTHENTICATED, "Sign in first.");
	if (!uuid_is_nil(&who->acting_for))
		return err_public(err, STATUS_PERMISSION_DENIED,
				  "Acting for an athlete is not possible here.");
	principal_encode(who, &wire);
	trace_format(rpc_call_trace(call), traceparent);
	*ret_scope = (struct coach_scope){
		.owner = who->user_id,
		.deadline = rpc_call_deadline(call),
		.arena = arena,
		.traceparent = traceparent,
		.opts = { .deadline = rpc_call_deadline(call),
			  .principal = strbuf_slice(&wire),
			  .trace = rpc_call_trace(call),
			  .request_id = rpc_call_request_id(call),
			  .parent = call },
	};
	uuid_format(&who->user_id, ret_scope->owner_text);
	return STATUS_OK;
}

static enum status
on_get_conversation(struct rpc_call *call, const void *request, void *reply, struct err *err)
{
	Fit__AiCoaching__V1__Conversation *res = reply;
	struct coach_scope scope;
	enum status st = coach_rpc_begin(call, &scope, err);

	(void)request;
	return st == STATUS_OK ? coach_memory_turns(rpc_call_service(call), &scope, COACH_TURNS_MAX,
						    &res->turns, &res->n_turns, err)
			       : st;
}

static enum status
on_delete_conversation(struct rpc_call *call, const void *request, void *reply, struct err *err)
{
	struct coach_scope scope;
	enum status st = coach_rpc_begin(call, &scope, err);

	(void)request;
	(void)reply;
	return st == STATUS_OK ? coach_memory_forget(rpc_call_service(call), &scope, err) : st;
}

static const struct rpc_method methods[] = {
	{ "Chat", coach_on_chat },
	{ "GetConversation", on_get_conversation },
	{ "DeleteConversation", on_delete_conversation },
	{ "ProposeChange", coach_on_propose },
	{ "GetProposal", coach_on_get_proposal },
	{ "AcceptProposal", coach_on_accept },
	{ "GetRecommendations", coach_on_recommendations },
};
const struct rpc_service coach_rpc_service = { &fit__ai_coaching__v1__coach_service__descriptor,
					       methods, ARRAY_LEN(methods) };
