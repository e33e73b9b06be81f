/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pg_listen.h - wake-ups between processes by LISTEN and NOTIFY, as a hint and never as the truth.
 *
 *	listen = pg_listen_start(url, password, "fit_bus", on_wake, arg);
 *	pg_listen_notify(listen, WAKE_DATA);                     any thread, does not block
 *
 * One connection and one thread, which both listens and notifies. A transaction that notifies
 * holds a lock of the whole cluster while it commits, so a NOTIFY is a transaction of its own that
 * writes nothing, and there is at most one in PG_LISTEN_GAP_MS: requests in between go together.
 * Bits that are notified reach every listener of the channel, this process too.
 *
 * A hint may be lost (no connection, a pooler in transaction mode). After each connect on_wake is
 * called with all bits.
 *
 * Ownership: texts are copied; pg_listen_stop joins the thread and frees all.
 * Threads:   on_wake runs on the connection's thread and must not block.
 */
#ifndef FIT_STORE_PG_LISTEN_H
#define FIT_STORE_PG_LISTEN_H

#include <stdbool.h>

#include "libcommon/base/status.h"

#define PG_LISTEN_GAP_MS 10

struct pg_listen;

typedef void (*pg_listen_fn)(void *arg, unsigned bits);

/* `channel` is an SQL identifier. Connects on its own thread, again and again. */
struct pg_listen *pg_listen_start(const char *url, const char *password, const char *channel,
				  pg_listen_fn on_wake, void *arg);
void pg_listen_notify(struct pg_listen *listen, unsigned bits);
bool pg_listen_is_connected(const struct pg_listen *listen);
/* Waits for on_wake to return; what was not notified yet is forgotten. NULL is allowed. */
void pg_listen_stop(struct pg_listen *listen);

#endif
