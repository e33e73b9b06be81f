/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trace.h - W3C Trace Context (traceparent, level 1): parse, make, pass on.
 *
 *	struct trace t;
 *	if (!trace_parse(header, &t)) trace_new(&t);      a bad header starts a new trace
 *	struct trace child = trace_child(&t);             same trace id, new span id
 *
 * Ids are unique, not secret: each thread has its own generator, which the kernel seeds.
 * Threads: any.
 */
#ifndef FIT_OBSERVE_TRACE_H
#define FIT_OBSERVE_TRACE_H

#include <stdbool.h>
#include <stdint.h>

#include "libcommon/base/slice.h"

#define TRACE_PARENT_SIZE 56 /* "00-<32 hex>-<16 hex>-<2 hex>" and NUL */

struct trace {
	uint8_t trace_id[16];
	uint8_t span_id[8];
	uint8_t flags;
};

void trace_new(struct trace *ret_trace);
/* Strict: lower-case hex, version 00 (a higher version's first 55 bytes), ids not all zero. */
bool trace_parse(struct slice header, struct trace *ret_trace);
struct trace trace_child(const struct trace *parent);
void trace_format(const struct trace *trace, char buf[TRACE_PARENT_SIZE]);
void trace_id_hex(const struct trace *trace, char buf[33]);

#endif
