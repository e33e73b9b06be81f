/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pg_tx.c - a transaction as a scoped call.
 *
 * Round trips: BEGIN travels with the first statement (the claim of the idempotency key, if
 *              there is one); the queued traces, the counters, the stored reply and COMMIT
 *              travel together at the end. A change with key, event and revision costs three
 *              round trips and one for each statement of its own.
 *
 * The idempotency key is claimed by inserting its row first. A second call with the same key
 * waits on the unique index until the first one ends: it then either finds the stored reply,
 * or, if the first rolled back, owns the key. So there is no moment at which an effect is
 * visible without its reply.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "libcommon/base/crashpoint.h"
#include "libcommon/base/rng.h"
#include "libcommon/store/pg_internal.h"

#define RETRIES_MAX 3
#define RETRY_MS 10
#define IDEM_KEEP_MS (INT64_C(24) * 3600 * 1000)
/* A waiter for a key gives up this much before its deadline, so that its answer arrives. */
#define IDEM_MARGIN_MS 250
/* One of so many commits with a key also removes expired rows: no job has to. */
#define IDEM_PURGE_EVERY 64
#define ROLLBACK_MS 1000

static const char sql_begin[] = "BEGIN";
static const char sql_begin_read_only[] = "BEGIN READ ONLY";
static const char sql_begin_serializable[] = "BEGIN ISOLATION LEVEL SERIALIZABLE";
static const char sql_begin_serializable_ro[] = "BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY";
static const char sql_commit[] = "COMMIT";
static const char sql_rollback[] = "ROLLBACK";
static const char sql_claim[] = "INSERT INTO idempotency AS i (owner, key, method, fingerprint, "
				"expires_at) VALUES ($1, $2, $3, $4, $5)"
				" ON CONFLICT (owner, key) DO UPDATE SET method = excluded.method, "
				"fingerprint = excluded.fingerprint,"
				" reply = NULL, created_at = now(), expires_at = "
				"excluded.expires_at WHERE i.expires_at < now()";
static const char sql_find_reply[] =
	"SELECT method, fingerprint, reply FROM idempotency WHERE owner = $1 AND key = $2";
static const char sql_store_reply[] =
	"UPDATE idempotency SET reply = $3 WHERE owner = $1 AND key = $2";
static const char sql_purge[] =
	"DELETE FROM idempotency WHERE (owner, key) IN (SELECT owner, key FROM idempotency"
	" WHERE expires_at < now() ORDER BY expires_at LIMIT 256 FOR UPDATE SKIP LOCKED)";

static _Thread_local bool inside;

bool
pg_tx_is_inside(void)
{
	return inside;
}

/* ---- statements ---- */

enum status
pg_tx_queue(struct pg_tx *tx, const char *sql, const struct pg_arg *args, size_t nargs,
	    PGresult **ret_result, struct err *err)
{
	if (tx->failed)
		return err_set(
			err, STATUS_INTERNAL,
			"postgresql: a statement after one that failed in the same transaction");
	enum status st = pg_conn_queue(tx->conn, tx->deadline, sql, args, nargs, ret_result, err);
	if (st != STATUS_OK)
		tx->failed = true;
	return st;
}

enum status
pg_tx_flush(struct pg_tx *tx, struct err *err)
{
	enum status st = pg_conn_flush(tx->conn, tx->deadline, err);

	if (st != STATUS_OK)
		tx->failed = true;
	return st;
}

enum status
pg_tx_query(struct pg_tx *tx, const char *sql, const struct pg_arg *args, size_t nargs,
	    struct pg_result **ret_result, struct err *err)
{
	struct pg_result *result;
	enum status st = pg_tx_ask(tx, sql, args, nargs, &result, err);

	if (st == STATUS_OK)
		st = pg_tx_flush(tx, err);
	if (st == STATUS_OK && ret_result != NULL)
		*ret_result = result;
	return st;
}

enum status
pg_tx_exec(struct pg_tx *tx, const char *sql, const struct pg_arg *args, size_t nargs,
	   struct err *err)
{
	return pg_tx_queue(tx, sql, args, nargs, NULL, err);
}

enum status
pg_tx_ask(struct pg_tx *tx, const char *sql, const struct pg_arg *args, size_t nargs,
	  struct pg_result **ret_result, struct err *err)
{
	PGresult **slot;
	struct pg_result *result = pg_result_new(tx->arena, &slot);
	enum status st = pg_tx_queue(tx, sql, args, nargs, slot, err);

	if (st == STATUS_OK)
		*ret_result = result;
	return st;
}

enum status
pg_tx_settle(struct pg_tx *tx, struct err *err)
{
	return pg_tx_flush(tx, err);
}

struct arena *
pg_tx_arena(struct pg_tx *tx)
{
	return tx->arena;
}

/* ---- idempotency ---- */

static void *
unpack_alloc(void *arena, size_t n)
{
	return arena_try_alloc(arena, n);
}

