/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/access_log.h"

#include <stdio.h>
#include <stdlib.h>

#include "libcommon/base/clock.h"
#include "libcommon/base/status.h"
#include "libcommon/base/strbuf.h"
#include "libcommon/observe/log.h"
#include "libcommon/runtime/loop.h"

#define PATH_MAX_LOGGED 256

struct access_log {
	struct loop *loop;
	struct strbuf buf;
	int64_t ts_ms;
	char ts[CLOCK_RFC3339_SIZE];
};

struct access_log *
access_log_new(struct loop *loop)
{
	struct access_log *log = calloc(1, sizeof(*log));

	if (log == NULL)
		panic("access_log: no memory");
	log->loop = loop;
	return log;
}

static void
flush(void *arg)
{
	struct access_log *log = arg;

	log_write_lines(strbuf_slice(&log->buf));
	strbuf_reset(&log->buf);
}

void
access_log_free(struct access_log *log)
{
	if (log == NULL)
		return;
	flush(log);
	strbuf_fini(&log->buf);
	free(log);
}

static void
add_member(struct strbuf *sb, const char *key, const char *value)
{
	if (value[0] == '\0')
		return;
	strbuf_adds(sb, ",\"");
	strbuf_adds(sb, key);
	strbuf_adds(sb, "\":\"");
	strbuf_adds(sb, value);
	strbuf_addch(sb, '"');
}

void
access_log_add(struct access_log *log, const struct access_line *line)
{
	struct strbuf *sb = &log->buf;
	int64_t now_ms = clock_wall_ms(), us = (clock_mono_ns() - line->begun_ns) / 1000;
	struct slice path = line->path;

	if (now_ms != log->ts_ms) {
		clock_format_rfc3339(now_ms, log->ts);
		log->ts_ms = now_ms;
	}
	if (sb->len == 0)
		loop_defer(log->loop, flush, log);
	if (path.n > PATH_MAX_LOGGED)
		path.n = PATH_MAX_LOGGED;
	strbuf_adds(sb, "{\"ts\":\"");
	strbuf_adds(sb, log->ts);
	strbuf_adds(sb,
		    "\",\"level\":\"info\",\"svc\":\"gateway\",\"event\":\"request\",\"line\":\"");
	strbuf_adds(sb, line->method);
	strbuf_addch(sb, ' ');
	/* The head filter lets no quote, backslash or control character into a path. */
	strbuf_add_slice(sb, path);
	strbuf_addch(sb, ' ');
	strbuf_add_u64(sb, line->status);
	strbuf_addch(sb, ' ');
	strbuf_add_u64(sb, line->length);
	strbuf_adds(sb, " - ");
	strbuf_add_i64(sb, us / 1000);
	strbuf_addch(sb, '.');
	strbuf_addch(sb, (char)('0' + us % 1000 / 100));
	strbuf_adds(sb, " ms\"");
	add_member(sb, "route", line->route);
	add_member(sb, "requestId", line->request_id);
	add_member(sb, "traceId", line->trace_id);
	strbuf_adds(sb, "}\n");
	if (sb->len > ACCESS_LOG_FLUSH)
		flush(log);
}
