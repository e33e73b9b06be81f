/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pg_migrate.h - applies a service's numbered migrations, once each, in order.
 *
 * Runs under the owner role's URL. Takes pg_try_advisory_lock by polling under the deadline (a blocking lock
 * would hold a snapshot), creates the schema and the common tables (outbox, sync, idempotency), then applies each missing
 * migration in its own transaction and records its number, name and SHA-256. A recorded migration whose text
 * changed is an error that names it. Migration files are linked into the binary as a table.
 *
 * Errors: FAILED_PRECONDITION (checksum, gap), UNAVAILABLE (lock or server), INTERNAL (the SQL failed: text and line).
 */
#ifndef FIT_STORE_PG_MIGRATE_H
#define FIT_STORE_PG_MIGRATE_H

#include <stddef.h>

#include "libcommon/base/clock.h"
#include "libcommon/base/status.h"

struct pg_migration {
	const char *name; /* "0001_init.sql": number, then words */
	const char *sql;
};

struct pg_migrations {
	const char *schema;   /* "fitness_core", "auth", "workout" */
	const char *app_role; /* granted what the common tables need, e.g. "fit_workout" */
	const struct pg_migration *list;
	size_t n;
};

enum status pg_migrate(const char *owner_url, const char *password, const struct pg_migrations *migrations,
		       struct deadline deadline, struct err *err) MUST_CHECK;

#endif
