/* SPDX-License-Identifier: Apache-2.0 */
#include "libcommon/store/clickhouse.h"

#include <ctype.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libcommon/base/arena.h"
#include "libcommon/base/compiler.h"
#include "libcommon/base/strbuf.h"
#include "libcommon/net/http_client.h"
#include "libcommon/observe/metrics.h"

#define REPLY_MAX_DEFAULT ((size_t)1 << 20)
#define NAME_MAX_BYTES 64
#define ERROR_TEXT_MAX 240

enum request_kind { PING, QUERY, EXEC, INSERT };

struct clickhouse {
	char *url; /* without a slash at its end */
	char database[NAME_MAX_BYTES];
	char *user_header, *key_header; /* NULL: none */
	size_t max_reply_bytes;
	pthread_mutex_t lock;
	struct clickhouse_features features; /* major 0: not asked yet; under the lock */
	struct metric_series *duration[INSERT + 1];
};

static struct metric m_duration =
	METRIC_HISTOGRAM("clickhouse_request_duration_seconds", "Requests to ClickHouse.", "kind");

/* ---- opening ---- */

static bool
is_name(const char *s)
{
	size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");

	return n > 0 && n < NAME_MAX_BYTES && s[n] == '\0';
}

/* One header line; a line break in a value would begin another. */
static char *
make_header(const char *name, const char *value)
{
	char *line;

	if (asprintf(&line, "%s: %s", name, value) < 0)
		panic("clickhouse: no memory");
	return line;
}

static enum status
check_options(const struct clickhouse_options *opts, struct err *err)
{
	if (opts->url == NULL || !http_url_allowed(opts->url) || strpbrk(opts->url, "?#") != NULL)
		return err_set(err, STATUS_INVALID_ARGUMENT,
			       "clickhouse: \"%.100s\" is no https URL, nor http on loopback",
			       opts->url != NULL ? opts->url : "");
	if (opts->database == NULL || !is_name(opts->database))
		return err_set(err, STATUS_INVALID_ARGUMENT,
			       "clickhouse: \"%.64s\" is no database name (letters, digits, '_')",
			       opts->database != NULL ? opts->database : "");
	if ((opts->user != NULL && strpbrk(opts->user, "\r\n") != NULL) ||
	    (opts->password != NULL && strpbrk(opts->password, "\r\n") != NULL))
		return err_set(err, STATUS_INVALID_ARGUMENT,
			       "clickhouse: a line break in user or password");
	return STATUS_OK;
}

enum status
clickhouse_open(const struct clickhouse_options *opts, struct clickhouse **ret_ch, struct err *err)
{
	static const char *const kinds[] = { "ping", "query", "exec", "insert" };
	enum status st = check_options(opts, err);
	struct clickhouse *ch;
	size_t n;

	if (st != STATUS_OK)
		return st;
	ch = calloc(1, sizeof(*ch));
	if (ch == NULL || (ch->url = strdup(opts->url)) == NULL)
		panic("clickhouse: no memory");
	n = strlen(ch->url);
	while (n > 0 && ch->url[n - 1] == '/')
		ch->url[--n] = '\0';
	snprintf(ch->database, sizeof(ch->database), "%s", opts->database);
	if (opts->user != NULL)
		ch->user_header = make_header("X-ClickHouse-User", opts->user);
	if (opts->password != NULL)
		ch->key_header = make_header("X-ClickHouse-Key", opts->password);
	ch->max_reply_bytes = opts->max_reply_bytes > 0 ? opts->max_reply_bytes : REPLY_MAX_DEFAULT;
	pthread_mutex_init(&ch->lock, NULL);
	metric_register(&m_duration);
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		ch->duration[i] = metric_series(&m_duration, kinds[i]);
	*ret_ch = ch;
	return STATUS_OK;
}

void
clickhouse_close(struct clickhouse *ch)
{
	if (ch == NULL)
		return;
	if (ch->key_header != NULL)
		explicit_bzero(ch->key_header, strlen(ch->key_header));
	free(ch->key_header);
	free(ch->user_header);
	free(ch->url);
	pthread_mutex_destroy(&ch->lock);
	free(ch);
}

const char *
clickhouse_database(const struct clickhouse *ch)
{
	return ch->database;
}

/* ---- one request ---- */

