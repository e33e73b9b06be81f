/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rpc_health.c - grpc.health.v1 (grpc/grpc doc/health-checking.md), on the I/O threads.
 */
#include "libcommon/rpc/rpc_server_private.h"

#include "libcommon/rpc/pb_wire.h"

enum { UNKNOWN, SERVING, NOT_SERVING, SERVICE_UNKNOWN };

/* HealthCheckRequest.service; false: not such a message. */
static bool
asked_service(struct slice wire, struct slice *ret_name)
{
	struct pb_reader r = pb_reader(wire);

	*ret_name = SLICE_NONE;
	while (pb_next(&r)) {
		if (r.field == 1 && r.type == PB_BYTES)
			*ret_name = r.bytes;
	}
	return !r.broken;
}

static unsigned
serving_status(const struct rpc_server *server)
{
	return atomic_load(&server->serving) ? SERVING : NOT_SERVING;
}

static void
send_status(struct rpc_call *call, unsigned status)
{
	char wire[2] = { 1 << 3, (char)status };

	rpc_inline_send(call, slice_make(wire, sizeof(wire)));
}

static bool
malformed(struct rpc_call *call, struct slice wire, struct slice *ret_name)
{
	struct err err;

	if (asked_service(wire, ret_name))
		return false;
	err_init(&err);
	err_public(&err, STATUS_INVALID_ARGUMENT, "not a HealthCheckRequest");
	rpc_inline_finish(call, STATUS_INVALID_ARGUMENT, &err);
	return true;
}

static void
on_check(struct rpc_call *call, struct slice wire)
{
	const struct rpc_server *server = call->io->server;
	struct slice name;
	struct err err;

	if (malformed(call, wire, &name))
		return;
	if (name.n > 0 && !rpc_registry_has_service(&server->registry, name)) {
		err_init(&err);
		err_public(&err, STATUS_NOT_FOUND, "no service of this name is served here");
		rpc_inline_finish(call, STATUS_NOT_FOUND, &err);
		return;
	}
	send_status(call, serving_status(server));
	rpc_inline_finish(call, STATUS_OK, NULL);
}

static void
on_watch(struct rpc_call *call, struct slice wire)
{
	struct rpc_io *io = call->io;
	struct slice name;

	if (malformed(call, wire, &name))
		return;
	/* An unknown service is watched too: that is no error, and here it never becomes known. */
	bool known = name.n == 0 || rpc_registry_has_service(&io->server->registry, name);
	send_status(call, known ? serving_status(io->server) : SERVICE_UNKNOWN);
	if (!known)
		return;
	call->watching = true;
	call->watch_prev = NULL;
	call->watch_next = io->watchers;
	if (io->watchers != NULL)
		io->watchers->watch_prev = call;
	io->watchers = call;
}

static void
on_watch_gone(struct rpc_call *call)
{
	if (!call->watching)
		return;
	call->watching = false;
	if (call->watch_prev != NULL)
		call->watch_prev->watch_next = call->watch_next;
	else
		call->io->watchers = call->watch_next;
	if (call->watch_next != NULL)
		call->watch_next->watch_prev = call->watch_prev;
}

void
rpc_health_publish(struct rpc_io *io)
{
	for (struct rpc_call *call = io->watchers; call != NULL; call = call->watch_next)
		send_status(call, serving_status(io->server));
}

void
rpc_health_end_watches(struct rpc_io *io)
{
	struct err err;

	err_init(&err);
	err_public(&err, STATUS_UNAVAILABLE, "the server is going away");
	while (io->watchers != NULL) {
		struct rpc_call *call = io->watchers;
		on_watch_gone(call);
		rpc_inline_finish(call, STATUS_UNAVAILABLE, &err);
	}
}

const struct rpc_inline rpc_health_check = { .on_message = on_check };
const struct rpc_inline rpc_health_watch = {
	.on_message = on_watch,
	.on_gone = on_watch_gone,
	.forever = true,
};
