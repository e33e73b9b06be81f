/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pg_pool.c - connections leased for a statement or a transaction.
 *
 * A lease waits at most half of the time that is left, so that "busy" still reaches a caller
 * who can use it. A connection that broke in the middle goes to the reaper, one thread that
 * asks the server to cancel and closes; its place is free again only then, so that the server
 * never sees more than pool_size backends of ours.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "libcommon/observe/metrics.h"
#include "libcommon/store/pg_internal.h"

#define CONNECT_MS_MAX 5000
#define OPEN_MS 30000
#define SHED_RETRY_MS 200
#define POOL_SIZE_MAX 200

struct pg_pool {
	struct pg_settings settings;
	struct lease_pool *leases;
	atomic_uint connected;
	atomic_ullong opened, cancelled, statements, round_trips;
	struct metric_series *m_connected, *m_leased, *m_waiting, *m_shed;
	unsigned long long shed_shown;
	void (*on_outbox)(void *arg);
	void *on_outbox_arg;

	pthread_t reaper;
	pthread_mutex_t mutex; /* of the two below */
	pthread_cond_t wake;
	struct lease *broken; /* places whose connection the reaper has to close */
	bool ending;
};

static struct metric m_connections =
	METRIC_GAUGE("pg_pool_connections", "Connections by state.", "pool", "state");
static struct metric m_shed =
	METRIC_COUNTER("pg_pool_shed_total",
		       "Leases refused because no connection came free in time.", "pool");

static char *
copy(const char *s)
{
	char *p = s != NULL ? strdup(s) : NULL;

	if (s != NULL && p == NULL)
		panic("pg: no memory");
	return p;
}

/* ---- the reaper ---- */

static void
close_item(void *item)
{
	pg_conn_close(item);
}

static void *
reaper_main(void *arg)
{
	struct pg_pool *pool = arg;

	pthread_setname_np(pthread_self(), "pg-reaper");
	pthread_mutex_lock(&pool->mutex);
	while (pool->broken != NULL || !pool->ending) {
		struct lease *lease = pool->broken;

		if (lease == NULL) {
			pthread_cond_wait(&pool->wake, &pool->mutex);
			continue;
		}
		pool->broken = lease->next;
		pthread_mutex_unlock(&pool->mutex);
		pg_conn_close(lease->item);
		lease->item = NULL;
		lease->next = NULL;
		atomic_fetch_sub(&pool->connected, 1);
		lease_release(pool->leases, lease);
		pthread_mutex_lock(&pool->mutex);
	}
	pthread_mutex_unlock(&pool->mutex);
	return NULL;
}

static void
give_to_reaper(struct pg_pool *pool, struct lease *lease)
{
	pthread_mutex_lock(&pool->mutex);
	lease->next = pool->broken;
	pool->broken = lease;
	pthread_cond_signal(&pool->wake);
	pthread_mutex_unlock(&pool->mutex);
}

static void
start_reaper(struct pg_pool *pool)
{
	pthread_attr_t attr;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 256 * 1024);
	if (pthread_create(&pool->reaper, &attr, reaper_main, pool) != 0)
		fatal("pg: cannot start a thread");
	pthread_attr_destroy(&attr);
}

/* ---- leases ---- */

static void
put_conn(struct pg_pool *pool, struct lease *lease, struct pg_conn *conn)
{
	lease->item = conn;
	atomic_fetch_add(&pool->connected, 1);
	atomic_fetch_add(&pool->opened, 1);
}

static enum status
connect_lease(struct pg_pool *pool, struct lease *lease, struct deadline deadline, struct err *err)
{
	struct pg_conn *conn;
	enum status st =
		pg_conn_open(&pool->settings, deadline_min(deadline, deadline_in(CONNECT_MS_MAX)),
			     true, &conn, err);

	if (st == STATUS_OK)
		put_conn(pool, lease, conn);
	return st;
}