static void
unpack_free(void *arena, void *p)
{
	(void)arena;
	(void)p;
}

static enum status
unpack_reply(struct slice bytes, ProtobufCMessage *reply, struct arena *arena, struct err *err)
{
	ProtobufCAllocator allocator = { unpack_alloc, unpack_free, arena };

	if (reply == NULL)
		return STATUS_OK;
	ProtobufCMessage *m = protobuf_c_message_unpack(reply->descriptor, &allocator, bytes.n,
							(const uint8_t *)bytes.p);
	if (m == NULL)
		return err_set(err, STATUS_INTERNAL, "idempotency: the stored reply is not a %s",
			       reply->descriptor->name);
	memcpy(reply, m, reply->descriptor->sizeof_message);
	return STATUS_OK;
}

/* Somebody else's row: the same call's reply, or another call's key. */
static enum status
replay(struct pg_tx *tx, struct pg_idem *idem, struct err *err)
{
	PGresult *res = NULL;
	enum status st =
		pg_tx_queue(tx, sql_find_reply, PG_ARGS(pg_uuid(&idem->owner), pg_bytes(idem->key)),
			    &res, err);

	if (st == STATUS_OK)
		st = pg_tx_queue(tx, sql_rollback, PG_ARGS(), NULL, err);
	if (st == STATUS_OK)
		st = pg_tx_flush(tx, err);
	if (st != STATUS_OK)
		return st;
	struct pg_result *found = pg_result_wrap(res, tx->arena);
	if (pg_rows(found) == 0 || pg_is_null(found, 0, 2)) {
		/* It expired and was removed between the two statements: start again. */
		tx->conn->retry = true;
		return err_set(err, STATUS_ABORTED, "idempotency: the key's row went away");
	}
	if (strcmp(pg_text(found, 0, 0), idem->method) != 0 ||
	    !slice_eq(pg_get_bytes(found, 0, 1), idem->fingerprint)) {
		st = err_public(err, STATUS_INVALID_ARGUMENT,
				"This Idempotency-Key was used for a different request.");
		err_reason(err, "IDEMPOTENCY_KEY_REUSED");
		return st;
	}
	st = unpack_reply(pg_get_bytes(found, 0, 2), idem->reply, tx->arena, err);
	if (st == STATUS_OK)
		idem->replayed = true;
	return st;
}

/* Sends BEGIN (queued before) and takes the key, or finds what it gave. */
static enum status
claim(struct pg_tx *tx, struct pg_idem *idem, struct err *err)
{
	struct deadline whole = tx->deadline;
	int left = deadline_left_ms(whole);
	int margin = left / 5 < IDEM_MARGIN_MS ? left / 5 : IDEM_MARGIN_MS;
	PGresult *res = NULL;
	enum status st = pg_tx_queue(tx, sql_claim,
				     PG_ARGS(pg_uuid(&idem->owner), pg_bytes(idem->key),
					     pg_str(idem->method), pg_bytes(idem->fingerprint),
					     pg_time(clock_wall_ms() + IDEM_KEEP_MS)),
				     &res, err);

	idem->replayed = false;
	tx->deadline = deadline_in(left - margin);
	if (st == STATUS_OK)
		st = pg_tx_flush(tx, err);
	tx->deadline = whole;
	if (st == STATUS_DEADLINE_EXCEEDED) {
		st = err_public(err, STATUS_ABORTED,
				"The first request with this Idempotency-Key is still running.");
		err_reason(err, "IDEMPOTENCY_IN_PROGRESS");
	}
	if (st != STATUS_OK)
		return st;
	bool mine = pg_affected(pg_result_wrap(res, tx->arena)) == 1;
	return mine ? STATUS_OK : replay(tx, idem, err);
}

static enum status
queue_reply(struct pg_tx *tx, const struct pg_idem *idem, struct err *err)
{
	size_t n = idem->reply != NULL ? protobuf_c_message_get_packed_size(idem->reply) : 0;
	uint8_t *bytes = arena_try_alloc(tx->arena, n + 1);

	if (bytes == NULL)
		return err_set(err, STATUS_RESOURCE_EXHAUSTED, "idempotency: a reply of %zu bytes",
			       n);
	if (idem->reply != NULL)
		protobuf_c_message_pack(idem->reply, bytes);
	enum status st = pg_tx_queue(tx, sql_store_reply,
				     PG_ARGS(pg_uuid(&idem->owner), pg_bytes(idem->key),
					     pg_bytes(slice_make(bytes, n))),
				     NULL, err);
	if (st == STATUS_OK && rng_below(IDEM_PURGE_EVERY) == 0)
		st = pg_tx_queue(tx, sql_purge, PG_ARGS(), NULL, err);
	return st;
}

/* ---- begin, commit, roll back ---- */

static const char *
begin_statement(const struct pg_tx_options *opts)
{
	if (opts->serializable)
		return opts->read_only ? sql_begin_serializable_ro : sql_begin_serializable;
	return opts->read_only ? sql_begin_read_only : sql_begin;
}

