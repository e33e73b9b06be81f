/* SPDX-License-Identifier: Apache-2.0 */
/* bus_admin_pg.c - the driver `pg` as an operator sees it: migrations, lag, tail, rewind, dead
 * letters. */
#include <string.h>

#include "libcommon/bus/bus_pg_private.h"
#include "libcommon/store/pg_migrate.h"

extern const struct pg_migration fit_bus_migration_list[];

static const char sql_lag[] =
	"SELECT g.grp, t.name, h.part, g.committed, h.next_offset, coalesce(m.member::text, ''),"
	" CASE WHEN h.part = 0 THEN (SELECT count(*) FROM retry r WHERE r.grp = g.grp"
	" AND r.topic_id = h.topic_id) ELSE 0 END"
	" FROM group_partition g JOIN partition_head h USING (topic_id, part)"
	" JOIN topic t ON t.id = g.topic_id"
	" LEFT JOIN group_member m ON m.grp = g.grp AND m.member = g.owner AND m.lease_until > now()"
	" ORDER BY g.grp, t.name, h.part LIMIT $1";
static const char sql_head[] =
	"SELECT next_offset FROM partition_head WHERE topic_id = $1 AND part = $2";
static const char sql_tail[] =
	"SELECT \"offset\", id, key, type, source, time, traceparent, value FROM log"
	" WHERE topic_id = $1 AND part = $2 AND \"offset\" >= $3 ORDER BY \"offset\" LIMIT $4";
static const char sql_rewind[] =
	"UPDATE group_partition SET committed = 0, epoch = epoch + 1, mark_offset = NULL,"
	" mark_count = 0 WHERE grp = $1 AND topic_id = $2";
static const char sql_dlq_list[] =
	"SELECT \"offset\", id, key, type, source, time, traceparent, value, seq, grp, topic_id,"
	" part, attempt, error, dead_at FROM dlq WHERE seq > $1 AND ($2::text IS NULL OR grp = $2)"
	" ORDER BY seq LIMIT $3";
static const char sql_dlq_replay[] =
	"WITH d AS (DELETE FROM dlq WHERE seq = $1 RETURNING *)"
	" INSERT INTO retry (grp, topic_id, part, \"offset\", id, key, type, source, time,"
	" traceparent, value, attempt, due_at, error) SELECT grp, topic_id, part, \"offset\", id, key,"
	" type, source, time, traceparent, value, 0, now(), error FROM d";
static const char sql_dlq_drop[] = "DELETE FROM dlq WHERE seq = $1";

static enum status
pg_migrate_bus(const char *owner_address, const char *password, struct deadline deadline,
	       struct err *err)
{
	const struct pg_migrations migrations = { .schema = "fit_bus",
						  .app_role = "fit_bus",
						  .list = fit_bus_migration_list,
						  .without_common = true };

	return pg_migrate(owner_address, password, &migrations, deadline, err);
}

static enum status
pg_lag(void *driver, struct deadline deadline, struct arena *arena, struct bus_lag **ret_rows,
       size_t *ret_n, struct err *err)
{
	struct bus_pg *bus = driver;
	struct pg_result *res;
	enum status st = pg_query(bus->pool, deadline, sql_lag, PG_ARGS(pg_int(BUS_LIST_MAX)),
				  arena, &res, err);

	if (st != STATUS_OK)
		return st;
	size_t n = (size_t)pg_rows(res);
	struct bus_lag *rows = ARENA_ARRAY(arena, struct bus_lag, n + 1);
	for (size_t i = 0; i < n; i++)
		rows[i] = (struct bus_lag){ .group = pg_text(res, (int)i, 0),
					    .topic = pg_text(res, (int)i, 1),
					    .partition = (int32_t)pg_get_int(res, (int)i, 2),
					    .committed = pg_get_int(res, (int)i, 3),
					    .head = pg_get_int(res, (int)i, 4),
					    .owner = pg_text(res, (int)i, 5),
					    .retries = pg_get_int(res, (int)i, 6) };
	*ret_rows = rows;
	*ret_n = n;
	return STATUS_OK;
}

static enum status
pg_partitions(void *driver, struct deadline deadline, const char *topic, int32_t *ret_n,
	      struct err *err)
{
	const struct bus_pg_topic *t;
	enum status st = bus_pg_find_topic(driver, deadline, topic, &t, err);

	if (st == STATUS_OK)
		*ret_n = (int32_t)t->partitions;
	return st;
}

