/* SPDX-License-Identifier: Apache-2.0 */
/*
 * relay.h - carries committed outbox rows to the bus: in order per key, marked after
 * acknowledgement.
 *
 *	st = relay_start(pg, bus, "workout", &relay, &err);
 *	relay_wake(relay);
 *
 * It has a thread of its own, which polls; relay_wake() after a commit is a hint.
 *
 * Several instances may run (one in each replica of a service): subjects are divided into shards, a
 * shard is leased. A crash after produce and before mark sends again, under the same id.
 *
 * Ownership: pg and bus are borrowed, and outlive the relay.
 * Threads:   any may wake it; one starts, stops and frees it.
 * Errors:    relay_start: those of the database, which must have the outbox's tables.
 */
#ifndef FIT_BUS_RELAY_H
#define FIT_BUS_RELAY_H

#include <stdbool.h>

#include "libcommon/base/clock.h"
#include "libcommon/base/status.h"

struct bus;
struct pg_pool;
struct relay;

enum status relay_start(struct pg_pool *pg, struct bus *bus, const char *source,
			struct relay **ret_relay, struct err *err) MUST_CHECK;
void relay_wake(struct relay *relay);
/* Ends after the batch in flight. */
bool relay_stop(struct relay *relay, struct deadline deadline);
void relay_free(struct relay *relay);

#endif
