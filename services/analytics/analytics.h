/* SPDX-License-Identifier: Apache-2.0 */
/*
 * analytics.h - what rpc_call_service() is here, and what the consumer gets.
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
