/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gcra.h - the generic cell rate algorithm: `limit` requests in `window_s` seconds, a burst of
 * `limit`.
 *
 *	int64_t tat = 0;
 *	struct gcra_result r = gcra_take(&rate, &tat, now_us);
 *	if (!r.allowed) … 429, Retry-After …
 *
 * The whole state is one instant, the theoretical arrival time (TAT) of the next conforming
 * request. The same arithmetic runs as a script in Redis (admit.c).
 *
 * Units:      microseconds. Threads: any; the caller owns the TAT.
 * Source:     ITU-T I.371 annex A (virtual scheduling form).
 */
#ifndef FIT_GATEWAY_GCRA_H
#define FIT_GATEWAY_GCRA_H

#include <stdbool.h>
#include <stdint.h>

#include "libcommon/base/slice.h"

struct gcra_rate {
	int64_t limit;    /* requests, 1 … 10^9 */
	int64_t window_s; /* 1 … 86400 */
};

struct gcra_result {
	bool allowed;
	int64_t remaining; /* requests that would conform now */
	int64_t reset_us;  /* until the full burst is there again */
	int64_t retry_us;  /* when refused: until one conforms */
};

/* Microseconds between requests at the sustained rate, at least 1. */
int64_t gcra_interval_us(const struct gcra_rate *rate);
/* What a TAT means; `now_us` and the TAT are of the same clock. */
struct gcra_result gcra_take(const struct gcra_rate *rate, int64_t *tat_us, int64_t now_us);

/* "100/900" */
bool gcra_rate_parse(struct slice text, struct gcra_rate *ret_rate);

#endif
