/* SPDX-License-Identifier: Apache-2.0 */
/*
 * service.c - the skeleton of every service.
 *
 * The main thread sets up, waits for signals and takes down; it never serves. Signals are
 * blocked from before the first thread is made until a drain begins; then SIGTERM and SIGINT
 * get a handler that exits at once.
 */
#include "libcommon/service/service.h"

#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "libcommon/observe/log.h"
#include "libcommon/observe/metrics.h"
#include "libcommon/runtime/environment.h"
#include "libcommon/runtime/workpool.h"
#include "libcommon/service/admin.h"
#include "libcommon/service/service_events.h"

#define EXIT_USAGE 2
#define TABLES_MAX 16
#define QUEUE_MAX 2048
#define MIGRATE_MS 300000
#define TLS_AGE_MS 900000

struct service {
	const struct service_def *def;
	struct config_table tables[TABLES_MAX];
	size_t ntables;
	struct service_config *cfg; /* the first member of the service's own struct */
	void *ctx;
	bool inited;
	struct workpool *workpool;
	struct rpc_server *rpc;
	struct admin *admin;
};

static const struct workpool_class work_classes[] = { { "heavy", 25 } };

static struct metric m_workers =
	METRIC_GAUGE("workpool_workers", "Worker threads by state.", "state");
static struct metric m_queued = METRIC_GAUGE("workpool_queued", "Calls that wait for a worker.");
static struct metric m_jobs =
	METRIC_COUNTER("workpool_jobs_total", "Calls by what became of them.", "outcome");

/* ---- configuration ---- */

static const struct {
	const char *option, *text;
} options[] = {
	{ "--help", "this text" },
	{ "--version", "print the version" },
	{ "--check-config", "check the environment's settings and exit" },
	{ "--migrate", "bring the database schema up to date and exit" },
	{ "--print-config-markdown", "print the settings as Markdown" },
};

static void
print_help(const struct service *s)
{
	printf("fit-%s %s - %s\n\nOptions:\n", s->def->name, FIT_VERSION_TEXT,
	       s->def->summary != NULL ? s->def->summary : "");
	for (size_t i = 0; i < ARRAY_LEN(options); i++)
		printf("  %-24s %s\n", options[i].option, options[i].text);
	printf("\nSettings are environment variables.\n\n");
	config_print_help(stdout, s->tables, s->ntables);
}

static void
collect_tables(struct service *s)
{
	if (s->def->ntables + 2 > TABLES_MAX)
		panic("service: %zu configuration tables, at most %d", s->def->ntables,
		      TABLES_MAX - 2);
	s->tables[s->ntables++] = service_config_table;
	s->tables[s->ntables++] = service_tls_table(offsetof(struct service_config, tls));
	for (size_t i = 0; i < s->def->ntables; i++)
		s->tables[s->ntables++] = s->def->tables[i];
}

/* The level of the file if there is one, else of the setting. */
static enum status
read_log_level(const struct service_config *cfg, enum log_level *ret_level, struct err *err)
{
	char word[16] = "";
	const char *level = cfg->log_level, *name = "FIT_LOG_LEVEL";

	if (cfg->log_level_path != NULL) {
		FILE *f = fopen(cfg->log_level_path, "re");

		name = cfg->log_level_path;
		if (f == NULL && errno != ENOENT)
			return err_set(err, STATUS_INVALID_ARGUMENT,
				       "FIT_LOG_LEVEL_PATH: cannot read \"%s\": %s",
				       cfg->log_level_path, strerror(errno));
		if (f != NULL) {
			if (fscanf(f, "%15s", word) == 1)
				level = word;
			fclose(f);
		}
	}
	if (!log_level_parse(level, ret_level))
		return err_set(err, STATUS_INVALID_ARGUMENT,
			       "%s: \"%s\" is not debug, info, warn or error", name, level);
	return STATUS_OK;
}

static enum status
check_config(const struct service *s, enum log_level *ret_level, struct err *err)
{
	const struct service_config *cfg = s->cfg;
	enum status st = environment_check(cfg->environment, err);

	if (st == STATUS_OK)
		st = service_tls_check(&cfg->tls, err);
	return st == STATUS_OK ? read_log_level(cfg, ret_level, err) : st;
}

static enum status
check_addresses(const struct service_config *cfg, struct err *err)
{
	const char *missing = cfg->listen == NULL         ? "FIT_LISTEN"
			      : cfg->admin_listen == NULL ? "FIT_ADMIN_LISTEN"
							  : NULL;

	if (missing != NULL)
		return err_set(err, STATUS_INVALID_ARGUMENT, "%s: is not set (host:port)", missing);
	return STATUS_OK;
}

static void
free_config(struct service *s)
{
	if (s->cfg != NULL)
		config_fini(s->tables, s->ntables, s->cfg);
	free(s->cfg);
}

/* ---- running ---- */

