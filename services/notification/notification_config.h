/* SPDX-License-Identifier: Apache-2.0 */
/*
 * notification_config.h - the settings of the notification service.
 *
 * Ownership: the struct owns its strings (config_fini). Threads: only read after the start.
 */
#ifndef FIT_NOTIFICATION_CONFIG_H
#define FIT_NOTIFICATION_CONFIG_H

#include "libcommon/service/service.h"

struct notification_config {
	struct service_config service;
	char *user_target;
	char *spool_dir;
	char *mail_from;
	int64_t poll_ms;
	int64_t stream_life_s;
	int64_t streams_max;
	int64_t lease_s;
	int64_t keep_days;
};

extern const struct config_table notification_config_table;

#endif
