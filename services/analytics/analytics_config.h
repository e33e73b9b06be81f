/* SPDX-License-Identifier: Apache-2.0 */
/*
 * analytics_config.h - the settings of the analytics service.
 *
 * Ownership: the struct owns its strings (config_fini). Threads: only read after the start.
 */
#ifndef FIT_ANALYTICS_CONFIG_H
#define FIT_ANALYTICS_CONFIG_H

#include "libcommon/service/service.h"

struct analytics_config {
	struct service_config service;
	char *clickhouse_url;
	char *clickhouse_database;
	char *clickhouse_user;
	char *clickhouse_password;
	char *tz_dir;
	char *user_target;
};

extern const struct config_table analytics_config_table;

#endif
