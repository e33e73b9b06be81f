/* SPDX-License-Identifier: Apache-2.0 */
/*
 * head_filter.h - decides, byte by byte, whether what a client sends is one well-formed
 * HTTP/1.1 request head.
 *
 *	struct head_filter filter;
 *	head_filter_init(&filter);
 *	switch (head_filter_feed(&filter, bytes_so_far)) {
 *	case HEAD_MORE:    wait for more bytes
 *	case HEAD_READY:   filter.head.size bytes are the head; its parts are offsets into them
 *	case HEAD_REFUSED: answer filter.refusal.status and close
 *	}
 *
 * Nothing but whole, canonical heads passes: every way that two parsers could read the same
 * bytes differently (request smuggling) is refused here, before the HTTP library sees anything.
 * What is refused, and with which status, is listed in tests/integration/gateway/raw_table.py.
 *
 * Invariant:  the verdict depends on the bytes alone, never on how they were cut into segments:
 *             lines are judged one by one, each when its LF has arrived or it has outgrown the
 *             limit.
 * Ownership:  the filter owns no memory and keeps no pointers: feed gets the same bytes again,
 *             wherever they now lie, with new ones after them.
 * Threads:    one at a time. Errors: the verdict.
 * Source:     RFC 9112 (message syntax), RFC 9110 sections 5 and 7, RFC 3986 (target). Stricter
 *             than they ask: origin-form only, no obs-fold, no bare CR or LF, no dot segments,
 *             no encoded slash.
 */
#ifndef FIT_GATEWAY_HEAD_FILTER_H
#define FIT_GATEWAY_HEAD_FILTER_H

#include <stdbool.h>
#include <stdint.h>

#include "gateway/http.h"
#include "libcommon/base/slice.h"

#define HEAD_LINE_MAX 8192 /* a line without its CRLF */
#define HEAD_MAX 16384     /* all lines with their ends */
#define HEAD_FIELDS_MAX 100

enum head_verdict { HEAD_MORE, HEAD_READY, HEAD_REFUSED };

/* Offsets from the first byte fed; they fit because of HEAD_MAX. */
struct head_span {
	uint16_t at, n;
};

struct head_field {
	struct head_span name, value; /* the value without surrounding white space */
};

struct head {
	enum http_method method;
	unsigned minor;               /* HTTP/1.<minor> */
	struct head_span path, query; /* still percent-encoded; the query without its '?' */
	bool keep_alive;
	bool expect_continue;
	bool chunked;
	uint64_t content_length; /* 0 without the field */
	size_t size;
	unsigned nfields;
	struct head_field fields[HEAD_FIELDS_MAX];
};

struct head_refusal {
	unsigned status;    /* 400, 414, 417, 431, 501, 505 */
	const char *detail; /* static text for the client */
};

struct head_filter {
	struct head head;
	struct head_refusal refusal;
	/* private */
	size_t line_at, scanned;
	bool seen_request_line, seen_empty_line;
	uint8_t seen; /* fields that may come once, as bits */
};

void head_filter_init(struct head_filter *filter);
/* `bytes` begins at the first byte of this head. */
enum head_verdict head_filter_feed(struct head_filter *filter, struct slice bytes);
/* True once a byte of a head (an ignored empty line does not count) has been fed. */
bool head_filter_begun(const struct head_filter *filter);

static inline struct slice
head_slice(const char *base, struct head_span span)
{
	return (struct slice){ base + span.at, span.n };
}

#endif
