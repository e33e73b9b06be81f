/* SPDX-License-Identifier: Apache-2.0 */
#include "libcommon/base/arena.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libcommon/base/status.h"

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
/* Under ASan a gap follows each allocation, so that running over its end is seen. */
#define REDZONE 16
#define POISON(p, n) ASAN_POISON_MEMORY_REGION((p), (n))
#define UNPOISON(p, n) ASAN_UNPOISON_MEMORY_REGION((p), (n))
#else
#define REDZONE 0
#define POISON(p, n) ((void)0)
#define UNPOISON(p, n) ((void)0)
#endif

#define ALIGN 16
#define FIRST_BLOCK 4096
#define MAX_BLOCK (256 * 1024)

struct block {
	struct block *next; /* older */
	size_t size;        /* bytes in data[] */
	char data[] __attribute__((aligned(ALIGN)));
};

struct deferred {
	struct deferred *next;
	arena_fn fn;
	void *ptr;
};

/* The arena itself lies at the start of its first block. */
struct arena {
	char *pos;
	char *end;
	struct block *newest;
	struct deferred *deferred;
	size_t used;
	size_t cap;
	size_t next_size;
	char *last; /* start of the newest allocation; NULL when there is none */
	char *first_pos;
	struct block *first;
};

static struct block *
block_new(size_t size)
{
	struct block *b = malloc(sizeof(*b) + size);

	if (b == NULL)
		panic("arena: no memory for a block of %zu bytes", size);
	b->next = NULL;
	b->size = size;
	return b;
}

static void
block_free(struct block *b)
{
	UNPOISON(b->data, b->size);
	free(b);
}

struct arena *
arena_new(size_t cap)
{
	struct block *b = block_new(FIRST_BLOCK - sizeof(struct block));
	struct arena *a = (struct arena *)(void *)b->data;

	memset(a, 0, sizeof(*a));
	a->first = a->newest = b;
	a->first_pos = b->data + (sizeof(*a) + ALIGN - 1) / ALIGN * ALIGN;
	a->pos = a->first_pos;
	a->end = b->data + b->size;
	a->cap = cap;
	a->next_size = 2 * FIRST_BLOCK;
	POISON(a->pos, (size_t)(a->end - a->pos));
	return a;
}

static void
run_deferred(struct arena *a)
{
	/* A deferred function may defer again; take one at a time. */
	while (a->deferred != NULL) {
		struct deferred *d = a->deferred;
		a->deferred = d->next;
		d->fn(d->ptr);
	}
}

static void
free_later_blocks(struct arena *a)
{
	while (a->newest != a->first) {
		struct block *b = a->newest;
		a->newest = b->next;
		block_free(b);
	}
}

void
arena_free(struct arena *a)
{
	if (a == NULL)
		return;
	run_deferred(a);
	free_later_blocks(a);
	block_free(a->first);
}

void
arena_reset(struct arena *a)
{
	run_deferred(a);
	free_later_blocks(a);
	a->pos = a->first_pos;
	a->end = a->first->data + a->first->size;
	a->used = 0;
	a->last = NULL;
	a->next_size = 2 * FIRST_BLOCK;
	POISON(a->pos, (size_t)(a->end - a->pos));
}

size_t
arena_used(const struct arena *a)
{
	return a->used;
}

/* `need` is rounded and within bounds. */
static COLD void
add_block(struct arena *a, size_t need)
{
	size_t size = a->next_size - sizeof(struct block);

	if (size < need)
		size = need;
	else if (a->next_size < MAX_BLOCK)
		a->next_size *= 2;
	struct block *b = block_new(size);
	b->next = a->newest;
	a->newest = b;
	a->pos = b->data;
	a->end = b->data + size;
	POISON(a->pos, size);
}

static inline size_t
round_up(size_t n)
{
	return n == 0 ? ALIGN : (n + ALIGN - 1) & ~(size_t)(ALIGN - 1);
}

static inline void *
take(struct arena *a, size_t n)
{
	size_t need = round_up(n);

	if (UNLIKELY((size_t)(a->end - a->pos) < need + REDZONE))
		add_block(a, need + REDZONE);
	char *p = a->pos;
	a->last = p;
	a->pos += need + REDZONE;
	a->used += need;
	UNPOISON(p, n);
	return p;
}

/* True when n more bytes stay within limit. */
static inline bool
fits(const struct arena *a, size_t n, size_t limit)
{
	return n <= SIZE_MAX / 4 && a->used <= limit && round_up(n) <= limit - a->used;
}

static COLD NORETURN void
over_cap(const struct arena *a, size_t n)
{
	panic("arena: %zu bytes in use, %zu more asked, cap is %zu", a->used, n, a->cap);
}

void *
arena_alloc(struct arena *a, size_t n)
{
	size_t limit = a->cap > SIZE_MAX / 2 ? SIZE_MAX : 2 * a->cap;

	if (UNLIKELY(!fits(a, n, limit)))
		over_cap(a, n);
	return take(a, n);
}

void *
arena_try_alloc(struct arena *a, size_t n)
{
	if (UNLIKELY(!fits(a, n, a->cap)))
		return NULL;
	return take(a, n);
}

bool
arena_extend(struct arena *a, void *p, size_t old_n, size_t n)
{
	size_t have = round_up(old_n);

	if (n < old_n || (char *)p != a->last || n > SIZE_MAX / 4)
		return false;
	size_t more = round_up(n) - have;
	if ((size_t)(a->end - a->pos) < more || !fits(a, more, a->cap))
		return false;
	a->pos += more;
	a->used += more;
	UNPOISON(p, n);
	return true;
}

void *
arena_zalloc(struct arena *a, size_t n)
{
	return memset(arena_alloc(a, n), 0, n);
}

void *
arena_array(struct arena *a, size_t n, size_t size)
{
	size_t total;

	if (__builtin_mul_overflow(n, size, &total))
		panic("arena: %zu elements of %zu bytes overflow", n, size);
	return arena_zalloc(a, total);
}

void *
arena_memdup(struct arena *a, const void *p, size_t n)
{
	void *copy = arena_alloc(a, n);

	if (n > 0)
		memcpy(copy, p, n);
	return copy;
}

char *
arena_strndup(struct arena *a, const char *p, size_t n)
{
	if (n == SIZE_MAX)
		over_cap(a, n);
	char *s = arena_alloc(a, n + 1);

	if (n > 0)
		memcpy(s, p, n);
	s[n] = '\0';
	return s;
}

char *
arena_strdup(struct arena *a, const char *s)
{
	return s == NULL ? NULL : arena_strndup(a, s, strlen(s));
}

char *
arena_printf(struct arena *a, const char *fmt, ...)
{
	char small[256];
	va_list ap;

	va_start(ap, fmt);
	int n = vsnprintf(small, sizeof(small), fmt, ap);
	va_end(ap);
	if (n < 0)
		panic("arena_printf: bad format \"%s\"", fmt);
	if ((size_t)n < sizeof(small))
		return arena_strndup(a, small, (size_t)n);
	char *s = arena_alloc(a, (size_t)n + 1);
	va_start(ap, fmt);
	vsnprintf(s, (size_t)n + 1, fmt, ap);
	va_end(ap);
	return s;
}

void
arena_defer(struct arena *a, arena_fn fn, void *ptr)
{
	struct deferred *d = ARENA_NEW(a, struct deferred);

	d->fn = fn;
	d->ptr = ptr;
	d->next = a->deferred;
	a->deferred = d;
}
