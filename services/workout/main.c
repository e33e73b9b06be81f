/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The workout service: a table and what opens its stores.
 */
#include <stdlib.h>

#include "libcommon/base/compiler.h"
#include "libcommon/observe/log.h"
#include "libcommon/service/service.h"
#include "services/workout/workout.h"
#include "services/workout/workout_library.h"
#include "services/workout/workout_rpc.h"
#include "services/workout/workout_session_store.h"

#define LIBRARY_MS 30000

extern const struct pg_migration workout_migration_list[];
extern const size_t workout_migration_count;

static void
workout_fini(void *ctx)
{
	struct workout *w = ctx;

	if (w == NULL)
		return;
	workout_session_store_close(w->sessions);
	pg_pool_close(w->pg);
	free(w);
}

static enum status
workout_init(const void *config, void **ret_ctx, struct err *err)
{
	struct workout *w = calloc(1, sizeof(*w));
	size_t changed = 0;
	enum status st;

	if (w == NULL)
		panic("workout: no memory");
	workout_rpc_register_metrics();
	st = service_pg_open(config, "workout", &w->pg, err);
	if (st == STATUS_OK)
		st = workout_library_load(w, workout_library_builtin(), deadline_in(LIBRARY_MS),
					  &changed, err);
	if (st != STATUS_OK) {
		workout_fini(w);
		return st;
	}
	if (changed > 0)
		log_info("exercise_library_loaded", LOG_INT("changed", changed));
	w->sessions = workout_session_store_pg_open(w->pg);
	*ret_ctx = w;
	return STATUS_OK;
}

static enum status
workout_ready(void *ctx, struct deadline deadline, struct err *err)
{
	struct workout *w = ctx;

	return pg_ping(w->pg, deadline, err);
}

int
main(int argc, char **argv)
{
	const struct pg_migrations migrations = { .schema = "workout",
						  .app_role = "fit_workout",
						  .list = workout_migration_list,
						  .n = workout_migration_count };
	const struct service_def def = {
		.name = "workout",
		.summary = "Exercises, plans, training sessions and progress.",
		.config_size = sizeof(struct service_config),
		.services = workout_rpc_services,
		.nservices = workout_rpc_nservices,
		.migrations = &migrations,
		.init = workout_init,
		.ready = workout_ready,
		.fini = workout_fini,
	};

	return service_main(argc, argv, &def);
}
