/* SPDX-License-Identifier: Apache-2.0 */
/* Transactions: all or nothing, the idempotency key, events and revisions, retries. */
#include "tests/integration/store/store_test.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "libcommon/base/compiler.h"
#include "google/rpc/error_details.pb-c.h"
#include "google/rpc/status.pb-c.h"

#define D(ms) deadline_in(ms)

static struct pg_pool *pool;
static struct arena *arena;
static struct err err;
static char done[] = "done";

static const char sql_add[] = "INSERT INTO t_effect (owner, n) VALUES ($1, $2)";
static const char sql_count[] = "SELECT count(*) FROM t_effect";

static int
setup_pool(void **state, bool prepared)
{
	(void)state;
	err_init(&err);
	pool = store_test_pool(8, prepared);
	arena = arena_new(1 << 20);
	ask("sql TRUNCATE outbox, sync_change, subject_counter, idempotency; CREATE TABLE t_effect "
	    "(owner uuid,"
	    " n bigint)");
	return 0;
}

static int
setup(void **state)
{
	return setup_pool(state, true);
}

static int
setup_unprepared(void **state)
{
	return setup_pool(state, false);
}

static int
teardown(void **state)
{
	(void)state;
	ask("sql DROP TABLE t_effect");
	arena_free(arena);
	pg_pool_close(pool);
	return 0;
}

/* ---- a change with everything a change has ---- */

/* An event whose envelope the store completes: ErrorInfo stands in for a service's Event. */
struct event {
	Google__Rpc__ErrorInfo info;
	char id[UUID_TEXT_SIZE], sequence[24];
};

static void
set_envelope(ProtobufCMessage *message, const struct uuid *id, int64_t sequence, int64_t time_ms)
{
	struct event *e = container_of((Google__Rpc__ErrorInfo *)message, struct event, info);

	assert_true(time_ms > 0);
	uuid_format(id, e->id);
	snprintf(e->sequence, sizeof(e->sequence), "%lld", (long long)sequence);
	e->info.reason = e->id;
	e->info.domain = e->sequence;
}

struct change {
	struct uuid owner;
	int64_t n;
	int events, syncs;
	enum status end;
	Google__Rpc__Status reply;
	int64_t rev;
	int runs;
};

static enum status
write_event(struct pg_tx *tx, const struct change *c, struct err *e)
{
	struct event event;
	struct pg_event out = { .topic = "fit.test.v1",
				.type = "changed",
				.subject = c->owner,
				.message = &event.info.base,
				.traceparent =
					"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
				.set_envelope = set_envelope };

	google__rpc__error_info__init(&event.info);
	return pg_tx_outbox(tx, &out, e);
}

static enum status
on_change(struct pg_tx *tx, void *arg, struct err *e)
{
	struct change *c = arg;
	struct uuid id = uuid_v7();
	enum status st = STATUS_OK;

	c->runs++;
	for (int i = 0; i < c->syncs && st == STATUS_OK; i++)
		st = pg_tx_sync(tx, &c->owner, "thing", &id, i % 2, &c->rev, e);
	if (st == STATUS_OK)
		st = pg_tx_query(tx, sql_add, PG_ARGS(pg_uuid(&c->owner), pg_int(c->n)), NULL, e);
	for (int i = 0; i < c->events && st == STATUS_OK; i++)
		st = write_event(tx, c, e);
	google__rpc__status__init(&c->reply);
	c->reply.code = (int32_t)c->n;
	c->reply.message = done;
	if (st == STATUS_OK && c->end != STATUS_OK)
		st = err_set(e, c->end, "as asked");
	return st;
}

static enum status
change(struct change *c, const char *key, const char *fingerprint, bool *ret_replayed,
       struct err *e)
{
	struct arena *a = arena_new(1 << 20);
	struct pg_idem idem = { .owner = c->owner,
				.method = "/fit.test.v1.Test/Change",
				.key = slice_str(key),
				.fingerprint = slice_str(fingerprint),
				.reply = &c->reply.base };
	struct pg_tx_options opts = { .deadline = D(10000), .arena = a, .idem = &idem };

	google__rpc__status__init(&c->reply);
	enum status st = pg_transaction(pool, &opts, on_change, c, e);
	if (ret_replayed != NULL)
		*ret_replayed = idem.replayed;
	if (idem.replayed) {
		assert_string_equal("done", c->reply.message);
		c->reply.message = done;
	}
	arena_free(a);
	return st;
}

#define COUNT(sql) store_test_number(pool, sql)
static const char sql_outbox[] = "SELECT count(*) FROM outbox";
static const char sql_changes[] = "SELECT count(*) FROM sync_change";
static const char sql_keys[] = "SELECT count(*) FROM idempotency";
static const char sql_counters[] = "SELECT count(*) FROM subject_counter";

