/* SPDX-License-Identifier: Apache-2.0 */
#include "libcommon/store/clickhouse_migrate.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "libcommon/base/arena.h"
#include "libcommon/base/codec.h"
#include "libcommon/crypto/digest.h"
#include "libcommon/store/clickhouse.h"
#include "libcommon/store/pg_migrate.h"

static const char sql_create_record[] =
	"CREATE TABLE IF NOT EXISTS schema_migration (number UInt32, name String, sha256 String,"
	" applied_at DateTime) ENGINE = MergeTree ORDER BY number";
static const char sql_recorded[] =
	"SELECT DISTINCT sha256 FROM schema_migration WHERE number = $1 ORDER BY sha256";
static const char sql_record[] = "INSERT INTO schema_migration SELECT toUInt32($1), $2, $3, now()";

struct migrator {
	struct clickhouse *ch;
	struct deadline deadline;
	struct arena *arena;
};

/* What the SQL did wrong is ours, whatever its class; a server that is away is not. */
static enum status
run_statement(struct migrator *m, const char *name, int number, const char *sql, struct err *err)
{
	enum status st = clickhouse_exec(m->ch, m->deadline, sql, CLICKHOUSE_NO_ARGS, err);

	if (st == STATUS_OK)
		return st;
	if (st != STATUS_UNAVAILABLE && st != STATUS_DEADLINE_EXCEEDED && err != NULL)
		err->status = STATUS_INTERNAL;
	return err_context(err, "migration %s statement %d", name, number);
}

static enum status
apply(struct migrator *m, const struct pg_migration *migration, struct err *err)
{
	const char *p = migration->sql;
	enum status st = STATUS_OK;

	for (int number = 1; st == STATUS_OK; number++) {
		const char *end;

		while (isspace((unsigned char)*p))
			p++;
		if (*p == '\0')
			break;
		end = strstr(p, ";\n");
		if (end == NULL)
			return err_set(err, STATUS_FAILED_PRECONDITION,
				       "migration %s: statement %d does not end with ';'",
				       migration->name, number);
		st = run_statement(m, migration->name, number,
				   arena_strndup(m->arena, p, (size_t)(end - p)), err);
		p = end + 1;
	}
	return st;
}

static enum status
apply_once(struct migrator *m, int number, const struct pg_migration *migration, struct err *err)
{
	uint8_t digest[DIGEST_SHA256_SIZE];
	char sha[2 * DIGEST_SHA256_SIZE + 1];
	struct clickhouse_result *res;
	enum status st;

	digest_sha256(slice_str(migration->sql), digest);
	codec_hex_encode(digest, sizeof(digest), sha);
	st = clickhouse_query(m->ch, m->deadline, sql_recorded, CLICKHOUSE_ARGS(ch_int(number)),
			      m->arena, &res, err);
	if (st != STATUS_OK)
		return st;
	for (size_t i = 0; i < res->nrows; i++)
		if (strcmp(clickhouse_text(res, i, 0), sha) != 0)
			return err_set(
				err, STATUS_FAILED_PRECONDITION,
				"migration %s was changed after it had been applied (SHA-256 %.12s…,"
				" recorded %.12s…): add a new migration instead",
				migration->name, sha, clickhouse_text(res, i, 0));
	if (res->nrows > 0)
		return STATUS_OK;
	st = apply(m, migration, err);
	if (st == STATUS_OK)
		st = clickhouse_exec(m->ch, m->deadline, sql_record,
				     CLICKHOUSE_ARGS(ch_int(number),
						     ch_text(slice_str(migration->name)),
						     ch_text(slice_str(sha))),
				     err);
	return st;
}

enum status
clickhouse_migrate(struct clickhouse *ch, const struct pg_migration *list, struct deadline deadline,
		   struct err *err)
{
	struct migrator m = { .ch = ch, .deadline = deadline, .arena = arena_new(1 << 20) };
	enum status st = clickhouse_create_database(ch, deadline, err);

	if (st == STATUS_OK)
		st = clickhouse_exec(ch, deadline, sql_create_record, CLICKHOUSE_NO_ARGS, err);
	for (int i = 0; st == STATUS_OK && list[i].name != NULL; i++) {
		if (atoi(list[i].name) != i + 1)
			st = err_set(err, STATUS_FAILED_PRECONDITION,
				     "migration %s: expected %04d_words.sql", list[i].name, i + 1);
		else
			st = apply_once(&m, i + 1, &list[i], err);
	}
	arena_free(m.arena);
	return st;
}
