/* SPDX-License-Identifier: Apache-2.0 */
/* service_config.c - the settings that every service has, and what is made of them. */
#include "libcommon/base/compiler.h"
#include "libcommon/runtime/environment.h"
#include "libcommon/service/service.h"
#include "libcommon/service/service_events.h"

#define STR(key, alias_, field, def_, flags_, doc_)                                                \
	CONFIG_STRING_ALIAS(key, alias_, struct service_config, field, def_, flags_, doc_)
#define NUM(key, field, def_, min_, max_, doc_)                                                    \
	CONFIG_INT(key, struct service_config, field, def_, min_, max_, 0, doc_)

static const struct config_item items[] = {
	STR("FIT_ENVIRONMENT", "ENVIRONMENT", environment, ENVIRONMENT_DEFAULT, 0, ENVIRONMENT_DOC),
	STR("FIT_VERSION", "APP_VERSION", version, FIT_VERSION_TEXT, 0,
	    "The version that metrics and logs show."),
	STR("FIT_LOG_LEVEL", NULL, log_level, "info", 0, "debug, info, warn or error."),
	STR("FIT_LOG_LEVEL_PATH", NULL, log_level_path, NULL, CONFIG_RELOAD,
	    "A file whose first word overrides FIT_LOG_LEVEL, read at start and at SIGHUP."),
	STR("FIT_LISTEN", NULL, listen, NULL, 0, "Address of the gRPC server (host:port)."),
	STR("FIT_ADMIN_LISTEN", NULL, admin_listen, NULL, 0,
	    "Address of /health, /ready and /metrics (host:port)."),
	NUM("FIT_WORKERS", workers, "0", 0, 1024,
	    "Threads that run handlers; 0: 16 for each CPU, at most 256."),
	NUM("FIT_IO_THREADS", io_threads, "0", 0, 16,
	    "Threads that read and write sockets; 0: by CPUs."),
	NUM("FIT_DRAIN_MS", drain_ms, "10000", 0, 600000,
	    "How long calls in flight may take to end after SIGTERM, milliseconds."),
	STR("FIT_PG_URL", "DATABASE_URL", pg_url, NULL, CONFIG_SECRET,
	    "PostgreSQL of the application role, with options=-csearch_path=SCHEMA."),
	STR("FIT_PG_PASSWORD", NULL, pg_password, NULL, CONFIG_SECRET,
	    "Password of the application role."),
	NUM("FIT_PG_POOL_SIZE", pg_pool_size, "8", 1, 200, "Connections to PostgreSQL, at most."),
	CONFIG_BOOL("FIT_PG_PREPARED", struct service_config, pg_prepared, "true", 0,
		    "Prepared statements; false behind a pooler in transaction mode."),
	STR("FIT_PG_OWNER_URL", NULL, pg_owner_url, NULL, CONFIG_SECRET,
	    "PostgreSQL of the owner role, for migrations."),
	STR("FIT_PG_OWNER_PASSWORD", NULL, pg_owner_password, NULL, CONFIG_SECRET,
	    "Password of the owner role."),
	CONFIG_BOOL("FIT_MIGRATE_AT_START", struct service_config, migrate_at_start, "false", 0,
		    "Migrate before starting, as --migrate does."),
	STR("FIT_BUS_URL", NULL, bus_url, NULL, CONFIG_SECRET,
	    "The event bus: pg:postgresql://… with options=-csearch_path=fit_bus."),
	STR("FIT_BUS_PASSWORD", NULL, bus_password, NULL, CONFIG_SECRET,
	    "Password of the bus's role."),
	STR("FIT_BUS_OWNER_URL", NULL, bus_owner_url, NULL, CONFIG_SECRET,
	    "The event bus as its owner: migrations then bring the bus up to date too."),
	STR("FIT_BUS_OWNER_PASSWORD", NULL, bus_owner_password, NULL, CONFIG_SECRET,
	    "Password of the bus's owner."),
	NUM("FIT_BUS_LEASE_MS", bus_lease_ms, "6000", 1000, 60000,
	    "How long this process may be silent before another one takes over the events that it "
	    "reads or relays."),
	STR("FIT_REDIS_SESSION_URL", NULL, redis_url, NULL, CONFIG_SECRET,
	    "Redis of sessions and limits: redis://[:password@]host:port[/db]."),
};

const struct config_table service_config_table = { .title = "Service",
						   .items = items,
						   .nitems = ARRAY_LEN(items) };

enum status
service_pg_open(const struct service_config *cfg, const char *name, struct pg_pool **ret_pool,
		struct err *err)
{
	struct pg_options opts = {
		.url = cfg->pg_url,
		.password = cfg->pg_password,
		.pool_size = (unsigned)cfg->pg_pool_size,
		.prepared = cfg->pg_prepared,
		.application = name,
	};

	enum status st = pg_pool_open(&opts, ret_pool, err);

	if (st == STATUS_OK)
		pg_pool_on_outbox(*ret_pool, service_events_wake, NULL);
	return st;
}
