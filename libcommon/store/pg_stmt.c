/* SPDX-License-Identifier: Apache-2.0 */
/* pg_stmt.c - the statements that a connection has seen, and the types of their arguments. */
#include <stdlib.h>
#include <string.h>

#include "libcommon/base/hashmap.h"
#include "libcommon/observe/metrics.h"
#include "libcommon/store/pg_internal.h"

static struct metric query_duration =
	METRIC_HISTOGRAM("database_query_duration",
			 "Seconds from sending a statement to its result.", "query_type", "table");

void
pg_stmts_free(struct pg_conn *conn)
{
	struct pg_stmt *stmt;

	hashmap_free(conn->stmts);
	while ((stmt = conn->all_stmts) != NULL) {
		conn->all_stmts = stmt->next;
		free(stmt->sql);
		free(stmt);
	}
}

static struct pg_stmt *
stmt_new(struct pg_conn *conn, const char *sql)
{
	char type[PG_LABEL_MAX], table[PG_LABEL_MAX];
	struct pg_stmt *stmt = calloc(1, sizeof(*stmt));

	if (stmt == NULL || (stmt->sql = strdup(sql)) == NULL)
		panic("pg: no memory");
	pg_label(sql, type, table);
	stmt->duration = metric_series(&query_duration, type, table);
	stmt->address = sql;
	stmt->next = conn->all_stmts;
	conn->all_stmts = stmt;
	hashmap_put(conn->stmts, slice_make(&stmt->address, sizeof(stmt->address)), stmt);
	return stmt;
}

/*
 * By the address of the text; the text is compared all the same, for one that was built at run
 * time may be followed by another in the same place. The former entry then stays for what is
 * queued.
 */
struct pg_stmt *
pg_stmt_find(struct pg_conn *conn, const char *sql)
{
	struct pg_stmt *stmt;

	if (conn->stmts == NULL) {
		metric_register(&query_duration);
		conn->stmts = hashmap_new();
	}
	stmt = hashmap_get(conn->stmts, slice_make(&sql, sizeof(sql)));
	return stmt != NULL && strcmp(stmt->sql, sql) == 0 ? stmt : stmt_new(conn, sql);
}

/*
 * Arguments' types belong to a prepared statement. A NULL fits any type; where only NULLs came
 * before, the server had to guess, and the first real value makes a new statement.
 */
enum status
pg_stmt_check_types(struct pg_stmt *stmt, const struct pg_arg *args, size_t nargs, struct err *err)
{
	if (stmt->state == PG_STMT_NEW && stmt->name[0] == '\0')
		stmt->nargs = nargs;
	if (stmt->nargs != nargs)
		return err_set(err, STATUS_INTERNAL, "postgresql: %zu arguments, before %zu: %.60s",
			       nargs, stmt->nargs, stmt->sql);
	for (size_t i = 0; i < nargs; i++) {
		if (args[i].type == PG_ARG_NULL || args[i].type == stmt->types[i])
			continue;
		if (stmt->types[i] != PG_ARG_NULL)
			return err_set(err, STATUS_INTERNAL,
				       "postgresql: argument %zu changes its type: %.60s", i + 1,
				       stmt->sql);
		stmt->types[i] = (unsigned char)args[i].type;
		stmt->state = PG_STMT_NEW;
	}
	return STATUS_OK;
}
