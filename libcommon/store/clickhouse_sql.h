/* SPDX-License-Identifier: Apache-2.0 */
/*
 * clickhouse_sql.h - typed arguments as ClickHouse literals.
 *
 *	clickhouse_sql_bind(&out, "SELECT hex($1)", CLICKHOUSE_ARGS(ch_text(s)));
 *
 * $1 … $16 stand for values, the same one as often as wanted, never inside quotes of the statement
 * (that is a panic: statements are ours). A text becomes '…' in which every byte but ASCII letters,
 * digits, space and a few harmless signs is written \xHH: no byte that means something to the
 * server's lexer is ever sent, whatever the text.
 *
 * Ownership: arguments borrow. Threads: any. Limits: CLICKHOUSE_ARGS_MAX.
 */
#ifndef FIT_STORE_CLICKHOUSE_SQL_H
#define FIT_STORE_CLICKHOUSE_SQL_H

#include <stddef.h>
#include <stdint.h>

#include "libcommon/base/slice.h"
#include "libcommon/base/uuid.h"

struct strbuf;

#define CLICKHOUSE_ARGS_MAX 16

enum clickhouse_arg_kind {
	CLICKHOUSE_ARG_INT,
	CLICKHOUSE_ARG_TEXT,
	CLICKHOUSE_ARG_UUID,
	CLICKHOUSE_ARG_TIME,
	CLICKHOUSE_ARG_DAY
};

struct clickhouse_arg {
	enum clickhouse_arg_kind kind;
	int64_t number;
	struct slice text;
	struct uuid uuid;
};

/* args, nargs of a call: CLICKHOUSE_ARGS(ch_int(1), ch_text(s)), or CLICKHOUSE_NO_ARGS. */
#define CLICKHOUSE_ARGS(...)                                                                       \
	(const struct clickhouse_arg[]){ __VA_ARGS__ },                                            \
		sizeof((const struct clickhouse_arg[]){ __VA_ARGS__ }) /                           \
			sizeof(struct clickhouse_arg)
#define CLICKHOUSE_NO_ARGS NULL, 0

static inline struct clickhouse_arg
ch_int(int64_t n)
{
	return (struct clickhouse_arg){ .kind = CLICKHOUSE_ARG_INT, .number = n };
}

static inline struct clickhouse_arg
ch_text(struct slice s)
{
	return (struct clickhouse_arg){ .kind = CLICKHOUSE_ARG_TEXT, .text = s };
}

static inline struct clickhouse_arg
ch_uuid(const struct uuid *id)
{
	return (struct clickhouse_arg){ .kind = CLICKHOUSE_ARG_UUID, .uuid = *id };
}

/* Seconds since 1970 as a DateTime; cut to what one can hold (1970 … 2106). */
static inline struct clickhouse_arg
ch_time(int64_t seconds)
{
	return (struct clickhouse_arg){ .kind = CLICKHOUSE_ARG_TIME, .number = seconds };
}

/* Days since 1970 as a Date; cut to what one can hold (1970 … 2106 on every version). */
static inline struct clickhouse_arg
ch_day(int64_t days)
{
	return (struct clickhouse_arg){ .kind = CLICKHOUSE_ARG_DAY, .number = days };
}

/* Appends the statement with its values in place. */
void clickhouse_sql_bind(struct strbuf *out, const char *sql, const struct clickhouse_arg *args,
			 size_t nargs);
/* Appends one text as a literal. */
void clickhouse_sql_text(struct strbuf *out, struct slice text);

#endif