struct lease *
pg_pool_acquire(struct pg_pool *pool, struct deadline deadline, struct err *err)
{
	int left = deadline_left_ms(deadline);

	if (left == 0) {
		err_set(err, STATUS_DEADLINE_EXCEEDED,
			"postgresql: deadline passed before the statement");
		return NULL;
	}
	struct lease *lease = lease_acquire(pool->leases, deadline_in((left + 1) / 2));
	if (lease == NULL) {
		err_set(err, STATUS_UNAVAILABLE, "postgresql: no connection came free in %d ms",
			(left + 1) / 2);
		if (err != NULL)
			err->retry_after_ms = SHED_RETRY_MS;
		return NULL;
	}
	if (lease->item != NULL && !pg_conn_alive(lease->item)) {
		/*
		 * The server closed it while it was idle: nothing was sent, so a new one is
		 * safe.
		 */
		pg_conn_close(lease->item);
		lease->item = NULL;
		atomic_fetch_sub(&pool->connected, 1);
	}
	if (lease->item == NULL && connect_lease(pool, lease, deadline, err) != STATUS_OK) {
		lease_release(pool->leases, lease);
		return NULL;
	}
	return lease;
}

void
pg_pool_release(struct pg_pool *pool, struct lease *lease)
{
	struct pg_conn *conn = lease->item;

	atomic_fetch_add_explicit(&pool->statements, conn->nstatements, memory_order_relaxed);
	atomic_fetch_add_explicit(&pool->round_trips, conn->nround_trips, memory_order_relaxed);
	conn->nstatements = conn->nround_trips = 0;
	if (conn->broken || conn->nqueued > 0 || conn->nprepared >= PG_PREPARED_MAX ||
	    PQtransactionStatus(conn->pg) != PQTRANS_IDLE) {
		if (conn->running)
			atomic_fetch_add(&pool->cancelled, 1);
		conn->broken = true;
		give_to_reaper(pool, lease);
	} else {
		lease_release(pool->leases, lease);
	}
}

void
pg_pool_on_outbox(struct pg_pool *pool, void (*fn)(void *arg), void *arg)
{
	pool->on_outbox_arg = arg;
	pool->on_outbox = fn;
}

void
pg_pool_outbox(struct pg_pool *pool)
{
	if (pool->on_outbox != NULL)
		pool->on_outbox(pool->on_outbox_arg);
}

/* ---- the pool ---- */

static void
on_collect(void *arg)
{
	struct pg_pool *pool = arg;
	struct lease_stats leases;

	lease_pool_stats(pool->leases, &leases);
	metric_set(pool->m_connected, atomic_load(&pool->connected));
	metric_set(pool->m_leased, leases.leased);
	metric_set(pool->m_waiting, leases.waiting);
	metric_add(pool->m_shed, (int64_t)(leases.refused - pool->shed_shown));
	pool->shed_shown = leases.refused;
}

static void
register_metrics(struct pg_pool *pool)
{
	const char *name = pool->settings.application ? pool->settings.application : "pg";

	metric_register(&m_connections);
	metric_register(&m_shed);
	pool->m_connected = metric_series(&m_connections, name, "open");
	pool->m_leased = metric_series(&m_connections, name, "leased");
	pool->m_waiting = metric_series(&m_connections, name, "waited_for");
	pool->m_shed = metric_series(&m_shed, name);
	metrics_on_collect(on_collect, pool);
}

/* Nobody else knows the pool yet, so there is a place. */
static enum status
open_first(struct pg_pool *pool, struct deadline deadline, struct err *err)
{
	struct lease *lease = lease_acquire(pool->leases, deadline);
	struct pg_conn *conn;
	enum status st = pg_conn_await(&pool->settings, deadline, true, &conn, err);

	if (st == STATUS_OK)
		put_conn(pool, lease, conn);
	lease_release(pool->leases, lease);
	return st;
}

