/* SPDX-License-Identifier: Apache-2.0 */
#include "services/notification/notification_hints.h"

#include <stdlib.h>

#include "libcommon/base/arena.h"
#include "libcommon/observe/log.h"
#include "libcommon/store/redis.h"
#include "libcommon/store/redis_sub.h"

#define CHANNEL "notification:inbox"
#define SEND_MS 200

struct notification_hints {
	struct redis *redis;
	struct redis_sub *sub;
	notification_hint_fn on_hint;
	void *arg;
};

static void
on_message(void *arg, struct slice payload)
{
	struct notification_hints *hints = arg;
	struct uuid user;

	if (uuid_parse(payload, &user))
		hints->on_hint(hints->arg, &user);
}

enum status
notification_hints_new(struct redis *redis, const char *url, notification_hint_fn on_hint,
		       void *arg, struct notification_hints **ret_hints, struct err *err)
{
	struct notification_hints *hints = calloc(1, sizeof(*hints));
	enum status st = STATUS_OK;

	if (hints == NULL)
		panic("notification: no memory");
	*hints = (struct notification_hints){ .redis = redis, .on_hint = on_hint, .arg = arg };
	if (url != NULL)
		st = redis_sub_open(url, CHANNEL, on_message, hints, &hints->sub, err);
	if (st != STATUS_OK) {
		free(hints);
		return st;
	}
	*ret_hints = hints;
	return STATUS_OK;
}

void
notification_hints_free(struct notification_hints *hints)
{
	if (hints == NULL)
		return;
	redis_sub_close(hints->sub);
	free(hints);
}

bool
notification_hints_up(struct notification_hints *hints)
{
	return hints->sub != NULL && redis_sub_up(hints->sub);
}

void
notification_hints_send(struct notification_hints *hints, const struct uuid *user)
{
	struct redis_value *value;
	char text[UUID_TEXT_SIZE];
	struct arena *arena;
	struct err err;

	hints->on_hint(hints->arg, user);
	/* While Redis is away it must not cost each change a timeout. */
	if (hints->redis == NULL || !notification_hints_up(hints))
		return;
	arena = arena_new(4096);
	err_init(&err);
	uuid_format(user, text);
	if (redis_call(hints->redis, deadline_in(SEND_MS), CHANNEL, arena, &value, &err,
		       "PUBLISH %s %s", CHANNEL, text) != STATUS_OK)
		log_debug("hint_lost", LOG_STR("why", err.text));
	arena_free(arena);
}
