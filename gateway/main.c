/* SPDX-License-Identifier: Apache-2.0 */
/*
 * main.c - the gateway: settings, loops, signals.
 *
 * SIGTERM, SIGINT: /ready says no and replies close their connections; new connections are
 * taken for FIT_DRAIN_DELAY_MS more (until a balancer has noticed), then the port is closed and
 * what is in flight has FIT_DRAIN_MS to end. A second signal exits at once. SIGHUP: the files of
 * FIT_TLS_… are read again. Exit codes: 0, 1 (environment), 2 (usage or configuration).
 */
#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "gateway/conn_limit.h"
#include "gateway/front_h1.h"
#include "gateway/gateway_config.h"
#include "gateway/gateway_loop.h"
#include "gateway/pages.h"
#include "gateway/routes.h"
#include "libcommon/base/clock.h"
#include "libcommon/observe/log.h"
#include "libcommon/observe/metrics.h"
#include "libcommon/runtime/cpus.h"
#include "libcommon/runtime/environment.h"
#include "libcommon/runtime/loop.h"
#include "libcommon/schema/schema.h"
#include "libcommon/service/admin.h"

#define EXIT_USAGE 2
#define THREADS_MAX 64
#define THREADS_AUTO_MAX 8
#define FDS_BESIDE_CLIENTS 256

struct program {
	struct gateway_config config;
	struct gateway gateway;
	struct schema *schema; /* of FIT_PROTOSET, else NULL */
	struct gateway_loop *loops[THREADS_MAX];
	unsigned nloops;
	struct admin *admin;
};

static struct metric m_connections = METRIC_GAUGE("http_connections", "Open client connections.");

/* ---- what every reply carries ---- */

/* As helmet sends it. Upgrading insecure requests is for production: a page on http://localhost
 * must load. */
static void
write_security(const struct gateway_config *config, struct strbuf *out)
{
	bool production = strcmp(config->environment, "production") == 0;

	strbuf_addf(out,
		    "Content-Security-Policy: default-src 'self';img-src 'self' data: "
		    "https:;script-src 'self';"
		    "style-src 'self' 'unsafe-inline';base-uri 'self';font-src 'self' https: data:;"
		    "form-action 'self';frame-ancestors 'self';object-src 'none';script-src-attr "
		    "'none'%s\r\n",
		    production ? ";upgrade-insecure-requests" : "");
	strbuf_adds(out, "Cross-Origin-Opener-Policy: same-origin\r\n"
			 "Cross-Origin-Resource-Policy: same-origin\r\n"
			 "Origin-Agent-Cluster: ?1\r\n"
			 "Referrer-Policy: no-referrer\r\n"
			 "Strict-Transport-Security: max-age=31536000; includeSubDomains\r\n"
			 "X-Content-Type-Options: nosniff\r\n"
			 "X-DNS-Prefetch-Control: off\r\n"
			 "X-Download-Options: noopen\r\n"
			 "X-Frame-Options: SAMEORIGIN\r\n"
			 "X-Permitted-Cross-Domain-Policies: none\r\n"
			 "X-XSS-Protection: 0\r\n");
}

/* ---- start and end ---- */

/* Room for the clients that the settings allow; fewer are allowed where the system has less. */
static void
fit_connections(struct gateway_config *config)
{
	struct rlimit rl;

	if (getrlimit(RLIMIT_NOFILE, &rl) != 0)
		return;
	rl.rlim_cur = rl.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &rl);
	int64_t room = (int64_t)rl.rlim_cur - FDS_BESIDE_CLIENTS;
	if (room < config->max_connections) {
		log_warn("connections_bounded_by_nofile",
			 LOG_INT("wanted", config->max_connections), LOG_INT("allowed", room));
		config->max_connections = room > 1 ? room : 1;
	}
}

static void
on_collect(void *arg)
{
	struct program *p = arg;

	metric_set(metric_single(&m_connections), conn_limit_open(p->gateway.conn_limit));
}

static enum status
on_ready(void *arg, struct deadline deadline, struct err *err)
{
	const char *why;

	(void)deadline;
	if (pages_ready(arg, &why))
		return STATUS_OK;
	return err_set(err, STATUS_UNAVAILABLE, "%s", why);
}