static void
test_pg_tx_rollback_leaves_nothing(void **state)
{
	struct change c = { .owner = uuid_v4(), .events = 2, .syncs = 2, .end = STATUS_NOT_FOUND };

	(void)state;
	ASSERT_STATUS(STATUS_NOT_FOUND, change(&c, "k", "f", NULL, &err), &err);
	assert_string_equal("as asked", err.text);
	assert_int_equal(0, COUNT(sql_count) + COUNT(sql_outbox) + COUNT(sql_changes) +
				    COUNT(sql_keys) + COUNT(sql_counters));
	/* The key is free again, and numbers begin at one. */
	c.end = STATUS_OK;
	ASSERT_OK(change(&c, "k", "f", NULL, &err), &err);
	assert_int_equal(1, COUNT(sql_count));
	assert_int_equal(2, COUNT(sql_outbox));
	assert_int_equal(1, COUNT(sql_changes)); /* one thing at one revision */
	assert_int_equal(1, COUNT(sql_keys));
	assert_int_equal(2, COUNT("SELECT max(sequence) FROM outbox"));
	assert_int_equal(2, COUNT("SELECT sequence FROM subject_counter"));
	assert_int_equal(1, COUNT("SELECT rev FROM sync_revision"));
	assert_int_equal(3, COUNT("SELECT next FROM outbox_sequence"));
	assert_int_equal(1, c.rev);
}

static void
test_pg_tx_outbox_row(void **state)
{
	static const char sql[] =
		"SELECT id, topic, type, subject, sequence, payload, traceparent, created_at,"
		" txid::text, seq FROM outbox ORDER BY seq";
	struct change c = { .owner = uuid_v4(), .events = 2 };
	struct pg_result *res;
	char id[UUID_TEXT_SIZE];

	(void)state;
	ASSERT_OK(change(&c, "", "", NULL, &err), &err);
	assert_int_equal(0, COUNT(sql_keys)); /* no key, no row */
	ASSERT_OK(pg_query(pool, D(5000), sql, PG_ARGS(), arena, &res, &err), &err);
	assert_int_equal(2, pg_rows(res));
	for (int i = 0; i < 2; i++) {
		struct uuid uuid = pg_get_uuid(res, i, 0), subject = pg_get_uuid(res, i, 3);
		struct slice payload = pg_get_bytes(res, i, 5);

		uuid_format(&uuid, id);
		assert_string_equal("fit.test.v1", pg_text(res, i, 1));
		assert_string_equal("changed", pg_text(res, i, 2));
		assert_true(uuid_eq(&c.owner, &subject));
		assert_int_equal(i + 1, pg_get_int(res, i, 4));
		Google__Rpc__ErrorInfo *info =
			google__rpc__error_info__unpack(NULL, payload.n,
							(const uint8_t *)payload.p);
		assert_non_null(info);
		assert_string_equal(id, info->reason);
		assert_int_equal(i + 1, atoi(info->domain));
		google__rpc__error_info__free_unpacked(info, NULL);
		assert_int_equal(55, strlen(pg_text(res, i, 6)));
		assert_true(llabs(clock_wall_ms() - pg_get_time(res, i, 7)) < 60000);
		assert_true(atol(pg_text(res, i, 8)) > 0);
	}
}

/* More rows than one flush of the queue holds. */
static void
test_pg_tx_many_events(void **state)
{
	struct change c = { .owner = uuid_v4(), .events = 300, .syncs = 1 };

	(void)state;
	ASSERT_OK(change(&c, "k", "f", NULL, &err), &err);
	assert_int_equal(300, COUNT("SELECT count(DISTINCT sequence) FROM outbox"));
	assert_int_equal(300, COUNT("SELECT max(sequence) FROM outbox"));
	assert_int_equal(300, COUNT("SELECT sequence FROM subject_counter"));
}

static void
test_pg_tx_round_trips(void **state)
{
	struct change c = { .owner = uuid_v4(), .events = 1, .syncs = 1 };
	struct pg_pool_stats before, after;

	(void)state;
	for (int i = 0; i < 2; i++) {
		char key[16];

		snprintf(key, sizeof(key), "k%d", i);
		pg_pool_stats(pool, &before);
		ASSERT_OK(change(&c, key, "f", NULL, &err), &err);
		pg_pool_stats(pool, &after);
		/*
		 * BEGIN + key | subject | own statement | event, counters, reply, COMMIT: the
		 * first use prepares in the same round trips. A purge of old keys (one in 64)
		 * is one more statement.
		 */
		assert_int_equal(4, after.round_trips - before.round_trips);
		assert_in_range(after.statements - before.statements, 9, 10);
	}
	printf("round trips of a change with key, revision and event: %llu (%llu statements)\n",
	       after.round_trips - before.round_trips, after.statements - before.statements);
	pg_pool_stats(pool, &before);
	ASSERT_STATUS(STATUS_OK, change(&c, "k1", "f", NULL, &err), &err);
	pg_pool_stats(pool, &after);
	assert_int_equal(2, after.round_trips - before.round_trips); /* a replay */
}

