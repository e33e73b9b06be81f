/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arena.h - memory of one call: allocate freely, free once.
 *
 *	struct arena *a = arena_new(1 << 20);
 *	char *s = arena_printf(a, "plan %s", id);
 *	arena_defer(a, (arena_fn)PQclear, res);
 *	arena_free(a);
 *
 * Ownership: the arena owns what is allocated from it; nothing is freed singly. Deferred
 *            functions run in reverse order at reset and free, before memory goes.
 * Threads:   one thread at a time; hand over with the call.
 * Errors:    arena_alloc and all helpers never return NULL: they are for sizes the program
 *            chose or bounded, and panic when the system has no memory or the cap is passed
 *            twice over. arena_try_alloc returns NULL once `cap` bytes are in use: it is for
 *            sizes that a peer chose.
 * Limits:    alignment 16.
 */
#ifndef FIT_BASE_ARENA_H
#define FIT_BASE_ARENA_H

#include <stdbool.h>
#include <stddef.h>

#include "libcommon/base/compiler.h"
#include "libcommon/base/slice.h"

struct arena;
typedef void (*arena_fn)(void *ptr);

struct arena *arena_new(size_t cap);
void arena_free(struct arena *arena);
/* Runs deferred functions and forgets all allocations; keeps the first block for reuse. */
void arena_reset(struct arena *arena);
/* Bytes handed out since new/reset. */
size_t arena_used(const struct arena *arena);

void *arena_alloc(struct arena *arena, size_t n) __attribute__((returns_nonnull, malloc));
void *arena_zalloc(struct arena *arena, size_t n) __attribute__((returns_nonnull, malloc));
/* n x size, overflow checked (panics), zeroed. */
void *arena_array(struct arena *arena, size_t n, size_t size) __attribute__((returns_nonnull));
void *arena_try_alloc(struct arena *arena, size_t n) MUST_CHECK;

#define ARENA_NEW(arena, type) ((type *)arena_zalloc((arena), sizeof(type)))
#define ARENA_ARRAY(arena, type, n) ((type *)arena_array((arena), (n), sizeof(type)))

void *arena_memdup(struct arena *arena, const void *p, size_t n) __attribute__((returns_nonnull));
/* NUL-terminated copies. arena_strdup(NULL) is NULL. */
char *arena_strdup(struct arena *arena, const char *s);
char *arena_strndup(struct arena *arena, const char *p, size_t n) __attribute__((returns_nonnull));
char *arena_printf(struct arena *arena, const char *fmt, ...) PRINTF_LIKE(2, 3)
	__attribute__((returns_nonnull));

/*
 * Lengthens the newest allocation in place from old_n to n bytes; false when `p` is not the
 * newest or the block is full (then allocate and copy).
 */
bool arena_extend(struct arena *arena, void *p, size_t old_n, size_t n) MUST_CHECK;

void arena_defer(struct arena *arena, arena_fn fn, void *ptr);

#endif
