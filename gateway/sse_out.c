/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/sse_out.h"

#include <stdbool.h>
#include <string.h>

#include "libcommon/base/strbuf.h"

/* Length of the JSON value at p, an object; 0 when it is none. */
static size_t
object_length(const char *p, size_t n)
{
	size_t depth = 0;
	bool in_string = false;

	if (n == 0 || p[0] != '{')
		return 0;
	for (size_t i = 0; i < n; i++) {
		if (in_string) {
			if (p[i] == '\\')
				i++;
			else if (p[i] == '"')
				in_string = false;
		} else if (p[i] == '"') {
			in_string = true;
		} else if (p[i] == '{') {
			depth++;
		} else if (p[i] == '}' && --depth == 0) {
			return i + 1;
		}
	}
	return 0;
}

/*
 * The value of the member "eventId" at the front of an object; n == 0 when it is not there or could
 * not stand in a line: only visible ASCII that JSON does not escape. *ret_rest is the object
 * without it, from the byte after the brace.
 */
static struct slice
leading_id(struct slice json, struct slice *ret_rest)
{
	static const char name[] = "{\"eventId\":\"";
	size_t begin = sizeof(name) - 1, end = begin;
	bool fits = true;

	*ret_rest = json.n > 0 ? slice_make(json.p + 1, json.n - 1) : SLICE_NONE;
	if (!slice_starts_with(json, SLICE_LIT(name)))
		return SLICE_NONE;
	for (; end < json.n && json.p[end] != '"'; end++) {
		fits = fits && json.p[end] > ' ' && json.p[end] < 0x7f && json.p[end] != '\\';
		if (json.p[end] == '\\')
			end++;
	}
	/* What follows must be another member. */
	if (end + 1 >= json.n || json.p[end + 1] != ',')
		return SLICE_NONE;
	*ret_rest = slice_make(json.p + end + 2, json.n - end - 2);
	return fits ? slice_make(json.p + begin, end - begin) : SLICE_NONE;
}

/* "name":{…}} and nothing else: an object after its brace. */
static bool
single_member(struct slice json, struct slice *ret_name, struct slice *ret_value)
{
	if (json.n < 6 || json.p[0] != '"')
		return false;
	const char *quote = memchr(json.p + 1, '"', json.n - 1);
	if (quote == NULL || quote + 2 >= json.p + json.n || quote[1] != ':')
		return false;
	const char *value = quote + 2;
	size_t n = object_length(value, (size_t)(json.p + json.n - value));
	if (n == 0 || value + n + 1 != json.p + json.n)
		return false;
	*ret_name = slice_make(json.p + 1, (size_t)(quote - json.p - 1));
	*ret_value = slice_make(value, n);
	return true;
}

static void
write_event(struct slice name, struct slice data, struct strbuf *out)
{
	strbuf_adds(out, "event: ");
	strbuf_add_slice(out, name);
	strbuf_adds(out, "\ndata: ");
	strbuf_add_slice(out, data);
	strbuf_adds(out, "\n\n");
}

void
sse_write(struct slice json, struct strbuf *out)
{
	struct slice name, value, rest, id = leading_id(json, &rest);

	if (id.n > 0) {
		strbuf_adds(out, "id: ");
		strbuf_add_slice(out, id);
		strbuf_addch(out, '\n');
	}
	if (single_member(rest, &name, &value))
		write_event(name, value, out);
	else
		write_event(SLICE_LIT("message"), json, out);
}

void
sse_write_named(const char *event, struct slice data, struct strbuf *out)
{
	write_event(slice_str(event), data, out);
}
