/* SPDX-License-Identifier: Apache-2.0 */
#include "libcommon/store/pg_migrate.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/evp.h>

#include "libcommon/base/rng.h"
#include "libcommon/store/pg_internal.h"

#define POLL_MS_MIN 20
#define POLL_MS_MAX 250
#define CONNECT_MS 30000 /* for a server that starts */
#define SHA256_SIZE 32

extern const struct pg_migration pg_common_migration_list[];

struct migrator {
	struct pg_conn *conn;
	struct deadline deadline;
	struct arena *arena;
	const struct pg_migrations *migrations;
	char *schema; /* as a quoted identifier */
};

/* ---- small statements, without the pipeline ---- */

static enum status
run(struct migrator *m, struct err *err, const char *sql)
{
	int index, position;

	return pg_conn_script(m->conn, m->deadline, sql, &index, &position, err);
}

/* A single value as text; NULL when there is no row. */
static enum status
fetch(struct migrator *m, const char *sql, const char *a, const char *b, char **ret_value,
      struct err *err)
{
	const char *values[] = { a, b };
	int n = a == NULL ? 0 : b == NULL ? 1 : 2;
	PGresult *res;
	enum status st = pg_conn_fetch(m->conn, m->deadline, sql, n, values, &res, err);

	if (st != STATUS_OK)
		return st;
	*ret_value = PQntuples(res) > 0 ? arena_strdup(m->arena, PQgetvalue(res, 0, 0)) : NULL;
	PQclear(res);
	return STATUS_OK;
}

static char *
quote(struct migrator *m, const char *name)
{
	struct strbuf sb = STRBUF_ARENA(m->arena);

	strbuf_addch(&sb, '"');
	for (; *name != '\0'; name++) {
		if (*name == '"')
			strbuf_addch(&sb, '"');
		strbuf_addch(&sb, *name);
	}
	strbuf_addch(&sb, '"');
	return sb.buf;
}

/* ---- where in a script ---- */

/*
 * Behind a quoted run that begins at p: '…', "…", $tag$…$tag$, comments. p itself when none
 * begins there.
 */
static const char *
skip_quoted(const char *p)
{
	const char *end;

	if (p[0] == '-' && p[1] == '-')
		return p + strcspn(p, "\n");
	if (p[0] == '/' && p[1] == '*') {
		end = strstr(p + 2, "*/");
		return end != NULL ? end + 2 : p + strlen(p);
	}
	if (*p == '\'' || *p == '"') {
		end = strchr(p + 1, *p);
		return end != NULL ? end + 1 : p + strlen(p);
	}
	if (*p == '$') {
		size_t n = 1;

		while (isalnum((unsigned char)p[n]) || p[n] == '_')
			n++;
		if (p[n] != '$' || isdigit((unsigned char)p[1]))
			return p;
		char tag[64];
		if (n + 2 > sizeof(tag))
			return p;
		snprintf(tag, sizeof(tag), "%.*s", (int)n + 1, p);
		end = strstr(p + n + 1, tag);
		return end != NULL ? end + n + 1 : p + strlen(p);
	}
	return p;
}

/* Past white space and comments. */
static const char *
skip_blank(const char *p)
{
	for (;;) {
		while (isspace((unsigned char)*p))
			p++;
		if ((p[0] == '-' && p[1] == '-') || (p[0] == '/' && p[1] == '*'))
			p = skip_quoted(p);
		else
			return p;
	}
}

/*
 * Line (from 1) of the character `position` (from 1, 0: not known), else of the statement
 * `index` (from 0).
 */
static int
line_of(const char *sql, int index, int position)
{
	const char *p = skip_blank(sql);
	int line = 1;

	if (position > 0) {
		/* PostgreSQL counts characters, not bytes. */
		for (p = sql; *p != '\0' && position > 1; p++)
			if (((unsigned char)p[1] & 0xC0) != 0x80)
				position--;
	} else {
		while (index > 0 && *p != '\0') {
			const char *next = skip_quoted(p);

			if (next != p) {
				p = next;
			} else if (*p++ == ';') {
				index--;
				p = skip_blank(p);
			}
		}
	}
	for (const char *s = sql; s < p; s++)
		line += *s == '\n';
	return line;
}