/* ---- what is queued ---- */

static const char sql_answer[] = "SELECT $1::bigint + 1";
static const char sql_plan_mode[] = "SELECT current_setting('plan_cache_mode')";

struct queued {
	struct uuid owner;
	bool numbers, breaks, settles;
	int64_t answer, rev;
};

static enum status
on_queued(struct pg_tx *tx, void *arg, struct err *e)
{
	struct queued *q = arg;
	struct pg_result *answer;
	enum status st = pg_tx_lock_subject(tx, &q->owner, e);

	if (st == STATUS_OK)
		st = pg_tx_ask(tx, sql_answer, PG_ARGS(pg_int(41)), &answer, e);
	if (st == STATUS_OK)
		st = pg_tx_settle(tx, e);
	if (st != STATUS_OK)
		return st;
	q->answer = pg_get_int(answer, 0, 0);
	st = pg_tx_exec(tx, sql_add, PG_ARGS(q->breaks ? pg_str("no uuid") : pg_null(), pg_int(1)),
			e);
	if (st == STATUS_OK && q->numbers)
		st = pg_tx_sync(tx, &q->owner, "thing", &q->owner, false, &q->rev, e);
	return st == STATUS_OK && q->settles ? pg_tx_settle(tx, e) : st;
}

static enum status
run_queued(struct queued *q, unsigned long long *ret_round_trips)
{
	struct pg_tx_options opts = { .deadline = D(5000), .arena = arena };
	struct pg_pool_stats before, after;

	pg_pool_stats(pool, &before);
	enum status st = pg_transaction(pool, &opts, on_queued, q, &err);
	pg_pool_stats(pool, &after);
	*ret_round_trips = after.round_trips - before.round_trips;
	return st;
}

static void
test_pg_tx_queued(void **state)
{
	struct queued q = { .owner = uuid_v4(), .numbers = true };
	unsigned long long n;

	(void)state;
	for (int i = 1; i <= 3; i++) {
		ASSERT_OK(run_queued(&q, &n), &err);
		/* BEGIN, lock, question | statement, revision, counters, COMMIT */
		assert_int_equal(2, n);
		assert_int_equal(42, q.answer);
		assert_int_equal(i, q.rev);
	}
	/* A lock by itself numbers nothing. */
	q.numbers = false;
	ASSERT_OK(run_queued(&q, &n), &err);
	assert_int_equal(3, COUNT("SELECT rev FROM subject_counter"));
	assert_int_equal(3, COUNT("SELECT count(*) FROM sync_change"));
	assert_int_equal(4, COUNT(sql_count));
}

static void
test_pg_tx_queued_fails(void **state)
{
	struct queued q = { .owner = uuid_v4(), .numbers = true, .breaks = true };
	unsigned long long n;

	(void)state;
	for (int i = 0; i < 2; i++) {
		q.settles = i > 0;
		assert_int_not_equal(STATUS_OK, run_queued(&q, &n));
		assert_int_equal(0, COUNT(sql_count));
		assert_int_equal(0, COUNT("SELECT count(*) FROM subject_counter"));
	}
}

static void
test_pg_tx_plans_once(void **state)
{
	struct pg_result *res;

	(void)state;
	ASSERT_OK(pg_query(pool, D(5000), sql_plan_mode, PG_ARGS(), arena, &res, &err), &err);
	assert_string_equal("force_generic_plan", pg_text(res, 0, 0));
}

/* ---- idempotency ---- */

static void
test_pg_tx_replay(void **state)
{
	struct change c = { .owner = uuid_v4(), .n = 7, .events = 1, .syncs = 1 };
	bool replayed;

	(void)state;
	ASSERT_OK(change(&c, "key-1", "print", &replayed, &err), &err);
	assert_false(replayed);
	c.n = 8; /* not looked at: on_change does not run */
	ASSERT_OK(change(&c, "key-1", "print", &replayed, &err), &err);
	assert_true(replayed);
	assert_int_equal(7, c.reply.code);
	assert_int_equal(1, c.runs);
	assert_int_equal(1, COUNT(sql_count));
	assert_int_equal(1, COUNT(sql_outbox));
	/* Another request under the same key. */
	ASSERT_STATUS(STATUS_INVALID_ARGUMENT, change(&c, "key-1", "other", NULL, &err), &err);
	assert_string_equal("IDEMPOTENCY_KEY_REUSED", err.reason);
	assert_true(err.public_text[0] != '\0');
	/* Somebody else's key is another key. */
	struct change d = { .owner = uuid_v4(), .n = 9 };
	ASSERT_OK(change(&d, "key-1", "other", &replayed, &err), &err);
	assert_false(replayed);
	assert_int_equal(2, COUNT(sql_count));
}