static void
add_escaped(struct strbuf *url, const char *text)
{
	for (; *text != '\0'; text++) {
		if (isalnum((unsigned char)*text))
			strbuf_addch(url, *text);
		else
			strbuf_addf(url, "%%%02X", (unsigned char)*text);
	}
}

/*
 * wait_end_of_query: the status line tells how it ended, not how it began. readonly=2: no change of
 * data, settings allowed.
 */
static char *
make_url(const struct clickhouse *ch, enum request_kind kind, const char *database,
	 const char *statement, struct deadline deadline, struct arena *arena)
{
	struct strbuf url = STRBUF_ARENA(arena);

	strbuf_adds(&url, ch->url);
	if (kind == PING) {
		strbuf_adds(&url, "/ping");
		return url.buf;
	}
	strbuf_addf(&url, "/?wait_end_of_query=1&max_execution_time=%d",
		    (deadline_left_ms(deadline) + 999) / 1000);
	if (database != NULL)
		strbuf_addf(&url, "&database=%s", database);
	if (kind == QUERY)
		strbuf_adds(&url, "&readonly=2");
	if (statement != NULL) {
		strbuf_adds(&url, "&query=");
		add_escaped(&url, statement);
	}
	return url.buf;
}

static enum status
refused(const struct http_response *res, struct err *err)
{
	unsigned code = clickhouse_error_code(res->body);
	size_t n = res->body.n < ERROR_TEXT_MAX ? res->body.n : ERROR_TEXT_MAX;
	enum status st = code != 0            ? clickhouse_code_status(code)
			 : res->status >= 500 ? STATUS_UNAVAILABLE
					      : STATUS_INTERNAL;

	while (n > 0 && isspace((unsigned char)res->body.p[n - 1]))
		n--;
	return err_set(err, st, "clickhouse: HTTP %ld: %.*s", res->status, (int)n, res->body.p);
}

struct request {
	enum request_kind kind;
	struct deadline deadline;
	const char *database;  /* NULL: none */
	const char *statement; /* in the URL; NULL: the body is the statement */
	struct slice body;
};

static enum status
run(struct clickhouse *ch, const struct request *r, struct arena *arena,
    struct http_response *ret_response, struct err *err)
{
	/* No "Expect: 100-continue": it costs a round trip for each insert. */
	const char *headers[4] = { "Expect:", "Content-Type: application/octet-stream" };
	struct http_request req = {
		.url = make_url(ch, r->kind, r->database, r->statement, r->deadline, arena),
		.headers = headers,
		.nheaders = 2,
		.post = r->kind != PING,
		.body = r->body,
		.deadline = r->deadline,
		.max_bytes = ch->max_reply_bytes,
	};
	int64_t start = clock_mono_ns();
	struct http_response res;
	enum status st;

	if (ch->user_header != NULL)
		headers[req.nheaders++] = ch->user_header;
	if (ch->key_header != NULL)
		headers[req.nheaders++] = ch->key_header;
	st = http_client_fetch(&req, arena, &res, err);
	metric_observe(ch->duration[r->kind], (double)(clock_mono_ns() - start) / 1e9);
	if (st != STATUS_OK)
		return err_context(err, "clickhouse");
	if (res.status != 200)
		return refused(&res, err);
	*ret_response = res;
	return STATUS_OK;
}

/* A reply whose content does not matter. */
static enum status
run_only(struct clickhouse *ch, const struct request *r, struct err *err)
{
	struct arena *arena = arena_new(ch->max_reply_bytes * 4 + (1 << 16));
	struct http_response res;
	enum status st = run(ch, r, arena, &res, err);

	arena_free(arena);
	return st;
}

enum status
clickhouse_ping(struct clickhouse *ch, struct deadline deadline, struct err *err)
{
	return run_only(ch, &(struct request){ .kind = PING, .deadline = deadline }, err);
}

static enum status
exec_in(struct clickhouse *ch, struct deadline deadline, const char *database, const char *sql,
	const struct clickhouse_arg *args, size_t nargs, struct err *err)
{
	struct strbuf text = STRBUF_INIT;
	struct request r = { .kind = EXEC, .deadline = deadline, .database = database };
	enum status st;

	clickhouse_sql_bind(&text, sql, args, nargs);
	r.body = strbuf_slice(&text);
	st = run_only(ch, &r, err);
	strbuf_fini(&text);
	return st;
}

