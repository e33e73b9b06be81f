/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gateway_loop.h - everything that one event loop of the gateway owns: front, channels, Redis,
 * caches, scratch.
 *
 * Nothing in it is shared with another loop but what `struct gateway` holds, which is immutable
 * or atomic, or (conn_limit) locks for itself.
 *
 * Ownership:  gateway_loop_free frees all but the gateway, which is borrowed.
 * Threads:    made and freed while the loop does not run; else the loop's.
 * Errors:     NULL, with what listen.h or redis_async.h says.
 */
#ifndef FIT_GATEWAY_GATEWAY_LOOP_H
#define FIT_GATEWAY_GATEWAY_LOOP_H

#include <stdatomic.h>
#include <stdbool.h>

#include "libcommon/base/rng.h"
#include "libcommon/base/slice.h"
#include "libcommon/base/status.h"
#include "libcommon/base/strbuf.h"

struct access_log;
struct admit;
struct authn;
struct conn_limit;
struct exchange;
struct front_h1;
struct gateway_config;
struct loop;
struct redis_async;
struct routes;
struct schema;
struct upstream;

/* Shared by the loops. */
struct gateway {
	const struct gateway_config *config;
	const struct schema *schema;
	struct routes *routes;
	struct conn_limit *conn_limit;
	struct strbuf security; /* field lines of every reply */
	struct strbuf openapi;
	atomic_bool draining;
	atomic_uint listening;   /* while draining: loops that still accept */
	atomic_uint loops_ready; /* loops that have keys */
};

struct gateway_loop {
	struct gateway *gateway;
	struct loop *loop;
	struct front_h1 *front;
	struct upstream *upstream;
	struct redis_async *redis; /* NULL: not configured */
	struct admit *admit;
	struct authn *authn;
	struct access_log *access_log;
	struct rng_seeded rng;      /* request ids: unique, not secret */
	struct strbuf fields, json; /* scratch for one reply */
};

struct gateway_loop *gateway_loop_new(struct gateway *gateway, unsigned index,
				      struct err *err) MUST_CHECK;
void gateway_loop_free(struct gateway_loop *gl);

#endif
