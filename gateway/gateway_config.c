/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/gateway_config.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/http.h"
#include "libcommon/observe/log.h"
#include "libcommon/runtime/environment.h"

#define STR(key, alias_, field, def_, flags_, doc_)                                                \
	CONFIG_STRING_ALIAS(key, alias_, struct gateway_config, field, def_, flags_, doc_)
#define NUM(key, field, def_, min_, max_, doc_)                                                    \
	CONFIG_INT(key, struct gateway_config, field, def_, min_, max_, 0, doc_)

static const struct config_item items[] = {
	STR("FIT_ENVIRONMENT", "ENVIRONMENT", environment, ENVIRONMENT_DEFAULT, 0, ENVIRONMENT_DOC),
	STR("FIT_VERSION", "APP_VERSION", version, FIT_VERSION_TEXT, 0,
	    "The version that /api/versions, metrics and logs show."),
	STR("FIT_LOG_LEVEL", NULL, log_level, "info", 0, "debug, info, warn or error."),
	STR("FIT_LISTEN", NULL, listen, "127.0.0.1:8080", 0, "Address of the public HTTP port."),
	STR("FIT_ADMIN_LISTEN", NULL, admin_listen, "127.0.0.1:8081", 0,
	    "Address of /health, /ready and /metrics for operators."),
	STR("FIT_UPSTREAMS", NULL, upstreams_text, NULL, CONFIG_REQUIRED,
	    "Where services are: fit.auth.v1=127.0.0.1:7101,fit.user.v1=…"),
	STR("FIT_PROTOSET", NULL, protoset_path, NULL, 0,
	    "A descriptor set to serve instead of the one in the executable (protoc "
	    "--include_imports "
	    "--include_source_info)."),
	STR("FIT_REDIS_SESSION_URL", NULL, redis_url, NULL, CONFIG_SECRET,
	    "Redis with session copies and rate limits; without it the gateway asks auth and "
	    "limits by itself."),
	STR("FIT_JWT_ISSUER", NULL, jwt_issuer, "ai-fitness-coach", 0, "The iss of access tokens."),
	STR("FIT_JWT_AUDIENCE", NULL, jwt_audience, "ai-fitness-coach-app", 0,
	    "The aud of access tokens."),
	STR("FIT_ALLOWED_ORIGINS", "ALLOWED_ORIGINS", origins_text, "http://localhost:3000", 0,
	    "Web origins that browsers may call from, separated by commas."),
	STR("FIT_RATE_CLASSES", NULL, rates_text, "default=100/900,auth=60/900", 0,
	    "Requests/seconds of each rate class, per user or, without one, per address."),
	STR("FIT_IP_RATE", NULL, ip_rate_text, "3000/10", 0,
	    "Requests/seconds of an address before anything is looked at, each loop by itself."),
	STR("FIT_IP_EXEMPT", NULL, ip_exempt_text, "127.0.0.1,::1", 0,
	    "Addresses without that limit: a local health check, say."),
	STR("FIT_TRUSTED_PROXIES", NULL, proxies_text, "", 0,
	    "Proxies whose X-Forwarded-For is believed: addresses and networks (10.0.0.0/8), "
	    "separated by commas."),
	NUM("FIT_GATEWAY_THREADS", threads, "0", 0, 64,
	    "Event loops; 0: one for each CPU, at most 8."),
	NUM("FIT_MAX_CONNECTIONS", max_connections, "10000", 1, 1000000,
	    "Open client connections, all loops."),
	NUM("FIT_MAX_CONNECTIONS_PER_IP", max_connections_per_ip, "2000", 1, 1000000,
	    "Open client connections of one address."),
	NUM("FIT_BODY_MAX", body_max, "10485760", 1024, 104857600,
	    "Largest request body in bytes, where the method says no other."),
	NUM("FIT_BODY_MEMORY_MB", body_memory_mb, "256", 1, 65536,
	    "Request bodies in memory, MiB for each loop; above it uploads get 503."),
	NUM("FIT_REPLY_MEMORY_MB", reply_memory_mb, "256", 1, 65536,
	    "Replies that clients have not taken yet, MiB for each loop; above it the slow are dropped."),
	NUM("FIT_IDLE_MS", idle_ms, "65000", 100, 3600000,
	    "Keep-alive of an idle connection, milliseconds."),
	NUM("FIT_HEAD_MS", head_ms, "5000", 100, 60000,
	    "Time for a whole request head, from its first byte, milliseconds."),
	NUM("FIT_CALL_TIMEOUT_MS", call_timeout_ms, "10000", 100, 600000,
	    "Budget of a call, where the method says no other, milliseconds."),
	NUM("FIT_STREAM_TIMEOUT_MS", stream_timeout_ms, "3600000", 1000, 86400000,
	    "Longest event stream, milliseconds."),
	NUM("FIT_REDIS_TIMEOUT_MS", redis_timeout_ms, "50", 1, 10000,
	    "How long Redis may take before the gateway does without, milliseconds."),
	NUM("FIT_TOKEN_CACHE", token_cache, "20000", 16, 10000000,
	    "Verified tokens kept, each loop."),
	NUM("FIT_DRAIN_DELAY_MS", drain_delay_ms, "1000", 0, 600000,
	    "After SIGTERM: how long new connections are still taken, while /ready says no, "
	    "milliseconds."),
	NUM("FIT_DRAIN_MS", drain_ms, "10000", 0, 600000,
	    "After that: how long requests in flight may take to end, milliseconds."),
};

