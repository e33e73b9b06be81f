/* SPDX-License-Identifier: Apache-2.0 */
/*
 * notification_service.h - the parts of the service, for its handlers and its consumer.
 *
 * Ownership: main.c makes it, and frees the parts after the last call: first those that use
 *            others.
 * Threads:   shared by workers and consumers, none of which writes to it; its parts lock for
 *            themselves. `redis` is NULL without FIT_REDIS_SESSION_URL.
 */
#ifndef FIT_NOTIFICATION_SERVICE_H
#define FIT_NOTIFICATION_SERVICE_H

struct notification_hints;
struct notification_messenger;
struct notification_prefs;
struct notification_streams;
struct pg_pool;
struct redis;

struct notification_service {
	struct pg_pool *pool;
	struct redis *redis;
	struct notification_prefs *prefs;
	struct notification_streams *streams;
	struct notification_hints *hints;
	struct notification_messenger *messenger;
};

#endif
