/* SPDX-License-Identifier: Apache-2.0 */
#include "libcommon/store/pg_listen.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "libcommon/base/rng.h"
#include "libcommon/observe/log.h"
#include "libcommon/store/pg_internal.h"

#define CONNECT_MS 5000
#define STATEMENT_MS 5000
#define RECONNECT_MS_MIN 100
#define RECONNECT_MS_MAX 10000
#define IDLE_MS 60000

struct pg_listen {
	struct pg_settings settings;
	char *channel;
	pg_listen_fn on_wake;
	void *arg;
	struct pg_conn *conn;
	int64_t notified_ms; /* when the last NOTIFY was sent */
	int64_t reconnect_ms;
	pthread_t thread;
	int event_fd; /* written for a new request and for the end */
	atomic_uint wanted;
	atomic_bool ending, connected;
};

static void
disconnect(struct pg_listen *l)
{
	atomic_store(&l->connected, false);
	pg_conn_close(l->conn);
	l->conn = NULL;
}

static enum status
run(struct pg_listen *l, const char *sql, struct err *err)
{
	int index, position;

	return pg_conn_script(l->conn, deadline_in(STATEMENT_MS), sql, &index, &position, err);
}

static enum status
connect_and_listen(struct pg_listen *l, struct err *err)
{
	char sql[128];
	enum status st = pg_conn_open(&l->settings, deadline_in(CONNECT_MS), false, &l->conn, err);

	if (st != STATUS_OK)
		return st;
	snprintf(sql, sizeof(sql), "LISTEN %s", l->channel);
	st = run(l, sql, err);
	if (st != STATUS_OK) {
		disconnect(l);
		return st;
	}
	atomic_store(&l->connected, true);
	return STATUS_OK;
}

static void
send_notify(struct pg_listen *l)
{
	unsigned bits = atomic_exchange(&l->wanted, 0);
	struct err err;
	char sql[160];

	err_init(&err);
	l->notified_ms = clock_mono_ms();
	snprintf(sql, sizeof(sql), "NOTIFY %s, '%u'", l->channel, bits);
	if (run(l, sql, &err) != STATUS_OK) {
		log_debug("pg_notify_failed", LOG_STR("error", err.text));
		disconnect(l);
	}
}

/* What has arrived; false when the connection is lost. */
static bool
read_notifications(struct pg_listen *l)
{
	unsigned bits = 0;
	PGnotify *n;

	if (!PQconsumeInput(l->conn->pg))
		return false;
	while ((n = PQnotifies(l->conn->pg)) != NULL) {
		bits |= (unsigned)strtoul(n->extra, NULL, 10);
		PQfreemem(n);
	}
	if (bits != 0)
		l->on_wake(l->arg, bits);
	return true;
}

/* Until a request, input or the end of `ms`. */
static void
wait_for_work(struct pg_listen *l, int ms)
{
	struct pollfd pfd[2] = { { .fd = l->event_fd, .events = POLLIN },
				 { .fd = l->conn != NULL ? PQsocket(l->conn->pg) : -1,
				   .events = POLLIN } };
	uint64_t ignored;

	(void)poll(pfd, 2, ms);
	if (pfd[0].revents != 0)
		(void)!read(l->event_fd, &ignored, sizeof(ignored));
}

static void
try_connect(struct pg_listen *l)
{
	struct err err;

	err_init(&err);
	if (connect_and_listen(l, &err) == STATUS_OK) {
		l->reconnect_ms = RECONNECT_MS_MIN;
		l->on_wake(l->arg, ~0U);
		return;
	}
	log_debug("pg_listen_failed", LOG_STR("error", err.text));
	int64_t until =
		clock_mono_ms() + l->reconnect_ms / 2 + rng_below((uint32_t)l->reconnect_ms);
	while (!atomic_load(&l->ending) && clock_mono_ms() < until)
		wait_for_work(l, (int)(until - clock_mono_ms()));
	l->reconnect_ms =
		l->reconnect_ms * 2 < RECONNECT_MS_MAX ? l->reconnect_ms * 2 : RECONNECT_MS_MAX;
}

static void *
listen_main(void *arg)
{
	struct pg_listen *l = arg;

	pthread_setname_np(pthread_self(), "pg-listen");
	while (!atomic_load(&l->ending)) {
		if (l->conn == NULL) {
			try_connect(l);
			continue;
		}
		int64_t gap = l->notified_ms + PG_LISTEN_GAP_MS - clock_mono_ms();
		bool wanted = atomic_load(&l->wanted) != 0;
		if (wanted && gap <= 0)
			send_notify(l);
		else
			wait_for_work(l, wanted ? (int)gap : IDLE_MS);
		if (l->conn != NULL && !read_notifications(l))
			disconnect(l);
	}
	if (l->conn != NULL)
		disconnect(l);
	return NULL;
}

static char *
copy(const char *s)
{
	char *p = s != NULL ? strdup(s) : NULL;

	if (s != NULL && p == NULL)
		panic("pg_listen: no memory");
	return p;
}

struct pg_listen *
pg_listen_start(const char *url, const char *password, const char *channel, pg_listen_fn on_wake,
		void *arg)
{
	struct pg_listen *l = calloc(1, sizeof(*l));
	pthread_attr_t attr;

	if (l == NULL)
		panic("pg_listen: no memory");
	l->settings = (struct pg_settings){ .url = copy(url),
					    .password = copy(password),
					    .application = copy("fit-listen") };
	l->channel = copy(channel);
	l->on_wake = on_wake;
	l->arg = arg;
	l->reconnect_ms = RECONNECT_MS_MIN;
	l->notified_ms = INT64_MIN / 2;
	l->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 256 * 1024);
	if (l->event_fd < 0 || pthread_create(&l->thread, &attr, listen_main, l) != 0)
		fatal("pg_listen: cannot start a thread");
	pthread_attr_destroy(&attr);
	return l;
}

static void
poke(struct pg_listen *l)
{
	(void)!write(l->event_fd, &(uint64_t){ 1 }, sizeof(uint64_t));
}

void
pg_listen_notify(struct pg_listen *l, unsigned bits)
{
	/* Who finds a request pending has been served by it. */
	if ((atomic_fetch_or(&l->wanted, bits) & bits) != bits)
		poke(l);
}

bool
pg_listen_is_connected(const struct pg_listen *l)
{
	return atomic_load(&l->connected);
}

void
pg_listen_stop(struct pg_listen *l)
{
	if (l == NULL)
		return;
	atomic_store(&l->ending, true);
	poke(l);
	pthread_join(l->thread, NULL);
	close(l->event_fd);
	if (l->settings.password != NULL)
		explicit_bzero(l->settings.password, strlen(l->settings.password));
	explicit_bzero(l->settings.url, strlen(l->settings.url));
	free(l->settings.url);
	free(l->settings.password);
	free(l->settings.application);
	free(l->channel);
	free(l);
}
