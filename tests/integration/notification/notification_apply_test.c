/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The consumer's handler without a bus: batches come on stdin, one message a line ("topic type
 * hex"), a batch ends with an empty line; for each the handler's status is printed. Run by
 * test_inbox.py and others; by itself it says "skipped".
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libcommon/base/arena.h"
#include "libcommon/base/codec.h"
#include "libcommon/base/compiler.h"
#include "libcommon/bus/bus.h"
#include "libcommon/observe/log.h"
#include "libcommon/store/pg.h"
#include "libcommon/store/redis.h"
#include "services/notification/notification_hints.h"
#include "services/notification/notification_inbox.h"
#include "services/notification/notification_prefs.h"
#include "services/notification/notification_service.h"

#define BATCH_MAX 1000
#define TIMEOUT_MS 10000

static void
ignore_hint(void *arg, const struct uuid *user)
{
	(void)arg, (void)user;
}

static void
open_service(struct notification_service *service, const char *pg_url)
{
	const char *redis_url = getenv("TEST_REDIS_URL");
	const struct pg_options opts = {
		.url = pg_url, .pool_size = 2, .prepared = true, .application = "apply"
	};
	struct err err;
	enum status st;

	err_init(&err);
	st = pg_pool_open(&opts, &service->pool, &err);
	if (st == STATUS_OK)
		st = redis_open(redis_url, 1, &service->redis, &err);
	if (st == STATUS_OK)
		st = notification_hints_new(service->redis, redis_url, ignore_hint, NULL,
					    &service->hints, &err);
	if (st != STATUS_OK)
		fatal("%s", err.text);
	service->prefs = notification_prefs_new(getenv("TEST_USER_TARGET"));
}

/* "topic type hex"; false: the batch is complete. */
static bool
read_message(struct arena *arena, char *line, struct bus_message *ret_message)
{
	char *topic = strtok(line, " \n"), *type = strtok(NULL, " \n"), *hex = strtok(NULL, " \n");
	char *value;
	size_t n;

	if (topic == NULL)
		return false;
	hex = hex != NULL ? hex : line + strlen(line);
	value = arena_alloc(arena, strlen(hex) / 2 + 1);
	if (type == NULL || !codec_hex_decode(slice_str(hex), value, &n))
		fatal("not a message: %s", topic);
	*ret_message = (struct bus_message){ .topic = arena_strdup(arena, topic),
					     .type = arena_strdup(arena, type),
					     .value = slice_make(value, n) };
	return true;
}

int
main(void)
{
	static struct bus_message messages[BATCH_MAX];
	struct notification_service service = { 0 };
	const char *pg_url = getenv("TEST_PG_URL");
	struct arena *arena = arena_new(64 << 20);
	char *line = NULL;
	size_t cap = 0, n = 0;

	if (pg_url == NULL) {
		puts("skipped");
		return 0;
	}
	log_setup("apply", LOG_LEVEL_INFO, 2);
	open_service(&service, pg_url);
	while (getline(&line, &cap, stdin) > 0) {
		struct err err;

		if (n < BATCH_MAX && read_message(arena, line, &messages[n])) {
			n++;
			continue;
		}
		err_init(&err);
		enum status st = notification_inbox_apply(&service, messages, n, arena,
							  deadline_in(TIMEOUT_MS), &err);
		printf("%s %s\n", status_name(st), st == STATUS_OK ? "" : err.text);
		fflush(stdout);
		arena_reset(arena);
		n = 0;
	}
	free(line);
	notification_hints_free(service.hints);
	notification_prefs_free(service.prefs);
	redis_close(service.redis);
	pg_pool_close(service.pool);
	arena_free(arena);
	return 0;
}
