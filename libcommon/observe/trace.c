/* SPDX-License-Identifier: Apache-2.0 */
#include "libcommon/observe/trace.h"

#include <string.h>

#include "libcommon/base/codec.h"
#include "libcommon/base/rng.h"

#define PARENT_LEN (TRACE_PARENT_SIZE - 1)
#define FLAG_SAMPLED 0x01

/*
 * Ids must be unique, not secret: a generator per thread, seeded by the kernel, saves a system
 * call per span.
 */
static void
random_id(uint8_t *p, size_t n)
{
	static _Thread_local struct rng_seeded rng;
	static _Thread_local bool seeded;
	uint64_t any = 0;

	if (!seeded) {
		rng_bytes(&rng, sizeof(rng));
		seeded = true;
	}
	/* All zero means "no id" (W3C Trace Context, sections 3.2.2.3 and 3.2.2.4). */
	while (any == 0) {
		for (size_t i = 0; i < n; i += 8) {
			uint64_t v = rng_seeded_next(&rng);
			memcpy(p + i, &v, 8);
			any |= v;
		}
	}
}

void
trace_new(struct trace *ret_trace)
{
	random_id(ret_trace->trace_id, sizeof(ret_trace->trace_id));
	random_id(ret_trace->span_id, sizeof(ret_trace->span_id));
	ret_trace->flags = FLAG_SAMPLED;
}

/* Lower-case hex only (section 3.2.2: an upper-case header is invalid). */
static bool
take_hex(const char *text, size_t n, uint8_t *ret)
{
	size_t got;

	for (size_t i = 0; i < n; i++) {
		if (text[i] >= 'A' && text[i] <= 'F')
			return false;
	}
	return codec_hex_decode(slice_make(text, n), ret, &got);
}

static bool
all_zero(const uint8_t *p, size_t n)
{
	uint8_t any = 0;

	for (size_t i = 0; i < n; i++)
		any |= p[i];
	return any == 0;
}

bool
trace_parse(struct slice header, struct trace *ret_trace)
{
	const char *p = header.p;
	struct trace t;
	uint8_t version;

	if (header.n < PARENT_LEN || p[2] != '-' || p[35] != '-' || p[52] != '-')
		return false;
	if (!take_hex(p, 2, &version) || !take_hex(p + 3, 32, t.trace_id) ||
	    !take_hex(p + 36, 16, t.span_id) || !take_hex(p + 53, 2, &t.flags))
		return false;
	if (version == 0xff || (version == 0 && header.n != PARENT_LEN) ||
	    (header.n > PARENT_LEN && p[PARENT_LEN] != '-'))
		return false;
	if (all_zero(t.trace_id, sizeof(t.trace_id)) || all_zero(t.span_id, sizeof(t.span_id)))
		return false;
	/* Level 1 knows one flag; the others must be passed on as zero (section 3.2.2.5.2). */
	t.flags &= FLAG_SAMPLED;
	*ret_trace = t;
	return true;
}

struct trace
trace_child(const struct trace *parent)
{
	struct trace t = *parent;

	random_id(t.span_id, sizeof(t.span_id));
	return t;
}

void
trace_format(const struct trace *trace, char buf[TRACE_PARENT_SIZE])
{
	memcpy(buf, "00-", 3);
	codec_hex_encode(trace->trace_id, sizeof(trace->trace_id), buf + 3);
	buf[35] = '-';
	codec_hex_encode(trace->span_id, sizeof(trace->span_id), buf + 36);
	buf[52] = '-';
	codec_hex_encode(&trace->flags, 1, buf + 53);
}

void
trace_id_hex(const struct trace *trace, char buf[33])
{
	codec_hex_encode(trace->trace_id, sizeof(trace->trace_id), buf);
}
