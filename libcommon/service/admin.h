/* SPDX-License-Identifier: Apache-2.0 */
/*
 * admin.h - the admin port of every executable: GET /health (alive), /ready, /metrics.
 *
 * libevent's evhttp on a thread of its own; loopback or a cluster-internal network only.
 * The listener takes GET and HEAD, 8 KiB of headers, and closes what is idle for 5 s.
 *
 * /ready answers 200 {"status":"ready"} or 503 with the reason; `ready` is called with a 1 s
 * deadline and its result cached 1 s.
 *
 * Ownership: the caller's to close; `arg` is borrowed until then.
 * Threads:   `ready` runs on the admin thread; the rest: any.
 * Errors:    INVALID_ARGUMENT: no such address; UNAVAILABLE: nobody can listen there.
 */
#ifndef FIT_SERVICE_ADMIN_H
#define FIT_SERVICE_ADMIN_H

#include <stdbool.h>

#include "libcommon/base/clock.h"
#include "libcommon/base/status.h"

struct admin;

typedef enum status (*admin_ready_fn)(void *arg, struct deadline deadline, struct err *err);

enum status admin_open(const char *address, admin_ready_fn ready, void *arg,
		       struct admin **ret_admin, struct err *err) MUST_CHECK;
/* From now on /ready answers 503 "draining". */
void admin_set_draining(struct admin *admin);
/* The port bound (address ":0" in tests). */
int admin_port(const struct admin *admin);
/* Waits for an answer that is being made; ends its connections. */
void admin_close(struct admin *admin);

#endif
