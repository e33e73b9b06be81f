/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pg.h - PostgreSQL: a pool of connections leased under deadlines, parameters always bound,
 * transactions as a scoped call.
 *
 *	static const char sql_find[] =
 *		"SELECT name FROM workout_plans WHERE user_id = $1 AND id = $2";
 *	struct pg_result *res;
 *	st = pg_query(pool, deadline, sql_find, PG_ARGS(pg_uuid(&owner), pg_uuid(&id)), arena,
 *	              &res, err);
 *	for (int i = 0; i < pg_rows(res); i++)
 *		name = pg_text(res, i, 0);
 *
 *	static enum status
 *	on_tx(struct pg_tx *tx, void *arg, struct err *err)
 *	{ … pg_tx_query(tx, sql, PG_ARGS(…), &res, err) … }
 *	struct pg_tx_options opts = { .deadline = d, .arena = a, .idem = &idem };
 *	st = pg_transaction(pool, &opts, on_tx, &ctx, err);
 *
 * Statements are `static const char[]`: their address names the prepared statement of a
 * connection (FIT_PG_PREPARED=off for transaction-mode poolers). A text built at run time works
 * too, but fills the server with statements that nobody uses again. Parameters and results
 * travel in binary; text parameters as text, so that they fit any type that can be written
 * down. A statement is planned once a connection, without looking at the parameters' values. A
 * parameter keeps its type between calls (NULL fits any). pg_int is a bigint: where SQL wants
 * an integer (array index, make_interval), cast it: $1::int.
 *
 * Behind PgBouncer in transaction mode: FIT_PG_PREPARED=off, ignore_startup_parameters=options
 * there, and ALTER ROLE … SET search_path, since it does not pass the URL's options on.
 *
 * Ownership: results live in the arena given (PQclear deferred). A connection is leased per
 *            statement or transaction.
 * Threads:   a pool is shared by all; a pg_tx belongs to the worker that runs it. Inside of
 *            on_tx another transaction or a pg_query is refused (INTERNAL): it would take a
 *            second connection while holding one.
 * Errors:    SQLSTATE mapped once: 23505 ALREADY_EXISTS (reason kept by constraint name in
 *            err->text), 23503 and 23514 FAILED_PRECONDITION, 40001/40P01 ABORTED
 *            (pg_transaction tries again, at most 3 times), 57014 DEADLINE_EXCEEDED,
 *            08xxx/57P0x UNAVAILABLE, others INTERNAL. A lease not to be had in time:
 *            UNAVAILABLE (shed) with retry_after. A commit whose answer was lost is
 *            UNAVAILABLE: the effect is unknown, the idempotency key settles it.
 */
#ifndef FIT_STORE_PG_H
#define FIT_STORE_PG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <protobuf-c/protobuf-c.h>

#include "libcommon/base/arena.h"
#include "libcommon/base/clock.h"
#include "libcommon/base/slice.h"
#include "libcommon/base/status.h"
#include "libcommon/base/uuid.h"

struct pg_pool;
struct pg_result;
struct pg_tx;

struct pg_options {
	const char *url;      /* libpq URI */
	const char *password; /* or NULL */
	unsigned pool_size;   /* 1..200 */
	bool prepared;
	const char *application; /* application_name */
	int open_ms;             /* for pg_pool_open, see there; 0: 30 s */
};

/*
 * Connections are made on demand; the first one here, so that a wrong URL shows at start. A server
 * that is away, starts or recovers is waited for, open_ms at most (UNAVAILABLE); one that refuses
 * role, password or database is not (INTERNAL).
 */
enum status pg_pool_open(const struct pg_options *opts, struct pg_pool **ret_pool,
			 struct err *err) MUST_CHECK;
void pg_pool_close(struct pg_pool *pool);
struct pg_pool_stats {
	unsigned size, leased, waiting, connected;
	unsigned long long opened;    /* connections ever made */
	unsigned long long shed;      /* leases refused */
	unsigned long long cancelled; /* statements cancelled at their deadline */
	unsigned long long statements, round_trips;
};
void pg_pool_stats(struct pg_pool *pool, struct pg_pool_stats *ret_stats);
/*
 * Called after each commit that left events in the outbox, on the thread that committed; must not
 * block. Set before the pool is used.
 */
void pg_pool_on_outbox(struct pg_pool *pool, void (*fn)(void *arg), void *arg);
/* SELECT 1 under the deadline: for /ready. */
enum status pg_ping(struct pg_pool *pool, struct deadline deadline, struct err *err) MUST_CHECK;

