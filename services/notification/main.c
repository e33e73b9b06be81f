/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The notification service: a table and what opens its parts.
 */
#include <stdlib.h>

#include "libcommon/base/compiler.h"
#include "libcommon/service/service.h"
#include "libcommon/store/pg.h"
#include "libcommon/store/redis.h"
#include "services/notification/notification_config.h"
#include "services/notification/notification_hints.h"
#include "services/notification/notification_inbox.h"
#include "services/notification/notification_messenger.h"
#include "services/notification/notification_prefs.h"
#include "services/notification/notification_rpc.h"
#include "services/notification/notification_sender.h"
#include "services/notification/notification_service.h"
#include "services/notification/notification_streams.h"

#define REDIS_CONNECTIONS 4

extern const struct pg_migration notification_migration_list[];
extern const size_t notification_migration_count;

static void
notification_fini(void *ctx)
{
	struct notification_service *service = ctx;

	if (service == NULL)
		return;
	/* Those that use others first. */
	notification_messenger_stop(service->messenger);
	notification_hints_free(service->hints);
	notification_streams_free(service->streams);
	notification_prefs_free(service->prefs);
	redis_close(service->redis);
	pg_pool_close(service->pool);
	free(service);
}

static void
notification_drain(void *ctx)
{
	struct notification_service *service = ctx;

	notification_streams_drain(service->streams);
}

static void
on_hint(void *arg, const struct uuid *user)
{
	notification_streams_hint(arg, user);
}

static enum status
open_senders(const struct notification_config *cfg, struct notification_sender *ret_senders[2],
	     struct err *err)
{
	enum status st = notification_spool_push_open(cfg->spool_dir, &ret_senders[0], err);

	if (st != STATUS_OK)
		return st;
	st = notification_spool_mail_open(cfg->spool_dir, cfg->mail_from, &ret_senders[1], err);
	if (st != STATUS_OK)
		ret_senders[0]->close(ret_senders[0]);
	return st;
}

static enum status
open_parts(const struct notification_config *cfg, struct notification_service *service,
	   struct err *err)
{
	struct notification_sender *senders[2];
	const char *redis_url = cfg->service.redis_url;
	enum status st = service_pg_open(&cfg->service, "notification", &service->pool, err);

	if (st == STATUS_OK && redis_url != NULL)
		st = redis_open(redis_url, REDIS_CONNECTIONS, &service->redis, err);
	if (st != STATUS_OK)
		return st;
	service->prefs = notification_prefs_new(cfg->user_target);
	service->streams =
		notification_streams_new(service->pool, cfg->poll_ms, cfg->stream_life_s * 1000,
					 (size_t)cfg->streams_max);
	st = notification_hints_new(service->redis, redis_url, on_hint, service->streams,
				    &service->hints, err);
	if (st == STATUS_OK)
		st = open_senders(cfg, senders, err);
	if (st == STATUS_OK)
		service->messenger =
			notification_messenger_start(service->pool, service->prefs, senders,
						     ARRAY_LEN(senders), cfg->lease_s * 1000,
						     cfg->keep_days);
	return st;
}

static enum status
notification_init(const void *config, void **ret_ctx, struct err *err)
{
	struct notification_service *service = calloc(1, sizeof(*service));
	enum status st;

	if (service == NULL)
		panic("notification: no memory");
	st = open_parts(config, service, err);
	if (st != STATUS_OK) {
		notification_fini(service);
		return st;
	}
	*ret_ctx = service;
	return STATUS_OK;
}

static enum status
notification_ready(void *ctx, struct deadline deadline, struct err *err)
{
	struct notification_service *service = ctx;

	return pg_ping(service->pool, deadline, err);
}

int
main(int argc, char **argv)
{
	static const struct rpc_service *const services[] = { &notification_rpc_service };
	static const struct consumer_def *const consumers[] = { &notification_inbox_consumer,
								NULL };
	const struct pg_migrations migrations = { .schema = "notification",
						  .app_role = "fit_notification",
						  .list = notification_migration_list,
						  .n = notification_migration_count };
	const struct service_def def = {
		.name = "notification",
		.summary = "The inbox: what a user should know, live and by push and mail.",
		.config_size = sizeof(struct notification_config),
		.tables = &notification_config_table,
		.ntables = 1,
		.services = services,
		.nservices = ARRAY_LEN(services),
		.migrations = &migrations,
		.consumers = consumers,
		.init = notification_init,
		.ready = notification_ready,
		.drain = notification_drain,
		.fini = notification_fini,
	};

	return service_main(argc, argv, &def);
}
