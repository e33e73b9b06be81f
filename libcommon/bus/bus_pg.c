/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bus_pg.c - the driver `pg`: opening, topics, producing. migrations/0001_bus.sql says how offsets
 * are given.
 */
#include <stdlib.h>
#include <string.h>

#include "libcommon/base/hashmap.h"
#include "libcommon/base/strbuf.h"
#include "libcommon/bus/bus_pg_private.h"
#include "libcommon/observe/log.h"

#define POOL_SIZE 8
#define PRODUCE_BYTES_MAX (8 << 20)
#define PRODUCE_ATTEMPTS 3
#define MAINTAIN_MS (INT64_C(3600) * 1000)
#define TOPICS_AGAIN_MS 1000

static const char sql_topics[] = "SELECT id, name, partitions FROM topic ORDER BY id";
static const char sql_maintain[] = "SELECT maintain()";
static const char sql_produce[] =
	"WITH m AS (SELECT * FROM unnest($1::int[], $2::int[], $3::uuid[], $4::bytea[], $5::text[],"
	" $6::text[], $7::bigint[], $8::text[], $9::bytea[]) WITH ORDINALITY"
	" AS m (topic_id, part, id, key, type, source, time_ms, traceparent, value, n)),"
	" c AS (SELECT topic_id, part, count(*) AS n FROM m GROUP BY topic_id, part),"
	" locked AS MATERIALIZED (SELECT h.topic_id, h.part FROM partition_head h"
	" WHERE (h.topic_id, h.part) IN (SELECT topic_id, part FROM c)"
	" ORDER BY h.topic_id, h.part FOR UPDATE),"
	" base AS (UPDATE partition_head h SET next_offset = h.next_offset + c.n"
	" FROM locked l JOIN c USING (topic_id, part)"
	" WHERE h.topic_id = l.topic_id AND h.part = l.part"
	" RETURNING h.topic_id, h.part, h.next_offset - c.n AS first)"
	" INSERT INTO log (topic_id, part, \"offset\", id, key, type, source, time, traceparent,"
	" value) SELECT topic_id, part, b.first - 1"
	" + row_number() OVER (PARTITION BY topic_id, part ORDER BY m.n), m.id, m.key, m.type,"
	" m.source, to_timestamp(m.time_ms / 1000.0), nullif(m.traceparent, ''), m.value"
	" FROM m JOIN base b USING (topic_id, part)";

/* ---- wake-ups ---- */

static void
on_wake(void *arg, unsigned bits)
{
	struct bus_pg *bus = arg;

	pthread_mutex_lock(&bus->mutex);
	for (struct bus_member *m = bus->members; m != NULL; m = m->next) {
		atomic_fetch_or(&m->hints, bits);
		pthread_mutex_lock(&m->mutex);
		pthread_cond_signal(&m->todo);
		pthread_mutex_unlock(&m->mutex);
	}
	pthread_mutex_unlock(&bus->mutex);
}

void
bus_pg_wake(struct bus_pg *bus, unsigned bits)
{
	pg_listen_notify(bus->listen, bits);
}

struct timespec
bus_pg_timespec(int64_t mono_ms)
{
	return (struct timespec){ .tv_sec = mono_ms / 1000, .tv_nsec = mono_ms % 1000 * 1000000 };
}

/* ---- topics ---- */

static const struct bus_pg_topic *
known_topic(struct bus_pg *bus, const char *name)
{
	const struct bus_pg_topic *found = NULL;

	pthread_mutex_lock(&bus->mutex);
	for (size_t i = 0; i < bus->ntopics && found == NULL; i++)
		if (strcmp(bus->topics[i].name, name) == 0)
			found = &bus->topics[i];
	pthread_mutex_unlock(&bus->mutex);
	return found;
}

const char *
bus_pg_topic_name(struct bus_pg *bus, int64_t id)
{
	const char *found = "?";

	pthread_mutex_lock(&bus->mutex);
	for (size_t i = 0; i < bus->ntopics; i++)
		if (bus->topics[i].id == id)
			found = bus->topics[i].name;
	pthread_mutex_unlock(&bus->mutex);
	return found;
}

static enum status
load_topics(struct bus_pg *bus, struct deadline deadline, struct err *err)
{
	struct arena *arena = arena_new(1 << 20);
	struct pg_result *res;
	enum status st = pg_query(bus->pool, deadline, sql_topics, PG_ARGS(), arena, &res, err);

	if (st != STATUS_OK)
		goto out;
	pthread_mutex_lock(&bus->mutex);
	/* Ids only grow, and a topic is never taken away. */
	for (int i = (int)bus->ntopics; i < pg_rows(res) && i < BUS_PG_TOPICS_MAX; i++) {
		struct bus_pg_topic *t = &bus->topics[bus->ntopics];

		t->id = pg_get_int(res, i, 0);
		t->name = strdup(pg_text(res, i, 1));
		t->partitions = pg_get_int(res, i, 2);
		if (t->name == NULL)
			panic("bus: no memory");
		bus->ntopics++;
	}
	bus->topics_loaded_ms = clock_mono_ms();
	pthread_mutex_unlock(&bus->mutex);
out:
	arena_free(arena);
	return st;
}

