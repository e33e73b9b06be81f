/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conn_limit.h - how many connections are open: in all, and per client address.
 *
 * Shared by the loops of the gateway: one short lock per accept and close, none per request.
 *
 * An empty address (a proxy's, behind which many clients are) counts in all only.
 *
 * Ownership:  addresses are copied (as a keyed hash). Threads: any.
 * Limits:     two addresses with the same 64-bit keyed hash share a counter.
 */
#ifndef FIT_GATEWAY_CONN_LIMIT_H
#define FIT_GATEWAY_CONN_LIMIT_H

#include <stdbool.h>
#include <stdint.h>

#include "libcommon/base/compiler.h"
#include "libcommon/base/slice.h"

struct conn_limit;

struct conn_limit *conn_limit_new(unsigned max, unsigned max_per_address);
void conn_limit_free(struct conn_limit *limit);
/* False: one of the bounds is reached, nothing was counted. */
bool conn_limit_enter(struct conn_limit *limit, struct slice address) MUST_CHECK;
void conn_limit_leave(struct conn_limit *limit, struct slice address);
unsigned conn_limit_open(struct conn_limit *limit);

#endif
