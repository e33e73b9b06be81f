/* SPDX-License-Identifier: Apache-2.0 */
#include "libcommon/bus/relay_store.h"

#include <stdio.h>
#include <string.h>

#include "libcommon/base/compiler.h"
#include "libcommon/base/strbuf.h"

#define READ_BYTES (4 << 20)
#define PURGE_MAX 2000

/* A process that freezes in here must not hold the lock for longer than its lease. */
static const char sql_lock_shards[] =
	"SELECT shard, set_config('idle_in_transaction_session_timeout', $1::bigint::text, true)"
	" FROM outbox_shard ORDER BY shard FOR UPDATE";
static const char sql_expire[] = "DELETE FROM outbox_relay WHERE lease_until < clock_timestamp()";
static const char sql_renew[] =
	"INSERT INTO outbox_relay (relay, lease_until)"
	" VALUES ($1, clock_timestamp() + make_interval(secs => $2 / 1000.0))"
	" ON CONFLICT (relay) DO UPDATE SET lease_until = excluded.lease_until";
static const char sql_rank[] =
	"SELECT count(*), count(*) FILTER (WHERE relay < $1) FROM outbox_relay";
static const char sql_shards[] =
	"SELECT s.shard, coalesce(s.relay = $1, false), r.relay IS NULL FROM outbox_shard s"
	" LEFT JOIN outbox_relay r USING (relay) ORDER BY s.shard";
static const char sql_set_shard[] = "UPDATE outbox_shard SET relay = $2 WHERE shard = $1";
static const char sql_leave[] = "WITH s AS (UPDATE outbox_shard SET relay = NULL WHERE relay = $1)"
				" DELETE FROM outbox_relay WHERE relay = $1";
static const char sql_read[] =
	"SELECT id, topic, type, subject, payload, traceparent, created_at FROM"
	" (SELECT *, sum(length(payload)) OVER (ORDER BY seq) AS bytes FROM"
	" (SELECT * FROM outbox WHERE published_at IS NULL"
	" AND (next_attempt_at IS NULL OR next_attempt_at <= now())"
	" AND (get_byte(uuid_send(subject), 15) & 15) = ANY($1::int[])"
	" ORDER BY seq LIMIT $2) a) b WHERE bytes - length(payload) < $3 ORDER BY seq";
/* A mark that the server forgets only sends the events again. */
static const char sql_mark[] =
	"WITH s AS (SELECT set_config('synchronous_commit', 'off', true))"
	" UPDATE outbox SET published_at = clock_timestamp() FROM s WHERE id = ANY($1::uuid[])";
static const char sql_refuse[] =
	"UPDATE outbox SET attempts = attempts + 1,"
	" next_attempt_at = now() + make_interval(mins => least(attempts + 1, 60)) WHERE id = $1";
static const char sql_age[] =
	"SELECT (extract(epoch FROM clock_timestamp() - created_at) * 1000)::bigint FROM outbox"
	" WHERE published_at IS NULL ORDER BY seq LIMIT 1";
/* Ids are UUIDv7, so that their order is that of time. */
static const char sql_purge[] =
	"DELETE FROM outbox WHERE id IN (SELECT id FROM outbox WHERE id < $1"
	" AND published_at IS NOT NULL ORDER BY id LIMIT $2)";

/* ---- shards ---- */

struct renew {
	const struct uuid *relay;
	int64_t lease_ms;
	struct relay_shards shards;
};

static void
list_add(struct relay_shards *s, int64_t shard)
{
	size_t len = strlen(s->list);

	snprintf(s->list + len, sizeof(s->list) - len, "%s%d", s->n++ > 0 ? "," : "", (int)shard);
}

static enum status
balance(struct pg_tx *tx, struct renew *r, int64_t want, struct err *err)
{
	struct pg_result *res;
	enum status st = pg_tx_query(tx, sql_shards, PG_ARGS(pg_uuid(r->relay)), &res, err);
	int64_t mine = 0;

	if (st != STATUS_OK)
		return st;
	r->shards = (struct relay_shards){ .list = "{" };
	for (int i = 0; i < pg_rows(res); i++)
		mine += pg_get_bool(res, i, 1);
	for (int i = 0; i < pg_rows(res) && i < RELAY_SHARDS && st == STATUS_OK; i++) {
		int64_t shard = pg_get_int(res, i, 0);
		bool ours = pg_get_bool(res, i, 1);

		if (ours && mine > want) {
			st = pg_tx_query(tx, sql_set_shard, PG_ARGS(pg_int(shard), pg_null()), NULL,
					 err);
			mine--;
		} else if (ours) {
			list_add(&r->shards, shard);
		} else if (mine < want && pg_get_bool(res, i, 2)) {
			st = pg_tx_query(tx, sql_set_shard,
					 PG_ARGS(pg_int(shard), pg_uuid(r->relay)), NULL, err);
			list_add(&r->shards, shard);
			mine++;
		}
	}
	strcat(r->shards.list, "}");
	return st;
}

