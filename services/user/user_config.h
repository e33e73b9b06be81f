/* SPDX-License-Identifier: Apache-2.0 */
/*
 * user_config.h - the settings of the user service.
 *
 * Ownership: the struct owns its strings (config_fini). Threads: only read after the start.
 */
#ifndef FIT_USER_CONFIG_H
#define FIT_USER_CONFIG_H

#include "libcommon/service/service.h"

struct user_config {
	struct service_config service;
	char *kek_dir;
	int64_t kek_active;
	char *blind_index_key;
	int64_t key_cache;
	int64_t key_cache_ttl_s;
	char *tz_dir;
	int64_t grace_days;
};

extern const struct config_table user_config_table;

#endif