/* ---- parameters: PG_ARGS(pg_uuid(&id), pg_int(3), pg_null()) ---- */

enum pg_arg_type {
	PG_ARG_NULL,
	PG_ARG_TEXT,
	PG_ARG_BYTES,
	PG_ARG_INT8,
	PG_ARG_BOOL,
	PG_ARG_UUID,
	PG_ARG_JSONB,
	PG_ARG_TIMESTAMP,
	PG_ARG_FLOAT8,
	PG_ARG_TEXT_ARRAY
};

struct pg_arg {
	enum pg_arg_type type;
	struct slice bytes; /* TEXT, BYTES, JSONB, UUID (16) */
	int64_t num;        /* INT8, BOOL, TIMESTAMP (ms since 1970) */
	double dbl;
	char *const *strings; /* TEXT_ARRAY */
	size_t nstrings;
};
#define PG_ARGS(...)                                                                               \
	(const struct pg_arg[]){ { .type = PG_ARG_NULL }, ##__VA_ARGS__ } + 1,                     \
		(sizeof((const struct pg_arg[]){ { .type = PG_ARG_NULL }, ##__VA_ARGS__ }) /       \
		 sizeof(struct pg_arg)) -                                                          \
			1

static inline struct pg_arg
pg_null(void)
{
	return (struct pg_arg){ .type = PG_ARG_NULL };
}
static inline struct pg_arg
pg_slice(struct slice s)
{
	return (struct pg_arg){ .type = PG_ARG_TEXT, .bytes = s };
}
/* NULL pointer: SQL NULL. */
static inline struct pg_arg
pg_str(const char *s)
{
	return s ? pg_slice(slice_str(s)) : pg_null();
}
static inline struct pg_arg
pg_bytes(struct slice s)
{
	return (struct pg_arg){ .type = PG_ARG_BYTES, .bytes = s };
}
static inline struct pg_arg
pg_jsonb(struct slice s)
{
	return (struct pg_arg){ .type = PG_ARG_JSONB, .bytes = s };
}
static inline struct pg_arg
pg_int(int64_t v)
{
	return (struct pg_arg){ .type = PG_ARG_INT8, .num = v };
}
static inline struct pg_arg
pg_bool(bool v)
{
	return (struct pg_arg){ .type = PG_ARG_BOOL, .num = v };
}
static inline struct pg_arg
pg_double(double v)
{
	return (struct pg_arg){ .type = PG_ARG_FLOAT8, .dbl = v };
}
static inline struct pg_arg
pg_time(int64_t wall_ms)
{
	return (struct pg_arg){ .type = PG_ARG_TIMESTAMP, .num = wall_ms };
}
static inline struct pg_arg
pg_uuid(const struct uuid *u)
{
	return u ? (struct pg_arg){ .type = PG_ARG_UUID, .bytes = { (const char *)u->b, 16 } }
		 : pg_null();
}
static inline struct pg_arg
pg_strings(char *const *v, size_t n)
{
	return (struct pg_arg){ .type = PG_ARG_TEXT_ARRAY, .strings = v, .nstrings = n };
}

/* ---- statements ---- */

/* One statement on a leased connection, auto-commit. ret_result may be NULL. */
enum status pg_query(struct pg_pool *pool, struct deadline deadline, const char *sql,
		     const struct pg_arg *args, size_t nargs, struct arena *arena,
		     struct pg_result **ret_result, struct err *err) MUST_CHECK;

int pg_rows(const struct pg_result *result);
/* Rows changed by INSERT/UPDATE/DELETE. */
int64_t pg_affected(const struct pg_result *result);
bool pg_is_null(const struct pg_result *result, int row, int col);
/*
 * Getters panic when the column's type does not fit (a bug in the statement). NULL gives "", 0,
 * false, nil.
 */
/* text, varchar, jsonb, enum; NUL-terminated */
const char *pg_text(const struct pg_result *result, int row, int col);
/* bytea, text, jsonb */
struct slice pg_get_bytes(const struct pg_result *result, int row, int col);
/* int2, int4, int8 */
int64_t pg_get_int(const struct pg_result *result, int row, int col);
/* float4, float8, numeric */
double pg_get_double(const struct pg_result *result, int row, int col);
bool pg_get_bool(const struct pg_result *result, int row, int col);
struct uuid pg_get_uuid(const struct pg_result *result, int row, int col);
/* timestamptz, timestamp: ms since 1970; INT64_MAX and INT64_MIN for the infinities */
int64_t pg_get_time(const struct pg_result *result, int row, int col);
/* text[] into arena strings; returns the count. */
size_t pg_get_strings(const struct pg_result *result, int row, int col, struct arena *arena,
		      char ***ret_strings);

/* ---- transactions ---- */

/*
 * Idempotency key of a call: stored with its reply in the transaction of the effect. The same
 * key with the same fingerprint replays the stored reply (unpacked into `reply`, `replayed`
 * set, `on_tx` not run); with another fingerprint INVALID_ARGUMENT, reason
 * IDEMPOTENCY_KEY_REUSED. Kept 24 h.
 */
struct pg_idem {
	struct uuid owner;  /* the caller: keys of different owners are different */
	const char *method; /* "/pkg.Service/Method" */
	struct slice key;   /* n == 0: none */
	struct slice fingerprint;
	ProtobufCMessage *reply; /* filled by on_tx; packed and stored before commit */
	bool replayed;           /* out */
};

struct pg_tx_options {
	struct deadline deadline;
	struct arena *arena;
	struct pg_idem *idem; /* or NULL */
	bool read_only;
	bool serializable; /* else READ COMMITTED */
};

typedef enum status (*pg_tx_fn)(struct pg_tx *tx, void *arg, struct err *err);
/*
 * BEGIN, idempotency, on_tx, stored reply, COMMIT; any status but OK rolls back. May run on_tx
 * again after a serialization failure, so on_tx has no effect outside the transaction.
 */
enum status pg_transaction(struct pg_pool *pool, const struct pg_tx_options *opts, pg_tx_fn on_tx,
			   void *arg, struct err *err) MUST_CHECK;
enum status pg_tx_query(struct pg_tx *tx, const char *sql, const struct pg_arg *args, size_t nargs,
			struct pg_result **ret_result, struct err *err) MUST_CHECK;
/*
 * Each pg_tx_query is a round trip. These two are queued and travel, in order, with the next one,
 * pg_tx_settle or the COMMIT, which report their failure: pg_tx_exec what needs no answer,
 * pg_tx_ask what will be read after a pg_tx_settle (before it, *ret_result must not be looked at).
 */
enum status pg_tx_exec(struct pg_tx *tx, const char *sql, const struct pg_arg *args, size_t nargs,
		       struct err *err) MUST_CHECK;
enum status pg_tx_ask(struct pg_tx *tx, const char *sql, const struct pg_arg *args, size_t nargs,
		      struct pg_result **ret_result, struct err *err) MUST_CHECK;
enum status pg_tx_settle(struct pg_tx *tx, struct err *err) MUST_CHECK;
struct arena *pg_tx_arena(struct pg_tx *tx);

/*
 * What a change leaves beside itself. Tables outbox, sync_change, sync_revision and idempotency
 * exist in each service's schema (see tables/0001_common.sql, applied by pg_migrate before the
 * service's own migrations).
 */
struct pg_event {
	const char *topic;   /* "fit.workout.v1" */
	const char *type;    /* oneof member: "plan_created" */
	struct uuid subject; /* key: user id */
	/* fit.<service>.v1.Event without id, time and sequence: see set_envelope. */
	const ProtobufCMessage *message;
	const char *traceparent; /* or NULL */
	/*
	 * Called with the event's id, its per-subject sequence and time once they are known, to
	 * put them into `message`.
	 */
	void (*set_envelope)(ProtobufCMessage *message, const struct uuid *id, int64_t sequence,
			     int64_t time_ms);
};
enum status pg_tx_outbox(struct pg_tx *tx, const struct pg_event *event,
			 struct err *err) MUST_CHECK;
/*
 * Queued, as pg_tx_ask: takes the lock of the subject's numbers, which the first pg_tx_outbox or
 * pg_tx_sync of the transaction would take by a round trip of its own. Numbers nothing.
 */
enum status pg_tx_lock_subject(struct pg_tx *tx, const struct uuid *subject,
			       struct err *err) MUST_CHECK;
/*
 * Next revision of this user (allocated once per transaction) and a sync_change row; returns
 * the revision.
 */
enum status pg_tx_sync(struct pg_tx *tx, const struct uuid *user, const char *kind,
		       const struct uuid *id, bool deleted, int64_t *ret_rev,
		       struct err *err) MUST_CHECK;

#endif
