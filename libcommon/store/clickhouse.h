/* SPDX-License-Identifier: Apache-2.0 */
/*
 * clickhouse.h - ClickHouse over HTTP: rows in as RowBinary, answers out as text cells.
 *
 *	st = clickhouse_open(&(struct clickhouse_options){ .url = "http://127.0.0.1:7123",
 *		.database = "analytics", .user = "default", .password = pw }, &ch, &err);
 *
 *	static const char sql_days[] = "SELECT toString(day), uniqExact(user_id) FROM events"
 *				       " WHERE user_id = $1 AND time >= $2 GROUP BY day";
 *	st = clickhouse_query(ch, deadline, sql_days, CLICKHOUSE_ARGS(ch_uuid(&id), ch_time(from)),
 *			      arena, &res, &err);
 *	for (size_t i = 0; i < res->nrows; i++)
 *		…clickhouse_text(res, i, 0), clickhouse_uint(res, i, 1)…
 *	if (res->bad) …a number was none…
 *
 *	st = clickhouse_insert(ch, deadline, "events (event_id, time)", rows, &err);
 *
 * Statements are constants; what varies is an argument, which clickhouse_sql.h turns into a literal
 * (servers before 20.x know no parameters). A statement runs on the server no longer than the
 * deadline: max_execution_time goes along.
 *
 * Promise of an insert: acknowledged rows are there. One that failed, or whose answer was lost, may
 * be there, whole or in part (a block that spans partitions), so the table must make a second time
 * harmless: ReplacingMergeTree by event id.
 *
 * Ownership: a result lives in the arena. Threads: any; each call blocks its own and has a
 * connection of its own for its time.
 * Errors:    by the server's code (clickhouse_code_status): INVALID_ARGUMENT: the data of an insert
 *            is bad, sending it again cannot help. UNAVAILABLE, DEADLINE_EXCEEDED,
 *            RESOURCE_EXHAUSTED: try again later. The text has the code and the server's sentence.
 * Limits:    https, or http to loopback; an answer at most max_reply_bytes; 16 arguments.
 * Source:    clickhouse.com/docs, "HTTP interface", "RowBinary", "TabSeparated"; tried on 18.16.
 */
#ifndef FIT_STORE_CLICKHOUSE_H
#define FIT_STORE_CLICKHOUSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "libcommon/base/clock.h"
#include "libcommon/base/slice.h"
#include "libcommon/base/status.h"
#include "libcommon/store/clickhouse_sql.h"

struct arena;
struct clickhouse;

struct clickhouse_options {
	const char *url;        /* "http://127.0.0.1:7123" */
	const char *database;   /* letters, digits, '_' */
	const char *user;       /* NULL: default */
	const char *password;   /* NULL: none */
	size_t max_reply_bytes; /* 0: 1 MiB */
};

/* No I/O: INVALID_ARGUMENT for options that cannot be right. */
enum status clickhouse_open(const struct clickhouse_options *opts, struct clickhouse **ret_ch,
			    struct err *err) MUST_CHECK;
void clickhouse_close(struct clickhouse *ch);
const char *clickhouse_database(const struct clickhouse *ch);
/* The server answers (its /ping: without credentials or database). */
enum status clickhouse_ping(struct clickhouse *ch, struct deadline deadline,
			    struct err *err) MUST_CHECK;

/* What a server can do beyond the portable set, told by its version; asked once, then known. */
struct clickhouse_features {
	unsigned major, minor;
	bool parameters;    /* {x:Type} in statements */
	bool ttl;           /* TTL of tables */
	bool wait_mutation; /* mutations_sync */
};
enum status clickhouse_features(struct clickhouse *ch, struct deadline deadline,
				struct clickhouse_features *ret_features,
				struct err *err) MUST_CHECK;
/* "18.16.1" */
bool clickhouse_features_of(struct slice version, struct clickhouse_features *ret_features);

/* Statements without an answer: DDL, mutations. `database`: NULL, or another one for this call. */
enum status clickhouse_exec(struct clickhouse *ch, struct deadline deadline, const char *sql,
			    const struct clickhouse_arg *args, size_t nargs,
			    struct err *err) MUST_CHECK;
/* As exec, outside of the database (which may not exist yet). */
enum status clickhouse_create_database(struct clickhouse *ch, struct deadline deadline,
				       struct err *err) MUST_CHECK;
/* `into` is "table (columns)", `rows` RowBinary of these columns (clickhouse_row.h). */
enum status clickhouse_insert(struct clickhouse *ch, struct deadline deadline, const char *into,
			      struct slice rows, struct err *err) MUST_CHECK;

struct clickhouse_result {
	size_t nrows, ncolumns;
	struct slice *cells; /* row by row, unescaped, NUL-terminated */
	bool bad;            /* a cell asked for as a number was none */
};

/* A SELECT, read-only. */
enum status clickhouse_query(struct clickhouse *ch, struct deadline deadline, const char *sql,
			     const struct clickhouse_arg *args, size_t nargs, struct arena *arena,
			     struct clickhouse_result **ret_result, struct err *err) MUST_CHECK;
/* A body in TabSeparated format, which is changed in place. DATA_LOSS when it is not rectangular.
 */
enum status clickhouse_parse_tsv(char *body, size_t n, struct arena *arena,
				 struct clickhouse_result **ret_result, struct err *err) MUST_CHECK;

/* Cells. Outside of the result is a bug (panic). Numbers: 0 and `bad` when the text is none. */
const char *clickhouse_text(const struct clickhouse_result *res, size_t row, size_t column);
uint64_t clickhouse_uint(struct clickhouse_result *res, size_t row, size_t column);
int64_t clickhouse_int(struct clickhouse_result *res, size_t row, size_t column);

/* The number of "Code: 62, e.displayText() = …" or "Code: 62. DB::Exception: …"; 0: none. */
unsigned clickhouse_error_code(struct slice body);
enum status clickhouse_code_status(unsigned code);

#endif
