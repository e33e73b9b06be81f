/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The user service: a table and what opens its stores.
 */
#include <stdlib.h>
#include <string.h>

#include "libcommon/base/compiler.h"
#include "libcommon/service/service.h"
#include "libcommon/store/pg.h"
#include "services/user/user_config.h"
#include "services/user/user_rewrap.h"
#include "services/user/user_rpc.h"
#include "services/user/user_store.h"
#include "services/user/user_vault.h"

extern const struct pg_migration user_migration_list[];
extern const size_t user_migration_count;

static void
user_fini(void *ctx)
{
	struct user_service *service = ctx;

	if (service == NULL)
		return;
	user_rewrap_stop(service->rewrap); /* first: it uses the others */
	user_store_free(service->store);
	user_vault_close(service->vault);
	pg_pool_close(service->pool);
	free(service);
}

static enum status
user_init(const void *config, void **ret_ctx, struct err *err)
{
	const struct user_config *cfg = config;
	struct user_service *service = calloc(1, sizeof(*service));
	enum status st;

	if (service == NULL)
		panic("user: no memory");
	service->tz_dir = cfg->tz_dir;
	service->grace_ms = cfg->grace_days * INT64_C(86400000);
	service->development = strcmp(cfg->service.environment, "development") == 0;
	st = user_vault_open(cfg, &service->vault, err);
	if (st == STATUS_OK)
		st = service_pg_open(&cfg->service, "user", &service->pool, err);
	if (st != STATUS_OK) {
		user_fini(service);
		return st;
	}
	service->store = user_store_new(service->pool, service->vault);
	service->rewrap = user_rewrap_start(service->store);
	*ret_ctx = service;
	return STATUS_OK;
}

static enum status
user_ready(void *ctx, struct deadline deadline, struct err *err)
{
	struct user_service *service = ctx;

	return user_store_ping(service->store, deadline, err);
}

int
main(int argc, char **argv)
{
	static const struct rpc_service *const services[] = { &user_rpc_service };
	const struct pg_migrations migrations = { .schema = "fitness_core",
						  .app_role = "fit_user",
						  .list = user_migration_list,
						  .n = user_migration_count };
	const struct service_def def = {
		.name = "user",
		.summary = "Profiles, preferences, and who somebody who signs in is.",
		.config_size = sizeof(struct user_config),
		.tables = &user_config_table,
		.ntables = 1,
		.services = services,
		.nservices = ARRAY_LEN(services),
		.migrations = &migrations,
		.init = user_init,
		.ready = user_ready,
		.fini = user_fini,
	};

	return service_main(argc, argv, &def);
}
