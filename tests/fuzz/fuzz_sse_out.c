/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_sse_out.c - any text in place of JSON: what is written is one event, whose id and name are
 * one line each.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/sse_out.h"
#include "libcommon/base/slice.h"
#include "libcommon/base/status.h"
#include "libcommon/base/strbuf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* One field line is taken off the front; false: it does not begin with `name`. */
static bool
take_line(struct slice *text, const char *name, struct slice *ret_value)
{
	size_t len = strlen(name);

	if (!slice_starts_with(*text, slice_str(name)))
		return false;
	const char *end = memchr(text->p, '\n', text->n);
	if (end == NULL)
		panic("a line without an end");
	*ret_value = slice_make(text->p + len, (size_t)(end - text->p) - len);
	*text = slice_make(end + 1, text->n - (size_t)(end + 1 - text->p));
	return true;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct strbuf out = STRBUF_INIT;
	struct slice text, id, event, value;

	/* JSON from our encoder has no line breaks and no control characters. */
	for (size_t i = 0; i < n; i++) {
		if (data[i] < 0x20)
			return 0;
	}
	sse_write(slice_make(data, n), &out);
	text = strbuf_slice(&out);
	if (take_line(&text, "id: ", &id)) {
		for (size_t i = 0; i < id.n; i++) {
			if (id.p[i] <= ' ' || id.p[i] >= 0x7f)
				panic("an id that is not visible");
		}
		if (id.n == 0)
			panic("an empty id");
	}
	if (!take_line(&text, "event: ", &event) || !take_line(&text, "data: ", &value))
		panic("not an event");
	if (text.n != 1 || text.p[0] != '\n')
		panic("more than one event");
	strbuf_fini(&out);
	return 0;
}
