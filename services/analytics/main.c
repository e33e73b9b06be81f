/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The analytics service: a table and what opens its store.
 */
#include <stdlib.h>

#include "libcommon/base/compiler.h"
#include "libcommon/service/service.h"
#include "libcommon/service/service_tls.h"
#include "libcommon/store/clickhouse.h"
#include "libcommon/store/clickhouse_migrate.h"
#include "services/analytics/analytics.h"
#include "services/analytics/analytics_allowed.h"
#include "services/analytics/analytics_config.h"
#include "services/analytics/analytics_consume.h"
#include "services/analytics/analytics_rpc.h"

extern const struct pg_migration analytics_migration_list[];

static enum status
open_clickhouse(const struct analytics_config *cfg, struct clickhouse **ret_ch, struct err *err)
{
	const struct clickhouse_options opts = { .url = cfg->clickhouse_url,
						 .database = cfg->clickhouse_database,
						 .user = cfg->clickhouse_user,
						 .password = cfg->clickhouse_password };

	return clickhouse_open(&opts, ret_ch, err);
}

static enum status
analytics_migrate(const void *config, struct deadline deadline, struct err *err)
{
	struct clickhouse *ch;
	enum status st = open_clickhouse(config, &ch, err);

	if (st != STATUS_OK)
		return st;
	st = clickhouse_migrate(ch, analytics_migration_list, deadline, err);
	clickhouse_close(ch);
	return st;
}

static void
analytics_fini(void *ctx)
{
	struct analytics *service = ctx;

	if (service == NULL)
		return;
	clickhouse_close(service->ch);
	user_prefs_free(service->allowed);
	user_client_close(service->users);
	free(service);
}

/* ClickHouse may be away: events wait on the bus, and figures say so. */
static enum status
analytics_init(const void *config, void **ret_ctx, struct err *err)
{
	const struct analytics_config *cfg = config;
	struct analytics *service = calloc(1, sizeof(*service));
	enum status st;

	if (service == NULL)
		panic("analytics: no memory");
	analytics_rpc_register_metrics();
	analytics_consume_register_metrics();
	service->tz_dir = cfg->tz_dir;
	service->bus = service_bus();
	service->users = user_client_open(cfg->user_target, service_tls_client());
	service->allowed = analytics_allowed_new(service->users);
	st = open_clickhouse(cfg, &service->ch, err);
	if (st != STATUS_OK) {
		analytics_fini(service);
		return st;
	}
	*ret_ctx = service;
	return STATUS_OK;
}

int
main(int argc, char **argv)
{
	static const struct rpc_service *const services[] = { &analytics_rpc_service };
	static const struct consumer_def *const consumers[] = { &analytics_consumer, NULL };
	const struct service_def def = {
		.name = "analytics",
		.summary = "Events into ClickHouse, and the figures they make.",
		.config_size = sizeof(struct analytics_config),
		.tables = &analytics_config_table,
		.ntables = 1,
		.services = services,
		.nservices = ARRAY_LEN(services),
		.migrate = analytics_migrate,
		.consumers = consumers,
		.init = analytics_init,
		/* No .ready: events are taken in while ClickHouse is away. */
		.fini = analytics_fini,
	};

	return service_main(argc, argv, &def);
}