enum status
bus_pg_find_topic(struct bus_pg *bus, struct deadline deadline, const char *name,
		  const struct bus_pg_topic **ret_topic, struct err *err)
{
	const struct bus_pg_topic *topic = known_topic(bus, name);
	enum status st;

	if (topic == NULL) {
		pthread_mutex_lock(&bus->mutex);
		bool again = clock_mono_ms() - bus->topics_loaded_ms >= TOPICS_AGAIN_MS;
		pthread_mutex_unlock(&bus->mutex);
		if (again && (st = load_topics(bus, deadline, err)) != STATUS_OK)
			return st;
		topic = known_topic(bus, name);
	}
	if (topic == NULL)
		return err_set(err, STATUS_INVALID_ARGUMENT, "bus: there is no topic \"%s\"", name);
	*ret_topic = topic;
	return STATUS_OK;
}

/* ---- producing ---- */

/* Columns of the messages, as the statement's arrays. */
struct columns {
	struct strbuf topics, parts, ids, times;
	char **keys, **types, **sources, **traces, **values;
};

static char *
bytea_text(struct slice bytes, struct arena *arena)
{
	static const char digits[] = "0123456789abcdef";
	char *text = arena_alloc(arena, 2 * bytes.n + 3), *p = text;

	*p++ = '\\';
	*p++ = 'x';
	for (size_t i = 0; i < bytes.n; i++) {
		*p++ = digits[(unsigned char)bytes.p[i] >> 4];
		*p++ = digits[bytes.p[i] & 15];
	}
	*p = '\0';
	return text;
}

/* The same key goes to the same partition, whoever produces; it must not change. */
static int64_t
partition_of(const struct bus_pg_topic *topic, struct slice key)
{
	return (int64_t)(hash_siphash24(0, 0, key.p, key.n) % (uint64_t)topic->partitions);
}

static void
add_row(struct columns *c, size_t i, const struct bus_message *m, const struct bus_pg_topic *topic,
	struct arena *arena)
{
	const char *comma = i > 0 ? "," : "{";
	char id[UUID_TEXT_SIZE];

	uuid_format(&m->id, id);
	strbuf_addf(&c->topics, "%s%lld", comma, (long long)topic->id);
	strbuf_addf(&c->parts, "%s%lld", comma, (long long)partition_of(topic, m->key));
	strbuf_addf(&c->ids, "%s%s", comma, id);
	strbuf_addf(&c->times, "%s%lld", comma, (long long)m->time_ms);
	c->keys[i] = bytea_text(m->key, arena);
	c->values[i] = bytea_text(m->value, arena);
	c->types[i] = arena_strdup(arena, m->type);
	c->sources[i] = arena_strdup(arena, m->source);
	c->traces[i] = arena_strdup(arena, m->traceparent != NULL ? m->traceparent : "");
}

static enum status
run_produce(struct bus_pg *bus, struct deadline deadline, struct columns *c, size_t n,
	    struct arena *arena, struct err *err)
{
	struct pg_result *res;
	enum status st =
		pg_query(bus->pool, deadline, sql_produce,
			 PG_ARGS(pg_str(c->topics.buf), pg_str(c->parts.buf), pg_str(c->ids.buf),
				 pg_strings(c->keys, n), pg_strings(c->types, n),
				 pg_strings(c->sources, n), pg_str(c->times.buf),
				 pg_strings(c->traces, n), pg_strings(c->values, n)),
			 arena, &res, err);

	if (st == STATUS_OK && pg_affected(res) != (int64_t)n)
		return err_set(err, STATUS_INTERNAL, "bus: %lld of %zu messages were written",
			       (long long)pg_affected(res), n);
	return st;
}

static enum status
maintain(struct bus_pg *bus, struct deadline deadline, struct err *err)
{
	struct arena *arena = arena_new(1 << 16);
	enum status st = pg_query(bus->pool, deadline, sql_maintain, PG_ARGS(), arena, NULL, err);

	arena_free(arena);
	return st;
}

/* The log's partitions of the next days; whoever comes first in the hour makes them. */
static void
maintain_if_due(struct bus_pg *bus)
{
	int64_t due = atomic_load(&bus->maintain_at_ms), now = clock_mono_ms();
	struct err err;

	err_init(&err);
	if (now < due ||
	    !atomic_compare_exchange_strong(&bus->maintain_at_ms, &due, now + MAINTAIN_MS))
		return;
	if (maintain(bus, deadline_in(BUS_PG_CALL_MS), &err) != STATUS_OK)
		log_warn_err("bus_maintain_failed", &err);
}