static void
test_pg_tx_expired_key_is_new(void **state)
{
	struct change c = { .owner = uuid_v4(), .n = 1 };
	bool replayed;

	(void)state;
	ASSERT_OK(change(&c, "k", "f", NULL, &err), &err);
	assert_int_equal(
		1,
		COUNT("SELECT count(*) FROM idempotency WHERE expires_at BETWEEN now() + interval"
		      " '23 hours 59 minutes' AND now() + interval '24 hours 1 minute'"));
	ask("sql UPDATE idempotency SET expires_at = now() - interval '1 second'");
	ASSERT_OK(change(&c, "k", "another", &replayed, &err), &err);
	assert_false(replayed);
	assert_int_equal(2, COUNT(sql_count));
	assert_int_equal(1, COUNT(sql_keys));
}

/* Expired rows go with later commits, without a job. */
static void
test_pg_tx_expired_keys_are_removed(void **state)
{
	static const char sql_expired[] =
		"SELECT count(*) FROM idempotency WHERE expires_at < now()";
	struct change c = { .owner = uuid_v4() };
	char key[16];

	(void)state;
	ask("sql INSERT INTO idempotency (owner, key, method, fingerprint, expires_at) SELECT "
	    "gen_random_uuid(),"
	    " 'k', 'm', 'f', now() - interval '1 hour' FROM generate_series(1, 100)");
	assert_int_equal(100, COUNT(sql_expired));
	for (int i = 0; COUNT(sql_expired) > 0; i++) {
		assert_true(i < 2000); /* (63/64)^2000: never by chance */
		snprintf(key, sizeof(key), "%d", i);
		ASSERT_OK(change(&c, key, "f", NULL, &err), &err);
	}
}

struct race {
	struct uuid owner;
	atomic_int ok, replayed, other;
};

static void
race_one(void *arg, unsigned i)
{
	struct race *r = arg;
	struct change c = { .owner = r->owner, .n = 5, .events = 1, .syncs = 1 };
	struct err local;
	bool replayed = false;

	(void)i;
	err_init(&local);
	if (change(&c, "the-key", "the-print", &replayed, &local) != STATUS_OK)
		atomic_fetch_add(&r->other, 1);
	else
		atomic_fetch_add(replayed ? &r->replayed : &r->ok, 1);
	if (c.reply.code != 5)
		atomic_fetch_add(&r->other, 1000);
}

/* 20 threads on 8 connections send the same request: one effect, 19 replays of its reply. */
static void
test_pg_tx_same_key_at_once(void **state)
{
	(void)state;
	for (int round = 0; round < 5; round++) {
		struct race r = { .owner = uuid_v4() };

		store_test_threads(20, race_one, &r);
		assert_int_equal(0, atomic_load(&r.other));
		assert_int_equal(1, atomic_load(&r.ok));
		assert_int_equal(19, atomic_load(&r.replayed));
		assert_int_equal(round + 1, COUNT(sql_count));
		assert_int_equal(round + 1, COUNT(sql_outbox));
		assert_int_equal(round + 1, COUNT(sql_changes));
	}
}

struct holder {
	struct uuid owner;
	struct testkit_latch *inside, *leave;
	enum status st;
	bool fail;
};

static enum status
on_hold(struct pg_tx *tx, void *arg, struct err *e)
{
	struct holder *h = arg;
	enum status st = pg_tx_query(tx, sql_add, PG_ARGS(pg_uuid(&h->owner), pg_int(1)), NULL, e);

	testkit_latch_down(h->inside);
	testkit_latch_wait_for(h->leave, 10000);
	return h->fail ? err_set(e, STATUS_NOT_FOUND, "holder fails") : st;
}

static void *
hold(void *arg)
{
	struct holder *h = arg;
	struct arena *a = arena_new(1 << 16);
	Google__Rpc__Status reply;
	struct pg_idem idem = { .owner = h->owner,
				.method = "/fit.test.v1.Test/Change",
				.key = slice_str("held"),
				.fingerprint = slice_str("f"),
				.reply = &reply.base };
	struct pg_tx_options opts = { .deadline = D(20000), .arena = a, .idem = &idem };
	struct err local;

	err_init(&local);
	google__rpc__status__init(&reply);
	h->st = pg_transaction(pool, &opts, on_hold, h, &local);
	arena_free(a);
	return NULL;
}