static enum status
pg_tail(void *driver, struct deadline deadline, const char *topic, int32_t partition,
	int64_t *offset, size_t max, struct arena *arena, struct bus_message **ret_messages,
	size_t *ret_n, struct err *err)
{
	struct bus_pg *bus = driver;
	const struct bus_pg_topic *t;
	struct pg_result *res;
	enum status st = bus_pg_find_topic(bus, deadline, topic, &t, err);

	if (st == STATUS_OK && *offset == BUS_FROM_END) {
		st = pg_query(bus->pool, deadline, sql_head,
			      PG_ARGS(pg_int(t->id), pg_int(partition)), arena, &res, err);
		if (st == STATUS_OK)
			*offset = pg_rows(res) > 0 ? pg_get_int(res, 0, 0) : 0;
		*ret_n = 0;
		return st;
	}
	if (st == STATUS_OK)
		st = pg_query(bus->pool, deadline, sql_tail,
			      PG_ARGS(pg_int(t->id), pg_int(partition), pg_int(*offset),
				      pg_int((int64_t)max)),
			      arena, &res, err);
	if (st != STATUS_OK)
		return st;
	size_t n = (size_t)pg_rows(res);
	struct bus_message *messages = ARENA_ARRAY(arena, struct bus_message, n + 1);
	for (size_t i = 0; i < n; i++) {
		bus_pg_read_message(res, (int)i, 0, &messages[i]);
		messages[i].topic = t->name;
		messages[i].partition = partition;
		*offset = messages[i].offset + 1;
	}
	*ret_messages = messages;
	*ret_n = n;
	return STATUS_OK;
}

/* One statement that must find its row. */
static enum status
change(struct bus_pg *bus, struct deadline deadline, const char *sql, const struct pg_arg *args,
       size_t nargs, const char *what, struct err *err)
{
	struct arena *arena = arena_new(1 << 16);
	struct pg_result *res;
	enum status st = pg_query(bus->pool, deadline, sql, args, nargs, arena, &res, err);

	if (st == STATUS_OK && pg_affected(res) == 0)
		st = err_set(err, STATUS_NOT_FOUND, "bus: there is no such %s", what);
	arena_free(arena);
	return st;
}

static enum status
pg_rewind(void *driver, struct deadline deadline, const char *group, const char *topic,
	  struct err *err)
{
	const struct bus_pg_topic *t;
	enum status st = bus_pg_find_topic(driver, deadline, topic, &t, err);

	if (st == STATUS_OK)
		st = change(driver, deadline, sql_rewind, PG_ARGS(pg_str(group), pg_int(t->id)),
			    "group with that topic", err);
	if (st == STATUS_OK)
		bus_pg_wake(driver, BUS_PG_WAKE_GROUP | BUS_PG_WAKE_DATA);
	return st;
}

static enum status
pg_dlq_list(void *driver, struct deadline deadline, const char *group, int64_t after, size_t max,
	    struct arena *arena, struct bus_dead **ret_rows, size_t *ret_n, struct err *err)
{
	struct bus_pg *bus = driver;
	struct pg_result *res;
	enum status st = pg_query(bus->pool, deadline, sql_dlq_list,
				  PG_ARGS(pg_int(after), pg_str(group),
					  pg_int(max < BUS_LIST_MAX ? (int64_t)max : BUS_LIST_MAX)),
				  arena, &res, err);

	if (st != STATUS_OK)
		return st;
	size_t n = (size_t)pg_rows(res);
	struct bus_dead *rows = ARENA_ARRAY(arena, struct bus_dead, n + 1);
	for (int i = 0; i < (int)n; i++) {
		bus_pg_read_message(res, i, 0, &rows[i].message);
		rows[i].seq = pg_get_int(res, i, 8);
		rows[i].message.group = pg_text(res, i, 9);
		rows[i].message.topic = bus_pg_topic_name(bus, pg_get_int(res, i, 10));
		rows[i].message.partition = (int32_t)pg_get_int(res, i, 11);
		rows[i].message.attempt = (unsigned)pg_get_int(res, i, 12);
		rows[i].message.error = pg_text(res, i, 13);
		rows[i].dead_ms = pg_get_time(res, i, 14);
	}
	*ret_rows = rows;
	*ret_n = n;
	return STATUS_OK;
}

static enum status
pg_dlq_replay(void *driver, struct deadline deadline, int64_t seq, struct err *err)
{
	enum status st =
		change(driver, deadline, sql_dlq_replay, PG_ARGS(pg_int(seq)), "dead letter", err);

	if (st == STATUS_OK)
		bus_pg_wake(driver, BUS_PG_WAKE_DATA);
	return st;
}

static enum status
pg_dlq_drop(void *driver, struct deadline deadline, int64_t seq, struct err *err)
{
	return change(driver, deadline, sql_dlq_drop, PG_ARGS(pg_int(seq)), "dead letter", err);
}

const struct bus_admin_driver bus_pg_admin = {
	.migrate = pg_migrate_bus,
	.lag = pg_lag,
	.tail = pg_tail,
	.partitions = pg_partitions,
	.rewind = pg_rewind,
	.dlq_list = pg_dlq_list,
	.dlq_replay = pg_dlq_replay,
	.dlq_drop = pg_dlq_drop,
};
