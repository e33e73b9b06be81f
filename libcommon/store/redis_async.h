/* SPDX-License-Identifier: Apache-2.0 */
/*
 * redis_async.h - Redis for the gateway: on a loop, pipelined, with a deadline per call.
 *
 * One connection per loop and target; commands issued in the same loop turn leave in one write.
 * Reconnects with back-off (50 ms … 2 s, jitter); while down, calls fail at once with
 * UNAVAILABLE. A server that accepts but says nothing for a second while replies are due counts
 * as down. Connecting begins in redis_async_new.
 *
 *	static struct redis_script gcra = { .text = "…lua…" };
 *	redis_script_init(&gcra);                                once, before the loops start
 *	const char *argv[] = { "EVALSHA", gcra.sha1, "1", key, limit };
 *	struct redis_cmd cmd = { 5, argv, NULL };
 *	redis_async_call(redis, 50, key, &cmd, 1, on_limit, request);
 *
 * Limits: 8 commands a call, 4,096 calls in flight a connection (further ones: UNAVAILABLE).
 *
 * Ownership: on_reply's values are valid during the callback only; commands are copied.
 * Threads:   the loop's. on_reply comes exactly once per call, from the loop, never from inside
 *            redis_async_call.
 * Errors:    redis_async_new: FAILED_PRECONDITION, for a URL that is none. A call: UNAVAILABLE,
 *            DEADLINE_EXCEEDED; CANCELLED by redis_async_free.
 */
#ifndef FIT_STORE_REDIS_ASYNC_H
#define FIT_STORE_REDIS_ASYNC_H

#include "libcommon/base/clock.h"
#include "libcommon/base/status.h"
#include "libcommon/store/redis.h"

struct loop;
struct redis_async;

/*
 * `values` has one entry per command; valid only when status is OK. An error reply of one
 * command is a value of type REDIS_STATUS whose text begins with '-'.
 */
typedef void (*redis_async_fn)(enum status status, const struct redis_value *values, size_t nvalues,
			       void *arg);

#define REDIS_ASYNC_CMDS_MAX 8

/* url as for redis_open; the host is an address, or a name that resolves at once. */
enum status redis_async_new(struct loop *loop, const char *url, struct redis_async **ret_redis,
			    struct err *err) MUST_CHECK;
/* Calls in flight are answered CANCELLED first. May be called from inside on_reply. */
void redis_async_free(struct redis_async *redis);
/*
 * Issues `ncmds` (1..8) commands; a timed-out call is answered DEADLINE_EXCEEDED and its late
 * reply dropped.
 */
void redis_async_call(struct redis_async *redis, int64_t timeout_ms, const char *routing_key,
		      const struct redis_cmd *cmds, size_t ncmds, redis_async_fn on_reply,
		      void *arg);
/*
 * A script by its text, in static storage. A script that was initialised is loaded on every
 * connect; an EVALSHA of it that is answered NOSCRIPT (SCRIPT FLUSH) is repeated as EVAL,
 * unseen by the caller. Any thread.
 */
struct redis_script {
	const char *text;
	char sha1[41];             /* filled by redis_script_init */
	struct redis_script *next; /* private */
};
void redis_script_init(struct redis_script *script);
bool redis_async_up(const struct redis_async *redis);

#endif
