/* SPDX-License-Identifier: Apache-2.0 */
/*
 * user_time.h - milliseconds since 1970 as google.protobuf.Timestamp.
 */
#ifndef FIT_USER_TIME_H
#define FIT_USER_TIME_H

#include <stdint.h>

#include "google/protobuf/timestamp.pb-c.h"

#include "libcommon/rpc/pb_arena.h"

static inline void
user_timestamp_set(Google__Protobuf__Timestamp *t, int64_t ms)
{
	t->seconds = ms / 1000 - (ms % 1000 < 0);
	t->nanos = (int32_t)((ms - t->seconds * 1000) * 1000000);
}

static inline Google__Protobuf__Timestamp *
user_timestamp(struct arena *arena, int64_t ms)
{
	Google__Protobuf__Timestamp *t =
		pb_arena_new(arena, &google__protobuf__timestamp__descriptor);

	user_timestamp_set(t, ms);
	return t;
}

#endif
