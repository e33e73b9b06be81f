/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pb_time.h - milliseconds since 1970 as google.protobuf.Timestamp, and back.
 *
 *	plan->created_at = pb_time_new(arena, pg_get_time(res, row, 3));
 *	int64_t ms = pb_time_ms(request->time);
 *
 * Any time of 64 bits can be written; nanoseconds count forward, also before 1970. What a peer sent
 * is read as a time between the years 1 and 9999, whatever it says, so that it can be reckoned
 * with.
 *
 * Ownership: the arena's. Threads: pure functions. Source: google/protobuf/timestamp.proto.
 */
#ifndef FIT_RPC_PB_TIME_H
#define FIT_RPC_PB_TIME_H

#include <stdint.h>

#include "google/protobuf/timestamp.pb-c.h"

struct arena;

/* Of an initialised message. */
void pb_time_set(Google__Protobuf__Timestamp *time, int64_t ms);
Google__Protobuf__Timestamp *pb_time_new(struct arena *arena, int64_t ms)
	__attribute__((returns_nonnull));
/* 0 for NULL; what is finer than a millisecond is cut off. */
int64_t pb_time_ms(const Google__Protobuf__Timestamp *time);

#endif
