/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bus_test_program.c - the parts that a conformance test of the bus puts together, each a process
 * of its own that may be killed. Nothing here knows a driver: the URL does.
 *
 *	bus_test_program migrate
 *	bus_test_program outbox SUBJECTS EACH THREADS PAUSE_MS
 *	bus_test_program relay
 *	bus_test_program produce TOPIC N TYPE
 *	bus_test_program consume GROUP THREADS BATCH TOPIC…
 *
 * migrate: the bus (TEST_BUS_OWNER_URL) and the schema of effects. outbox: commits events, one a
 * transaction. produce: N messages, straight to the bus, 100 at a time. relay and consume go on
 * until SIGTERM.
 *
 * The consumer's effect is a row in `applied`, made with consumer_seen in one transaction. Messages
 * of type "poison" fail for good unless TEST_MENDED is set, those of type "crash" end the process,
 * and while the file TEST_AWAY is there the sink is away. TEST_MIXED: batches of several
 * partitions.
 */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "fit/workout/v1/event.pb-c.h"

#include "libcommon/base/compiler.h"
#include "libcommon/base/rng.h"
#include "libcommon/bus/bus_admin.h"
#include "libcommon/bus/consumer.h"
#include "libcommon/bus/relay.h"
#include "libcommon/observe/log.h"
#include "libcommon/store/pg.h"
#include "libcommon/store/pg_migrate.h"

#define SOURCE "test"
#define TOPIC "fit.workout.v1"
#define CHUNK 100
#define HINT_MS 50

static const struct pg_migration effects[] = {
	{ "0001_init.sql",
	  "CREATE TABLE applied (n bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,"
	  " grp text NOT NULL, id uuid NOT NULL, key uuid NOT NULL, type text NOT NULL,"
	  " sequence bigint NOT NULL, pid integer NOT NULL, part integer NOT NULL,"
	  " attempt integer NOT NULL, at timestamptz NOT NULL DEFAULT clock_timestamp())" },
	{ NULL, NULL },
};
static const struct pg_migrations migrations = { .schema = "bus_test",
						 .app_role = "fit_workout",
						 .list = effects };

static const char *
setting(const char *name)
{
	const char *value = getenv(name);

	if (value == NULL)
		fatal("%s is not set", name);
	return value;
}

static void
check(enum status st, const char *what, const struct err *err)
{
	if (st != STATUS_OK)
		fatal("%s: %s: %s", what, status_name(st), err->text);
}

static struct pg_pool *
open_pg(unsigned size)
{
	struct pg_options opts = { .url = setting("TEST_PG_URL"),
				   .pool_size = size,
				   .prepared = true,
				   .application = "bus_test" };
	struct pg_pool *pg;
	struct err err;

	err_init(&err);
	check(pg_pool_open(&opts, &pg, &err), "postgresql", &err);
	return pg;
}

static struct bus *
open_bus(void)
{
	struct bus *bus;
	struct err err;

	err_init(&err);
	check(bus_open(setting("TEST_BUS_URL"), NULL, &bus, &err), "bus", &err);
	bus_set_lease(bus, atoi(setting("TEST_LEASE_MS")));
	return bus;
}

/* Says that all is up, then waits for SIGTERM (blocked in main); says what it cost. A relay gets
 * hints meanwhile, as from a service's commits. */
static void
run_until_term(struct relay *relay)
{
	const struct timespec hint = { .tv_nsec = HINT_MS * 1000000 };
	struct rusage use;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	puts("ready");
	fflush(stdout);
	while (sigtimedwait(&set, NULL, relay != NULL ? &hint : NULL) != SIGTERM)
		if (relay != NULL)
			relay_wake(relay);
	getrusage(RUSAGE_SELF, &use);
	printf("cpu_us %lld\n", (long long)(use.ru_utime.tv_sec + use.ru_stime.tv_sec) * 1000000 +
					use.ru_utime.tv_usec + use.ru_stime.tv_usec);
	fflush(stdout);
}

/* ---- migrate ---- */

static int
run_migrate(int argc, char **argv)
{
	struct err err;

	(void)argc;
	(void)argv;
	err_init(&err);
	check(bus_migrate(setting("TEST_BUS_OWNER_URL"), NULL, deadline_in(20000), &err), "bus",
	      &err);
	check(pg_migrate(setting("TEST_PG_OWNER_URL"), NULL, &migrations, deadline_in(20000), &err),
	      "effects", &err);
	return 0;
}

/* ---- outbox: a service that commits events ---- */

struct writer {
	pthread_t thread;
	struct pg_pool *pg;
	struct uuid *subjects;
	unsigned nsubjects, each, number;
	int pause_ms;
};