/* The descriptor set of FIT_PROTOSET, or the one that was linked in. */
static enum status
open_schema(struct program *p, struct err *err)
{
	struct strbuf bytes = STRBUF_INIT;
	char buf[16384];
	size_t n;

	p->gateway.schema = NULL;
	if (p->config.protoset_path == NULL) {
		p->gateway.schema = schema_builtin();
		return STATUS_OK;
	}
	FILE *f = fopen(p->config.protoset_path, "re");
	if (f == NULL)
		return err_set(err, STATUS_INVALID_ARGUMENT, "FIT_PROTOSET: cannot read \"%s\": %s",
			       p->config.protoset_path, strerror(errno));
	while ((n = fread(buf, 1, sizeof(buf), f)) > 0)
		strbuf_add(&bytes, buf, n);
	fclose(f);
	enum status st = schema_load(strbuf_slice(&bytes), &p->schema, err);
	strbuf_fini(&bytes);
	if (st != STATUS_OK)
		return err_context(err, "FIT_PROTOSET: %s", p->config.protoset_path);
	p->gateway.schema = p->schema;
	return STATUS_OK;
}

static enum status
open_gateway(struct program *p, struct err *err)
{
	struct gateway *g = &p->gateway;

	if (p->config.threads == 0) {
		unsigned cpus = cpus_available();
		p->config.threads = cpus < THREADS_AUTO_MAX ? cpus : THREADS_AUTO_MAX;
	}
	fit_connections(&p->config);
	g->config = &p->config;
	enum status st = service_tls_open(&p->config.tls, err);
	if (st == STATUS_OK)
		st = open_schema(p, err);
	if (st != STATUS_OK)
		return st;
	write_security(&p->config, &g->security);
	schema_openapi(g->schema, p->config.version, &g->openapi);
	g->conn_limit = conn_limit_new((unsigned)p->config.max_connections,
				       (unsigned)p->config.max_connections_per_ip);
	metric_register(&m_connections);
	metrics_on_collect(on_collect, p);
	st = routes_new(g->schema, &p->config, pages, pages_count, &g->routes, err);
	if (st != STATUS_OK)
		return st;
	for (unsigned i = 0; i < (unsigned)p->config.threads; i++) {
		p->loops[i] = gateway_loop_new(g, i, err);
		if (p->loops[i] == NULL)
			return err->status;
		p->nloops++;
	}
	return admin_open(p->config.admin_listen, on_ready, g, &p->admin, err);
}

static void
close_gateway(struct program *p)
{
	admin_close(p->admin);
	for (unsigned i = 0; i < p->nloops; i++)
		loop_stop(p->loops[i]->loop);
	for (unsigned i = 0; i < p->nloops; i++)
		gateway_loop_free(p->loops[i]);
	if (p->gateway.conn_limit != NULL)
		metrics_off_collect(on_collect, p);
	routes_free(p->gateway.routes);
	conn_limit_free(p->gateway.conn_limit);
	strbuf_fini(&p->gateway.security);
	strbuf_fini(&p->gateway.openapi);
	schema_free(p->schema);
	service_tls_close();
}

static void
drain_front(void *arg)
{
	struct gateway_loop *gl = arg;

	front_h1_drain(gl->front);
}

static void
stop_accepting(void *arg)
{
	struct gateway_loop *gl = arg;

	if (front_h1_stop_accepting(gl->front))
		atomic_fetch_sub(&gl->gateway->listening, 1);
	else
		loop_defer(gl->loop, stop_accepting, gl);
}

static void
post_all(struct program *p, loop_fn fn)
{
	for (unsigned i = 0; i < p->nloops; i++)
		loop_post(p->loops[i]->loop, fn, p->loops[i]);
}

/* Waits; a second signal ends the process. */
static void
pause_ms(const sigset_t *set, int64_t ms)
{
	struct timespec ts = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 };

	if (sigtimedwait(set, NULL, &ts) > 0)
		_exit(1);
}

