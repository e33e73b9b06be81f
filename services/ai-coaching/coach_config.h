/* SPDX-License-Identifier: Apache-2.0 */
/*
 * coach_config.h - the settings of ai-coaching.
 *
 * Ownership: the struct owns its strings (config_fini). Threads: only read after the start.
 */
#ifndef FIT_COACH_CONFIG_H
#define FIT_COACH_CONFIG_H

#include "libcommon/service/service.h"

struct coach_config {
	struct service_config service;
	char *user_target;    /* FIT_USER_TARGET */
	char *workout_target; /* FIT_WORKOUT_TARGET */
};
extern const struct config_table coach_config_table;

#endif