static enum status
commit(struct pg_tx *tx, const struct pg_idem *idem, struct err *err)
{
	PGresult *res = NULL;
	enum status st =
		tx->failed ? err_set(err, STATUS_INTERNAL,
				     "postgresql: OK was returned after a statement had failed")
			   : pg_tx_queue_subjects(tx, err);

	if (st == STATUS_OK && idem != NULL)
		st = queue_reply(tx, idem, err);
	/*
	 * What came before is settled here only if the queue is nearly full; else it goes with
	 * the COMMIT.
	 */
	if (st == STATUS_OK)
		st = pg_tx_queue(tx, sql_commit, PG_ARGS(), &res, err);
	if (st != STATUS_OK)
		return st;
	tx->committing = true;
	CRASH_POINT("tx.before_commit");
	st = pg_tx_flush(tx, err);
	if (st != STATUS_OK && tx->conn->broken)
		return err_context(err, "COMMIT was sent, its outcome is unknown");
	if (st != STATUS_OK)
		return st;
	bool committed = strcmp(PQcmdStatus(res), "COMMIT") == 0;
	PQclear(res);
	if (!committed)
		return err_set(err, STATUS_INTERNAL, "postgresql: COMMIT rolled back");
	CRASH_POINT("tx.after_commit");
	if (tx->has_events)
		pg_pool_outbox(tx->pool);
	return STATUS_OK;
}

/*
 * Ends what is open, so that the connection can be used again; else the pool closes it, which
 * rolls back too.
 */
static void
roll_back(struct pg_tx *tx)
{
	struct pg_conn *conn = tx->conn;
	struct deadline deadline = deadline_min(tx->deadline, deadline_in(ROLLBACK_MS));
	struct err ignored;

	if (conn->broken)
		return;
	/* Behind what is still queued; skipped by the server if that fails, so look again. */
	for (int i = 0; i < 2; i++) {
		if (conn->nqueued == 0 && PQtransactionStatus(conn->pg) == PQTRANS_IDLE)
			return;
		(void)!pg_conn_exec(conn, deadline, sql_rollback, PG_ARGS(), NULL, &ignored);
		if (conn->broken)
			return;
	}
	conn->broken = PQtransactionStatus(conn->pg) != PQTRANS_IDLE;
}

/* One attempt. *ret_retry: it failed in a way that another may not. */
static enum status
attempt(struct pg_pool *pool, const struct pg_tx_options *opts, pg_tx_fn on_tx, void *arg,
	bool *ret_retry, struct err *err)
{
	struct pg_idem *idem = opts->idem != NULL && opts->idem->key.n > 0 ? opts->idem : NULL;
	struct pg_tx tx = { .pool = pool, .arena = opts->arena, .deadline = opts->deadline };
	struct lease *lease = pg_pool_acquire(pool, opts->deadline, err);

	*ret_retry = false;
	if (lease == NULL)
		return err->status;
	tx.conn = lease->item;
	tx.conn->retry = false;
	enum status st = pg_tx_queue(&tx, begin_statement(opts), PG_ARGS(), NULL, err);
	if (st == STATUS_OK && idem != NULL)
		st = claim(&tx, idem, err);
	if (st == STATUS_OK && (idem == NULL || !idem->replayed)) {
		inside = true;
		st = on_tx(&tx, arg, err);
		inside = false;
		if (st == STATUS_OK)
			st = commit(&tx, idem, err);
	}
	/* A connection lost before the COMMIT was sent took nothing but an attempt with it. */
	*ret_retry =
		st != STATUS_OK &&
		(tx.conn->retry || (st == STATUS_UNAVAILABLE && tx.conn->broken && !tx.committing));
	if (st != STATUS_OK)
		roll_back(&tx);
	pg_pool_release(pool, lease);
	return st;
}

static void
sleep_jittered(unsigned attempts, struct deadline deadline)
{
	uint32_t ms = 1 + rng_below((uint32_t)RETRY_MS << attempts);
	int left = deadline_left_ms(deadline);
	struct timespec ts = { 0 };

	if ((int)ms > left)
		ms = (uint32_t)left;
	ts.tv_nsec = (long)ms * 1000000;
	nanosleep(&ts, NULL);
}

enum status
pg_transaction(struct pg_pool *pool, const struct pg_tx_options *opts, pg_tx_fn on_tx, void *arg,
	       struct err *err)
{
	struct err local;
	enum status st;
	bool retry;

	if (err == NULL)
		err = &local;
	if (inside)
		return err_set(err, STATUS_INTERNAL,
			       "postgresql: a transaction inside a transaction");
	for (unsigned attempts = 0;; attempts++) {
		st = attempt(pool, opts, on_tx, arg, &retry, err);
		if (!retry || attempts == RETRIES_MAX || deadline_left_ms(opts->deadline) == 0)
			return st;
		sleep_jittered(attempts, opts->deadline);
	}
}
