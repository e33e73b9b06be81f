/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_analytics_event.c - bytes of an event of any topic. What is refused leaves no byte behind;
 * what is taken makes one row that parses as RowBinary to its last byte, with `extra` well-formed
 * UTF-8.
 *
 * First byte: the topic. The rest: the event.
 */
#include <string.h>

#include "libcommon/base/codec.h"
#include "libcommon/base/strbuf.h"
#include "services/analytics/analytics_event.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static const unsigned char *
fixed(const unsigned char *p, const unsigned char *end, size_t n)
{
	if ((size_t)(end - p) < n)
		panic("a row is cut short");
	return p + n;
}

static const unsigned char *
text(const unsigned char *p, const unsigned char *end)
{
	size_t n = 0;

	for (unsigned shift = 0;; shift += 7) {
		const unsigned char *byte = p;

		p = fixed(p, end, 1);
		n |= (size_t)(*byte & 0x7f) << shift;
		if (*byte < 0x80)
			break;
	}
	if (n > (size_t)(end - p) || !codec_utf8_valid(p, n))
		panic("a text is too long or no UTF-8");
	return p + n;
}

static void
check_row(const unsigned char *p, const unsigned char *end)
{
	p = fixed(p, end, 16 + 4 + 2 + 16); /* event_id, time, time_ms, user_id */
	p = text(text(p, end), end);        /* source, type */
	p = fixed(p, end, 8 + 4 + 4 * 16);  /* sequence, at, ids */
	for (int i = 0; i < 4; i++)
		p = text(p, end);
	p = fixed(p, end, 8 + 4 + 4 + 8);
	p = text(p, end);
	if (p != end)
		panic("a row has %zu bytes too many", (size_t)(end - p));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct strbuf rows = STRBUF_INIT;
	size_t ntopics = 0;
	struct err err;

	if (n == 0)
		return 0;
	while (analytics_topics[ntopics] != NULL)
		ntopics++;
	strbuf_adds(&rows, "before");
	err_init(&err);
	if (analytics_event_row(analytics_topic_find(analytics_topics[data[0] % ntopics]),
				slice_make(data + 1, n - 1), NULL, NULL, &rows, &err) == STATUS_OK)
		check_row((unsigned char *)rows.buf + 6, (unsigned char *)rows.buf + rows.len);
	else if (rows.len != 6 || err.status != STATUS_INVALID_ARGUMENT)
		panic("a refusal left %zu bytes, status %d", rows.len, (int)err.status);
	strbuf_fini(&rows);
	return 0;
}