/* The first call is still running when the second one's time is up. */
static void
test_pg_tx_key_in_progress(void **state)
{
	struct holder h = { .owner = uuid_v4(),
			    .inside = testkit_latch_new(1),
			    .leave = testkit_latch_new(1) };
	struct change c = { .owner = h.owner };
	struct pg_idem idem = { .owner = h.owner,
				.method = "/fit.test.v1.Test/Change",
				.key = slice_str("held"),
				.fingerprint = slice_str("f"),
				.reply = &c.reply.base };
	struct pg_tx_options opts = { .deadline = D(2000), .arena = arena, .idem = &idem };
	pthread_t thread;

	(void)state;
	google__rpc__status__init(&c.reply);
	pthread_create(&thread, NULL, hold, &h);
	LATCH_WAIT(h.inside);
	ASSERT_STATUS(STATUS_ABORTED, pg_transaction(pool, &opts, on_change, &c, &err), &err);
	assert_string_equal("IDEMPOTENCY_IN_PROGRESS", err.reason);
	assert_int_equal(0, c.runs);
	testkit_latch_down(h.leave);
	pthread_join(thread, NULL);
	assert_int_equal(STATUS_OK, h.st);
	testkit_latch_free(h.inside);
	testkit_latch_free(h.leave);
}

static void *
change_held(void *arg)
{
	struct change *c = arg;
	struct err local;

	err_init(&local);
	c->end = STATUS_OK;
	c->rev = change(c, "held", "f", NULL, &local);
	return NULL;
}

/* The first call fails: the second, which waited for it, does the work. */
static void
test_pg_tx_key_after_rollback(void **state)
{
	struct holder h = { .owner = uuid_v4(),
			    .inside = testkit_latch_new(1),
			    .leave = testkit_latch_new(1),
			    .fail = true };
	struct change c = { .owner = h.owner };
	pthread_t holder, waiter;

	(void)state;
	pthread_create(&holder, NULL, hold, &h);
	LATCH_WAIT(h.inside);
	pthread_create(&waiter, NULL, change_held, &c);
	for (int i = 0;
	     COUNT("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'") == 0;
	     i++) {
		assert_true(i < 500);
		usleep(10000);
	}
	testkit_latch_down(h.leave);
	pthread_join(holder, NULL);
	pthread_join(waiter, NULL);
	assert_int_equal(STATUS_NOT_FOUND, h.st);
	assert_int_equal(STATUS_OK, c.rev);
	assert_int_equal(1, c.runs);
	assert_int_equal(1, COUNT(sql_count));
	testkit_latch_free(h.inside);
	testkit_latch_free(h.leave);
}

/* ---- concurrency ---- */

struct load {
	struct uuid subjects[3];
	atomic_int failures;
	atomic_llong last_rev;
};

static void
load_one(void *arg, unsigned i)
{
	struct load *l = arg;

	for (unsigned k = 0; k < 60; k++) {
		struct change c = { .owner = l->subjects[(i + k) % 3],
				    .n = k,
				    .events = 1 + (int)(k % 3),
				    .syncs = 1,
				    .end = k % 7 == 3 ? STATUS_CANCELLED : STATUS_OK };
		struct err local;

		err_init(&local);
		if (change(&c, "", "", NULL, &local) != c.end) {
			atomic_fetch_add(&l->failures, 1);
			fprintf(stderr, "%s\n", local.text);
		}
	}
}

/* 8 threads, 3 subjects, one in seven rolls back: no gap, no double, order of commit. */
static void
test_pg_tx_sequences_are_gapless(void **state)
{
	struct load l = { .subjects = { uuid_v4(), uuid_v4(), uuid_v4() } };

	(void)state;
	store_test_threads(8, load_one, &l);
	assert_int_equal(0, atomic_load(&l.failures));
	assert_int_equal(
		3, COUNT("SELECT count(*) FROM (SELECT subject FROM outbox GROUP BY subject HAVING"
			 " min(sequence) = 1 AND max(sequence) = count(*) AND count(DISTINCT "
			 "sequence) ="
			 " count(*)) AS whole"));
	assert_int_equal(
		0,
		COUNT("SELECT count(*) FROM outbox o JOIN outbox_sequence s USING (subject) WHERE"
		      " o.sequence >= s.next"));
	/*
	 * Order of commit: a later sequence of a subject was never written by an earlier
	 * snapshot.
	 */
	assert_int_equal(
		0, COUNT("SELECT count(*) FROM outbox a JOIN outbox b ON a.subject = b.subject AND"
			 " a.sequence < b.sequence AND a.seq > b.seq"));
	/* Revisions: each transaction its own, strictly rising, none above the counter. */
	assert_int_equal(
		0, COUNT("SELECT count(*) FROM (SELECT user_id, rev FROM sync_change GROUP BY 1, 2"
			 " HAVING count(*) > 1) AS twice"));
	assert_int_equal(COUNT(sql_count), COUNT(sql_changes));
	assert_int_equal(COUNT("SELECT sum(rev)::bigint FROM sync_revision"), COUNT(sql_changes));
}

