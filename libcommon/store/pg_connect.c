/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pg_connect.c - a connection is made, at once or by patience.
 *
 * libpq has no SQLSTATE for a connection that the server refuses, only text, which may be in any
 * language; asked for verbose errors it puts the code into the text ("FATAL:  57P03: …"). A code
 * of class 57P, 53 or 08 passes (starting up, too many connections), any other is a mistake in
 * the settings. Without a code nobody answered, which passes too.
 */
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "libcommon/base/rng.h"
#include "libcommon/observe/log.h"
#include "libcommon/store/pg_internal.h"

#define CONNECT_MS_MAX 5000
#define WAIT_MS_MIN 50
#define WAIT_MS_MAX 1000

static void
on_notice(void *arg, const PGresult *res)
{
	(void)arg;
	(void)res;
}

static PGconn *
start_connect(const struct pg_settings *s)
{
	/*
	 * Of two equal keywords the later one counts; the URL stands in `dbname`. A peer that died
	 * without a word is noticed in a minute, also by a cancel request.
	 */
	static const struct {
		const char *key, *value;
	} defaults[] = {
		{ "tcp_user_timeout", "10000" }, { "keepalives_idle", "30" },
		{ "keepalives_interval", "10" }, { "keepalives_count", "3" },
		{ "gssencmode", "disable" },     { "client_encoding", "UTF8" },
	};
	const char *keys[ARRAY_LEN(defaults) + 4], *values[ARRAY_LEN(defaults) + 4];
	size_t n = ARRAY_LEN(defaults);

	for (size_t i = 0; i < n; i++) {
		keys[i] = defaults[i].key;
		values[i] = defaults[i].value;
	}
	keys[n] = "application_name";
	values[n++] = s->application != NULL ? s->application : "fit";
	keys[n] = "dbname";
	values[n++] = s->url;
	keys[n] = s->password != NULL ? "password" : NULL;
	values[n++] = s->password;
	keys[n] = values[n] = NULL;
	return PQconnectStartParams(keys, values, 1);
}

