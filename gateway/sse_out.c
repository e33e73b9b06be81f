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

/* {"name":{…}} and nothing else. */
static bool
single_member(struct slice json, struct slice *ret_name, struct slice *ret_value)
{
	if (json.n < 7 || json.p[0] != '{' || json.p[1] != '"')
		return false;
	const char *quote = memchr(json.p + 2, '"', json.n - 2);
	if (quote == NULL || quote + 2 >= json.p + json.n || quote[1] != ':')
		return false;
	const char *value = quote + 2;
	size_t n = object_length(value, (size_t)(json.p + json.n - value));
	if (n == 0 || value + n + 1 != json.p + json.n)
		return false;
	*ret_name = slice_make(json.p + 2, (size_t)(quote - json.p - 2));
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
	struct slice name, value;

	if (single_member(json, &name, &value))
		write_event(name, value, out);
	else
		write_event(SLICE_LIT("message"), json, out);
}

void
sse_write_named(const char *event, struct slice data, struct strbuf *out)
{
	write_event(slice_str(event), data, out);
}
