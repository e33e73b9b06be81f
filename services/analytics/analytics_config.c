/* SPDX-License-Identifier: Apache-2.0 */
#include "services/analytics/analytics_config.h"

#include "libcommon/base/compiler.h"

#define S struct analytics_config

static const struct config_item items[] = {
	CONFIG_STRING("FIT_CLICKHOUSE_URL", S, clickhouse_url, NULL, CONFIG_REQUIRED,
		      "ClickHouse's HTTP interface: https://host:8443, or http on loopback."),
	CONFIG_STRING("FIT_CLICKHOUSE_DATABASE", S, clickhouse_database, "analytics", 0,
		      "Its database; made where it is missing, with the migrations."),
	CONFIG_STRING("FIT_CLICKHOUSE_USER", S, clickhouse_user, "default", 0, "Its user."),
	CONFIG_STRING("FIT_CLICKHOUSE_PASSWORD", S, clickhouse_password, NULL, CONFIG_SECRET,
		      "The user's password."),
	CONFIG_STRING("FIT_USER_TARGET", S, user_target, "127.0.0.1:7102", CONFIG_REQUIRED,
		      "Where the user service listens: it knows who switched behaviour analytics "
		      "on."),
	CONFIG_STRING("FIT_TZ_DIR", S, tz_dir, "/usr/share/zoneinfo", CONFIG_REQUIRED,
		      "The system's time zone database, by which time zones are checked."),
};

const struct config_table analytics_config_table = {
	.title = "analytics", .items = items, .nitems = ARRAY_LEN(items), .base = 0
};