enum status
clickhouse_exec(struct clickhouse *ch, struct deadline deadline, const char *sql,
		const struct clickhouse_arg *args, size_t nargs, struct err *err)
{
	return exec_in(ch, deadline, ch->database, sql, args, nargs, err);
}

enum status
clickhouse_create_database(struct clickhouse *ch, struct deadline deadline, struct err *err)
{
	char sql[64 + NAME_MAX_BYTES];

	snprintf(sql, sizeof(sql), "CREATE DATABASE IF NOT EXISTS %s", ch->database);
	return exec_in(ch, deadline, NULL, sql, CLICKHOUSE_NO_ARGS, err);
}

enum status
clickhouse_insert(struct clickhouse *ch, struct deadline deadline, const char *into,
		  struct slice rows, struct err *err)
{
	char statement[1024];
	struct request r = { .kind = INSERT,
			     .deadline = deadline,
			     .database = ch->database,
			     .statement = statement,
			     .body = rows };

	if ((size_t)snprintf(statement, sizeof(statement), "INSERT INTO %s FORMAT RowBinary",
			     into) >= sizeof(statement))
		panic("clickhouse: a long list of columns: %s", into);
	if (rows.n == 0)
		return STATUS_OK;
	return run_only(ch, &r, err);
}

enum status
clickhouse_query(struct clickhouse *ch, struct deadline deadline, const char *sql,
		 const struct clickhouse_arg *args, size_t nargs, struct arena *arena,
		 struct clickhouse_result **ret_result, struct err *err)
{
	/* Of its own: what a peer may make large does not count against the caller's. */
	struct arena *own = arena_new(ch->max_reply_bytes * 24);
	struct strbuf text = STRBUF_INIT;
	struct request r = { .kind = QUERY, .deadline = deadline, .database = ch->database };
	struct http_response res;
	enum status st;

	arena_defer(arena, (arena_fn)arena_free, own);
	clickhouse_sql_bind(&text, sql, args, nargs);
	r.body = strbuf_slice(&text);
	st = run(ch, &r, own, &res, err);
	strbuf_fini(&text);
	if (st != STATUS_OK)
		return st;
	return clickhouse_parse_tsv((char *)(uintptr_t)res.body.p, res.body.n, own, ret_result,
				    err);
}

/* ---- what the server can do ---- */

bool
clickhouse_features_of(struct slice version, struct clickhouse_features *ret_features)
{
	char text[32];
	unsigned major, minor;

	if (version.n >= sizeof(text))
		return false;
	memcpy(text, version.p, version.n);
	text[version.n] = '\0';
	if (!isdigit((unsigned char)text[0]) || sscanf(text, "%4u.%4u.", &major, &minor) != 2)
		return false;
	*ret_features = (struct clickhouse_features){
		.major = major,
		.minor = minor,
		.parameters = major >= 20,
		.ttl = major > 19 || (major == 19 && minor >= 6),
		.wait_mutation = major > 19 || (major == 19 && minor >= 11),
	};
	return true;
}

enum status
clickhouse_features(struct clickhouse *ch, struct deadline deadline,
		    struct clickhouse_features *ret_features, struct err *err)
{
	struct clickhouse_features features;
	struct clickhouse_result *res;
	struct arena *arena;
	enum status st;

	pthread_mutex_lock(&ch->lock);
	features = ch->features;
	pthread_mutex_unlock(&ch->lock);
	if (features.major != 0) {
		*ret_features = features;
		return STATUS_OK;
	}
	arena = arena_new(1 << 16);
	st = clickhouse_query(ch, deadline, "SELECT version()", CLICKHOUSE_NO_ARGS, arena, &res,
			      err);
	if (st == STATUS_OK &&
	    (res->nrows != 1 || !clickhouse_features_of(res->cells[0], &features)))
		st = err_set(err, STATUS_DATA_LOSS, "clickhouse: version \"%.32s\" is none",
			     res->nrows > 0 ? clickhouse_text(res, 0, 0) : "");
	arena_free(arena);
	if (st != STATUS_OK)
		return st;
	pthread_mutex_lock(&ch->lock);
	ch->features = features;
	pthread_mutex_unlock(&ch->lock);
	*ret_features = features;
	return STATUS_OK;
}
