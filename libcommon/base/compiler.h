/* SPDX-License-Identifier: Apache-2.0 */
/*
 * compiler.h - the few compiler attributes and macros the tree uses.
 */
#ifndef FIT_BASE_COMPILER_H
#define FIT_BASE_COMPILER_H

#include <stddef.h>

#define MUST_CHECK __attribute__((warn_unused_result))
#define PRINTF_LIKE(fmt, args) __attribute__((format(printf, fmt, args)))
#define CLEANUP(fn) __attribute__((cleanup(fn)))
#define NORETURN __attribute__((noreturn))
#define UNUSED __attribute__((unused))
#define COLD __attribute__((cold, noinline))
/*
 * For a large buffer on the stack that is written before it is read: release builds zero automatic
 * variables (-ftrivial-auto-var-init), which for 64 kB at each read costs more than the read.
 */
#if defined(__has_attribute) && __has_attribute(uninitialized)
#define NOT_ZEROED __attribute__((uninitialized))
#else
#define NOT_ZEROED
#endif

#define LIKELY(x) __builtin_expect(!!(x), 1)
#define UNLIKELY(x) __builtin_expect(!!(x), 0)

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

#define container_of(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))

#endif