static void
set_envelope(ProtobufCMessage *message, const struct uuid *id, int64_t sequence, int64_t time_ms)
{
	static _Thread_local char text[UUID_TEXT_SIZE];
	Fit__Workout__V1__Event *event = (Fit__Workout__V1__Event *)message;

	(void)time_ms;
	uuid_format(id, text);
	event->id = text;
	event->sequence = sequence;
}

static enum status
on_write(struct pg_tx *tx, void *arg, struct err *err)
{
	const struct writer *w = arg;
	struct uuid subject = w->subjects[rng_below(w->nsubjects)];
	Fit__Workout__V1__PlanDeleted deleted;
	Fit__Workout__V1__Event message;
	char text[UUID_TEXT_SIZE];

	fit__workout__v1__plan_deleted__init(&deleted);
	fit__workout__v1__event__init(&message);
	uuid_format(&subject, text);
	message.subject = text;
	message.type_case = FIT__WORKOUT__V1__EVENT__TYPE_PLAN_DELETED;
	message.plan_deleted = &deleted;
	struct pg_event event = { .topic = TOPIC,
				  .type = "plan_deleted",
				  .subject = subject,
				  .message = &message.base,
				  .set_envelope = set_envelope };
	enum status st = pg_tx_outbox(tx, &event, err);
	/* Transactions of different length: a later `seq` is often committed earlier. */
	if (st == STATUS_OK && w->pause_ms > 0)
		usleep(rng_below((uint32_t)w->pause_ms * 1000));
	return st;
}

static void *
writer_main(void *arg)
{
	struct writer *w = arg;
	struct arena *arena = arena_new(1 << 20);
	struct err err;

	for (unsigned i = 0; i < w->each; i++) {
		struct pg_tx_options opts = { .deadline = deadline_in(20000), .arena = arena };

		arena_reset(arena);
		err_init(&err);
		check(pg_transaction(w->pg, &opts, on_write, w, &err), "outbox", &err);
	}
	arena_free(arena);
	return NULL;
}

static int
run_outbox(int argc, char **argv)
{
	unsigned subjects = (unsigned)atoi(argv[0]), each = (unsigned)atoi(argv[1]);
	unsigned threads = (unsigned)atoi(argv[2]);
	struct uuid *ids = calloc(subjects, sizeof(*ids));
	struct writer *writers = calloc(threads, sizeof(*writers));
	struct pg_pool *pg = open_pg(threads);

	(void)argc;
	for (unsigned i = 0; i < subjects; i++)
		ids[i] = uuid_v4();
	for (unsigned i = 0; i < threads; i++) {
		writers[i] = (struct writer){ .pg = pg,
					      .subjects = ids,
					      .nsubjects = subjects,
					      .each = subjects * each / threads,
					      .pause_ms = atoi(argv[3]) };
		pthread_create(&writers[i].thread, NULL, writer_main, &writers[i]);
	}
	for (unsigned i = 0; i < threads; i++)
		pthread_join(writers[i].thread, NULL);
	pg_pool_close(pg);
	free(writers);
	free(ids);
	return 0;
}

/* ---- relay ---- */

static int
run_relay(int argc, char **argv)
{
	struct pg_pool *pg = open_pg(1);
	struct bus *bus = open_bus();
	struct relay *relay;
	struct err err;

	(void)argc;
	(void)argv;
	err_init(&err);
	check(relay_start(pg, bus, SOURCE, &relay, &err), "relay", &err);
	run_until_term(relay);
	if (!relay_stop(relay, deadline_in(10000)))
		fatal("the relay did not stop");
	relay_free(relay);
	bus_close(bus);
	pg_pool_close(pg);
	return 0;
}

/* ---- produce ---- */

static int
run_produce(int argc, char **argv)
{
	const char *topic = argv[0], *type = argv[2];
	int n = atoi(argv[1]);
	struct bus *bus = open_bus();
	struct uuid keys[CHUNK];
	struct err err;

	(void)argc;
	for (int i = 0; i < CHUNK; i++)
		keys[i] = uuid_v4();
	for (int first = 0; first < n; first += CHUNK) {
		struct bus_message messages[CHUNK];
		char values[CHUNK][16];
		int m = n - first < CHUNK ? n - first : CHUNK;

		for (int i = 0; i < m; i++) {
			snprintf(values[i], sizeof(values[i]), "%d", first / CHUNK + 1);
			messages[i] = (struct bus_message){ .topic = topic,
							    .key = { (char *)keys[i].b, 16 },
							    .value = slice_str(values[i]),
							    .id = uuid_v7(),
							    .type = type,
							    .source = SOURCE,
							    .time_ms = clock_wall_ms() };
		}
		err_init(&err);
		check(bus_produce(bus, deadline_in(10000), messages, (size_t)m, &err), "produce",
		      &err);
		for (int i = 0; i < m; i++) {
			char id[UUID_TEXT_SIZE];

			uuid_format(&messages[i].id, id);
			printf("acked %s\n", id);
		}
		fflush(stdout);
	}
	bus_close(bus);
	return 0;
}

