/* SPDX-License-Identifier: Apache-2.0 */
/*
 * log.c - a line is built in memory and leaves in one write(2), so lines of threads and of
 * processes that share a pipe never mix (LOG_LINE_MAX is PIPE_BUF).
 *
 * A line that would be too long is cut at a field or inside its last string; it stays a JSON
 * object and says "cut":true. A line that cannot be written at once is lost and counted, and the
 * next that can be written comes behind a line that says how many: logging never stops the
 * service.
 */
#include "libcommon/observe/log.h"

#include <errno.h>
#include <math.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "libcommon/base/clock.h"
#include "libcommon/base/compiler.h"
#include "libcommon/base/strbuf.h"
#include "libcommon/observe/log_sink.h"

/* What each line keeps free for its end. */
static const char cut_end[] = ",\"cut\":true}\n";
#define BODY_MAX (LOG_LINE_MAX - (sizeof(cut_end) - 1))

static const char *const level_names[] = { "debug", "info", "warn", "error" };

static atomic_int min_level = LOG_LEVEL_INFO;
static char service_name[32];                 /* set before other threads start */
static _Atomic unsigned long long lost, told; /* of the lost, how many log_lines_lost has said */

static _Thread_local struct {
	char request_id[65];
	char trace_id[33];
} context;

struct line {
	struct strbuf sb;
	bool cut;
};

/* Puts a string of which as much as fits; the first that does not fit is halved until it does. */
static void
put_string(struct line *l, struct slice s)
{
	size_t before = l->sb.len;

	if (s.n > LOG_LINE_MAX) {
		s.n = LOG_LINE_MAX;
		l->cut = true;
	}
	strbuf_add_json_string(&l->sb, s);
	while (l->sb.len > BODY_MAX && s.n > 0) {
		l->cut = true;
		s.n /= 2;
		while (s.n > 0 && ((unsigned char)s.p[s.n] & 0xc0) == 0x80)
			s.n--;
		l->sb.len = before;
		strbuf_add_json_string(&l->sb, s);
	}
}

static void
put_key(struct line *l, const char *key)
{
	if (l->sb.len > 1)
		strbuf_addch(&l->sb, ',');
	strbuf_add_json_string(&l->sb, slice_str(key));
	strbuf_addch(&l->sb, ':');
}

static void
put_value(struct line *l, const struct log_field *f)
{
	static const char *const redacted[] = {
		[LOG_PII] = "[pii]",
		[LOG_HEALTH] = "[health]",
		[LOG_SECRET] = "[secret]",
		[LOG_FREE_TEXT] = "[free_text]",
	};

	if (f->data_class != LOG_PLAIN) {
		const char *text = (size_t)f->data_class < ARRAY_LEN(redacted)
					   ? redacted[f->data_class]
					   : "[redacted]";
		put_string(l, slice_str(text));
		return;
	}
	switch (f->kind) {
	case LOG_FIELD_STR:
		if (f->str.p == NULL)
			strbuf_adds(&l->sb, "null");
		else
			put_string(l, f->str);
		break;
	case LOG_FIELD_INT:
		strbuf_add_i64(&l->sb, f->num);
		break;
	case LOG_FIELD_BOOL:
		strbuf_adds(&l->sb, f->num != 0 ? "true" : "false");
		break;
	case LOG_FIELD_DOUBLE:
		/* JSON has no word for NaN and infinity. */
		if (isfinite(f->dbl))
			strbuf_addf(&l->sb, "%.15g", f->dbl);
		else
			strbuf_adds(&l->sb, "null");
		break;
	}
}

/* Once a field had to be left out or cut, none follows. */
static void
put_field(struct line *l, const struct log_field *f)
{
	size_t before = l->sb.len;

	if (l->cut)
		return;
	put_key(l, f->key);
	put_value(l, f);
	if (l->sb.len > BODY_MAX) {
		l->sb.len = before;
		l->cut = true;
	}
}

static void
put_text(struct line *l, const char *key, const char *text)
{
	if (text != NULL && text[0] != '\0')
		put_field(l, &LOG_STR(key, text));
}

static void
put_head(struct line *l, enum log_level level, const char *event)
{
	char ts[CLOCK_RFC3339_SIZE];
	int64_t now = clock_wall_ms();
	size_t n = clock_format_rfc3339(now, ts);

	/* Milliseconds also when they are zero: a column of equal width. */
	strbuf_adds(&l->sb, "{\"ts\":\"");
	strbuf_add(&l->sb, ts, n - 1);
	strbuf_adds(&l->sb, now % 1000 == 0 ? ".000Z\",\"level\":\"" : "Z\",\"level\":\"");
	strbuf_adds(&l->sb, level_names[level]);
	strbuf_adds(&l->sb, "\"");
	put_text(l, "svc", service_name);
	put_text(l, "event", event);
	put_text(l, "requestId", context.request_id);
	put_text(l, "traceId", context.trace_id);
}