static enum status
migrate(const struct service *s, struct err *err)
{
	enum status st = service_events_migrate(s->cfg, deadline_in(MIGRATE_MS), err);

	if (st == STATUS_OK && s->def->migrate != NULL)
		st = s->def->migrate(s->cfg, deadline_in(MIGRATE_MS), err);
	if (st != STATUS_OK || s->def->migrations == NULL)
		return st;
	return pg_migrate(s->cfg->pg_owner_url, s->cfg->pg_owner_password, s->def->migrations,
			  deadline_in(MIGRATE_MS), err);
}

static enum status
on_ready(void *arg, struct deadline deadline, struct err *err)
{
	const struct service *s = arg;

	return s->def->ready != NULL ? s->def->ready(s->ctx, deadline, err) : STATUS_OK;
}

static void
on_collect(void *arg)
{
	struct service *s = arg;
	struct workpool_stats stats;
	static unsigned long long done, refused; /* collectors run one at a time */

	workpool_stats(s->workpool, &stats);
	metric_set(metric_series(&m_workers, "busy"), stats.busy);
	metric_set(metric_series(&m_workers, "idle"), stats.workers - stats.busy);
	metric_set(metric_single(&m_queued), (double)stats.queued);
	metric_add(metric_series(&m_jobs, "done"), (int64_t)(stats.done - done));
	metric_add(metric_series(&m_jobs, "refused"), (int64_t)(stats.refused - refused));
	done = stats.done;
	refused = stats.refused;
}

static void
open_workpool(struct service *s)
{
	unsigned workers =
		s->cfg->workers > 0 ? (unsigned)s->cfg->workers : workpool_default_workers();

	s->workpool =
		workpool_new("work", workers, QUEUE_MAX, work_classes, ARRAY_LEN(work_classes));
	metric_register(&m_workers);
	metric_register(&m_queued);
	metric_register(&m_jobs);
	metrics_on_collect(on_collect, s);
}

static enum status
open_rpc(struct service *s, struct err *err)
{
	struct rpc_server_options opts = {
		.address = s->cfg->listen,
		.io_threads = (unsigned)s->cfg->io_threads,
		.workpool = s->workpool,
		.service_ctx = s->ctx,
		.tls = service_tls_server(),
		.peer_prefix = s->cfg->tls.peers,
		/* Else a connection would outlive the certificates it was made with. */
		.max_connection_age_ms = service_tls_server() != NULL ? TLS_AGE_MS : 0,
	};

	return rpc_server_open(&opts, s->def->services, s->def->nservices, &s->rpc, err);
}

static enum status
start(struct service *s, struct err *err)
{
	enum status st = check_addresses(s->cfg, err);

	if (st == STATUS_OK)
		st = service_tls_open(&s->cfg->tls, err);
	if (st == STATUS_OK)
		st = service_events_open(s->def, s->cfg, err);
	if (st == STATUS_OK && s->def->init != NULL)
		st = s->def->init(s->cfg, &s->ctx, err);
	if (st != STATUS_OK)
		return st;
	s->inited = true;
	st = service_events_start(s->def, s->cfg, s->ctx, err);
	if (st != STATUS_OK)
		return st;
	open_workpool(s);
	st = open_rpc(s, err);
	if (st == STATUS_OK)
		st = admin_open(s->cfg->admin_listen, on_ready, s, &s->admin, err);
	if (st == STATUS_OK)
		rpc_server_set_serving(s->rpc, true);
	return st;
}

/* After a failed start too: closes what was opened. */
static void
stop(struct service *s)
{
	if (s->rpc != NULL)
		rpc_server_close(s->rpc);
	if (s->workpool != NULL) {
		metrics_off_collect(on_collect, s);
		workpool_free(s->workpool);
	}
	admin_close(s->admin);
	/* Only after a start that failed half-way something still runs here. */
	if (!service_events_stop(deadline_in(s->cfg->drain_ms)))
		_exit(EXIT_FAILURE);
	if (s->inited && s->def->fini != NULL)
		s->def->fini(s->ctx);
	service_events_close();
	service_tls_close();
}

/* Not ready, GOAWAY, calls in flight to their end. */
static bool
drain(struct service *s)
{
	struct deadline deadline = deadline_in(s->cfg->drain_ms);

	admin_set_draining(s->admin);
	rpc_server_set_serving(s->rpc, false);
	if (s->def->drain != NULL)
		s->def->drain(s->ctx);
	return rpc_server_drain(s->rpc, deadline) && workpool_drain(s->workpool, deadline) &&
	       service_events_stop(deadline);
}

/* ---- signals ---- */

static void
block_signals(sigset_t *ret_set)
{
	sigemptyset(ret_set);
	sigaddset(ret_set, SIGTERM);
	sigaddset(ret_set, SIGINT);
	sigaddset(ret_set, SIGHUP);
	pthread_sigmask(SIG_BLOCK, ret_set, NULL);
}

static void
on_second_signal(int signo)
{
	(void)signo;
	_exit(1);
}

