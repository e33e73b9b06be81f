/* SPDX-License-Identifier: Apache-2.0 */
/*
 * analytics.h - what rpc_call_service() is here, and what the consumer gets.
 *
 * Ownership: main.c makes it and frees it after the last call; `bus` is service_bus()'s and
 *            `tz_dir` the settings', both borrowed.
 * Threads:   shared by workers and consumers, none of which writes to it; its parts lock for
 *            themselves.
 */
#ifndef FIT_ANALYTICS_H
#define FIT_ANALYTICS_H

struct bus;
struct clickhouse;
struct user_client;
struct user_prefs;

struct analytics {
	struct clickhouse *ch;
	struct bus *bus; /* NULL: not configured; events of the apps are refused */
	const char *tz_dir;
	struct user_client *users;
	struct user_prefs *allowed; /* bool: the user has behaviour analytics switched on */
};

#endif
