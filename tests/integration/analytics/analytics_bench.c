/* SPDX-License-Identifier: Apache-2.0 */
/*
 * analytics_bench.c - the consumer's handler beside a bare RowBinary insert of the same rows.
 *
 *	TEST_CLICKHOUSE_URL=… TEST_CLICKHOUSE_PASSWORD=… analytics_bench [events]   (1,000,000)
 *
 * Batch by batch in turn, so that what else the machine does meets both: 10,000 events, as the bus
 * hands them over, through the handler into one table; their rows, made beforehand, into
 * another one.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "fit/workout/v1/event.pb-c.h"

#include "libcommon/base/compiler.h"
#include "libcommon/base/strbuf.h"
#include "libcommon/rpc/pb_arena.h"
#include "libcommon/store/clickhouse_migrate.h"
#include "libcommon/store/pg_migrate.h"
#include "services/analytics/analytics.h"
#include "services/analytics/analytics_consume.h"
#include "services/analytics/analytics_event.h"
#include "tests/integration/analytics/clickhouse_server.h"

#define BATCH 10000
#define START_S INT64_C(1792972800) /* 2026-10-26T00:00:00Z */

extern const struct pg_migration analytics_migration_list[];

static struct bus_message batch[BATCH];
static struct err err;

static double
seconds(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static struct uuid
uuid_of(unsigned kind, unsigned n)
{
	uint8_t name[8];

	memcpy(name, &kind, 4);
	memcpy(name + 4, &n, 4);
	return uuid_v5((struct uuid){ { 1 } }, slice_make(name, sizeof(name)));
}

/* Logged sets, the commonest event: 25 a session, 1,000 users, four weeks. */
static void
make_event(unsigned n, struct arena *arena, struct bus_message *ret_message)
{
	Fit__Workout__V1__LoggedSet *set =
		pb_arena_new(arena, &fit__workout__v1__logged_set__descriptor);
	Fit__Workout__V1__Event event;
	Google__Protobuf__Timestamp time;
	char text[5][UUID_TEXT_SIZE];
	struct uuid ids[5] = { uuid_v7(), uuid_of(0, n / 25 % 1000), uuid_of(1, n / 25),
			       uuid_of(2, n), uuid_of(3, n % 150) };

	for (int i = 0; i < 5; i++)
		uuid_format(&ids[i], text[i]);
	google__protobuf__timestamp__init(&time);
	time.seconds = START_S + n * INT64_C(28) * 86400 / 1000000;
	time.nanos = (int32_t)(n % 1000) * 1000000;
	fit__workout__v1__event__init(&event);
	event.id = text[0];
	event.subject = text[1];
	event.time = &time;
	event.sequence = n;
	event.type_case = FIT__WORKOUT__V1__EVENT__TYPE_SET_LOGGED;
	event.set_logged = set;
	set->session_id = text[2];
	set->set_id = text[3];
	set->exercise_id = text[4];
	set->reps = 5 + n % 8;
	set->weight_g = 20000 + n % 40 * 2500;
	set->rpe_halves = 14 + n % 6;
	set->set_type = (char[]){ "normal" };
	uint8_t *bytes = arena_alloc(arena, protobuf_c_message_get_packed_size(&event.base));
	*ret_message = (struct bus_message){
		.topic = "fit.workout.v1",
		.id = ids[0],
		.type = "set_logged",
		.value = slice_make(bytes, protobuf_c_message_pack(&event.base, bytes)),
	};
}

int
main(int argc, char **argv)
{
	unsigned n = argc > 1 ? (unsigned)atoi(argv[1]) : 1000000;
	struct arena *arena = arena_new(64 << 20), *own = arena_new(4 << 20);
	struct analytics service = { .ch = server_open("analytics_bench") };
	double handler = 0, bare = 0, making = 0, cpu = 0, start;
	struct strbuf rows = STRBUF_INIT;
	char into[512];
	size_t bytes = 0;

	err_init(&err);
	analytics_consume_register_metrics();
	ASSERT_OK(clickhouse_migrate(service.ch, analytics_migration_list, DEADLINE, &err), &err);
	ASSERT_OK(clickhouse_exec(service.ch, DEADLINE, "CREATE TABLE bare AS events",
				  CLICKHOUSE_NO_ARGS, &err),
		  &err);
	snprintf(into, sizeof(into), "bare%s", analytics_event_into + strlen("events"));
	for (unsigned done = 0; done < n; done += BATCH) {
		for (unsigned i = 0; i < BATCH; i++)
			make_event(done + i, arena, &batch[i]);
		strbuf_reset(&rows);
		start = seconds(CLOCK_MONOTONIC);
		for (unsigned i = 0; i < BATCH; i++)
			ASSERT_OK(analytics_event_row(analytics_topic_find(batch[i].topic),
						      batch[i].value, batch[i].type, &batch[i].id,
						      &rows, &err),
				  &err);
		making += seconds(CLOCK_MONOTONIC) - start;
		bytes += rows.len;
		for (int turn = 0; turn < 2; turn++) {
			double cpu_start = seconds(CLOCK_PROCESS_CPUTIME_ID);

			start = seconds(CLOCK_MONOTONIC);
			if ((turn + done / BATCH) % 2 == 0) {
				ASSERT_OK(analytics_consume(&service, batch, BATCH, own, DEADLINE,
							    &err),
					  &err);
				handler += seconds(CLOCK_MONOTONIC) - start;
				cpu += seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu_start;
			} else {
				ASSERT_OK(clickhouse_insert(service.ch, DEADLINE, into,
							    strbuf_slice(&rows), &err),
					  &err);
				bare += seconds(CLOCK_MONOTONIC) - start;
			}
		}
		arena_reset(arena);
		arena_reset(own);
	}
	assert_int_equal(server_number(service.ch, "SELECT uniqExact(event_id) FROM events"),
			 server_number(service.ch, "SELECT uniqExact(event_id) FROM bare"));
	printf("%u events, %zu bytes a row: handler %.2f s (%.2f us CPU an event), bare insert of the same"
	       " batches %.2f s, ratio %.2f; a row is made in %.2f us\n",
	       n, bytes / n, handler, cpu * 1e6 / n, bare, handler / bare, making * 1e6 / n);
	strbuf_fini(&rows);
	arena_free(arena);
	arena_free(own);
	clickhouse_close(service.ch);
	return 0;
}
