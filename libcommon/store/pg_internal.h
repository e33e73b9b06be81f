/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pg_internal.h - what the files of store/pg share; no other code includes it.
 *
 * A pg_conn is one libpq connection, non-blocking and in pipeline mode for its whole life.
 * Statements are queued with pg_conn_queue (they go into libpq's buffer) and settled with
 * pg_conn_flush: one write, one Sync, all results read in order, so that a flush is exactly one
 * round trip. After the first failure the server skips what was queued behind it; the flush
 * reports that first failure.
 *
 * A connection is `broken` when its state on the wire is not known any more (lost, deadline
 * passed in the middle): it is never used again, and the pool's reaper cancels and closes it,
 * so that a worker does not wait for either.
 *
 * Ownership: the pool owns its connections; a lease lends one to a statement or transaction.
 * Threads:   a connection, and a pg_tx on it, is its lessee's; pool functions: any.
 */
#ifndef FIT_STORE_PG_INTERNAL_H
#define FIT_STORE_PG_INTERNAL_H

#include <libpq-fe.h>

#include "libcommon/base/strbuf.h"
#include "libcommon/store/lease.h"
#include "libcommon/store/pg.h"

#define PG_ARGS_MAX 64
/* A connection that prepared so many is closed after use: its texts are made at run time. */
#define PG_PREPARED_MAX 1000
/* Statements queued before a flush comes by itself. */
#define PG_QUEUE_MAX 64

struct hashmap;
struct metric_series;

struct pg_settings {
	char *url, *password, *application;
	bool prepared;
};

enum pg_stmt_state {
	PG_STMT_NEW,       /* the server does not know it */
	PG_STMT_PREPARING, /* its Parse is in the queue */
	PG_STMT_READY,     /* the server has it under its name */
};

/* A statement as one connection knows it, found by the address of its text. */
struct pg_stmt {
	struct pg_stmt *next;
	const char *address;
	char *sql;
	enum pg_stmt_state state;
	struct metric_series *duration;
	size_t nargs;
	unsigned char types[PG_ARGS_MAX]; /* enum pg_arg_type; PG_ARG_NULL: not seen yet */
	char name[24];
};

struct pg_pending {
	struct pg_stmt *stmt;
	PGresult **ret_result; /* or NULL */
	bool is_prepare;
};

struct pg_conn {
	PGconn *pg;
	const struct pg_settings *settings;
	struct hashmap *stmts;
	struct pg_stmt *all_stmts; /* also those that lost their address to another text */
	unsigned nprepared;        /* makes names */
	bool broken;
	bool running; /* broken while a statement ran: worth a cancel */
	bool retry;   /* the last failure was a serialization failure or deadlock */
	struct strbuf scratch;
	struct pg_pending queue[PG_QUEUE_MAX];
	unsigned nqueued;
	/* For pg_pool_stats. */
	unsigned long long nstatements, nround_trips;
};

/* UNAVAILABLE: nobody answers, or not yet. INTERNAL: the server refuses role, password, database.
 */
enum status pg_conn_open(const struct pg_settings *settings, struct deadline deadline,
			 bool pipeline, struct pg_conn **ret_conn, struct err *err) MUST_CHECK;
/*
 * At start: the same, tried again with back-off until the deadline while UNAVAILABLE, for a server
 * that starts or recovers (logged once). Ends early when SIGTERM or SIGINT is pending.
 */
enum status pg_conn_await(const struct pg_settings *settings, struct deadline deadline,
			  bool pipeline, struct pg_conn **ret_conn, struct err *err) MUST_CHECK;
/* False when the deadline passed first. */
bool pg_wait_socket(PGconn *pg, short events, struct deadline deadline);
/* May block for the cancel request's answer: on the reaper's thread only, unless nothing runs. */
void pg_conn_close(struct pg_conn *conn);
/* False when the server closed or said something unasked while the connection was idle. */
bool pg_conn_alive(struct pg_conn *conn);
/* *ret_result is the caller's to PQclear; written by the flush that settles it, only on success. */
enum status pg_conn_queue(struct pg_conn *conn, struct deadline deadline, const char *sql,
			  const struct pg_arg *args, size_t nargs, PGresult **ret_result,
			  struct err *err) MUST_CHECK;
enum status pg_conn_flush(struct pg_conn *conn, struct deadline deadline,
			  struct err *err) MUST_CHECK;
/* Queue and flush. */
enum status pg_conn_exec(struct pg_conn *conn, struct deadline deadline, const char *sql,
			 const struct pg_arg *args, size_t nargs, PGresult **ret_result,
			 struct err *err) MUST_CHECK;
/*
 * Without the pipeline, for migrations: runs a script; on failure *ret_index is the number
 * (from 0) of the statement.
 */
enum status pg_conn_script(struct pg_conn *conn, struct deadline deadline, const char *sql,
			   int *ret_index, int *ret_position, struct err *err) MUST_CHECK;

/* The same for one statement with text parameters and a text result. */
enum status pg_conn_fetch(struct pg_conn *conn, struct deadline deadline, const char *sql,
			  int nparams, const char *const *params, PGresult **ret_res,
			  struct err *err) MUST_CHECK;

/* pg_stmt.c */
struct pg_stmt *pg_stmt_find(struct pg_conn *conn, const char *sql);
enum status pg_stmt_check_types(struct pg_stmt *stmt, const struct pg_arg *args, size_t nargs,
				struct err *err) MUST_CHECK;
void pg_stmts_free(struct pg_conn *conn);

/* pg_value.c */
extern const Oid pg_arg_oids[];
struct pg_wire_args {
	const char *values[PG_ARGS_MAX];
	int lengths[PG_ARGS_MAX];
	int formats[PG_ARGS_MAX];
};
/* Bytes go into `scratch`, which must stay unchanged until they are sent. */
enum status pg_args_encode(const struct pg_arg *args, size_t nargs, struct strbuf *scratch,
			   struct pg_wire_args *ret_wire, struct err *err) MUST_CHECK;
/* One whose PGresult comes later, into *ret_slot; that is cleared with the arena. */
struct pg_result *pg_result_new(struct arena *arena, PGresult ***ret_slot);
bool pg_result_is_there(const struct pg_result *result);
/* Takes `res` over; it is cleared with the arena. */
struct pg_result *pg_result_wrap(PGresult *res, struct arena *arena);

/* pg_error.c: the struct err of a failed result, or (res == NULL) of the connection itself. */
enum status pg_error(const struct pg_conn *conn, const PGresult *res, const char *sql,
		     struct err *err);
enum status pg_error_status(const char *sqlstate);

/* pg_label.c: "select" and "workout_plans" of a statement, for the metric's labels. */
#define PG_LABEL_MAX 48
void pg_label(const char *sql, char ret_type[PG_LABEL_MAX], char ret_table[PG_LABEL_MAX]);

/* pg_pool.c */
struct lease *pg_pool_acquire(struct pg_pool *pool, struct deadline deadline, struct err *err);
void pg_pool_release(struct pg_pool *pool, struct lease *lease);
/* Events were committed: calls what pg_pool_on_outbox set. */
void pg_pool_outbox(struct pg_pool *pool);

/* pg_tx.c and pg_trace.c */
struct pg_subject {
	struct pg_subject *next;
	struct uuid id;
	struct pg_result *asked; /* not NULL: the row is locked by a queued statement, not read */
	int64_t sequence, rev;
	bool rev_taken; /* `rev` is this transaction's */
	bool dirty;     /* differs from the row, which is written with the COMMIT */
};

struct pg_tx {
	struct pg_pool *pool;
	struct pg_conn *conn;
	struct arena *arena;
	struct deadline deadline;
	struct pg_subject *subjects;
	bool failed;     /* a statement failed: only a rollback can follow */
	bool committing; /* COMMIT is on its way */
	bool has_events; /* in the outbox */
};
/* True while the calling thread is inside a transaction. */
bool pg_tx_is_inside(void);
enum status pg_tx_queue(struct pg_tx *tx, const char *sql, const struct pg_arg *args, size_t nargs,
			PGresult **ret_result, struct err *err) MUST_CHECK;
enum status pg_tx_flush(struct pg_tx *tx, struct err *err) MUST_CHECK;
/* Queues the subjects' counters that only memory has. */
enum status pg_tx_queue_subjects(struct pg_tx *tx, struct err *err) MUST_CHECK;

#endif
