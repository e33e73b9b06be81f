/* SPDX-License-Identifier: Apache-2.0 */
#include "libcommon/rpc/pb_time.h"

#include "libcommon/rpc/pb_arena.h"

#define SECONDS_0001 INT64_C(-62135596800)
#define SECONDS_9999 INT64_C(253402300799)

void
pb_time_set(Google__Protobuf__Timestamp *time, int64_t ms)
{
	int64_t part = ms % 1000;

	if (part < 0)
		part += 1000;
	time->seconds = ms / 1000 - (ms % 1000 < 0);
	time->nanos = (int32_t)part * 1000000;
}

Google__Protobuf__Timestamp *
pb_time_new(struct arena *arena, int64_t ms)
{
	Google__Protobuf__Timestamp *time =
		pb_arena_new(arena, &google__protobuf__timestamp__descriptor);

	pb_time_set(time, ms);
	return time;
}

int64_t
pb_time_ms(const Google__Protobuf__Timestamp *time)
{
	int64_t s;

	if (time == NULL)
		return 0;
	s = time->seconds < SECONDS_0001   ? SECONDS_0001
	    : time->seconds > SECONDS_9999 ? SECONDS_9999
					   : time->seconds;
	return s * 1000 + time->nanos / 1000000;
}
