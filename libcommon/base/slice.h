/* SPDX-License-Identifier: Apache-2.0 */
/*
 * slice.h - a borrowed run of bytes: pointer and length, no NUL promised.
 *
 * Ownership: a slice owns nothing; whoever made it says how long the bytes live.
 */
#ifndef FIT_BASE_SLICE_H
#define FIT_BASE_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct slice {
	const char *p;
	size_t n;
};

#define SLICE_LIT(s) ((struct slice){ (s), sizeof(s) - 1 })
#define SLICE_NONE ((struct slice){ NULL, 0 })
/* printf("%.*s", SLICE_ARG(s)) */
#define SLICE_ARG(s) (int)(s).n, (s).n ? (s).p : ""

static inline struct slice
slice_make(const void *p, size_t n)
{
	return (struct slice){ (const char *)p, n };
}

static inline struct slice
slice_str(const char *s)
{
	return (struct slice){ s, s ? strlen(s) : 0 };
}

static inline bool
slice_eq(struct slice a, struct slice b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static inline bool
slice_eq_str(struct slice a, const char *s)
{
	return slice_eq(a, slice_str(s));
}

static inline bool
slice_starts_with(struct slice a, struct slice prefix)
{
	return a.n >= prefix.n && (prefix.n == 0 || memcmp(a.p, prefix.p, prefix.n) == 0);
}

#endif
