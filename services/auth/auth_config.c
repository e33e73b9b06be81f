/* SPDX-License-Identifier: Apache-2.0 */
#include "services/auth/auth_config.h"

#include "libcommon/base/compiler.h"

#define DAY_S 86400

static const struct config_item items[] = {
	CONFIG_STRING("FIT_JWT_ISSUER", struct auth_config, jwt_issuer, "ai-fitness-coach",
		      CONFIG_REQUIRED, "The iss claim of access tokens."),
	CONFIG_STRING("FIT_JWT_AUDIENCE", struct auth_config, jwt_audience, "ai-fitness-coach-app",
		      CONFIG_REQUIRED, "The aud claim of access tokens."),
	CONFIG_INT("FIT_ACCESS_TTL_S", struct auth_config, access_ttl_s, "604800", 60, 30 * DAY_S,
		   0, "How long an access token is good for, seconds."),
	CONFIG_INT("FIT_AUTH_REFRESH_IDLE_S", struct auth_config, refresh_idle_s, "2592000", 60,
		   365 * DAY_S, 0, "A session that is not refreshed for so long ends, seconds."),
	CONFIG_INT("FIT_AUTH_SESSION_MAX_S", struct auth_config, session_max_s, "15552000", 60,
		   730 * DAY_S, 0, "A session ends after so long in any case, seconds."),
	CONFIG_INT("FIT_AUTH_REFRESH_GRACE_S", struct auth_config, refresh_grace_s, "20", 0, 60, 0,
		   "A refresh that is repeated within this time by the same client gets the same "
		   "answer, seconds."),
	CONFIG_INT("FIT_AUTH_RECHECK_S", struct auth_config, recheck_s, "60", 1, 3600, 0,
		   "How long a session may go on before the account is looked at again: closed, "
		   "role and tier changed; seconds."),
	CONFIG_INT("FIT_AUTH_SESSIONS_MAX", struct auth_config, sessions_max, "50", 1, 200, 0,
		   "Devices a user may be signed in on; one more signs out the one unused for "
		   "longest."),
	CONFIG_STRING(
		"FIT_AUTH_ISSUERS", struct auth_config, issuers, NULL, CONFIG_REQUIRED,
		"OpenID providers whose ID tokens are taken: name=issuer|audience,audience;name=…"),
	CONFIG_STRING(
		"FIT_AUTH_KEYS_DIR", struct auth_config, keys_dir, NULL, CONFIG_REQUIRED,
		"Folder of PEM signing keys: the last NAME.pem by name signs, all are published, "
		"NAME.next.pem is only published."),
	CONFIG_STRING("FIT_AUTH_SECRET", struct auth_config, secret, NULL,
		      CONFIG_REQUIRED | CONFIG_SECRET,
		      "64 hex digits: key of the hashes of device ids and addresses."),
	CONFIG_STRING("FIT_USER_TARGET", struct auth_config, user_target, "127.0.0.1:7102",
		      CONFIG_REQUIRED, "Where the user service listens."),
};

const struct config_table auth_config_table = { .title = "auth",
						.items = items,
						.nitems = ARRAY_LEN(items) };
