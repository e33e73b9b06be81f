/* SPDX-License-Identifier: Apache-2.0 */
/*
 * clickhouse_migrate.h - applies numbered migrations to ClickHouse, in order, and remembers them.
 *
 *	extern const struct pg_migration analytics_migration_list[];     linked in as for PostgreSQL
 *	st = clickhouse_migrate(ch, analytics_migration_list, deadline, &err);
 *
 * Makes the database and the table schema_migration, then runs each migration that is not recorded
 * yet, statement by statement, and records its number, name and SHA-256. A recorded migration whose
 * text changed is an error that names it.
 *
 * ClickHouse has neither transactions nor locks. So a migration must be harmless when it runs twice
 * (IF NOT EXISTS …): one that was interrupted runs again from its first statement, and two
 * processes may run the same one at once; both record it, and the record is read as a set.
 *
 * Statements end with ';' at the end of a line. Threads: any.
 * Errors: FAILED_PRECONDITION (changed text, bad name), UNAVAILABLE (no server), INTERNAL (a
 *         statement failed: the text names migration and statement).
 */
#ifndef FIT_STORE_CLICKHOUSE_MIGRATE_H
#define FIT_STORE_CLICKHOUSE_MIGRATE_H

#include "libcommon/base/clock.h"
#include "libcommon/base/status.h"

struct clickhouse;
struct pg_migration;

/* `list` ends with an entry without a name. */
enum status clickhouse_migrate(struct clickhouse *ch, const struct pg_migration *list,
			       struct deadline deadline, struct err *err) MUST_CHECK;

#endif
