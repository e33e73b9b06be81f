/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/head_filter.h"

#include <string.h>

#include "libcommon/base/compiler.h"

/* Fields that may come once only. The first three frame the message, the others decide who asks for
 * what. */
enum {
	SEEN_HOST = 1,
	SEEN_LENGTH = 2,
	SEEN_CODING = 4,
	SEEN_AUTH = 8,
	SEEN_TYPE = 16,
	SEEN_KEY = 32
};

void
head_filter_init(struct head_filter *filter)
{
	/* The fields' array needs no clearing: nfields says what of it is valid. */
	filter->head.nfields = 0;
	filter->head.content_length = 0;
	filter->head.size = 0;
	filter->head.keep_alive = filter->head.expect_continue = filter->head.chunked = false;
	filter->line_at = filter->scanned = 0;
	filter->seen_request_line = filter->seen_empty_line = false;
	filter->seen = 0;
}

bool
head_filter_begun(const struct head_filter *filter)
{
	return filter->scanned > (filter->seen_empty_line ? 2u : 0u);
}

static enum head_verdict COLD
refuse(struct head_filter *filter, unsigned status, const char *detail)
{
	filter->refusal = (struct head_refusal){ status, detail };
	return HEAD_REFUSED;
}

static struct head_span
span(const char *base, struct slice part)
{
	return (struct head_span){ (uint16_t)(part.p - base), (uint16_t)part.n };
}

/* ---- request target ---- */

/* pchar of RFC 3986 without '%': unreserved, sub-delims, ':' and '@'. */
static bool
is_pchar(unsigned char c)
{
	/* "!$&'()*+,-.0-9:;=@A-Z_a-z~" */
	static const uint32_t set[8] = { 0, 0x2fff7fd2, 0x87ffffff, 0x47fffffe };
	return set[c >> 5] >> (c & 31) & 1;
}

/* The octet of "%XX" at p, -1 when it is not one. */
static int
pct_octet(const char *p, size_t left)
{
	if (left < 3)
		return -1;
	int hi = http_hex(p[1]), lo = http_hex(p[2]);
	return hi < 0 || lo < 0 ? -1 : hi << 4 | lo;
}

/*
 * A path segment: its characters, and that it decodes to nothing that another layer could take for
 * structure: NUL, controls, '/', '\\', or a dot segment however it is spelt.
 */
static const char *
check_segment(struct slice seg)
{
	size_t ndots = 0, nchars = 0;

	for (size_t i = 0; i < seg.n; i++, nchars++) {
		int c = (unsigned char)seg.p[i];
		if (c == '%') {
			c = pct_octet(seg.p + i, seg.n - i);
			if (c < 0)
				return "The path has a broken percent-encoding.";
			if (c < 0x20 || c == 0x7f || c == '/' || c == '\\')
				return "The path has a percent-encoded character that is not "
				       "allowed.";
			i += 2;
		} else if (!is_pchar((unsigned char)c)) {
			return "The path has a character that is not allowed.";
		}
		ndots += c == '.';
	}
	if (ndots == nchars && (ndots == 1 || ndots == 2))
		return "The path has a dot segment.";
	return NULL;
}

static const char *
check_path(struct slice path)
{
	if (path.n == 0 || path.p[0] != '/')
		return "The request target must be a path beginning with '/'.";
	while (path.n > 0) {
		const char *seg = path.p + 1;
		const char *end = memchr(seg, '/', path.n - 1);
		size_t n = end != NULL ? (size_t)(end - seg) : path.n - 1;

		const char *wrong = check_segment(slice_make(seg, n));
		if (wrong != NULL)
			return wrong;
		path = slice_make(seg + n, path.n - 1 - n);
	}
	return NULL;
}

static const char *
check_query(struct slice query)
{
	for (size_t i = 0; i < query.n; i++) {
		char c = query.p[i];
		if (c == '%') {
			if (pct_octet(query.p + i, query.n - i) < 0)
				return "The query has a broken percent-encoding.";
			i += 2;
		} else if (!is_pchar((unsigned char)c) &&
			   (c == '\0' || strchr("/?[]|", c) == NULL)) {
			return "The query has a character that is not allowed.";
		}
	}
	return NULL;
}

/* ---- lines ---- */

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static enum head_verdict
on_version(struct head_filter *filter, struct slice text)
{
	if (text.n != 8 || memcmp(text.p, "HTTP/", 5) != 0 || !is_digit(text.p[5]) ||
	    text.p[6] != '.' || !is_digit(text.p[7]))
		return refuse(filter, 400, "The request line is malformed.");
	if (text.p[5] != '1' || text.p[7] > '1')
		return refuse(filter, 505, "Only HTTP/1.1 and HTTP/1.0 are spoken here.");
	filter->head.minor = (unsigned)(text.p[7] - '0');
	filter->head.keep_alive = filter->head.minor == 1;
	return HEAD_MORE;
}