struct transfer {
	struct pg_pool *pool;
	bool serializable, crosswise;
	struct uuid a, b;
	atomic_int failures, runs;
	struct testkit_latch *all_have_read;
};

static enum status
on_transfer(struct pg_tx *tx, void *arg, struct err *e)
{
	static const char sql_read[] = "SELECT coalesce(sum(n), 0)::bigint FROM t_effect";
	struct transfer *t = arg;
	struct pg_result *res;
	enum status st = pg_tx_query(tx, sql_read, PG_ARGS(), &res, e);

	/* The first three read the same: two of them have to go again. */
	if (atomic_fetch_add(&t->runs, 1) < 3) {
		testkit_latch_down(t->all_have_read);
		testkit_latch_wait_for(t->all_have_read, 10000);
	}
	if (st == STATUS_OK)
		st = pg_tx_query(tx, sql_add,
				 PG_ARGS(pg_uuid(&t->a), pg_int(pg_get_int(res, 0, 0) + 1)), NULL,
				 e);
	return st;
}

static enum status
on_crosswise(struct pg_tx *tx, void *arg, struct err *e)
{
	struct transfer *t = arg;
	struct uuid id = uuid_v4();
	bool turn = atomic_fetch_add(&t->runs, 1) % 2 == 0;
	enum status st = pg_tx_sync(tx, turn ? &t->a : &t->b, "x", &id, false, NULL, e);

	usleep(2000);
	return st != STATUS_OK ? st
			       : pg_tx_sync(tx, turn ? &t->b : &t->a, "x", &id, false, NULL, e);
}

static void
transfer_one(void *arg, unsigned i)
{
	struct transfer *t = arg;
	struct arena *a = arena_new(1 << 20);

	(void)i;
	for (int k = 0; k < 5; k++) {
		struct pg_tx_options opts = { .deadline = D(20000),
					      .arena = a,
					      .serializable = t->serializable };
		struct err local;
		enum status st;

		err_init(&local);
		/* The pool tries four times; under this contention the caller may have to go on. */
		do
			st = pg_transaction(pool, &opts, t->crosswise ? on_crosswise : on_transfer,
					    t, &local);
		while (st == STATUS_ABORTED);
		if (st != STATUS_OK) {
			atomic_fetch_add(&t->failures, 1);
			fprintf(stderr, "%s\n", local.text);
		}
	}
	arena_free(a);
}

/* Each writes one more than the sum it read: serial execution gives 1, 2, 4, 8 … */
static void
test_pg_tx_serialization_retry(void **state)
{
	struct transfer t = { .serializable = true,
			      .a = uuid_v4(),
			      .all_have_read = testkit_latch_new(3) };

	(void)state;
	store_test_threads(3, transfer_one, &t);
	assert_int_equal(0, atomic_load(&t.failures));
	testkit_latch_free(t.all_have_read);
	assert_true(atomic_load(&t.runs) >= 15 + 2);
	assert_int_equal(15, COUNT(sql_count));
	assert_int_equal((1 << 15) - 1, COUNT("SELECT sum(n)::bigint FROM t_effect"));
}

static void
test_pg_tx_deadlock_retry(void **state)
{
	struct transfer t = { .crosswise = true, .a = uuid_v4(), .b = uuid_v4() };

	(void)state;
	store_test_threads(2, transfer_one, &t);
	assert_int_equal(0, atomic_load(&t.failures));
	assert_int_equal(20, COUNT(sql_changes));
	assert_int_equal(2, COUNT("SELECT count(*) FROM sync_revision WHERE rev = 10"));
}

/* ---- misuse, loss ---- */

static enum status
on_nested(struct pg_tx *tx, void *arg, struct err *e)
{
	struct pg_tx_options opts = { .deadline = D(5000), .arena = arena };

	(void)tx;
	(void)arg;
	ASSERT_STATUS(STATUS_INTERNAL, pg_transaction(pool, &opts, on_nested, NULL, e), e);
	ASSERT_STATUS(STATUS_INTERNAL, pg_ping(pool, D(5000), e), e);
	ASSERT_CONTAINS(e->text, "inside a transaction");
	return STATUS_OK;
}

static enum status
on_ignored_failure(struct pg_tx *tx, void *arg, struct err *e)
{
	static const char sql_bad[] = "SELECT 1/0";

	(void)arg;
	ASSERT_STATUS(STATUS_INTERNAL, pg_tx_query(tx, sql_bad, PG_ARGS(), NULL, e), e);
	return STATUS_OK;
}