static enum status
produce_columns(struct bus_pg *bus, struct deadline deadline, struct columns *c, size_t n,
		struct arena *arena, struct err *err)
{
	enum status st = STATUS_ABORTED;

	for (int i = 0; i < PRODUCE_ATTEMPTS && st == STATUS_ABORTED; i++)
		st = run_produce(bus, deadline, c, n, arena, err);
	/* The day's partition of the log is missing. */
	if (st == STATUS_FAILED_PRECONDITION) {
		st = maintain(bus, deadline, err);
		if (st == STATUS_OK)
			st = run_produce(bus, deadline, c, n, arena, err);
	}
	return st == STATUS_FAILED_PRECONDITION || st == STATUS_ABORTED
		       ? err_set(err, STATUS_UNAVAILABLE, "%s", err != NULL ? err->text : "")
		       : st;
}

static enum status
pg_produce(void *driver, struct deadline deadline, const struct bus_message *messages, size_t n,
	   struct err *err)
{
	struct bus_pg *bus = driver;
	size_t bytes = 0;
	struct err local;
	enum status st = STATUS_OK;

	if (err == NULL)
		err = &local;
	for (size_t i = 0; i < n; i++)
		bytes += messages[i].value.n;
	if (bytes > PRODUCE_BYTES_MAX)
		return err_set(err, STATUS_INVALID_ARGUMENT, "bus: %zu bytes at once, at most %d",
			       bytes, PRODUCE_BYTES_MAX);
	maintain_if_due(bus);
	struct arena *arena = arena_new(8 * PRODUCE_BYTES_MAX);
	struct columns c = { STRBUF_ARENA(arena),
			     STRBUF_ARENA(arena),
			     STRBUF_ARENA(arena),
			     STRBUF_ARENA(arena),
			     .keys = ARENA_ARRAY(arena, char *, n),
			     .types = ARENA_ARRAY(arena, char *, n),
			     .sources = ARENA_ARRAY(arena, char *, n),
			     .traces = ARENA_ARRAY(arena, char *, n),
			     .values = ARENA_ARRAY(arena, char *, n) };
	for (size_t i = 0; i < n && st == STATUS_OK; i++) {
		const struct bus_pg_topic *topic;

		st = bus_pg_find_topic(bus, deadline, messages[i].topic, &topic, err);
		if (st == STATUS_OK)
			add_row(&c, i, &messages[i], topic, arena);
	}
	strbuf_addch(&c.topics, '}');
	strbuf_addch(&c.parts, '}');
	strbuf_addch(&c.ids, '}');
	strbuf_addch(&c.times, '}');
	if (st == STATUS_OK)
		st = produce_columns(bus, deadline, &c, n, arena, err);
	arena_free(arena);
	if (st == STATUS_OK)
		bus_pg_wake(bus, BUS_PG_WAKE_DATA);
	return st;
}

/* ---- opening ---- */

static void
pg_close(void *driver)
{
	struct bus_pg *bus = driver;

	pg_listen_stop(bus->listen);
	pg_pool_close(bus->pool);
	for (size_t i = 0; i < bus->ntopics; i++)
		free(bus->topics[i].name);
	pthread_mutex_destroy(&bus->mutex);
	free(bus);
}

static enum status
pg_open(const char *address, const char *password, void **ret_driver, struct err *err)
{
	struct bus_pg *bus = calloc(1, sizeof(*bus));
	struct pg_options opts = { .url = address,
				   .password = password,
				   .pool_size = POOL_SIZE,
				   .prepared = true,
				   .application = "fit-bus" };

	if (bus == NULL)
		panic("bus: no memory");
	pthread_mutex_init(&bus->mutex, NULL);
	enum status st = pg_pool_open(&opts, &bus->pool, err);
	if (st == STATUS_OK)
		st = load_topics(bus, deadline_in(BUS_PG_CALL_MS), err);
	if (st == STATUS_OK) {
		maintain_if_due(bus);
		bus->listen = pg_listen_start(address, password, "fit_bus", on_wake, bus);
		*ret_driver = bus;
		return STATUS_OK;
	}
	err_context(err, "bus");
	pg_close(bus);
	return st;
}

const struct bus_driver bus_pg_driver = {
	.scheme = "pg",
	.open = pg_open,
	.close = pg_close,
	.produce = pg_produce,
	.join = bus_pg_join,
	.next = bus_pg_next,
	.settle = bus_pg_settle,
	.pause = bus_pg_pause,
	.interrupt = bus_pg_interrupt,
	.leave = bus_pg_leave,
	.admin = &bus_pg_admin,
};
