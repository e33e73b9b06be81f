/* SPDX-License-Identifier: Apache-2.0 */
/*
 * log.h - one JSON object a line, with request and trace ids, redacting by data class.
 *
 *	log_info("plan_created", LOG_STR("planId", id), LOG_INT("version", 1));
 *	log_error_err("pg_connect_failed", &err, LOG_STR("host", host));
 *	{"ts":"2026-11-24T07:22:41.123Z","level":"info","svc":"workout","event":"plan_created",
 *	 "requestId":…}
 *
 * Fields of a data class other than LOG_PLAIN are written as "[pii]", "[health]", "[secret]",
 * "[free_text]": what may be personal is not in logs.
 *
 * Ownership: fields are borrowed for the call.
 * Threads: any, and none ever waits: what the reader of the log does not take is lost, counted
 * (log_lines_dropped_total) and told by a line "log_lines_lost" as soon as there is room again.
 * A line is one write(2), at most LOG_LINE_MAX bytes (cut with "cut":true).
 * The thread's context (request id, trace) is set by rpc and gateway around a handler.
 * `event` is static text in snake_case.
 */
#ifndef FIT_OBSERVE_LOG_H
#define FIT_OBSERVE_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "libcommon/base/slice.h"
#include "libcommon/base/status.h"

#define LOG_LINE_MAX 4096

enum log_level { LOG_LEVEL_DEBUG, LOG_LEVEL_INFO, LOG_LEVEL_WARN, LOG_LEVEL_ERROR };
enum log_class { LOG_PLAIN, LOG_PII, LOG_HEALTH, LOG_SECRET, LOG_FREE_TEXT };

struct log_field {
	const char *key;
	enum { LOG_FIELD_STR, LOG_FIELD_INT, LOG_FIELD_BOOL, LOG_FIELD_DOUBLE } kind;
	enum log_class data_class;
	struct slice str;
	int64_t num;
	double dbl;
};

#define LOG_STR(k, v) ((struct log_field){ .key = (k), .kind = LOG_FIELD_STR, .str = slice_str(v) })
#define LOG_SLICE(k, v) ((struct log_field){ .key = (k), .kind = LOG_FIELD_STR, .str = (v) })
#define LOG_INT(k, v) ((struct log_field){ .key = (k), .kind = LOG_FIELD_INT, .num = (int64_t)(v) })
#define LOG_BOOL(k, v) ((struct log_field){ .key = (k), .kind = LOG_FIELD_BOOL, .num = (v) })
#define LOG_DOUBLE(k, v) ((struct log_field){ .key = (k), .kind = LOG_FIELD_DOUBLE, .dbl = (v) })
#define LOG_CLASSED(k, cls, v)                                                                     \
	((struct log_field){                                                                       \
		.key = (k), .kind = LOG_FIELD_STR, .data_class = (cls), .str = slice_str(v) })

/*
 * fd is borrowed (2 for stderr). Also sends the last words of fatal and panic through the log.
 * May be called again, while no other thread logs, to change the service's name.
 */
void log_setup(const char *service, enum log_level level, int fd);
void log_set_level(enum log_level level);
bool log_level_parse(const char *text, enum log_level *ret_level);
bool log_enabled(enum log_level level);
/* Lines that could not be written whole. */
unsigned long long log_lost(void);

/* Of the calling thread; empty strings clear. Copied (request id at most 64, trace id 32 hex). */
void log_context_set(const char *request_id, const char *trace_id);
void log_context_clear(void);

/* Lines that are made elsewhere, each with its newline and within LOG_LINE_MAX. */
void log_write_lines(struct slice lines);

/* Keeps errno. */
void log_write(enum log_level level, const char *event, const struct err *err,
	       const struct log_field *fields, size_t nfields);

#define LOG_FIELDS_(...)                                                                           \
	(const struct log_field[])                                                                 \
	{                                                                                          \
		{ .key = NULL }, ##__VA_ARGS__                                                     \
	}
#define LOG_NFIELDS_(...) (sizeof(LOG_FIELDS_(__VA_ARGS__)) / sizeof(struct log_field) - 1)
#define LOG_AT_(level, event, err, ...)                                                            \
	do {                                                                                       \
		if (log_enabled(level))                                                            \
			log_write(level, event, err, LOG_FIELDS_(__VA_ARGS__) + 1,                 \
				  LOG_NFIELDS_(__VA_ARGS__));                                      \
	} while (0)
#define log_debug(event, ...) LOG_AT_(LOG_LEVEL_DEBUG, event, NULL, ##__VA_ARGS__)
#define log_info(event, ...) LOG_AT_(LOG_LEVEL_INFO, event, NULL, ##__VA_ARGS__)
#define log_warn(event, ...) LOG_AT_(LOG_LEVEL_WARN, event, NULL, ##__VA_ARGS__)
#define log_error(event, ...) LOG_AT_(LOG_LEVEL_ERROR, event, NULL, ##__VA_ARGS__)
/* The same with a struct err: adds "status" and "error" fields. */
#define log_warn_err(event, err, ...) LOG_AT_(LOG_LEVEL_WARN, event, err, ##__VA_ARGS__)
#define log_error_err(event, err, ...) LOG_AT_(LOG_LEVEL_ERROR, event, err, ##__VA_ARGS__)

#endif
