/* SPDX-License-Identifier: Apache-2.0 */
/*
 * auth_config.h - settings of the auth service.
 *
 * Ownership: the struct owns its strings (config_fini). Threads: only read after the start.
 */
#ifndef FIT_AUTH_CONFIG_H
#define FIT_AUTH_CONFIG_H

#include <stdint.h>

#include "libcommon/service/service.h"

struct auth_config {
	struct service_config service; /* first */
	char *jwt_issuer;
	char *jwt_audience;
	int64_t access_ttl_s;
	int64_t refresh_idle_s;
	int64_t session_max_s;
	int64_t refresh_grace_s;
	int64_t recheck_s;
	int64_t sessions_max;
	char *issuers;
	char *keys_dir;
	char *secret;
	char *user_target;
};

extern const struct config_table auth_config_table;

#endif