/* The code in "…FATAL:  28P01: password authentication failed…", or an empty string. */
static void
find_sqlstate(const char *text, char ret_state[static 6])
{
	ret_state[0] = '\0';
	for (const char *p = text; (p = strstr(p, ":  ")) != NULL; p++) {
		if (strspn(p + 3, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ") == 5 && p[8] == ':') {
			memcpy(ret_state, p + 3, 5);
			ret_state[5] = '\0';
			return;
		}
	}
}

/* UNAVAILABLE: may pass. INTERNAL: the settings are wrong. */
static enum status
refused(PGconn *pg, struct err *err)
{
	const char *text = PQerrorMessage(pg);
	enum status st = STATUS_UNAVAILABLE;
	char state[6];

	find_sqlstate(text, state);
	if (state[0] != '\0')
		st = pg_error_status(state);
	else if (PQconnectionNeedsPassword(pg))
		st = STATUS_INTERNAL;
	return err_set(err, st, "postgresql: cannot connect: %.*s", (int)strcspn(text, "\n"), text);
}

static enum status
finish_connect(struct pg_conn *conn, struct deadline deadline, struct err *err)
{
	PostgresPollingStatusType next = PGRES_POLLING_WRITING;

	while (next != PGRES_POLLING_OK) {
		if (next == PGRES_POLLING_FAILED || PQstatus(conn->pg) == CONNECTION_BAD)
			return refused(conn->pg, err);
		if (!pg_wait_socket(conn->pg, next == PGRES_POLLING_READING ? POLLIN : POLLOUT,
				    deadline))
			return err_set(err, STATUS_UNAVAILABLE,
				       "postgresql: cannot connect to %s:%s in time",
				       PQhost(conn->pg), PQport(conn->pg));
		next = PQconnectPoll(conn->pg);
	}
	return STATUS_OK;
}

/*
 * Our statements find rows by keys, so a plan is as good for one value as for another; but left to
 * itself the server makes a new one for each execution where it overrates the common one (every
 * table that is split by a key, every = ANY), which costs more than the execution.
 */
static enum status
plan_once(struct pg_conn *conn, struct deadline deadline, struct err *err)
{
	int index, position;

	return pg_conn_script(conn, deadline, "SET plan_cache_mode = force_generic_plan", &index,
			      &position, err);
}

enum status
pg_conn_open(const struct pg_settings *settings, struct deadline deadline, bool pipeline,
	     struct pg_conn **ret_conn, struct err *err)
{
	struct pg_conn *conn = calloc(1, sizeof(*conn));

	if (conn == NULL)
		panic("pg: no memory");
	conn->settings = settings;
	conn->pg = start_connect(settings);
	if (conn->pg == NULL)
		panic("pg: no memory");
	PQsetErrorVerbosity(conn->pg, PQERRORS_VERBOSE); /* for refused() */
	enum status st = finish_connect(conn, deadline, err);
	if (st == STATUS_OK && PQsetnonblocking(conn->pg, 1) != 0)
		st = err_set(err, STATUS_INTERNAL, "postgresql: %s", PQerrorMessage(conn->pg));
	if (st == STATUS_OK && pipeline && settings->prepared)
		st = plan_once(conn, deadline, err);
	if (st == STATUS_OK && pipeline && !PQenterPipelineMode(conn->pg))
		st = err_set(err, STATUS_INTERNAL, "postgresql: %s", PQerrorMessage(conn->pg));
	if (st != STATUS_OK) {
		pg_conn_close(conn);
		return st;
	}
	PQsetErrorVerbosity(conn->pg, PQERRORS_DEFAULT);
	PQsetNoticeReceiver(conn->pg, on_notice, NULL);
	*ret_conn = conn;
	return STATUS_OK;
}

/* ---- patience ---- */

/* Between half and one and a half of ms; false when the deadline leaves no time for a try behind
 * it. */
static bool
pause_before_retry(int ms, struct deadline deadline)
{
	ms = ms / 2 + (int)rng_below((uint32_t)ms);
	if (ms >= deadline_left_ms(deadline))
		return false;
	nanosleep(&(struct timespec){ .tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000 },
		  NULL);
	return true;
}

/* A signal to end waits, blocked, for the start to be over (service.c). */
static bool
asked_to_end(void)
{
	sigset_t set;

	return sigpending(&set) == 0 && (sigismember(&set, SIGTERM) || sigismember(&set, SIGINT));
}

/* libpq tells of a malformed URI only like of a server that is away, and quotes it. */
static bool
is_malformed(const char *url)
{
	PQconninfoOption *options = NULL;
	bool uri = strstr(url, "://") != NULL;

	if (uri)
		options = PQconninfoParse(url, NULL);
	PQconninfoFree(options);
	return uri && options == NULL;
}

enum status
pg_conn_await(const struct pg_settings *settings, struct deadline deadline, bool pipeline,
	      struct pg_conn **ret_conn, struct err *err)
{
	struct err local;
	int wait_ms = WAIT_MS_MIN;
	bool told = false;

	if (err == NULL)
		err = &local;
	if (is_malformed(settings->url))
		return err_set(err, STATUS_FAILED_PRECONDITION,
			       "postgresql: the URL is not postgresql://user@host:port/database");
	for (;;) {
		enum status st =
			pg_conn_open(settings, deadline_min(deadline, deadline_in(CONNECT_MS_MAX)),
				     pipeline, ret_conn, err);

		if (st != STATUS_UNAVAILABLE || asked_to_end() ||
		    !pause_before_retry(wait_ms, deadline))
			return st;
		if (!told)
			log_warn_err("pg_waiting", err);
		told = true;
		wait_ms = wait_ms * 2 < WAIT_MS_MAX ? wait_ms * 2 : WAIT_MS_MAX;
	}
}