static enum status
on_write(struct pg_tx *tx, void *arg, struct err *e)
{
	return pg_tx_query(tx, sql_add, PG_ARGS(pg_uuid(arg), pg_int(1)), NULL, e);
}

static void
test_pg_tx_misuse(void **state)
{
	struct pg_tx_options opts = { .deadline = D(5000), .arena = arena };
	struct uuid id = uuid_v4();

	(void)state;
	ASSERT_OK(pg_transaction(pool, &opts, on_nested, NULL, &err), &err);
	ASSERT_STATUS(STATUS_INTERNAL, pg_transaction(pool, &opts, on_ignored_failure, NULL, &err),
		      &err);
	ASSERT_CONTAINS(err.text, "after a statement had failed");
	opts.read_only = true;
	ASSERT_STATUS(STATUS_UNAVAILABLE, pg_transaction(pool, &opts, on_write, &id, &err), &err);
	ASSERT_CONTAINS(err.text, "25006");
	assert_int_equal(0, COUNT(sql_count));
}

static enum status
on_lost(struct pg_tx *tx, void *arg, struct err *e)
{
	int *runs = arg;
	struct uuid id = uuid_v4();
	enum status st = pg_tx_query(tx, sql_add, PG_ARGS(pg_uuid(&id), pg_int(1)), NULL, e);

	if (st == STATUS_OK && (*runs)++ == 0)
		ask("restart postgres");
	return st != STATUS_OK
		       ? st
		       : pg_tx_query(tx, sql_add, PG_ARGS(pg_uuid(&id), pg_int(2)), NULL, e);
}

/* A server that restarts in the middle costs an attempt, not the call. */
static void
test_pg_tx_server_restart_is_retried(void **state)
{
	struct pg_tx_options opts = { .deadline = D(10000), .arena = arena };
	int runs = 0;

	(void)state;
	ASSERT_OK(pg_transaction(pool, &opts, on_lost, &runs, &err), &err);
	assert_int_equal(2, runs);
	assert_int_equal(2, COUNT(sql_count));
}

static enum status
on_all_columns(struct pg_tx *tx, void *arg, struct err *e)
{
	static const char sql_all[] = "SELECT * FROM t_effect";

	return pg_tx_query(tx, sql_all, PG_ARGS(), arg, e);
}

/* A prepared statement whose table changed: the transaction goes again on a new connection. */
static void
test_pg_tx_survives_schema_change(void **state)
{
	struct pg_tx_options opts = { .deadline = D(10000), .arena = arena };
	struct pg_result *res;
	struct change c = { .owner = uuid_v4() };

	(void)state;
	ASSERT_OK(change(&c, "", "", NULL, &err), &err);
	ASSERT_OK(pg_transaction(pool, &opts, on_all_columns, &res, &err), &err);
	ask("sql ALTER TABLE t_effect ADD extra text DEFAULT 'new'");
	ASSERT_OK(pg_transaction(pool, &opts, on_all_columns, &res, &err), &err);
	assert_string_equal("new", pg_text(res, 0, 2));
}

static enum status
on_too_slow(struct pg_tx *tx, void *arg, struct err *e)
{
	static const char sql_sleep[] = "SELECT pg_sleep(60)";
	enum status st = on_write(tx, arg, e);

	return st != STATUS_OK ? st : pg_tx_query(tx, sql_sleep, PG_ARGS(), NULL, e);
}

static void
test_pg_tx_deadline(void **state)
{
	struct pg_tx_options opts = { .deadline = D(500), .arena = arena };
	struct uuid id = uuid_v4();
	int64_t start = clock_mono_ms();

	(void)state;
	ASSERT_STATUS(STATUS_DEADLINE_EXCEEDED, pg_transaction(pool, &opts, on_too_slow, &id, &err),
		      &err);
	assert_in_range(clock_mono_ms() - start, 490, 20000);
	assert_int_equal(0, COUNT(sql_count));
	/* Cancelled and closed: nothing holds locks. */
	ask("sql BEGIN; SET LOCAL lock_timeout = '10s'; LOCK TABLE t_effect; COMMIT");
}

static enum status
on_freeze(struct pg_tx *tx, void *arg, struct err *e)
{
	enum status st = on_change(tx, arg, e);

	if (st == STATUS_OK)
		ask("freeze postgres");
	return st;
}

