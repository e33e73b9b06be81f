/* SPDX-License-Identifier: Apache-2.0 */
#include "libcommon/service/service_tls.h"

#include "libcommon/base/compiler.h"
#include "libcommon/crypto/tls.h"

#define STR(key, field, def_, flags_, doc_)                                                        \
	CONFIG_STRING(key, struct service_tls_config, field, def_, flags_, doc_)

static const struct config_item items[] = {
	STR("FIT_TLS_CERT", cert, NULL, CONFIG_RELOAD,
	    "Own certificate between our programs (PEM file, with those up to the authority's); "
	    "this and the next two together turn mTLS on."),
	STR("FIT_TLS_KEY", key, NULL, CONFIG_RELOAD, "Its key (PEM file, mode 0600)."),
	STR("FIT_TLS_CA", ca, NULL, CONFIG_RELOAD,
	    "Who signs the certificates of our programs (PEM file); nobody else is trusted."),
	STR("FIT_TLS_PEERS", peers, "spiffe://fit/", 0,
	    "What the SPIFFE id in a program's certificate is before the program's name."),
};

static struct tls_context *server, *client;

struct config_table
service_tls_table(size_t base)
{
	return (struct config_table){
		.title = "mTLS", .items = items, .nitems = ARRAY_LEN(items), .base = base
	};
}

enum status
service_tls_check(const struct service_tls_config *cfg, struct err *err)
{
	const char *missing = cfg->cert == NULL  ? "FIT_TLS_CERT"
			      : cfg->key == NULL ? "FIT_TLS_KEY"
			      : cfg->ca == NULL  ? "FIT_TLS_CA"
						 : NULL;
	bool any = cfg->cert != NULL || cfg->key != NULL || cfg->ca != NULL;

	if (any && missing != NULL)
		return err_set(err, STATUS_INVALID_ARGUMENT,
			       "%s: is not set, and the other FIT_TLS_… are", missing);
	return STATUS_OK;
}

enum status
service_tls_open(const struct service_tls_config *cfg, struct err *err)
{
	const struct tls_files files = { .ca = cfg->ca, .cert = cfg->cert, .key = cfg->key };

	if (cfg->cert == NULL)
		return STATUS_OK;
	enum status st = tls_context_new(TLS_SERVER, &files, &server, err);
	if (st == STATUS_OK)
		st = tls_context_new(TLS_CLIENT, &files, &client, err);
	return st;
}

enum status
service_tls_reload(struct err *err)
{
	if (server == NULL)
		return STATUS_OK;
	enum status st = tls_context_reload(server, err);
	return st == STATUS_OK ? tls_context_reload(client, err) : st;
}

void
service_tls_close(void)
{
	tls_context_free(server);
	tls_context_free(client);
	server = client = NULL;
}

struct tls_context *
service_tls_server(void)
{
	return server;
}

struct tls_context *
service_tls_client(void)
{
	return client;
}
