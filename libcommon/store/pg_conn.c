/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pg_conn.c - one connection: statements through libpq's pipeline, everything under a deadline.
 *
 * libpq never blocks here: the socket is non-blocking, and pg_wait_socket is the only place that
 * sleeps. (One exception: a host name in the URL is looked up by libpq's getaddrinfo.) The
 * first use of a statement sends Parse and Bind/Execute together, so preparing costs no round
 * trip of its own.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "libcommon/observe/metrics.h"
#include "libcommon/store/pg_internal.h"

#define SCRATCH_KEEP (64 * 1024)

/* ---- waiting ---- */

bool
pg_wait_socket(PGconn *pg, short events, struct deadline deadline)
{
	struct pollfd pfd = { .fd = PQsocket(pg), .events = events };

	for (;;) {
		int left = deadline_left_ms(deadline);

		if (left == 0)
			return false;
		int n = poll(&pfd, 1, left);
		if (n > 0)
			return true;
		if (n < 0 && errno != EINTR)
			panic("pg: poll: %s", strerror(errno));
	}
}

static enum status
fail_deadline(struct pg_conn *conn, const char *doing, struct err *err)
{
	conn->broken = true;
	return err_set(err, STATUS_DEADLINE_EXCEEDED, "postgresql: deadline passed while %s",
		       doing);
}

static enum status
fail_lost(struct pg_conn *conn, const PGresult *res, const char *sql, struct err *err)
{
	conn->broken = true;
	conn->running = false; /* nobody is there to cancel */
	return pg_error(conn, res, sql, err);
}

/*
 * Writes what libpq has buffered, reading meanwhile, so that two full buffers cannot stand
 * against each other.
 */
static enum status
send_all(struct pg_conn *conn, struct deadline deadline, const char *sql, struct err *err)
{
	for (;;) {
		int more = PQflush(conn->pg);

		if (more == 0)
			return STATUS_OK;
		if (more < 0)
			return fail_lost(conn, NULL, sql, err);
		if (!pg_wait_socket(conn->pg, POLLIN | POLLOUT, deadline))
			return fail_deadline(conn, "sending", err);
		if (!PQconsumeInput(conn->pg))
			return fail_lost(conn, NULL, sql, err);
	}
}

/* The next result, or NULL where libpq says that a statement has no more. */
static enum status
next_result(struct pg_conn *conn, struct deadline deadline, PGresult **ret_res, struct err *err)
{
	while (PQisBusy(conn->pg)) {
		if (!pg_wait_socket(conn->pg, POLLIN, deadline))
			return fail_deadline(conn, "waiting for the result", err);
		/* Lost: what the server said last, or libpq's own error, is the result. */
		if (!PQconsumeInput(conn->pg))
			break;
	}
	*ret_res = PQgetResult(conn->pg);
	return STATUS_OK;
}

/* ---- closing ---- */

static void
cancel(PGconn *pg)
{
	PGcancel *c = PQgetCancel(pg);
	char text[256];

	/*
	 * A failure needs no answer: the server ends the statement when it next writes to the
	 * closed socket.
	 */
	if (c != NULL)
		(void)PQcancel(c, text, sizeof(text));
	PQfreeCancel(c);
}

void
pg_conn_close(struct pg_conn *conn)
{
	if (conn == NULL)
		return;
	if (conn->broken && conn->running)
		cancel(conn->pg);
	PQfinish(conn->pg);
	pg_stmts_free(conn);
	strbuf_fini(&conn->scratch);
	free(conn);
}

bool
pg_conn_alive(struct pg_conn *conn)
{
	struct pollfd pfd = { .fd = PQsocket(conn->pg), .events = POLLIN };

	/*
	 * An idle server says nothing; what it does say (shutting down, a changed setting) ends
	 * the connection here.
	 */
	return !conn->broken && PQstatus(conn->pg) == CONNECTION_OK && poll(&pfd, 1, 0) == 0;
}

/* ---- statements ---- */

static void
push_pending(struct pg_conn *conn, struct pg_stmt *stmt, bool is_prepare, PGresult **ret_result)
{
	conn->queue[conn->nqueued++] = (struct pg_pending){ .stmt = stmt,
							    .is_prepare = is_prepare,
							    .ret_result = ret_result };
}

/* Parse and Bind/Execute into libpq's buffer. False: libpq says why. */
static bool
send_stmt(struct pg_conn *conn, struct pg_stmt *stmt, const struct pg_wire_args *wire,
	  PGresult **ret_result)
{
	Oid oids[PG_ARGS_MAX];
	int n = (int)stmt->nargs;

	for (size_t i = 0; i < stmt->nargs; i++)
		oids[i] = pg_arg_oids[stmt->types[i]];
	if (!conn->settings->prepared) {
		if (!PQsendQueryParams(conn->pg, stmt->sql, n, oids, wire->values, wire->lengths,
				       wire->formats, 1))
			return false;
		push_pending(conn, stmt, false, ret_result);
		return true;
	}
	if (stmt->state == PG_STMT_NEW) {
		snprintf(stmt->name, sizeof(stmt->name), "s%u", ++conn->nprepared);
		if (!PQsendPrepare(conn->pg, stmt->name, stmt->sql, n, oids))
			return false;
		stmt->state = PG_STMT_PREPARING;
		push_pending(conn, stmt, true, NULL);
	}
	if (!PQsendQueryPrepared(conn->pg, stmt->name, n, wire->values, wire->lengths,
				 wire->formats, 1))
		return false;
	push_pending(conn, stmt, false, ret_result);
	return true;
}

enum status
pg_conn_queue(struct pg_conn *conn, struct deadline deadline, const char *sql,
	      const struct pg_arg *args, size_t nargs, PGresult **ret_result, struct err *err)
{
	struct pg_wire_args wire;
	struct pg_stmt *stmt = pg_stmt_find(conn, sql);
	enum status st = pg_args_encode(args, nargs, &conn->scratch, &wire, err);

	if (st == STATUS_OK && conn->nqueued + 2 > PG_QUEUE_MAX)
		st = pg_conn_flush(conn, deadline, err);
	if (st == STATUS_OK)
		st = pg_stmt_check_types(stmt, args, nargs, err);
	if (st != STATUS_OK)
		return st;
	if (!send_stmt(conn, stmt, &wire, ret_result))
		return fail_lost(conn, NULL, sql, err);
	conn->nstatements++;
	if (conn->scratch.cap > SCRATCH_KEEP)
		strbuf_fini(&conn->scratch);
	return STATUS_OK;
}

/* ---- settling ---- */

/*
 * A plan that the schema has outgrown (0A000), or that the server lost (26000: a pooler): a new
 * connection helps.
 */
static bool
is_stale_plan(const struct pg_pending *p, const PGresult *res)
{
	const char *state = PQresultErrorField(res, PG_DIAG_SQLSTATE);

	return state != NULL && p->stmt->state == PG_STMT_READY && !p->is_prepare &&
	       (strcmp(state, "0A000") == 0 || strcmp(state, "26000") == 0);
}

/*
 * One statement's result and the NULL that ends it. *ret_failed holds the first failure of the
 * flush.
 */
static enum status
settle_one(struct pg_conn *conn, struct deadline deadline, struct pg_pending *p,
	   enum status *ret_failed, struct err *err)
{
	PGresult *res, *end;
	enum status st = next_result(conn, deadline, &res, err);

	if (st != STATUS_OK)
		return st;
	switch (res != NULL ? PQresultStatus(res) : PGRES_FATAL_ERROR) {
	case PGRES_COMMAND_OK:
	case PGRES_TUPLES_OK:
	case PGRES_EMPTY_QUERY:
		if (p->is_prepare)
			p->stmt->state = PG_STMT_READY;
		if (p->ret_result != NULL) {
			*p->ret_result = res;
			res = NULL;
		}
		break;
	case PGRES_PIPELINE_ABORTED:
		if (p->is_prepare)
			p->stmt->state = PG_STMT_NEW;
		break;
	default:
		if (res == NULL || PQstatus(conn->pg) == CONNECTION_BAD) {
			st = fail_lost(conn, res, p->stmt->sql, err);
			PQclear(res);
			return st;
		}
		*ret_failed = pg_error(conn, res, p->stmt->sql, err);
		if (is_stale_plan(p, res)) {
			*ret_failed = err_set(err, STATUS_ABORTED, "postgresql: stale plan: %.60s",
					      p->stmt->sql);
			conn->broken = true;
		}
		conn->retry = *ret_failed == STATUS_ABORTED;
		if (*ret_failed == STATUS_UNAVAILABLE)
			conn->broken = true;
		if (p->is_prepare)
			p->stmt->state = PG_STMT_NEW;
	}
	PQclear(res);
	st = next_result(conn, deadline, &end, err);
	if (st == STATUS_OK && end != NULL) {
		PQclear(end);
		st = fail_lost(conn, NULL, p->stmt->sql, err);
	}
	return st;
}

/*
 * Results that were handed out before the flush failed are taken back: `ret_` is for success
 * only.
 */
static void
take_back(struct pg_conn *conn, unsigned nsettled)
{
	for (unsigned i = 0; i < nsettled; i++) {
		PGresult **slot = conn->queue[i].ret_result;

		if (slot != NULL) {
			PQclear(*slot);
			*slot = NULL;
		}
	}
}

static enum status
settle_all(struct pg_conn *conn, struct deadline deadline, enum status *ret_failed, struct err *err)
{
	const char *last = conn->queue[conn->nqueued - 1].stmt->sql;
	int64_t start = clock_mono_ns();
	PGresult *res;
	enum status st = send_all(conn, deadline, last, err);

	for (unsigned i = 0; i < conn->nqueued && st == STATUS_OK; i++) {
		struct pg_pending *p = &conn->queue[i];

		if (p->ret_result != NULL)
			*p->ret_result = NULL;
		st = settle_one(conn, deadline, p, ret_failed, err);
		if (!p->is_prepare) {
			int64_t now = clock_mono_ns();

			metric_observe(p->stmt->duration, (double)(now - start) / 1e9);
			start = now;
		}
	}
	if (st == STATUS_OK)
		st = next_result(conn, deadline, &res, err);
	if (st != STATUS_OK)
		return st;
	if (res == NULL || PQresultStatus(res) != PGRES_PIPELINE_SYNC)
		st = fail_lost(conn, res, last, err);
	PQclear(res);
	return st;
}

enum status
pg_conn_flush(struct pg_conn *conn, struct deadline deadline, struct err *err)
{
	enum status failed = STATUS_OK, st;

	if (conn->nqueued == 0)
		return STATUS_OK;
	conn->retry = false;
	for (unsigned i = 0; i < conn->nqueued; i++)
		if (conn->queue[i].ret_result != NULL)
			*conn->queue[i].ret_result = NULL;
	conn->nround_trips++;
	if (!PQpipelineSync(conn->pg)) {
		st = fail_lost(conn, NULL, conn->queue[0].stmt->sql, err);
	} else {
		conn->running = true;
		st = settle_all(conn, deadline, &failed, err);
		if (st == STATUS_OK)
			conn->running = false;
	}
	if (st != STATUS_OK || failed != STATUS_OK)
		take_back(conn, conn->nqueued);
	conn->nqueued = 0;
	return st != STATUS_OK ? st : failed;
}

enum status
pg_conn_exec(struct pg_conn *conn, struct deadline deadline, const char *sql,
	     const struct pg_arg *args, size_t nargs, PGresult **ret_result, struct err *err)
{
	enum status st = pg_conn_queue(conn, deadline, sql, args, nargs, ret_result, err);

	return st == STATUS_OK ? pg_conn_flush(conn, deadline, err) : st;
}

/* ---- without the pipeline ---- */

/* Reads all results; keeps the last good one if asked to. *ret_index counts the good ones. */
static enum status
read_results(struct pg_conn *conn, struct deadline deadline, const char *sql, PGresult **ret_res,
	     int *ret_index, int *ret_position, struct err *err)
{
	enum status failed = STATUS_OK, st = send_all(conn, deadline, sql, err);
	PGresult *res;
	int index = 0;

	while (st == STATUS_OK) {
		st = next_result(conn, deadline, &res, err);
		if (st == STATUS_OK && res == NULL && PQstatus(conn->pg) == CONNECTION_BAD)
			st = fail_lost(conn, NULL, sql, err);
		if (st != STATUS_OK || res == NULL)
			break;
		ExecStatusType how = PQresultStatus(res);
		if (how == PGRES_COMMAND_OK || how == PGRES_TUPLES_OK || how == PGRES_EMPTY_QUERY) {
			index++;
			if (ret_res != NULL) {
				PQclear(*ret_res);
				*ret_res = res;
				res = NULL;
			}
		} else if (PQstatus(conn->pg) == CONNECTION_BAD) {
			st = fail_lost(conn, res, sql, err);
		} else {
			const char *position = PQresultErrorField(res, PG_DIAG_STATEMENT_POSITION);

			failed = pg_error(conn, res, sql, err);
			*ret_index = index;
			*ret_position = position != NULL ? atoi(position) : 0;
		}
		PQclear(res);
	}
	conn->running = st == STATUS_DEADLINE_EXCEEDED;
	return st != STATUS_OK ? st : failed;
}

enum status
pg_conn_script(struct pg_conn *conn, struct deadline deadline, const char *sql, int *ret_index,
	       int *ret_position, struct err *err)
{
	if (!PQsendQuery(conn->pg, sql))
		return fail_lost(conn, NULL, sql, err);
	return read_results(conn, deadline, sql, NULL, ret_index, ret_position, err);
}

enum status
pg_conn_fetch(struct pg_conn *conn, struct deadline deadline, const char *sql, int nparams,
	      const char *const *params, PGresult **ret_res, struct err *err)
{
	PGresult *res = NULL;
	int index, position;

	if (!PQsendQueryParams(conn->pg, sql, nparams, NULL, params, NULL, NULL, 0))
		return fail_lost(conn, NULL, sql, err);
	enum status st = read_results(conn, deadline, sql, &res, &index, &position, err);
	if (st == STATUS_OK && res == NULL)
		st = fail_lost(conn, NULL, sql, err);
	if (st == STATUS_OK)
		*ret_res = res;
	else
		PQclear(res);
	return st;
}