/* The COMMIT is sent and its answer does not come: the key says what became of it. */
static void
test_pg_tx_unknown_commit(void **state)
{
	struct change c = { .owner = uuid_v4(), .n = 4, .events = 1, .syncs = 1 };
	struct pg_idem idem = { .owner = c.owner,
				.method = "/fit.test.v1.Test/Change",
				.key = slice_str("k"),
				.fingerprint = slice_str("f"),
				.reply = &c.reply.base };
	struct pg_tx_options opts = { .deadline = D(3000), .arena = arena, .idem = &idem };

	(void)state;
	google__rpc__status__init(&c.reply);
	ASSERT_STATUS(STATUS_DEADLINE_EXCEEDED, pg_transaction(pool, &opts, on_freeze, &c, &err),
		      &err);
	ask("thaw postgres");
	ASSERT_CONTAINS(err.text, "its outcome is unknown");
	ASSERT_OK(change(&c, "k", "f", NULL, &err), &err);
	assert_int_equal(4, c.reply.code);
	assert_int_equal(1, COUNT(sql_count));
	assert_int_equal(1, COUNT(sql_outbox));
	assert_int_equal(1, COUNT(sql_changes));
}

/* ---- kill -9 around the COMMIT ---- */

/* The child: this program again, armed from its start. */
static int
crash_main(const char *owner)
{
	struct change c = { .n = 3, .events = 2, .syncs = 1 };
	struct err local;

	err_init(&local);
	if (!uuid_parse_str(owner, &c.owner))
		return 2;
	pool = store_test_pool(1, true);
	(void)!change(&c, "crash", "f", NULL, &local);
	return 0;
}

static int
run_crash(const char *point, const struct uuid *owner)
{
	char text[UUID_TEXT_SIZE];
	int how;

	uuid_format(owner, text);
	pid_t pid = fork();
	if (pid == 0) {
		setenv("FIT_CRASH_POINT", point, 1);
		execl("/proc/self/exe", "pg_tx_test", "crash", text, NULL);
		_exit(127);
	}
	assert_int_equal(pid, waitpid(pid, &how, 0));
	return how;
}

static void
test_pg_tx_crash_points(void **state)
{
#ifdef FIT_CRASH_POINTS
	static const struct {
		const char *point;
		int effects;
	} cases[] = { { "tx.before_commit:1", 0 }, { "tx.after_commit:1", 1 } };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct change again = { .owner = uuid_v4(), .n = 3, .events = 2, .syncs = 1 };
		bool replayed;

		ask("sql TRUNCATE t_effect, outbox, sync_change, subject_counter, idempotency");
		int how = run_crash(cases[i].point, &again.owner);
		assert_true(WIFSIGNALED(how) && WTERMSIG(how) == SIGKILL);
		assert_int_equal(cases[i].effects, COUNT(sql_count));
		assert_int_equal(2 * cases[i].effects, COUNT(sql_outbox));
		assert_int_equal(cases[i].effects, COUNT(sql_changes));
		assert_int_equal(cases[i].effects, COUNT(sql_keys));
		/* The caller asks again with the same key: once, all in all. */
		ASSERT_OK(change(&again, "crash", "f", &replayed, &err), &err);
		assert_int_equal(cases[i].effects == 1, replayed);
		assert_int_equal(1, COUNT(sql_count));
		assert_int_equal(2, COUNT(sql_outbox));
	}
#else
	(void)state;
	(void)run_crash;
	skip(); /* CRASH_POINTS=1 builds them in */
#endif
}

int
main(int argc, char **argv)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
#define U(name) cmocka_unit_test_setup_teardown(name, setup_unprepared, teardown)
	const struct CMUnitTest tests[] = {
		T(test_pg_tx_rollback_leaves_nothing),
		U(test_pg_tx_rollback_leaves_nothing),
		T(test_pg_tx_outbox_row),
		T(test_pg_tx_many_events),
		U(test_pg_tx_many_events),
		T(test_pg_tx_round_trips),
		T(test_pg_tx_queued),
		U(test_pg_tx_queued),
		T(test_pg_tx_queued_fails),
		T(test_pg_tx_plans_once),
		T(test_pg_tx_replay),
		U(test_pg_tx_replay),
		T(test_pg_tx_expired_key_is_new),
		T(test_pg_tx_expired_keys_are_removed),
		T(test_pg_tx_same_key_at_once),
		T(test_pg_tx_key_in_progress),
		T(test_pg_tx_key_after_rollback),
		T(test_pg_tx_sequences_are_gapless),
		U(test_pg_tx_sequences_are_gapless),
		T(test_pg_tx_serialization_retry),
		T(test_pg_tx_deadlock_retry),
		T(test_pg_tx_misuse),
		T(test_pg_tx_server_restart_is_retried),
		T(test_pg_tx_survives_schema_change),
		T(test_pg_tx_deadline),
		T(test_pg_tx_unknown_commit),
		T(test_pg_tx_crash_points),
	};

	store_test_env("TEST_PG_URL");
	if (argc == 3 && strcmp(argv[1], "crash") == 0)
		return crash_main(argv[2]);
	return cmocka_run_group_tests_name("pg_tx", tests, store_test_migrate, NULL);
}