/* method SP origin-form SP HTTP-version, single spaces */
static enum head_verdict
on_request_line(struct head_filter *filter, const char *base, struct slice line)
{
	const char *sp1 = memchr(line.p, ' ', line.n);
	const char *sp2 = sp1 != NULL ? memrchr(line.p, ' ', line.n) : NULL;
	if (sp1 == NULL || sp2 == sp1)
		return refuse(filter, 400, "The request line is malformed.");

	struct slice method = slice_make(line.p, (size_t)(sp1 - line.p));
	struct slice target = slice_make(sp1 + 1, (size_t)(sp2 - sp1 - 1));
	struct slice version = slice_make(sp2 + 1, (size_t)(line.p + line.n - sp2 - 1));

	if (!http_is_token(method))
		return refuse(filter, 400, "The request method is malformed.");
	if (on_version(filter, version) == HEAD_REFUSED)
		return HEAD_REFUSED;
	if (!http_method_parse(method, &filter->head.method))
		return refuse(filter, 501, "The request method is not implemented.");

	const char *mark = memchr(target.p, '?', target.n);
	struct slice path = target, query = slice_make(target.p + target.n, 0);
	if (mark != NULL) {
		path.n = (size_t)(mark - target.p);
		query = slice_make(mark + 1, target.n - path.n - 1);
	}
	const char *wrong = check_path(path);
	if (wrong == NULL)
		wrong = check_query(query);
	if (wrong != NULL)
		return refuse(filter, 400, wrong);
	filter->head.path = span(base, path);
	filter->head.query = span(base, query);
	filter->seen_request_line = true;
	return HEAD_MORE;
}

static bool
is_host(struct slice value)
{
	/* reg-name, IPv4, or IP literal, and a port: no check of structure, but of what it may
	 * hold. */
	for (size_t i = 0; i < value.n; i++) {
		unsigned char c = (unsigned char)value.p[i];
		if ((!is_pchar(c) || c == '@') && c != '[' && c != ']' && c != '%')
			return false;
	}
	return value.n > 0;
}

static enum head_verdict
on_content_length(struct head_filter *filter, struct slice value)
{
	uint64_t n = 0;

	for (size_t i = 0; i < value.n; i++) {
		if (!is_digit(value.p[i]))
			return refuse(filter, 400, "Content-Length is not a number.");
		n = n * 10 + (uint64_t)(value.p[i] - '0');
		if (i >= 18)
			return refuse(filter, 400,
				      "Content-Length is not a number of 1 to 18 digits.");
	}
	if (value.n == 0)
		return refuse(filter, 400, "Content-Length is empty.");
	filter->head.content_length = n;
	return HEAD_MORE;
}

static void
on_connection(struct head_filter *filter, struct slice value)
{
	struct slice item;

	while (http_list_next(&value, &item)) {
		if (http_name_eq(item, SLICE_LIT("close")))
			filter->head.keep_alive = false;
		else if (filter->head.minor == 0 && http_name_eq(item, SLICE_LIT("keep-alive")))
			filter->head.keep_alive = true;
	}
}

static enum head_verdict
once(struct head_filter *filter, unsigned bit, const char *detail)
{
	if (filter->seen & bit)
		return refuse(filter, 400, detail);
	filter->seen |= (uint8_t)bit;
	return HEAD_MORE;
}

/* The fields that frame the message or must not be ambiguous; all others pass as they are. */
static enum head_verdict
on_known_field(struct head_filter *filter, struct slice name, struct slice value)
{
#define IS(text) http_name_eq(name, SLICE_LIT(text))
	switch (name.n) {
	case 4:
		if (IS("host")) {
			if (!is_host(value))
				return refuse(filter, 400, "Host is malformed.");
			return once(filter, SEEN_HOST, "Host came twice.");
		}
		break;
	case 6:
		if (IS("expect") && filter->head.minor == 1) {
			if (!http_name_eq(value, SLICE_LIT("100-continue")))
				return refuse(filter, 417,
					      "Only the expectation 100-continue is met.");
			filter->head.expect_continue = true;
		}
		break;
	case 10:
		if (IS("connection"))
			on_connection(filter, value);
		break;
	case 12:
		if (IS("content-type"))
			return once(filter, SEEN_TYPE, "Content-Type came twice.");
		break;
	case 13:
		if (IS("authorization"))
			return once(filter, SEEN_AUTH, "Authorization came twice.");
		break;
	case 14:
		if (IS("content-length")) {
			if (once(filter, SEEN_LENGTH, "Content-Length came twice.") == HEAD_REFUSED)
				return HEAD_REFUSED;
			return on_content_length(filter, value);
		}
		break;
	case 15:
		if (IS("idempotency-key"))
			return once(filter, SEEN_KEY, "Idempotency-Key came twice.");
		break;
	case 17:
		if (IS("transfer-encoding")) {
			if (once(filter, SEEN_CODING, "Transfer-Encoding came twice.") ==
			    HEAD_REFUSED)
				return HEAD_REFUSED;
			if (!http_name_eq(value, SLICE_LIT("chunked")))
				return refuse(filter, 501,
					      "Only the transfer coding chunked is known here.");
			filter->head.chunked = true;
		}
		break;
	}
#undef IS
	return HEAD_MORE;
}

