/* SPDX-License-Identifier: Apache-2.0 */
/*
 * redis.h - Redis for services: blocking, pooled, under a deadline, every call naming its
 * routing key.
 *
 *	struct redis_value *v;
 *	st = redis_call(redis, deadline, key, arena, &v, err, "HGET %s %b", key, field, n);
 *
 * The format is hiredis': %s a string, %b bytes and their size_t, %d %lld and the like.
 *
 * The routing key is what picks the node in Redis Cluster; a call with more than one key uses
 * one hash tag for them. Redis may be lost at any time: callers treat UNAVAILABLE as "copy is
 * gone" and go to the truth.
 *
 * Ownership: replies live in the arena.
 * Threads:   any; a client is shared.
 * Errors:    UNAVAILABLE (connection, no connection free in half of the time left, loading),
 *            DEADLINE_EXCEEDED, INTERNAL (an error reply: text; of a pipeline the first one),
 *            RESOURCE_EXHAUSTED (the arena cannot hold the reply).
 */
#ifndef FIT_STORE_REDIS_H
#define FIT_STORE_REDIS_H

#include <stddef.h>
#include <stdint.h>

#include "libcommon/base/arena.h"
#include "libcommon/base/clock.h"
#include "libcommon/base/status.h"

struct redis;

enum redis_type { REDIS_NIL, REDIS_STRING, REDIS_INTEGER, REDIS_ARRAY, REDIS_STATUS };

struct redis_value {
	enum redis_type type;
	struct slice str;          /* STRING, STATUS; NUL-terminated */
	int64_t num;               /* INTEGER */
	struct redis_value *items; /* ARRAY */
	size_t nitems;
};

/* url: redis://[:password@]host:port[/db]. Connects lazily. */
enum status redis_open(const char *url, unsigned pool_size, struct redis **ret_redis,
		       struct err *err) MUST_CHECK;
void redis_close(struct redis *redis);
enum status redis_ping(struct redis *redis, struct deadline deadline, struct err *err) MUST_CHECK;
enum status redis_call(struct redis *redis, struct deadline deadline, const char *routing_key,
		       struct arena *arena, struct redis_value **ret_value, struct err *err,
		       const char *fmt, ...) MUST_CHECK;
/* Several commands in one round trip; cmds are argv arrays. */
struct redis_cmd {
	int argc;
	const char *const *argv;
	const size_t *argvlen;
};
enum status redis_pipeline(struct redis *redis, struct deadline deadline, const char *routing_key,
			   const struct redis_cmd *cmds, size_t ncmds, struct arena *arena,
			   struct redis_value **ret_values, struct err *err) MUST_CHECK;

#endif