static void
drain(struct program *p, const sigset_t *set)
{
	log_info("draining", LOG_INT("connections", conn_limit_open(p->gateway.conn_limit)));
	atomic_store(&p->gateway.draining, true);
	admin_set_draining(p->admin);
	post_all(p, drain_front);
	pause_ms(set, p->config.drain_delay_ms);
	atomic_store(&p->gateway.listening, p->nloops);
	post_all(p, stop_accepting);
	struct deadline end = deadline_in(p->config.drain_ms);
	while ((atomic_load(&p->gateway.listening) > 0 ||
		conn_limit_open(p->gateway.conn_limit) > 0) &&
	       deadline_left_ms(end) > 0)
		pause_ms(set, 20);
	log_info("drained", LOG_INT("connections", conn_limit_open(p->gateway.conn_limit)));
}

static void
reload(void)
{
	struct err err;

	err_init(&err);
	if (service_tls_reload(&err) != STATUS_OK)
		log_warn_err("reload_failed", &err);
	else
		log_info("reloaded");
}

/* Until SIGTERM or SIGINT; `set` and SIGHUP are blocked. */
static void
wait_for_end(const sigset_t *set)
{
	sigset_t all = *set;
	int sig;

	sigaddset(&all, SIGHUP);
	for (;;) {
		if (sigwait(&all, &sig) != 0)
			continue;
		if (sig != SIGHUP)
			return;
		reload();
	}
}

static int
serve(struct program *p)
{
	sigset_t set, hup;
	struct err err;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&hup);
	sigaddset(&hup, SIGHUP);
	pthread_sigmask(SIG_BLOCK, &hup, NULL);
	err_init(&err);
	if (open_gateway(p, &err) != STATUS_OK) {
		log_error_err("start_failed", &err);
		close_gateway(p);
		return 1;
	}
	for (unsigned i = 0; i < p->nloops; i++)
		loop_start(p->loops[i]->loop);
	malloc_trim(0);
	log_info("started", LOG_STR("listen", p->config.listen), LOG_INT("threads", p->nloops),
		 LOG_STR("version", p->config.version));
	wait_for_end(&set);
	drain(p, &set);
	close_gateway(p);
	log_info("stopped");
	return 0;
}

static void
print_help(void)
{
	struct config_table tables[GATEWAY_CONFIG_TABLES];

	printf("fit-gateway %s - HTTP and JSON in, gRPC out\n\nOptions:\n"
	       "  --help                   this text\n"
	       "  --version                print the version\n"
	       "  --check-config           check the environment's settings and exit\n"
	       "  --print-config-markdown  print the settings as Markdown\n"
	       "\nSettings are environment variables.\n\n",
	       FIT_VERSION_TEXT);
	gateway_config_tables(tables);
	config_print_help(stdout, tables, ARRAY_LEN(tables));
}

int
main(int argc, char **argv)
{
	static struct program program;
	const char *option = argc > 1 ? argv[1] : "";
	enum log_level level = LOG_LEVEL_INFO;
	struct err err;

	if (strcmp(option, "--help") == 0) {
		print_help();
		return 0;
	}
	if (strcmp(option, "--version") == 0) {
		printf("%s\n", FIT_VERSION_TEXT);
		return 0;
	}
	if (strcmp(option, "--print-config-markdown") == 0) {
		struct config_table tables[GATEWAY_CONFIG_TABLES];
		gateway_config_tables(tables);
		config_print_markdown(stdout, tables, ARRAY_LEN(tables));
		return 0;
	}
	bool check = strcmp(option, "--check-config") == 0;
	if (argc > 2 || (argc == 2 && !check)) {
		fprintf(stderr, "gateway: unknown option %s (--help lists them)\n", option);
		return EXIT_USAGE;
	}
	err_init(&err);
	if (gateway_config_load(&program.config, &err) != STATUS_OK) {
		fprintf(stderr, "gateway: %s\n", err.text);
		return EXIT_USAGE;
	}
	int code = 0;
	if (!check) {
		environment_protect(program.config.environment);
		(void)log_level_parse(program.config.log_level, &level);
		log_setup("gateway", level, STDERR_FILENO);
		metrics_set_build("gateway", program.config.version);
		code = serve(&program);
	}
	gateway_config_fini(&program.config);
	return code;
}