/* ---- consume ---- */

struct sink {
	struct pg_pool *pg;
	const char *group;
};

struct effect {
	const struct sink *sink;
	const struct bus_message *messages;
	size_t n;
};

static const char sql_apply[] =
	"INSERT INTO applied (grp, id, key, type, sequence, pid, part, attempt)"
	" VALUES ($1, $2, $3, $4, $5, $6::int, $7::int, $8::int)";

/* Of an event, or of a message of run_produce. */
static int64_t
sequence_of(const struct bus_message *m)
{
	if (strcmp(m->type, "plan_deleted") != 0)
		return strtoll(m->value.p, NULL, 10);
	Fit__Workout__V1__Event *event =
		fit__workout__v1__event__unpack(NULL, m->value.n, (const uint8_t *)m->value.p);
	if (event == NULL)
		return -1;
	int64_t sequence = event->sequence;
	fit__workout__v1__event__free_unpacked(event, NULL);
	return sequence;
}

static enum status
on_apply(struct pg_tx *tx, void *arg, struct err *err)
{
	const struct effect *e = arg;
	enum status st = STATUS_OK;

	for (size_t i = 0; i < e->n && st == STATUS_OK; i++) {
		const struct bus_message *m = &e->messages[i];
		struct uuid key;
		bool seen;

		memcpy(key.b, m->key.p, sizeof(key.b));
		st = consumer_seen(tx, e->sink->group, &m->id, &seen, err);
		if (st != STATUS_OK || seen)
			continue;
		st = pg_tx_query(tx, sql_apply,
				 PG_ARGS(pg_str(e->sink->group), pg_uuid(&m->id), pg_uuid(&key),
					 pg_str(m->type), pg_int(sequence_of(m)), pg_int(getpid()),
					 pg_int(m->partition), pg_int(m->attempt)),
				 NULL, err);
	}
	return st;
}

static enum status
on_events(void *ctx, const struct bus_message *messages, size_t n, struct arena *arena,
	  struct deadline deadline, struct err *err)
{
	const struct sink *sink = ctx;
	struct effect effect = { sink, messages, n };
	struct pg_tx_options opts = { .deadline = deadline, .arena = arena };
	const char *away = getenv("TEST_AWAY");

	if (away != NULL && access(away, F_OK) == 0)
		return err_set(err, STATUS_UNAVAILABLE, "the sink is away");
	for (size_t i = 0; i < n; i++) {
		if (strcmp(messages[i].type, "poison") == 0 && getenv("TEST_MENDED") == NULL)
			return err_set(err, STATUS_INVALID_ARGUMENT, "this is poison");
		if (strcmp(messages[i].type, "crash") == 0)
			kill(getpid(), SIGKILL);
	}
	if (strcmp(sink->group, "none") == 0)
		return STATUS_OK;
	return pg_transaction(sink->pg, &opts, on_apply, &effect, err);
}

static int
run_consume(int argc, char **argv)
{
	const char *topics[16] = { NULL };
	struct sink sink = { .pg = open_pg(4), .group = argv[0] };
	struct consumer_def def = { .group = argv[0],
				    .topics = topics,
				    .handle = on_events,
				    .threads = (unsigned)atoi(argv[1]),
				    .batch_max = (size_t)atoi(argv[2]),
				    .attempts_max = 3,
				    .mixed = getenv("TEST_MIXED") != NULL,
				    .retry_ms = 50 };
	struct bus *bus = open_bus();
	struct consumer *consumer;
	struct err err;

	for (int i = 3; i < argc && i < 18; i++)
		topics[i - 3] = argv[i];
	err_init(&err);
	check(consumer_start(bus, &def, &sink, &consumer, &err), "consumer", &err);
	run_until_term(NULL);
	if (!consumer_stop(consumer, deadline_in(10000)))
		fatal("the consumer did not stop");
	consumer_free(consumer);
	bus_close(bus);
	pg_pool_close(sink.pg);
	return 0;
}

/* ---- main ---- */

static const struct {
	const char *name;
	int nargs;
	int (*run)(int argc, char **argv);
} commands[] = {
	{ "migrate", 0, run_migrate }, { "outbox", 4, run_outbox },   { "relay", 0, run_relay },
	{ "produce", 3, run_produce }, { "consume", 4, run_consume },
};

int
main(int argc, char **argv)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	log_setup("bus_test", LOG_LEVEL_INFO, STDERR_FILENO);
	for (size_t i = 0; argc > 1 && i < ARRAY_LEN(commands); i++)
		if (strcmp(argv[1], commands[i].name) == 0 && argc - 2 >= commands[i].nargs)
			return commands[i].run(argc - 2, argv + 2);
	fprintf(stderr, "usage: bus_test_program COMMAND ARGUMENTS\n");
	return 2;
}
