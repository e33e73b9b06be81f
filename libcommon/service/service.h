/* SPDX-License-Identifier: Apache-2.0 */
/*
 * service.h - a service is declared, not programmed: main.c is a table and service_main().
 *
 *	static const struct service_def workout_service = {
 *		.name = "workout", .config_size = sizeof(struct workout_config),
 *		.tables = workout_config_tables, .ntables = …,
 *		.services = workout_rpc_services, .nservices = …, .migrations = &workout_migrations,
 *		.init = workout_init, .ready = workout_ready, .fini = workout_fini,
 *	};
 *	int main(int argc, char **argv) { return service_main(argc, argv, &workout_service); }
 *
 * Options: --help, --version, --check-config, --migrate, --print-config-markdown.
 *
 * Start: config → log → migrations (FIT_MIGRATE_AT_START) → bus → init → relay → consumers → rpc
 * server → admin port (/health /ready /metrics) → ready.
 *
 * With FIT_BUS_URL a relay carries the outbox of the service's PostgreSQL to the bus, and the
 * consumers run. Without it events stay in the outbox, and a service with consumers does not
 * start.
 *
 * SIGTERM, SIGINT: not ready → GOAWAY and drain (FIT_DRAIN_MS): calls, then consumers, then the
 * relay's batch in flight → fini → exit 0; a second signal exits 1 at once. A drain that does
 * not end in time exits 1 without fini, for handlers still run.
 *
 * SIGHUP: the log level is read again from the file FIT_LOG_LEVEL_PATH, the certificate and
 * authorities from those of FIT_TLS_…, then the service's reload().
 *
 * Exit codes: 0, 1 (environment), 2 (usage or configuration).
 *
 * Ownership: the config lives from before init until after fini, so what init makes may borrow
 *            from it; *ret_ctx is the service's own, which fini frees.
 * Threads:   migrate, init, reload, drain and fini run on the main thread, which never serves;
 *            ready on the admin port's; handlers on workers, consumers on threads of their own.
 */
#ifndef FIT_SERVICE_SERVICE_H
#define FIT_SERVICE_SERVICE_H

#include <stddef.h>
#include <stdint.h>

#include "libcommon/base/clock.h"
#include "libcommon/base/status.h"
#include "libcommon/bus/consumer.h"
#include "libcommon/rpc/rpc_server.h"
#include "libcommon/runtime/config.h"
#include "libcommon/service/service_tls.h"
#include "libcommon/store/pg.h"
#include "libcommon/store/pg_migrate.h"

/* Settings that every service has. Must be the FIRST member of a service's config struct. */
struct service_config {
	char *environment;  /* ENVIRONMENT / FIT_ENVIRONMENT: development | staging | production */
	char *log_level;    /* FIT_LOG_LEVEL */
	char *listen;       /* FIT_LISTEN: gRPC address */
	char *admin_listen; /* FIT_ADMIN_LISTEN */
	char *pg_url;       /* FIT_PG_URL / DATABASE_URL (application role) */
	char *pg_password;  /* FIT_PG_PASSWORD(_FILE) */
	char *pg_owner_url; /* FIT_PG_OWNER_URL: for migrations */
	char *pg_owner_password;
	int64_t pg_pool_size;  /* FIT_PG_POOL_SIZE */
	bool pg_prepared;      /* FIT_PG_PREPARED */
	char *redis_url;       /* FIT_REDIS_SESSION_URL */
	bool migrate_at_start; /* FIT_MIGRATE_AT_START */
	int64_t drain_ms;      /* FIT_DRAIN_MS */
	int64_t workers;       /* FIT_WORKERS; 0: by cpus */
	int64_t io_threads;    /* FIT_IO_THREADS; 0: by cpus */
	char *version;         /* APP_VERSION / FIT_VERSION */
	char *log_level_path;  /* FIT_LOG_LEVEL_PATH */
	char *bus_url;         /* FIT_BUS_URL: pg:postgresql://… */
	char *bus_password;    /* FIT_BUS_PASSWORD(_FILE) */
	char *bus_owner_url;   /* FIT_BUS_OWNER_URL: for the bus's migrations */
	char *bus_owner_password;
	int64_t bus_lease_ms;          /* FIT_BUS_LEASE_MS */
	struct service_tls_config tls; /* FIT_TLS_… */
};
extern const struct config_table service_config_table;
/* A pool of the service's settings: application_name is `name`, also the pool's name in metrics. */
enum status service_pg_open(const struct service_config *cfg, const char *name,
			    struct pg_pool **ret_pool, struct err *err) MUST_CHECK;

/* For bus_produce, from init on; NULL without FIT_BUS_URL. */
struct bus *service_bus(void);

struct service_def {
	const char *name;    /* "workout" */
	const char *summary; /* one line for --help */
	size_t config_size;  /* of its config struct, whose first member is struct service_config */
	const struct config_table *tables; /* its own tables, beside service_config_table */
	size_t ntables;
	const struct rpc_service *const *services;
	size_t nservices;
	const struct pg_migrations *migrations; /* or NULL */
	/* Brings a store other than PostgreSQL up to date, with --migrate and
	 * FIT_MIGRATE_AT_START; may be NULL. */
	enum status (*migrate)(const void *config, struct deadline deadline, struct err *err);
	/* NULL-terminated, or NULL; their ctx is that of init. */
	const struct consumer_def *const *consumers;
	/* Opens stores and clients; *ret_ctx becomes rpc_call_service(). */
	enum status (*init)(const void *config, void **ret_ctx, struct err *err);
	/* For /ready: own saturation and start-up state, cheap; may be NULL. */
	enum status (*ready)(void *ctx, struct deadline deadline, struct err *err);
	/* At SIGHUP, on the main thread while calls run: what can be read again; may be NULL. */
	enum status (*reload)(void *ctx, struct err *err);
	/*
	 * When the process is told to end, before calls in flight are waited for: ends what would
	 * not end by itself (streams), without waiting; may be NULL.
	 */
	void (*drain)(void *ctx);
	void (*fini)(void *ctx);
};

/*
 * Work pool classes a method may name with (fit.api.v1.method).concurrency: "default" (all
 * workers) and "heavy" (a quarter of them: exports, imports, searches).
 */
int service_main(int argc, char **argv, const struct service_def *def);

#endif
