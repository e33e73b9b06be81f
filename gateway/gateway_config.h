/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gateway_config.h - the gateway's settings: as read, and as compiled into lists that the
 * pipeline uses.
 *
 * Ownership:  gateway_config_fini frees what load made; slices point into its strings.
 * Threads:    immutable after load.
 */
#ifndef FIT_GATEWAY_GATEWAY_CONFIG_H
#define FIT_GATEWAY_GATEWAY_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "gateway/client_address.h"
#include "gateway/gcra.h"
#include "libcommon/base/slice.h"
#include "libcommon/base/status.h"
#include "libcommon/runtime/config.h"
#include "libcommon/service/service_tls.h"

#define CONFIG_UPSTREAMS_MAX 16
#define CONFIG_RATES_MAX 16
#define CONFIG_ORIGINS_MAX 32

/* Services of a package ("fit.auth.v1") and where they are. */
struct config_upstream {
	struct slice package;
	char *target; /* owned */
};

struct config_rate {
	struct slice name;
	struct gcra_rate rate;
	char interval_text[24], burst_text[24]; /* us, as Redis is told them */
};

struct gateway_config {
	char *environment, *version, *log_level;
	char *listen, *admin_listen;
	char *upstreams_text, *rates_text, *origins_text, *ip_exempt_text, *ip_rate_text,
		*proxies_text;
	char *redis_url, *protoset_path;
	char *jwt_issuer, *jwt_audience;
	int64_t threads, max_connections, max_connections_per_ip;
	int64_t body_max, body_memory_mb, reply_memory_mb;
	int64_t idle_ms, head_ms, drain_ms, drain_delay_ms;
	int64_t call_timeout_ms, stream_timeout_ms, redis_timeout_ms;
	int64_t token_cache;
	struct service_tls_config tls;
	/* compiled */
	struct config_upstream upstreams[CONFIG_UPSTREAMS_MAX];
	size_t nupstreams;
	struct config_rate rates[CONFIG_RATES_MAX]; /* [0] is "default" */
	size_t nrates;
	struct slice origins[CONFIG_ORIGINS_MAX];
	size_t norigins;
	struct slice ip_exempt[CONFIG_ORIGINS_MAX];
	size_t nip_exempt;
	struct gcra_rate ip_rate;
	struct net_set proxies;
};

/* Its own settings and those of mTLS. */
#define GATEWAY_CONFIG_TABLES 2
void gateway_config_tables(struct config_table ret_tables[GATEWAY_CONFIG_TABLES]);

/* From the environment. INVALID_ARGUMENT names the variable, its value and what would be right. */
enum status gateway_config_load(struct gateway_config *ret_config, struct err *err) MUST_CHECK;
void gateway_config_fini(struct gateway_config *config);
/* The rate of a class; an unknown class is the default's. */
const struct config_rate *gateway_config_rate(const struct gateway_config *config,
					      struct slice name);
/* NULL when no upstream has that package. */
const struct config_upstream *gateway_config_upstream(const struct gateway_config *config,
						      struct slice package);

#endif