void
gateway_config_tables(struct config_table ret_tables[GATEWAY_CONFIG_TABLES])
{
	ret_tables[0] = (struct config_table){ .title = "Gateway",
					       .items = items,
					       .nitems = ARRAY_LEN(items) };
	ret_tables[1] = service_tls_table(offsetof(struct gateway_config, tls));
}

static enum status
bad(struct err *err, const char *key, struct slice value, const char *right)
{
	return err_set(err, STATUS_INVALID_ARGUMENT, "%s: \"%.*s\" is not %s", key,
		       SLICE_ARG(value), right);
}

static enum status
parse_upstreams(struct gateway_config *config, struct err *err)
{
	static const char right[] = "package=host:port, at most 16, each package once";
	struct slice list = slice_str(config->upstreams_text), item;

	while (http_list_next(&list, &item)) {
		const char *eq = memchr(item.p, '=', item.n);
		size_t n = eq != NULL ? (size_t)(eq - item.p) : 0;
		struct slice package = slice_make(item.p, n);

		if (n == 0 || n + 1 == item.n || config->nupstreams == CONFIG_UPSTREAMS_MAX ||
		    gateway_config_upstream(config, package) != NULL)
			return bad(err, "FIT_UPSTREAMS", item, right);
		char *target = strndup(eq + 1, item.n - n - 1);
		config->upstreams[config->nupstreams++] =
			(struct config_upstream){ package, target };
	}
	return STATUS_OK;
}

static void
write_rate(struct config_rate *rate)
{
	int64_t interval = gcra_interval_us(&rate->rate);

	snprintf(rate->interval_text, sizeof(rate->interval_text), "%" PRId64, interval);
	snprintf(rate->burst_text, sizeof(rate->burst_text), "%" PRId64,
		 interval * rate->rate.limit);
}

static enum status
parse_rates(struct gateway_config *config, struct err *err)
{
	struct slice list = slice_str(config->rates_text), item;

	config->rates[config->nrates++] =
		(struct config_rate){ .name = SLICE_LIT("default"), .rate = { 100, 900 } };
	write_rate(&config->rates[0]);
	while (http_list_next(&list, &item)) {
		const char *eq = memchr(item.p, '=', item.n);
		size_t n = eq != NULL ? (size_t)(eq - item.p) : 0;
		struct config_rate rate = { .name = slice_make(item.p, n) };

		if (n == 0 || !http_is_token(rate.name) || config->nrates == CONFIG_RATES_MAX ||
		    !gcra_rate_parse(slice_make(eq + 1, item.n - n - 1), &rate.rate))
			return bad(err, "FIT_RATE_CLASSES", item,
				   "class=requests/seconds, at most 15");
		write_rate(&rate);
		if (slice_eq_str(rate.name, "default"))
			config->rates[0] = rate;
		else
			config->rates[config->nrates++] = rate;
	}
	return STATUS_OK;
}

static enum status
parse_list(const char *key, const char *text, struct slice *items_out, size_t *ret_n,
	   struct err *err)
{
	struct slice list = slice_str(text), item;

