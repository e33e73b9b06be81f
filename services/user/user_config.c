/* SPDX-License-Identifier: Apache-2.0 */
#include "services/user/user_config.h"

#include "libcommon/base/compiler.h"

#define S struct user_config

static const struct config_item items[] = {
	CONFIG_STRING("FIT_KEK_DIR", S, kek_dir, NULL, CONFIG_REQUIRED,
		      "Folder of key-encryption keys: <number>.key, each 64 hex digits, readable "
		      "by the service only."),
	CONFIG_INT("FIT_KEK_ACTIVE", S, kek_active, "0", 0, UINT32_MAX, 0,
		   "Number of the key that wraps new data keys; 0: the highest. Set it while a new "
		   "key is handed out."),
	CONFIG_STRING("FIT_BLIND_INDEX_KEY", S, blind_index_key, NULL,
		      CONFIG_REQUIRED | CONFIG_SECRET,
		      "Key of the blind indexes, 64 hex digits. It can't be changed once there are "
		      "users."),
	CONFIG_INT("FIT_USER_KEY_CACHE", S, key_cache, "4096", 16, 131072, 0,
		   "Unwrapped data keys kept in memory, at most."),
	CONFIG_INT("FIT_USER_KEY_CACHE_TTL_S", S, key_cache_ttl_s, "300", 1, 86400, 0,
		   "How long an unwrapped data key is kept, seconds."),
	CONFIG_STRING("FIT_TZ_DIR", S, tz_dir, "/usr/share/zoneinfo", CONFIG_REQUIRED,
		      "The system's time zone database, by which time zones are checked."),
	CONFIG_INT("FIT_USER_GRACE_DAYS", S, grace_days, "30", 1, 365, 0,
		   "How long a closed account can be restored by signing in, days."),
};

const struct config_table user_config_table = {
	.title = "user", .items = items, .nitems = ARRAY_LEN(items), .base = 0
};