/* The next SIGTERM or SIGINT ends the process at once. */
static void
arm_second_signal(void)
{
	struct sigaction sa = { .sa_handler = on_second_signal };
	sigset_t set;

	sigaction(SIGTERM, &sa, NULL);
	sigaction(SIGINT, &sa, NULL);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

static void
reload(const struct service *s)
{
	enum log_level level;
	struct err err;

	err_init(&err);
	if (read_log_level(s->cfg, &level, &err) != STATUS_OK) {
		log_warn_err("reload_failed", &err);
		return;
	}
	log_set_level(level);
	if (service_tls_reload(&err) != STATUS_OK) {
		log_warn_err("reload_failed", &err);
		return;
	}
	if (s->def->reload != NULL && s->def->reload(s->ctx, &err) != STATUS_OK) {
		log_warn_err("reload_failed", &err);
		return;
	}
	log_info("reloaded");
}

static int
wait_for_end(struct service *s, const sigset_t *set)
{
	int signo;

	for (;;) {
		if (sigwait(set, &signo) != 0)
			continue;
		if (signo != SIGHUP)
			return signo;
		reload(s);
	}
}

static int
run_migrate(struct service *s)
{
	struct err err;

	err_init(&err);
	if (migrate(s, &err) != STATUS_OK) {
		log_error_err("migrate_failed", &err);
		return EXIT_FAILURE;
	}
	log_info("migrated",
		 LOG_STR("schema", s->def->migrations ? s->def->migrations->schema : "none"));
	return EXIT_SUCCESS;
}

static int
run(struct service *s)
{
	struct err err;
	sigset_t set;

	err_init(&err);
	/* Signals still end the process here: a migration is one transaction. */
	if (s->cfg->migrate_at_start && run_migrate(s) != EXIT_SUCCESS)
		return EXIT_FAILURE;
	block_signals(&set);
	if (start(s, &err) != STATUS_OK) {
		log_error_err("start_failed", &err);
		stop(s);
		return err.status == STATUS_INVALID_ARGUMENT ? EXIT_USAGE : EXIT_FAILURE;
	}
	log_info("started", LOG_STR("listen", s->cfg->listen),
		 LOG_STR("admin", s->cfg->admin_listen), LOG_STR("version", s->cfg->version),
		 LOG_STR("environment", s->cfg->environment));
	int signo = wait_for_end(s, &set);
	arm_second_signal();
	log_info("draining", LOG_INT("signal", signo));
	if (!drain(s)) {
		/* Handlers still use what fini would take away. */
		log_error("drain_timeout", LOG_INT("drainMs", s->cfg->drain_ms));
		_exit(EXIT_FAILURE);
	}
	stop(s);
	log_info("stopped");
	return EXIT_SUCCESS;
}

/* ---- main ---- */

/* Before the first thread: few malloc arenas (resident memory), no SIGPIPE, no dump of secrets. */
static void
set_up_process(const struct service_config *cfg)
{
	mallopt(M_ARENA_MAX, 2);
	signal(SIGPIPE, SIG_IGN);
	environment_protect(cfg->environment);
}

static int
load_and_run(struct service *s, const char *option)
{
	enum log_level level;
	struct err err;

	err_init(&err);
	s->cfg = calloc(1, s->def->config_size);
	if (s->cfg == NULL)
		panic("service: no memory");
	enum status st = config_load(s->tables, s->ntables, s->cfg, &err);
	if (st == STATUS_OK)
		st = check_config(s, &level, &err);
	if (st == STATUS_OK && strcmp(option, "--check-config") == 0)
		st = check_addresses(s->cfg, &err);
	if (st != STATUS_OK) {
		fprintf(stderr, "fit-%s: %s\n", s->def->name, err.text);
		return EXIT_USAGE;
	}
	if (strcmp(option, "--check-config") == 0) {
		puts("The configuration is valid.");
		return EXIT_SUCCESS;
	}
	set_up_process(s->cfg);
	log_setup(s->def->name, level, STDERR_FILENO);
	metrics_set_build(s->def->name, s->cfg->version);
	return strcmp(option, "--migrate") == 0 ? run_migrate(s) : run(s);
}

int
service_main(int argc, char **argv, const struct service_def *def)
{
	struct service s = { .def = def };
	const char *option = argc > 1 ? argv[1] : "";
	bool known = argc <= 1;

	for (size_t i = 0; i < ARRAY_LEN(options); i++)
		known = known || strcmp(option, options[i].option) == 0;
	if (!known || argc > 2) {
		fprintf(stderr, "fit-%s: unknown argument \"%s\" (--help lists the options)\n",
			def->name, known ? argv[2] : option);
		return EXIT_USAGE;
	}
	if (strcmp(option, "--version") == 0) {
		printf("fit-%s %s\n", def->name, FIT_VERSION_TEXT);
		return EXIT_SUCCESS;
	}
	collect_tables(&s);
	int code = EXIT_SUCCESS;
	if (strcmp(option, "--help") == 0)
		print_help(&s);
	else if (strcmp(option, "--print-config-markdown") == 0)
		config_print_markdown(stdout, s.tables, s.ntables);
	else
		code = load_and_run(&s, option);
	free_config(&s);
	return code;
}