	while (http_list_next(&list, &item)) {
		if (*ret_n == CONFIG_ORIGINS_MAX)
			return bad(err, key, item, "within 32 items");
		items_out[(*ret_n)++] = item;
	}
	return STATUS_OK;
}

static enum status
parse_proxies(struct gateway_config *config, struct err *err)
{
	struct slice list = slice_str(config->proxies_text), item;

	while (http_list_next(&list, &item)) {
		if (!net_set_add(&config->proxies, item))
			return bad(err, "FIT_TRUSTED_PROXIES", item,
				   "an address or a network (10.0.0.0/8), at most 32");
	}
	return STATUS_OK;
}

/* "*" with credentials would let any site act for the user; browsers refuse it, so do we, at start.
 */
static enum status
check_origins(const struct gateway_config *config, struct err *err)
{
	for (size_t i = 0; i < config->norigins; i++) {
		struct slice o = config->origins[i];
		if ((!slice_starts_with(o, SLICE_LIT("http://")) &&
		     !slice_starts_with(o, SLICE_LIT("https://"))) ||
		    memchr(o.p, '*', o.n) != NULL || o.p[o.n - 1] == '/')
			return bad(err, "FIT_ALLOWED_ORIGINS", o,
				   "an origin (https://host[:port], without a path)");
	}
	return STATUS_OK;
}

static enum status
check_words(const struct gateway_config *config, struct err *err)
{
	enum status st = environment_check(config->environment, err);
	enum log_level level;

	if (st != STATUS_OK)
		return st;
	if (!log_level_parse(config->log_level, &level))
		return bad(err, "FIT_LOG_LEVEL", slice_str(config->log_level),
			   "debug, info, warn or error");
	return STATUS_OK;
}

static enum status
compile(struct gateway_config *config, struct err *err)
{
	enum status st = check_words(config, err);

	if (st == STATUS_OK)
		st = service_tls_check(&config->tls, err);
	if (st == STATUS_OK)
		st = parse_upstreams(config, err);
	if (st == STATUS_OK)
		st = parse_rates(config, err);
	if (st == STATUS_OK)
		st = parse_list("FIT_ALLOWED_ORIGINS", config->origins_text, config->origins,
				&config->norigins, err);
	if (st == STATUS_OK)
		st = check_origins(config, err);
	if (st == STATUS_OK)
		st = parse_list("FIT_IP_EXEMPT", config->ip_exempt_text, config->ip_exempt,
				&config->nip_exempt, err);
	if (st == STATUS_OK)
		st = parse_proxies(config, err);
	if (st == STATUS_OK && !gcra_rate_parse(slice_str(config->ip_rate_text), &config->ip_rate))
		st = bad(err, "FIT_IP_RATE", slice_str(config->ip_rate_text), "requests/seconds");
	return st;
}

enum status
gateway_config_load(struct gateway_config *ret_config, struct err *err)
{
	struct gateway_config config = { 0 };
	struct config_table tables[GATEWAY_CONFIG_TABLES];

	gateway_config_tables(tables);
	enum status st = config_load(tables, ARRAY_LEN(tables), &config, err);
	if (st == STATUS_OK)
		st = compile(&config, err);
	if (st != STATUS_OK) {
		gateway_config_fini(&config);
		return st;
	}
	*ret_config = config;
	return STATUS_OK;
}

void
gateway_config_fini(struct gateway_config *config)
{
	struct config_table tables[GATEWAY_CONFIG_TABLES];

	gateway_config_tables(tables);
	for (size_t i = 0; i < config->nupstreams; i++)
		free(config->upstreams[i].target);
	config_fini(tables, ARRAY_LEN(tables), config);
}

const struct config_rate *
gateway_config_rate(const struct gateway_config *config, struct slice name)
{
	for (size_t i = 1; i < config->nrates; i++) {
		if (slice_eq(config->rates[i].name, name))
			return &config->rates[i];
	}
	return &config->rates[0];
}

const struct config_upstream *
gateway_config_upstream(const struct gateway_config *config, struct slice package)
{
	for (size_t i = 0; i < config->nupstreams; i++) {
		if (slice_eq(config->upstreams[i].package, package))
			return &config->upstreams[i];
	}
	return NULL;
}
