/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ai-coaching service: a table and what opens its stores and clients.
 */
#include <stdlib.h>

#include "libcommon/base/compiler.h"
#include "libcommon/client/user_client.h"
#include "libcommon/client/workout_client.h"
#include "libcommon/service/service.h"
#include "libcommon/store/pg.h"
#include "libcommon/store/redis.h"
#include "services/ai-coaching/coach_config.h"
#include "services/ai-coaching/coach_gather.h"
#include "services/ai-coaching/coach_rpc.h"

extern const struct pg_migration coach_migration_list[];
extern const size_t coach_migration_count;

static void
coach_fini(void *ctx)
{
	struct coach *coach = ctx;

	if (coach == NULL)
		return;
	user_client_close(coach->users);
	workout_client_close(coach->workouts);
	coach_snapshots_free(coach->snapshots);
	redis_close(coach->redis);
	pg_pool_close(coach->pg);
	free(coach);
}

static enum status
coach_init(const void *config, void **ret_ctx, struct err *err)
{
	const struct coach_config *cfg = config;
	struct coach *coach = calloc(1, sizeof(*coach));
	enum status st;

	if (coach == NULL)
		panic("ai-coaching: no memory");
	coach_rpc_register_metrics();
	st = service_pg_open(&cfg->service, "ai-coaching", &coach->pg, err);
	if (st == STATUS_OK && cfg->service.redis_url == NULL)
		st = err_set(err, STATUS_INVALID_ARGUMENT, "FIT_REDIS_SESSION_URL is not set");
	if (st == STATUS_OK)
		st = redis_open(cfg->service.redis_url, (unsigned)cfg->service.pg_pool_size,
				&coach->redis, err);
	if (st != STATUS_OK) {
		coach_fini(coach);
		return st;
	}
	coach->users = user_client_open(cfg->user_target, service_tls_client());
	coach->workouts = workout_client_open(cfg->workout_target, service_tls_client());
	coach->snapshots = coach_snapshots_new();
	*ret_ctx = coach;
	return STATUS_OK;
}

/* Redis is memory only, and the other services have their own /ready. */
static enum status
coach_ready(void *ctx, struct deadline deadline, struct err *err)
{
	struct coach *coach = ctx;

	return pg_ping(coach->pg, deadline, err);
}

int
main(int argc, char **argv)
{
	static const struct rpc_service *const services[] = { &coach_rpc_service };
	const struct pg_migrations migrations = { .schema = "ai_coaching",
						  .app_role = "fit_ai_coaching",
						  .list = coach_migration_list,
						  .n = coach_migration_count };
	const struct service_def def = {
		.name = "ai-coaching",
		.summary = "The coach: answers, proposals, recommendations.",
		.config_size = sizeof(struct coach_config),
		.tables = &coach_config_table,
		.ntables = 1,
		.services = services,
		.nservices = ARRAY_LEN(services),
		.migrations = &migrations,
		.init = coach_init,
		.ready = coach_ready,
		.fini = coach_fini,
	};

	return service_main(argc, argv, &def);
}