static enum head_verdict
on_field_line(struct head_filter *filter, const char *base, struct slice line)
{
	struct head *head = &filter->head;
	const char *colon = memchr(line.p, ':', line.n);

	if (line.p[0] == ' ' || line.p[0] == '\t')
		return refuse(filter, 400, "A header field is folded over lines.");
	if (colon == NULL)
		return refuse(filter, 400, "A header line has no colon.");
	struct slice name = slice_make(line.p, (size_t)(colon - line.p));
	struct slice value = http_trim(slice_make(colon + 1, line.n - name.n - 1));
	if (!http_is_token(name))
		return refuse(filter, 400, "A header field's name is malformed.");
	if (!http_is_field_value(value))
		return refuse(filter, 400, "A header field has a control character.");
	if (head->nfields == HEAD_FIELDS_MAX)
		return refuse(filter, 431, "There are too many header fields.");
	head->fields[head->nfields++] = (struct head_field){ span(base, name), span(base, value) };
	return on_known_field(filter, name, value);
}

static enum head_verdict
on_end(struct head_filter *filter)
{
	if (filter->head.minor == 1 && !(filter->seen & SEEN_HOST))
		return refuse(filter, 400, "Host is missing.");
	if (filter->head.chunked) {
		if (filter->seen & SEEN_LENGTH)
			return refuse(filter, 400,
				      "Content-Length and Transfer-Encoding came together.");
		if (filter->head.minor == 0)
			return refuse(filter, 400, "HTTP/1.0 has no Transfer-Encoding.");
	}
	filter->head.size = filter->scanned;
	return HEAD_READY;
}

/* `line` without its LF; it must end in CR. */
static enum head_verdict
on_line(struct head_filter *filter, const char *base, struct slice line)
{
	if (line.n == 0 || line.p[line.n - 1] != '\r')
		return refuse(filter, 400, "A line does not end in CR LF.");
	line.n--;
	if (line.n == 0) {
		if (filter->seen_request_line)
			return on_end(filter);
		/* RFC 9112 section 2.2: one empty line may come before a request. */
		if (filter->seen_empty_line)
			return refuse(filter, 400, "The request line is missing.");
		filter->seen_empty_line = true;
		return HEAD_MORE;
	}
	if (memchr(line.p, '\r', line.n) != NULL)
		return refuse(filter, 400, "A line has a bare CR.");
	return filter->seen_request_line ? on_field_line(filter, base, line)
					 : on_request_line(filter, base, line);
}

static enum head_verdict COLD
too_long(struct head_filter *filter)
{
	return filter->seen_request_line ? refuse(filter, 431, "The header fields are too large.")
					 : refuse(filter, 414, "The request line is too long.");
}

enum head_verdict
head_filter_feed(struct head_filter *filter, struct slice bytes)
{
	/* Whatever does not begin like a method (TLS, noise) is refused without waiting for a line.
	 */
	if (filter->scanned == 0 && bytes.n > 0 && bytes.p[0] != '\r' &&
	    !http_is_token(slice_make(bytes.p, 1)))
		return refuse(filter, 400, "The request line is malformed.");

	while (filter->scanned < bytes.n) {
		const char *from = bytes.p + filter->scanned;
		const char *lf = memchr(from, '\n', bytes.n - filter->scanned);
		size_t end = lf != NULL ? (size_t)(lf - bytes.p) : bytes.n;

		/* One more for the CR; a line this long is judged the same whole or in pieces. */
		if (end - filter->line_at > HEAD_LINE_MAX + 1 || end >= HEAD_MAX)
			return too_long(filter);
		if (lf == NULL) {
			filter->scanned = end;
			break;
		}
		filter->scanned = end + 1;
		struct slice line = slice_make(bytes.p + filter->line_at, end - filter->line_at);
		filter->line_at = filter->scanned;
		enum head_verdict verdict = on_line(filter, bytes.p, line);
		if (verdict != HEAD_MORE)
			return verdict;
	}
	return HEAD_MORE;
}
