/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pg_migrate.h - applies a service's numbered migrations, once each, in order.
 *
 * Runs under the owner role's URL. Takes pg_try_advisory_lock by polling under the deadline (a
 * blocking lock would hold a snapshot), creates the schema and the common tables (outbox, sync,
 * idempotency), then applies each missing migration in its own transaction and records its
 * number, name and SHA-256. A recorded migration whose text changed is an error that names it.
 * Migration files are linked into the binary as a table, made from services/workout/migrations/
 * by `$(eval $(call migrations,workout))` in the service's module.mk:
 *
 *	extern const struct pg_migration workout_migration_list[];
 *	static const struct pg_migrations workout_migrations = {
 *		.schema = "workout", .app_role = "fit_workout", .list = workout_migration_list,
 *	};
 *
 * Migrations run with search_path = the schema, public. The application's role is granted USAGE
 * of the schema, and by default privileges SELECT, INSERT, UPDATE, DELETE on its tables and
 * USAGE on its sequences; a migration may REVOKE. A server that has newer migrations than this
 * binary is accepted (one version apart works together).
 *
 * Threads: any number of processes may migrate at once; one does, the others wait and find it done.
 * Errors: FAILED_PRECONDITION (checksum, gap), UNAVAILABLE (lock or server), INTERNAL (the SQL
 *         failed: text and line).
 */
#ifndef FIT_STORE_PG_MIGRATE_H
#define FIT_STORE_PG_MIGRATE_H

#include <stdbool.h>
#include <stddef.h>

#include "libcommon/base/clock.h"
#include "libcommon/base/status.h"

struct pg_migration {
	const char *name; /* "0001_init.sql": number, then words; NULL ends a list */
	const char *sql;
};

struct pg_migrations {
	const char *schema;   /* "fitness_core", "auth", "workout" */
	const char *app_role; /* e.g. "fit_workout"; NULL: no grants */
	const struct pg_migration *list;
	size_t n;            /* 0: the list ends with a NULL name */
	bool without_common; /* no outbox and such: not the schema of a service */
};

enum status pg_migrate(const char *owner_url, const char *password,
		       const struct pg_migrations *migrations, struct deadline deadline,
		       struct err *err) MUST_CHECK;

#endif
