/* SPDX-License-Identifier: Apache-2.0 */
/*
 * devidp - a small OpenID provider for development and tests.
 *
 * It believes every e-mail address, so it does not start in production and binds to loopback
 * only.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/event.h>
#include <event2/http.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include "libcommon/base/strbuf.h"
#include "libcommon/crypto/jwt.h"
#include "libcommon/crypto/secret.h"
#include "libcommon/observe/log.h"
#include "libcommon/runtime/config.h"
#include "libcommon/runtime/environment.h"
#include "tools/devidp/devidp_http.h"

#define EXIT_USAGE 2
#define RSA_BITS 2048

struct devidp_config {
	char *environment;
	char *log_level;
	char *listen;
	char *issuer;
	char *audience;
	char *key_file;
};

static const struct config_item items[] = {
	CONFIG_STRING_ALIAS("FIT_ENVIRONMENT", "ENVIRONMENT", struct devidp_config, environment,
			    ENVIRONMENT_DEFAULT, 0,
			    "development or staging; devidp does not start in production."),
	CONFIG_STRING("FIT_LOG_LEVEL", struct devidp_config, log_level, "info", 0,
		      "debug, info, warn or error."),
	CONFIG_STRING("FIT_DEVIDP_LISTEN", struct devidp_config, listen, "127.0.0.1:7900",
		      CONFIG_REQUIRED, "Address, on loopback."),
	CONFIG_STRING("FIT_DEVIDP_ISSUER", struct devidp_config, issuer, NULL, 0,
		      "The iss claim; the address as an URL unless set."),
	CONFIG_STRING("FIT_DEVIDP_AUDIENCE", struct devidp_config, audience, "fit-dev",
		      CONFIG_REQUIRED, "The aud claim."),
	CONFIG_STRING("FIT_DEVIDP_KEY_FILE", struct devidp_config, key_file, NULL, CONFIG_REQUIRED,
		      "PEM file of the RSA signing key; made when it is missing."),
};
static const struct config_table table = { .title = "devidp",
					   .items = items,
					   .nitems = ARRAY_LEN(items) };

/* ---- key ---- */

static enum status
make_key(const char *path, struct err *err)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	FILE *f = fd >= 0 ? fdopen(fd, "w") : NULL;
	EVP_PKEY *pkey;
	bool ok;

	if (f == NULL)
		return err_set(err, STATUS_FAILED_PRECONDITION,
			       "FIT_DEVIDP_KEY_FILE: cannot create \"%s\": %s", path,
			       strerror(errno));
	pkey = EVP_RSA_gen(RSA_BITS);
	ok = pkey != NULL && PEM_write_PrivateKey(f, pkey, NULL, NULL, 0, NULL, NULL) == 1;
	EVP_PKEY_free(pkey);
	ok = fclose(f) == 0 && ok;
	return ok ? STATUS_OK : err_set(err, STATUS_INTERNAL, "cannot write a key to \"%s\"", path);
}

static enum status
load_key(const char *path, struct jwt_signer **ret_signer, struct err *err)
{
	struct secret *pem;
	enum status st = STATUS_OK;

	if (access(path, F_OK) != 0)
		st = make_key(path, err);
	if (st == STATUS_OK)
		st = secret_from_file(path, &pem, err);
	if (st != STATUS_OK)
		return st;
	st = jwt_signer_from_pem(secret_slice(pem), ret_signer, err);
	secret_free(pem);
	if (st != STATUS_OK)
		return err_context(err, "FIT_DEVIDP_KEY_FILE: \"%s\"", path);
	return STATUS_OK;
}

/* ---- listening ---- */

/* Splits "127.0.0.1:7900"; anything but loopback is refused. */
static enum status
parse_listen(const char *text, char ret_host[64], uint16_t *ret_port, struct err *err)
{
	const char *colon = strrchr(text, ':');
	size_t n = colon != NULL ? (size_t)(colon - text) : 0;
	char *end = NULL;
	long port = colon != NULL ? strtol(colon + 1, &end, 10) : 0;

	if (n == 0 || n >= 64 || *end != '\0' || port < 1 || port > 65535)
		return err_set(err, STATUS_INVALID_ARGUMENT,
			       "FIT_DEVIDP_LISTEN: \"%s\" is not host:port", text);
	memcpy(ret_host, text, n);
	ret_host[n] = '\0';
	if (strncmp(ret_host, "127.", 4) != 0 || strspn(ret_host, "0123456789.") != n)
		return err_set(err, STATUS_INVALID_ARGUMENT,
			       "FIT_DEVIDP_LISTEN: \"%s\" is not on loopback (127.0.0.1:port)",
			       text);
	*ret_port = (uint16_t)port;
	return STATUS_OK;
}

