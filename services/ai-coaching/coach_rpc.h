/* SPDX-License-Identifier: Apache-2.0 */
/*
 * coach_rpc.h - the handlers' table, and what all handlers begin with.
 *
 * Ownership: a scope's texts live in the call's arena. Threads: a handler runs on one worker.
 */
#ifndef FIT_COACH_RPC_H
#define FIT_COACH_RPC_H

#include "libcommon/rpc/rpc_server.h"
#include "services/ai-coaching/coach.h"

extern const struct rpc_service coach_rpc_service;

/* The caller's scope. PERMISSION_DENIED for a coach who acts for somebody. */
enum status coach_rpc_begin(struct rpc_call *call, struct coach_scope *ret_scope,
			    struct err *err) MUST_CHECK;
/* Once, at start. */
void coach_rpc_register_metrics(void);

/* In coach_rpc_chat.c, coach_rpc_plans.c, coach_recommend.c. */
enum status coach_on_chat(struct rpc_call *call, const void *request, void *reply, struct err *err);
enum status coach_on_propose(struct rpc_call *call, const void *request, void *reply,
			     struct err *err);
enum status coach_on_get_proposal(struct rpc_call *call, const void *request, void *reply,
				  struct err *err);
enum status coach_on_accept(struct rpc_call *call, const void *request, void *reply,
			    struct err *err);
enum status coach_on_recommendations(struct rpc_call *call, const void *request, void *reply,
				     struct err *err);

#endif
