/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rpc_reflection.c - grpc.reflection.v1 and v1alpha, on the I/O threads.
 */
#include "libcommon/rpc/rpc_server_private.h"

struct rpc_reflection *
rpc_reflection_new(const struct rpc_registry *registry, struct slice protoset)
{
	(void)registry;
	(void)protoset;
	return NULL;
}

void
rpc_reflection_free(struct rpc_reflection *reflection)
{
	(void)reflection;
}

static void
on_message(struct rpc_call *call, struct slice wire)
{
	(void)wire;
	rpc_inline_finish(call, STATUS_UNIMPLEMENTED, NULL);
}

static void
on_end(struct rpc_call *call)
{
	rpc_inline_finish(call, STATUS_OK, NULL);
}

const struct rpc_inline rpc_reflection_v1 = {
	.on_message = on_message,
	.on_end = on_end,
	.forever = true,
};
