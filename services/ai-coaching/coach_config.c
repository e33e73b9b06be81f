/* SPDX-License-Identifier: Apache-2.0 */
#include "services/ai-coaching/coach_config.h"

#include "libcommon/base/compiler.h"

static const struct config_item items[] = {
	CONFIG_STRING("FIT_USER_TARGET", struct coach_config, user_target, "127.0.0.1:7102",
		      CONFIG_REQUIRED, "Where the user service listens."),
	CONFIG_STRING("FIT_WORKOUT_TARGET", struct coach_config, workout_target, "127.0.0.1:7103",
		      CONFIG_REQUIRED, "Where the workout service listens."),
};

const struct config_table coach_config_table = { .title = "ai-coaching",
						 .items = items,
						 .nitems = ARRAY_LEN(items) };