/* ---- steps ---- */

static enum status
take_lock(struct migrator *m, struct err *err)
{
	char *key = arena_printf(m->arena, "fit migrations of schema %s", m->migrations->schema);
	int wait_ms = POLL_MS_MIN;
	char *taken;

	for (;;) {
		enum status st = fetch(m, "SELECT pg_try_advisory_lock(hashtextextended($1, 0))",
				       key, NULL, &taken, err);
		if (st != STATUS_OK || taken[0] == 't')
			return st;
		int left = deadline_left_ms(m->deadline);
		if (left == 0)
			return err_set(err, STATUS_UNAVAILABLE,
				       "migrations of %s: another process holds the lock",
				       m->migrations->schema);
		int ms = wait_ms / 2 + (int)rng_below((uint32_t)wait_ms);
		ms = ms < left ? ms : left;
		nanosleep(&(struct timespec){ .tv_sec = ms / 1000,
					      .tv_nsec = (long)(ms % 1000) * 1000000 },
			  NULL);
		wait_ms = wait_ms * 2 < POLL_MS_MAX ? wait_ms * 2 : POLL_MS_MAX;
	}
}

static enum status
prepare_schema(struct migrator *m, struct err *err)
{
	enum status st = run(
		m, err,
		arena_printf(m->arena,
			     "CREATE SCHEMA IF NOT EXISTS %s; SET search_path TO %s, public;"
			     "CREATE TABLE IF NOT EXISTS schema_migration (set_name text, number"
			     " integer, name text NOT NULL, sha256 text NOT NULL, applied_at"
			     " timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (set_name, number))",
			     m->schema, m->schema));

	if (st != STATUS_OK || m->migrations->app_role == NULL)
		return st;
	char *role = quote(m, m->migrations->app_role);
	return run(
		m, err,
		arena_printf(
			m->arena,
			"GRANT USAGE ON SCHEMA %s TO %s;"
			"ALTER DEFAULT PRIVILEGES IN SCHEMA %s GRANT SELECT, INSERT, UPDATE, DELETE"
			" ON TABLES TO %s;"
			"ALTER DEFAULT PRIVILEGES IN SCHEMA %s GRANT USAGE ON SEQUENCES TO %s;",
			m->schema, role, m->schema, role, m->schema, role));
}

static char *
sha256_hex(struct migrator *m, const char *text)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned n = 0;
	char *hex = arena_alloc(m->arena, 2 * SHA256_SIZE + 1);

	if (EVP_Digest(text, strlen(text), digest, &n, EVP_sha256(), NULL) != 1 || n != SHA256_SIZE)
		panic("migrations: SHA-256 failed");
	for (unsigned i = 0; i < n; i++)
		snprintf(hex + 2 * i, 3, "%02x", digest[i]);
	return hex;
}

static enum status
apply(struct migrator *m, const char *set, const struct pg_migration *migration, const char *sha,
      struct err *err)
{
	int index = 0, position = 0;
	enum status st = run(m, err, "BEGIN");

	if (st != STATUS_OK)
		return st;
	st = pg_conn_script(m->conn, m->deadline, migration->sql, &index, &position, err);
	if (st != STATUS_OK)
		st = err_context(err, "migration %s/%s line %d", m->migrations->schema,
				 migration->name, line_of(migration->sql, index, position));
	if (st == STATUS_OK)
		st = run(m, err,
			 arena_printf(m->arena,
				      "INSERT INTO %s.schema_migration (set_name, number, name, "
				      "sha256) VALUES"
				      " ('%s', %d, '%s', '%s'); COMMIT",
				      m->schema, set, atoi(migration->name), migration->name, sha));
	if (st != STATUS_OK && !m->conn->broken) {
		struct err ignored;

		(void)!run(m, &ignored, "ROLLBACK");
	}
	/* What the SQL did wrong is ours, whatever its class. */
	if (st != STATUS_OK && st != STATUS_UNAVAILABLE && st != STATUS_DEADLINE_EXCEEDED &&
	    err != NULL)
		st = err->status = STATUS_INTERNAL;
	return st;
}

