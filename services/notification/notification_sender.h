/* SPDX-License-Identifier: Apache-2.0 */
/*
 * notification_sender.h - what carries a notification out of the house: one vtable, a driver
 * per provider.
 *
 *	st = notification_spool_push_open("/var/spool/fit", &sender, err);
 *	st = sender->send(sender, &letter, deadline, err);
 *
 * A letter may be sent twice (the process may die between sending and noting it); a driver
 * sees to it that this shows once: by file name here, by the provider's idempotency or
 * collapse key elsewhere.
 *
 * Ownership: letters are valid during the call. Threads: one at a time per sender.
 * Errors:    UNAVAILABLE and the like: try again later. Anything else: this letter will never go.
 */
#ifndef FIT_NOTIFICATION_SENDER_H
#define FIT_NOTIFICATION_SENDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "libcommon/base/clock.h"
#include "libcommon/base/status.h"
#include "libcommon/base/uuid.h"

struct notification_letter {
	struct uuid event, user;
	const char *kind, *importance, *title, *body, *group;
	char *const *parameters; /* name, value … */
	size_t nparameters;      /* both counted */
	int64_t time_ms;
	const char *address, *name; /* mail only */
};

struct notification_sender {
	const char *channel; /* "push", "mail" */
	bool needs_address;
	bool skip_read; /* no use once the user has seen it in the inbox */
	enum status (*send)(struct notification_sender *sender,
			    const struct notification_letter *letter, struct deadline deadline,
			    struct err *err);
	void (*close)(struct notification_sender *sender);
};

/*
 * Files in DIR/push (<event>-<kind>.json) and DIR/mail (<event>-<kind>.eml, RFC 5322), for a
 * provider's agent to pick up. Each appears whole, by rename, mode 0600; a second sending replaces
 * it by the same.
 */
enum status notification_spool_push_open(const char *dir, struct notification_sender **ret_sender,
					 struct err *err) MUST_CHECK;
enum status notification_spool_mail_open(const char *dir, const char *from,
					 struct notification_sender **ret_sender,
					 struct err *err) MUST_CHECK;

#endif