static void
on_signal(evutil_socket_t signo, short what, void *arg)
{
	(void)signo, (void)what;
	event_base_loopbreak(arg);
}

static enum status
serve(const struct devidp_config *cfg, const struct devidp_site *site, struct err *err)
{
	struct event_base *base;
	struct event *term, *intr;
	struct evhttp *http;
	uint16_t port = 0;
	char host[64];
	enum status st = parse_listen(cfg->listen, host, &port, err);

	if (st != STATUS_OK)
		return st;
	base = event_base_new();
	http = base != NULL ? evhttp_new(base) : NULL;
	if (http == NULL)
		panic("libevent does not start");
	devidp_http_attach(http, site);
	term = evsignal_new(base, SIGTERM, on_signal, base);
	intr = evsignal_new(base, SIGINT, on_signal, base);
	if (evhttp_bind_socket(http, host, port) != 0) {
		st = err_set(err, STATUS_UNAVAILABLE, "FIT_DEVIDP_LISTEN: cannot bind %s: %s",
			     cfg->listen, strerror(errno));
	} else {
		evsignal_add(term, NULL);
		evsignal_add(intr, NULL);
		log_info("started", LOG_STR("listen", cfg->listen),
			 LOG_STR("issuer", site->issuer));
		event_base_dispatch(base);
		log_info("stopped");
	}
	event_free(term);
	event_free(intr);
	evhttp_free(http);
	event_base_free(base);
	return st;
}

/* ---- main ---- */

static enum status
run(const struct devidp_config *cfg, struct err *err)
{
	struct strbuf issuer = STRBUF_INIT;
	struct jwt_signer *signer = NULL;
	enum log_level level;
	enum status st = environment_check(cfg->environment, err);

	if (st != STATUS_OK)
		return st;
	if (strcmp(cfg->environment, "production") == 0)
		return err_set(
			err, STATUS_INVALID_ARGUMENT,
			"ENVIRONMENT: devidp believes everybody and does not start in production");
	if (!log_level_parse(cfg->log_level, &level))
		return err_set(err, STATUS_INVALID_ARGUMENT,
			       "FIT_LOG_LEVEL: \"%s\" is not debug, info, warn or error",
			       cfg->log_level);
	log_setup("devidp", level, STDERR_FILENO);
	st = load_key(cfg->key_file, &signer, err);
	if (st != STATUS_OK)
		return st;
	if (cfg->issuer != NULL)
		strbuf_adds(&issuer, cfg->issuer);
	else
		strbuf_addf(&issuer, "http://%s", cfg->listen);
	st = serve(cfg, &(struct devidp_site){ signer, issuer.buf, cfg->audience }, err);
	strbuf_fini(&issuer);
	jwt_signer_free(signer);
	return st;
}

int
main(int argc, char **argv)
{
	struct devidp_config cfg = { 0 };
	const char *option = argc > 1 ? argv[1] : "";
	struct err err;
	enum status st;

	signal(SIGPIPE, SIG_IGN);
	if (strcmp(option, "--help") == 0) {
		printf("devidp %s - an OpenID provider for development: every e-mail address is "
		       "believed\n\n"
		       "Settings are environment variables.\n\n",
		       FIT_VERSION_TEXT);
		config_print_help(stdout, &table, 1);
		return EXIT_SUCCESS;
	}
	if (strcmp(option, "--version") == 0) {
		printf("devidp %s\n", FIT_VERSION_TEXT);
		return EXIT_SUCCESS;
	}
	if (argc > 1) {
		fprintf(stderr, "devidp: unknown argument \"%s\" (--help, --version)\n", option);
		return EXIT_USAGE;
	}
	err_init(&err);
	st = config_load(&table, 1, &cfg, &err);
	if (st == STATUS_OK)
		st = run(&cfg, &err);
	config_fini(&table, 1, &cfg);
	if (st == STATUS_OK)
		return EXIT_SUCCESS;
	fprintf(stderr, "devidp: %s\n", err.text);
	return st == STATUS_INVALID_ARGUMENT ? EXIT_USAGE : EXIT_FAILURE;
}
