/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pg_error.c - SQLSTATE to status, once.
 *
 * Only the primary message enters the text: DETAIL quotes rows ("Key (email)=(…) already
 * exists"), and so do the messages of class 22 (data exceptions), which are left out.
 */
#include <string.h>

#include "libcommon/store/pg_internal.h"

/* A prefix; the first that fits counts. Source: PostgreSQL 15, appendix A. */
static const struct {
	const char *prefix;
	enum status status;
} map[] = {
	{ "23505", STATUS_ALREADY_EXISTS },      /* unique_violation */
	{ "23503", STATUS_FAILED_PRECONDITION }, /* foreign_key_violation */
	{ "23514", STATUS_FAILED_PRECONDITION }, /* check_violation */
	{ "23P01", STATUS_FAILED_PRECONDITION }, /* exclusion_violation */
	{ "40001", STATUS_ABORTED },             /* serialization_failure */
	{ "40P01", STATUS_ABORTED },             /* deadlock_detected */
	{ "55P03", STATUS_ABORTED },             /* lock_not_available */
	{ "57014", STATUS_DEADLINE_EXCEEDED },   /* query_canceled */
	{ "57P", STATUS_UNAVAILABLE },   /* shutdown, cannot connect now, idle session timeout */
	{ "08", STATUS_UNAVAILABLE },    /* connection exception */
	{ "53", STATUS_UNAVAILABLE },    /* insufficient resources, too many connections */
	{ "25006", STATUS_UNAVAILABLE }, /* read only: a standby, after a failover */
};

enum status
pg_error_status(const char *sqlstate)
{
	for (size_t i = 0; i < ARRAY_LEN(map); i++)
		if (strncmp(sqlstate, map[i].prefix, strlen(map[i].prefix)) == 0)
			return map[i].status;
	return STATUS_INTERNAL;
}

/* libpq ends its messages with a newline and may have several lines. */
static int
first_line(const char *text)
{
	return (int)strcspn(text, "\n");
}

enum status
pg_error(const struct pg_conn *conn, const PGresult *res, const char *sql, struct err *err)
{
	char type[PG_LABEL_MAX], table[PG_LABEL_MAX];
	const char *state = res ? PQresultErrorField(res, PG_DIAG_SQLSTATE) : NULL;

	pg_label(sql, type, table);
	if (state == NULL) {
		const char *text = res ? PQresultErrorMessage(res) : PQerrorMessage(conn->pg);

		return err_set(err, STATUS_UNAVAILABLE, "postgresql: %s %s: connection lost: %.*s",
			       type, table, first_line(text), text);
	}
	const char *text = PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY);
	const char *constraint = PQresultErrorField(res, PG_DIAG_CONSTRAINT_NAME);

	if (text == NULL || strncmp(state, "22", 2) == 0)
		text = "data exception";
	return err_set(err, pg_error_status(state), "postgresql: %s %s: %.*s (SQLSTATE %s%s%s)",
		       type, table, first_line(text), text, state,
		       constraint ? ", constraint " : "", constraint ? constraint : "");
}