/* "0007_words.sql" whose number is its place in the list; the words go into SQL as they are. */
static bool
name_fits(const char *name, size_t number)
{
	size_t words =
		strlen(name) > 5 ? strspn(name + 5, "abcdefghijklmnopqrstuvwxyz0123456789_.") : 0;

	return strspn(name, "0123456789") == 4 && (size_t)atoi(name) == number && name[4] == '_' &&
	       words > 0 && name[5 + words] == '\0';
}

static enum status
apply_set(struct migrator *m, const char *set, const struct pg_migration *list, size_t n,
	  struct err *err)
{
	for (size_t i = 0; list != NULL && (n > 0 ? i < n : list[i].name != NULL); i++) {
		char *sha = sha256_hex(m, list[i].sql), *recorded;
		char number[16];

		if (!name_fits(list[i].name, i + 1))
			return err_set(
				err, STATUS_FAILED_PRECONDITION,
				"migration %s/%s: expected %04zu_words.sql (numbered without gaps)",
				m->migrations->schema, list[i].name, i + 1);
		snprintf(number, sizeof(number), "%zu", i + 1);
		enum status st = fetch(m,
				       "SELECT sha256 FROM schema_migration WHERE set_name = $1"
				       " AND number = $2::integer",
				       set, number, &recorded, err);
		if (st == STATUS_OK && recorded == NULL)
			st = apply(m, set, &list[i], sha, err);
		else if (st == STATUS_OK && strcmp(recorded, sha) != 0)
			st = err_set(err, STATUS_FAILED_PRECONDITION,
				     "migration %s/%s was changed after it had been applied "
				     "(SHA-256 %.12s…,"
				     " recorded %.12s…): add a new migration instead",
				     m->migrations->schema, list[i].name, sha, recorded);
		if (st != STATUS_OK)
			return st;
	}
	return STATUS_OK;
}

static enum status
migrate(struct migrator *m, struct err *err)
{
	enum status st = take_lock(m, err);

	if (st == STATUS_OK)
		st = prepare_schema(m, err);
	if (st == STATUS_OK && !m->migrations->without_common)
		st = apply_set(m, "common", pg_common_migration_list, 0, err);
	if (st == STATUS_OK)
		st = apply_set(m, "service", m->migrations->list, m->migrations->n, err);
	return st; /* the lock goes with the session */
}

enum status
pg_migrate(const char *owner_url, const char *password, const struct pg_migrations *migrations,
	   struct deadline deadline, struct err *err)
{
	struct pg_settings settings = { .application = (char[]){ "fit-migrate" } };
	struct migrator m = { .deadline = deadline, .migrations = migrations };

	if (owner_url == NULL || owner_url[0] == '\0')
		return err_set(err, STATUS_FAILED_PRECONDITION,
			       "migrations of %s: no owner URL is set (FIT_PG_OWNER_URL)",
			       migrations->schema);
	m.arena = arena_new(1 << 20);
	settings.url = arena_strdup(m.arena, owner_url);
	settings.password = arena_strdup(m.arena, password);
	m.schema = quote(&m, migrations->schema);
	enum status st = pg_conn_await(&settings, deadline_min(deadline, deadline_in(CONNECT_MS)),
				       false, &m.conn, err);
	if (st == STATUS_OK) {
		st = migrate(&m, err);
		pg_conn_close(m.conn);
	}
	if (settings.password != NULL)
		explicit_bzero(settings.password, strlen(settings.password));
	explicit_bzero(settings.url, strlen(settings.url));
	arena_free(m.arena);
	return st;
}
