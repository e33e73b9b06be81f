/* SPDX-License-Identifier: Apache-2.0 */
#include "services/notification/notification_config.h"

#include "libcommon/base/compiler.h"

#define S struct notification_config

static const struct config_item items[] = {
	CONFIG_STRING("FIT_USER_TARGET", S, user_target, "127.0.0.1:7102", CONFIG_REQUIRED,
		      "Where the user service listens."),
	CONFIG_STRING(
		"FIT_NOTIFICATION_SPOOL_DIR", S, spool_dir, NULL, CONFIG_REQUIRED,
		"Folder in which push/ and mail/ are made, and letters left for their agents."),
	CONFIG_STRING("FIT_NOTIFICATION_MAIL_FROM", S, mail_from,
		      "AI Fitness Coach <no-reply@localhost>", CONFIG_REQUIRED,
		      "The From line of mails."),
	CONFIG_INT("FIT_NOTIFICATION_POLL_MS", S, poll_ms, "3000", 100, 60000, 0,
		   "How often open streams are compared with their inboxes, milliseconds; hints "
		   "make it faster, this makes it sure."),
	CONFIG_INT("FIT_NOTIFICATION_STREAM_LIFE_S", S, stream_life_s, "900", 1, 86400, 0,
		   "A stream ends by itself after at most so long, seconds: its client comes back "
		   "and is authenticated anew."),
	CONFIG_INT("FIT_NOTIFICATION_STREAMS_MAX", S, streams_max, "20000", 1, 1000000, 0,
		   "Open streams of one process, at most."),
	CONFIG_INT("FIT_NOTIFICATION_LEASE_S", S, lease_s, "60", 16, 3600, 0,
		   "For how long a process holds the deliveries that it took, seconds: what it "
		   "leaves when it dies waits so long."),
	CONFIG_INT("FIT_NOTIFICATION_KEEP_DAYS", S, keep_days, "90", 1, 3650, 0,
		   "Notifications older than this are deleted, days."),
};

const struct config_table notification_config_table = { .title = "notification",
							.items = items,
							.nitems = ARRAY_LEN(items) };
