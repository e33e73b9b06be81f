/* SPDX-License-Identifier: Apache-2.0 */
/*
 * access_log.h - one JSON line per request, written once per loop turn.
 *
 *	{"ts":…,"level":"info","svc":"gateway","event":"request",
 *	 "line":"GET /api/v1/users/me 200 512 - 3.1 ms","route":…,"requestId":…,"traceId":…}
 *
 * `line` is `method url status length - ms`. A query's values may be free text, so the url is
 * the path alone; path segments are ids and words of the routes.
 *
 * Ownership:  one per loop. Threads: the loop's. Limits: the buffer is written early at
 *             ACCESS_LOG_FLUSH bytes; what the log does not take at once is lost and counted
 *             (log.h), for a log must not stop the loop.
 */
#ifndef FIT_GATEWAY_ACCESS_LOG_H
#define FIT_GATEWAY_ACCESS_LOG_H

#include <stdint.h>

#include "libcommon/base/slice.h"

#define ACCESS_LOG_FLUSH 32768

struct access_log;
struct loop;

struct access_line {
	const char *method;
	struct slice path;
	unsigned status;
	size_t length;
	int64_t begun_ns;
	const char *route; /* pattern, or "" */
	const char *request_id, *trace_id;
};

struct access_log *access_log_new(struct loop *loop);
void access_log_free(struct access_log *log);
void access_log_add(struct access_log *log, const struct access_line *line);

#endif
