/* SPDX-License-Identifier: Apache-2.0 */
/*
 * clock.h - monotonic and wall time, deadlines, RFC 3339 text; replaceable in tests.
 *
 *	struct deadline d = deadline_in(250);
 *	while (deadline_left_ms(d) > 0) …
 *
 * Units: nanoseconds, microseconds or milliseconds as the name says. Wall time is UTC since 1970.
 * Threads: any. The fake clock is process-wide and for tests only.
 */
#ifndef FIT_BASE_CLOCK_H
#define FIT_BASE_CLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "libcommon/base/compiler.h"
#include "libcommon/base/slice.h"
#include "libcommon/base/status.h"

int64_t clock_mono_ns(void);
int64_t clock_mono_ms(void);
int64_t clock_wall_ms(void);

/* Tests: freeze both clocks at these values; advance moves both; off returns to real time. */
void clock_fake_set(int64_t mono_ms, int64_t wall_ms);
void clock_fake_advance(int64_t ms);
void clock_fake_off(void);

/* An instant of monotonic time, in ms. There is no "never": everything that waits has an end. */
struct deadline {
	int64_t at_ms;
};

struct deadline deadline_in(int64_t ms);
/* Milliseconds left, 0 when passed; never above INT_MAX, so that it fits poll(2). */
int deadline_left_ms(struct deadline d);
struct deadline deadline_min(struct deadline a, struct deadline b);

#define CLOCK_RFC3339_SIZE 32
/* "2026-11-24T07:22:41.123Z"; the fraction is left out when zero. Returns the length. */
size_t clock_format_rfc3339(int64_t wall_ms, char buf[CLOCK_RFC3339_SIZE]);
/*
 * Accepts RFC 3339 with any offset, "T"/"t", fraction up to 9 digits (cut to ms), years 0001..9999
 * in UTC; no leap second.
 */
bool clock_parse_rfc3339(struct slice text, int64_t *ret_wall_ms) MUST_CHECK;

#endif