enum status
pg_pool_open(const struct pg_options *opts, struct pg_pool **ret_pool, struct err *err)
{
	if (opts->url == NULL || opts->url[0] == '\0')
		return err_set(err, STATUS_FAILED_PRECONDITION,
			       "postgresql: no URL is set (FIT_PG_URL)");
	if (opts->pool_size < 1 || opts->pool_size > POOL_SIZE_MAX)
		return err_set(err, STATUS_FAILED_PRECONDITION,
			       "postgresql: pool size %u is not in 1..%d", opts->pool_size,
			       POOL_SIZE_MAX);
	struct pg_pool *pool = calloc(1, sizeof(*pool));
	if (pool == NULL)
		panic("pg: no memory");
	pool->settings = (struct pg_settings){ .url = copy(opts->url),
					       .password = copy(opts->password),
					       .application = copy(opts->application),
					       .prepared = opts->prepared };
	pthread_mutex_init(&pool->mutex, NULL);
	pthread_cond_init(&pool->wake, NULL);
	pool->leases = lease_pool_new(opts->pool_size);
	start_reaper(pool);
	register_metrics(pool);
	enum status st =
		open_first(pool, deadline_in(opts->open_ms > 0 ? opts->open_ms : OPEN_MS), err);
	if (st != STATUS_OK) {
		pg_pool_close(pool);
		return st;
	}
	*ret_pool = pool;
	return STATUS_OK;
}

void
pg_pool_close(struct pg_pool *pool)
{
	if (pool == NULL)
		return;
	metrics_off_collect(on_collect, pool);
	pthread_mutex_lock(&pool->mutex);
	pool->ending = true;
	pthread_cond_signal(&pool->wake);
	pthread_mutex_unlock(&pool->mutex);
	pthread_join(pool->reaper, NULL);
	lease_pool_free(pool->leases, close_item);
	pthread_cond_destroy(&pool->wake);
	pthread_mutex_destroy(&pool->mutex);
	if (pool->settings.password != NULL)
		explicit_bzero(pool->settings.password, strlen(pool->settings.password));
	explicit_bzero(pool->settings.url, strlen(pool->settings.url));
	free(pool->settings.password);
	free(pool->settings.url);
	free(pool->settings.application);
	free(pool);
}

void
pg_pool_stats(struct pg_pool *pool, struct pg_pool_stats *ret_stats)
{
	struct lease_stats leases;

	lease_pool_stats(pool->leases, &leases);
	*ret_stats = (struct pg_pool_stats){
		.size = leases.size,
		.leased = leases.leased,
		.waiting = leases.waiting,
		.shed = leases.refused,
		.connected = atomic_load(&pool->connected),
		.opened = atomic_load(&pool->opened),
		.cancelled = atomic_load(&pool->cancelled),
		.statements = atomic_load(&pool->statements),
		.round_trips = atomic_load(&pool->round_trips),
	};
}

/* ---- single statements ---- */

static enum status
query_once(struct pg_pool *pool, struct deadline deadline, const char *sql,
	   const struct pg_arg *args, size_t nargs, PGresult **ret_res, bool *ret_retry,
	   struct err *err)
{
	struct lease *lease = pg_pool_acquire(pool, deadline, err);

	if (lease == NULL)
		return err->status;
	struct pg_conn *conn = lease->item;
	enum status st = pg_conn_exec(conn, deadline, sql, args, nargs, ret_res, err);
	*ret_retry = st == STATUS_ABORTED && conn->retry;
	pg_pool_release(pool, lease);
	return st;
}

enum status
pg_query(struct pg_pool *pool, struct deadline deadline, const char *sql, const struct pg_arg *args,
	 size_t nargs, struct arena *arena, struct pg_result **ret_result, struct err *err)
{
	struct err local;
	PGresult *res = NULL;
	bool retry = false;

	if (err == NULL)
		err = &local;
	if (pg_tx_is_inside())
		return err_set(
			err, STATUS_INTERNAL,
			"postgresql: pg_query inside a transaction (a second connection): %.60s",
			sql);
	enum status st = query_once(pool, deadline, sql, args, nargs, &res, &retry, err);
	/* A statement by itself that was aborted left nothing behind. */
	if (retry)
		st = query_once(pool, deadline, sql, args, nargs, &res, &retry, err);
	if (st != STATUS_OK)
		return st;
	if (ret_result != NULL)
		*ret_result = pg_result_wrap(res, arena);
	else
		PQclear(res);
	return STATUS_OK;
}

enum status
pg_ping(struct pg_pool *pool, struct deadline deadline, struct err *err)
{
	static const char sql_ping[] = "SELECT 1";

	return pg_query(pool, deadline, sql_ping, PG_ARGS(), NULL, NULL, err);
}