static enum status
on_renew(struct pg_tx *tx, void *arg, struct err *err)
{
	struct renew *r = arg;
	struct pg_result *res;
	enum status st = pg_tx_query(tx, sql_lock_shards, PG_ARGS(pg_int(r->lease_ms)), NULL, err);

	if (st == STATUS_OK)
		st = pg_tx_query(tx, sql_expire, PG_ARGS(), NULL, err);
	if (st == STATUS_OK)
		st = pg_tx_query(tx, sql_renew, PG_ARGS(pg_uuid(r->relay), pg_int(r->lease_ms)),
				 NULL, err);
	if (st == STATUS_OK)
		st = pg_tx_query(tx, sql_rank, PG_ARGS(pg_uuid(r->relay)), &res, err);
	if (st != STATUS_OK)
		return st;
	int64_t n = pg_get_int(res, 0, 0), rank = pg_get_int(res, 0, 1);
	return balance(tx, r, RELAY_SHARDS / n + (rank < RELAY_SHARDS % n), err);
}

enum status
relay_store_renew(struct pg_pool *pg, struct deadline deadline, const struct uuid *relay,
		  int64_t lease_ms, struct arena *arena, struct relay_shards *ret_shards,
		  struct err *err)
{
	struct renew r = { .relay = relay, .lease_ms = lease_ms };
	struct pg_tx_options opts = { .deadline = deadline, .arena = arena };
	enum status st = pg_transaction(pg, &opts, on_renew, &r, err);

	if (st == STATUS_OK)
		*ret_shards = r.shards;
	return st;
}

enum status
relay_store_leave(struct pg_pool *pg, struct deadline deadline, const struct uuid *relay,
		  struct arena *arena, struct err *err)
{
	return pg_query(pg, deadline, sql_leave, PG_ARGS(pg_uuid(relay)), arena, NULL, err);
}

/* ---- events ---- */

enum status
relay_store_read(struct pg_pool *pg, struct deadline deadline, const struct relay_shards *shards,
		 const char *source, size_t max, struct arena *arena,
		 struct bus_message **ret_messages, size_t *ret_n, struct err *err)
{
	struct pg_result *res;
	enum status st =
		pg_query(pg, deadline, sql_read,
			 PG_ARGS(pg_str(shards->list), pg_int((int64_t)max), pg_int(READ_BYTES)),
			 arena, &res, err);

	if (st != STATUS_OK)
		return st;
	size_t n = (size_t)pg_rows(res);
	struct bus_message *messages = ARENA_ARRAY(arena, struct bus_message, n + 1);
	for (int i = 0; i < (int)n; i++) {
		struct uuid subject = pg_get_uuid(res, i, 3);

		messages[i] = (struct bus_message){
			.id = pg_get_uuid(res, i, 0),
			.topic = pg_text(res, i, 1),
			.type = pg_text(res, i, 2),
			.key = slice_make(arena_memdup(arena, subject.b, 16), 16),
			.value = pg_get_bytes(res, i, 4),
			.traceparent = pg_is_null(res, i, 5) ? NULL : pg_text(res, i, 5),
			.time_ms = pg_get_time(res, i, 6),
			.source = source,
		};
	}
	*ret_messages = messages;
	*ret_n = n;
	return STATUS_OK;
}

enum status
relay_store_mark(struct pg_pool *pg, struct deadline deadline,
		 const struct bus_message *const *messages, size_t n, struct arena *arena,
		 struct err *err)
{
	struct strbuf ids = STRBUF_ARENA(arena);
	char id[UUID_TEXT_SIZE];

	for (size_t i = 0; i < n; i++) {
		uuid_format(&messages[i]->id, id);
		strbuf_addf(&ids, "%s%s", i > 0 ? "," : "{", id);
	}
	strbuf_addch(&ids, '}');
	return pg_query(pg, deadline, sql_mark, PG_ARGS(pg_str(ids.buf)), arena, NULL, err);
}

enum status
relay_store_refuse(struct pg_pool *pg, struct deadline deadline, const struct uuid *id,
		   struct arena *arena, struct err *err)
{
	return pg_query(pg, deadline, sql_refuse, PG_ARGS(pg_uuid(id)), arena, NULL, err);
}

enum status
relay_store_age(struct pg_pool *pg, struct deadline deadline, struct arena *arena, int64_t *ret_ms,
		struct err *err)
{
	struct pg_result *res;
	enum status st = pg_query(pg, deadline, sql_age, PG_ARGS(), arena, &res, err);

	if (st == STATUS_OK)
		*ret_ms = pg_rows(res) > 0 ? pg_get_int(res, 0, 0) : 0;
	return st;
}

enum status
relay_store_purge(struct pg_pool *pg, struct deadline deadline, struct arena *arena,
		  struct err *err)
{
	uint64_t ms = (uint64_t)(clock_wall_ms() - RELAY_KEEP_DAYS * INT64_C(86400000));
	struct uuid before = { 0 };

	/* RFC 9562 section 5.7: 48 bits of Unix time in milliseconds come first. */
	for (int i = 0; i < 6; i++)
		before.b[i] = (uint8_t)(ms >> (40 - 8 * i));
	return pg_query(pg, deadline, sql_purge, PG_ARGS(pg_uuid(&before), pg_int(PURGE_MAX)),
			arena, NULL, err);
}
