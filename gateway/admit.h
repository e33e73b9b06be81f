/* SPDX-License-Identifier: Apache-2.0 */
/*
 * admit.h - may this caller go on? The session's copy and the rate limit, in one round trip to
 * Redis.
 *
 *	call = admit_start(admit, &req, &reply, on_admitted, arg);
 *	if (call == NULL) … `reply` is filled already: Redis is away, the limit is local …
 *
 * Both keys of a user have one hash tag, so a Redis Cluster serves the pair from one node: HGET
 * session:{user} sid, and the GCRA script on rate_limit:{user}:class. When Redis is away or
 * slow, the limiter falls back to one TAT per key in this loop's memory (so with N loops and M
 * gateways a caller may have up to N x M times the rate for that while), and the session is for
 * the caller to resolve.
 *
 * Ownership:  `req` is copied; reply slices are valid during the callback. Threads: the loop's.
 * Limits:     the local table keeps ADMIT_LOCAL_MAX keys.
 */
#ifndef FIT_GATEWAY_ADMIT_H
#define FIT_GATEWAY_ADMIT_H

#include <stdbool.h>
#include <stdint.h>

#include "gateway/gcra.h"
#include "libcommon/base/slice.h"

#define ADMIT_LOCAL_MAX 100000

struct admit;
struct admit_call;
struct config_rate;
struct loop;
struct redis_async;

struct admit_request {
	struct slice key;        /* user id or address */
	struct slice session_id; /* n == 0: no session to look up */
	const struct config_rate *rate;
};

struct admit_reply {
	/* Of the session's copy: found and its value; not there; or Redis did not say. */
	enum { ADMIT_FOUND, ADMIT_MISSING, ADMIT_UNKNOWN } session;
	struct slice session_value;
	struct gcra_result limit;
};

typedef void (*admit_fn)(const struct admit_reply *reply, void *arg);

/* redis may be NULL. */
struct admit *admit_new(struct redis_async *redis, int64_t timeout_ms);
void admit_free(struct admit *admit);
struct admit_call *admit_start(struct admit *admit, const struct admit_request *req,
			       struct admit_reply *ret_reply, admit_fn fn, void *arg);
/* The callback will not come any more. */
void admit_cancel(struct admit_call *call);
/* The limit alone, from this loop's memory. */
struct gcra_result admit_local(struct admit *admit, struct slice key, struct slice class_name,
			       const struct gcra_rate *rate);

#endif