static void
build(struct line *l, enum log_level level, const char *event, const struct err *err,
      const struct log_field *fields, size_t nfields)
{
	strbuf_grow(&l->sb, 512);
	put_head(l, level, event);
	/* Before the fields: of a line that is cut, the reason must survive. */
	if (err != NULL) {
		put_text(l, "status", status_name(err->status));
		put_text(l, "reason", err->reason);
		put_text(l, "error", err->text);
	}
	for (size_t i = 0; i < nfields; i++)
		put_field(l, &fields[i]);
	strbuf_adds(&l->sb, l->cut ? cut_end : "}\n");
}

/* Says how many lines were lost. False: there is still no room. */
static bool
tell_lost(unsigned long long before, unsigned long long now)
{
	struct line l = { .sb = STRBUF_INIT };

	if (!atomic_compare_exchange_strong(&told, &before, now))
		return true; /* another thread says it */
	build(&l, LOG_LEVEL_WARN, "log_lines_lost", NULL, &LOG_INT("lines", now - before), 1);
	bool sent = log_sink_send(l.sb.buf, l.sb.len);
	strbuf_fini(&l.sb);
	if (!sent)
		atomic_fetch_sub(&told, now - before);
	return sent;
}

static void
send_lines(const char *p, size_t n, unsigned nlines)
{
	unsigned long long said = atomic_load_explicit(&told, memory_order_relaxed);
	unsigned long long now = atomic_load_explicit(&lost, memory_order_relaxed);

	if ((UNLIKELY(said < now) && !tell_lost(said, now)) || !log_sink_send(p, n))
		atomic_fetch_add_explicit(&lost, nlines, memory_order_relaxed);
}

void
log_write(enum log_level level, const char *event, const struct err *err,
	  const struct log_field *fields, size_t nfields)
{
	struct line l = { .sb = STRBUF_INIT };
	int saved_errno = errno;

	if (!log_enabled(level))
		return;
	build(&l, level, event, err, fields, nfields);
	send_lines(l.sb.buf, l.sb.len, 1);
	strbuf_fini(&l.sb);
	errno = saved_errno;
}

void
log_write_lines(struct slice lines)
{
	while (lines.n > 0) {
		unsigned nlines = 0;
		size_t n = 0;

		for (;;) {
			const char *end = memchr(lines.p + n, '\n', lines.n - n);
			size_t next = end != NULL ? (size_t)(end - lines.p) + 1 : lines.n;
			if (nlines > 0 && next > LOG_LINE_MAX)
				break;
			nlines++;
			n = next;
			if (n == lines.n)
				break;
		}
		send_lines(lines.p, n, nlines);
		lines = slice_make(lines.p + n, lines.n - n);
	}
}

static void
on_fatal(bool is_panic, const char *text)
{
	log_write(LOG_LEVEL_ERROR, is_panic ? "panic" : "fatal", NULL, &LOG_STR("error", text), 1);
}

void
log_setup(const char *service, enum log_level level, int fd)
{
	size_t n = strnlen(service, sizeof(service_name) - 1);

	memcpy(service_name, service, n);
	service_name[n] = '\0';
	log_sink_set(fd);
	log_set_level(level);
	status_set_fatal_hook(on_fatal);
}

void
log_set_level(enum log_level level)
{
	atomic_store_explicit(&min_level, (int)level, memory_order_relaxed);
}

bool
log_level_parse(const char *text, enum log_level *ret_level)
{
	for (size_t i = 0; i < ARRAY_LEN(level_names); i++) {
		if (strcmp(text, level_names[i]) == 0) {
			*ret_level = (enum log_level)i;
			return true;
		}
	}
	return false;
}

bool
log_enabled(enum log_level level)
{
	return (int)level >= atomic_load_explicit(&min_level, memory_order_relaxed);
}

unsigned long long
log_lost(void)
{
	return atomic_load_explicit(&lost, memory_order_relaxed);
}

static void
set_id(char *dst, size_t size, const char *text)
{
	size_t n = text != NULL ? strnlen(text, size - 1) : 0;

	memcpy(dst, text != NULL ? text : "", n);
	dst[n] = '\0';
}

void
log_context_set(const char *request_id, const char *trace_id)
{
	set_id(context.request_id, sizeof(context.request_id), request_id);
	set_id(context.trace_id, sizeof(context.trace_id), trace_id);
}

void
log_context_clear(void)
{
	context.request_id[0] = '\0';
	context.trace_id[0] = '\0';
}
