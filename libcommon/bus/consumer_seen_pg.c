/* SPDX-License-Identifier: Apache-2.0 */
/* consumer_seen_pg.c - which events a group has applied, in the database of its effects. */
#include "libcommon/base/rng.h"
#include "libcommon/bus/consumer.h"
#include "libcommon/store/pg.h"

/* Longer than a message can stay on the bus: in the log 7 days, then as a dead letter 30. */
#define KEEP_DAYS 40
/* One of so many also removes old rows: no job has to. */
#define PURGE_EVERY 512

/*
 * A process that freezes in its transaction holds the event's id, and whoever has got its partition
 * would wait for it: the server ends such a transaction.
 */
static const char sql_see[] =
	"WITH s AS (SELECT set_config('idle_in_transaction_session_timeout', '5000', true))"
	" INSERT INTO consumed_event (grp, id) SELECT $1, $2 FROM s ON CONFLICT DO NOTHING";
static const char sql_purge[] =
	"DELETE FROM consumed_event WHERE (grp, id) IN (SELECT grp, id FROM consumed_event"
	" WHERE seen_at < now() - make_interval(days => $1::int) LIMIT 1024 FOR UPDATE SKIP LOCKED)";

enum status
consumer_seen(struct pg_tx *tx, const char *group, const struct uuid *id, bool *ret_seen,
	      struct err *err)
{
	struct pg_result *res;
	enum status st = pg_tx_query(tx, sql_see, PG_ARGS(pg_str(group), pg_uuid(id)), &res, err);

	if (st == STATUS_OK && rng_below(PURGE_EVERY) == 0)
		st = pg_tx_query(tx, sql_purge, PG_ARGS(pg_int(KEEP_DAYS)), NULL, err);
	if (st == STATUS_OK)
		*ret_seen = pg_affected(res) == 0;
	return st;
}
