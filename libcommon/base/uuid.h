/* SPDX-License-Identifier: Apache-2.0 */
/*
 * uuid.h - UUIDs (RFC 9562): random (v4), time-ordered (v7), name-based (v5); text both ways.
 *
 * Threads: any. v7 is monotonic within a process (RFC 9562 section 6.2, method 1).
 */
#ifndef FIT_BASE_UUID_H
#define FIT_BASE_UUID_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "libcommon/base/compiler.h"
#include "libcommon/base/slice.h"

#define UUID_TEXT_SIZE 37

struct uuid {
	uint8_t b[16];
};

struct arena;

struct uuid uuid_v4(void);
struct uuid uuid_v7(void);
struct uuid uuid_v5(struct uuid ns, struct slice name);

/* 8-4-4-4-12 hex, either case; nothing else. */
bool uuid_parse(struct slice text, struct uuid *ret_uuid) MUST_CHECK;
bool uuid_parse_str(const char *text, struct uuid *ret_uuid) MUST_CHECK;
/* Lower case, NUL-terminated. */
void uuid_format(const struct uuid *uuid, char buf[UUID_TEXT_SIZE]);
/* The same in the arena. */
char *uuid_text(struct arena *arena, const struct uuid *uuid);

static inline bool
uuid_eq(const struct uuid *a, const struct uuid *b)
{
	return memcmp(a->b, b->b, 16) == 0;
}

static inline bool
uuid_is_nil(const struct uuid *a)
{
	static const struct uuid nil;
	return memcmp(a->b, nil.b, 16) == 0;
}

#endif
