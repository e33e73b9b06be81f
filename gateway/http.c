/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/http.h"

#include <string.h>
#include <time.h>

#include "libcommon/base/compiler.h"

static const struct slice method_names[HTTP_METHOD_COUNT] = {
	[HTTP_GET] = { "GET", 3 },         [HTTP_HEAD] = { "HEAD", 4 },
	[HTTP_POST] = { "POST", 4 },       [HTTP_PUT] = { "PUT", 3 },
	[HTTP_PATCH] = { "PATCH", 5 },     [HTTP_DELETE] = { "DELETE", 6 },
	[HTTP_OPTIONS] = { "OPTIONS", 7 },
};

bool
http_method_parse(struct slice text, enum http_method *ret_method)
{
	for (unsigned i = 0; i < HTTP_METHOD_COUNT; i++) {
		if (slice_eq(text, method_names[i])) {
			*ret_method = (enum http_method)i;
			return true;
		}
	}
	return false;
}

const char *
http_method_name(enum http_method method)
{
	return method_names[method].p;
}

const char *
http_reason(unsigned status)
{
	static const struct {
		unsigned status;
		const char *text;
	} reasons[] = {
		{ 200, "OK" },
		{ 201, "Created" },
		{ 202, "Accepted" },
		{ 204, "No Content" },
		{ 304, "Not Modified" },
		{ 400, "Bad Request" },
		{ 401, "Unauthorized" },
		{ 403, "Forbidden" },
		{ 404, "Not Found" },
		{ 405, "Method Not Allowed" },
		{ 406, "Not Acceptable" },
		{ 408, "Request Timeout" },
		{ 409, "Conflict" },
		{ 411, "Length Required" },
		{ 412, "Precondition Failed" },
		{ 413, "Content Too Large" },
		{ 414, "URI Too Long" },
		{ 415, "Unsupported Media Type" },
		{ 417, "Expectation Failed" },
		{ 422, "Unprocessable Content" },
		{ 428, "Precondition Required" },
		{ 429, "Too Many Requests" },
		{ 431, "Request Header Fields Too Large" },
		{ 499, "Client Closed Request" },
		{ 500, "Internal Server Error" },
		{ 501, "Not Implemented" },
		{ 502, "Bad Gateway" },
		{ 503, "Service Unavailable" },
		{ 504, "Gateway Timeout" },
		{ 505, "HTTP Version Not Supported" },
	};
	for (size_t i = 0; i < ARRAY_LEN(reasons); i++) {
		if (reasons[i].status == status)
			return reasons[i].text;
	}
	return "Unknown";
}

static bool
is_tchar(unsigned char c)
{
	/* Bit c set: "!#$%&'*+-.^_`|~", digits, letters. */
	static const uint32_t set[8] = { 0, 0x03ff6cfa, 0xc7fffffe, 0x57ffffff };
	return set[c >> 5] >> (c & 31) & 1;
}

bool
http_is_token(struct slice text)
{
	for (size_t i = 0; i < text.n; i++) {
		if (!is_tchar((unsigned char)text.p[i]))
			return false;
	}
	return text.n > 0;
}

static bool
is_value_octet(unsigned char c)
{
	return (c >= 0x20 || c == '\t') && c != 0x7f;
}

/*
 * Eight octets at a time: most of a request is values of fields. The high bits tell whether one of
 * the eight is below 0x20 or is 0x7f (S. E. Anderson, "Bit Twiddling Hacks": hasless, haszero);
 * only then they are looked at, for it may be a tab.
 */
bool
http_is_field_value(struct slice text)
{
	static const uint64_t ones = UINT64_C(0x0101010101010101);
	size_t i = 0;

	for (; text.n - i >= sizeof(uint64_t); i += sizeof(uint64_t)) {
		uint64_t word, del;

		memcpy(&word, text.p + i, sizeof(word));
		del = word ^ 0x7f * ones;
		if (((((word - 0x20 * ones) & ~word) | ((del - ones) & ~del)) & 0x80 * ones) == 0)
			continue;
		for (size_t k = i; k < i + sizeof(word); k++)
			if (!is_value_octet((unsigned char)text.p[k]))
				return false;
	}
	for (; i < text.n; i++)
		if (!is_value_octet((unsigned char)text.p[i]))
			return false;
	return true;
}

static unsigned char
lower(unsigned char c)
{
	return c >= 'A' && c <= 'Z' ? c | 0x20 : c;
}

bool
http_name_eq(struct slice a, struct slice b)
{
	if (a.n != b.n)
		return false;
	for (size_t i = 0; i < a.n; i++) {
		if (lower((unsigned char)a.p[i]) != lower((unsigned char)b.p[i]))
			return false;
	}
	return true;
}

struct slice
http_trim(struct slice s)
{
	while (s.n > 0 && (s.p[0] == ' ' || s.p[0] == '\t'))
		s = slice_make(s.p + 1, s.n - 1);
	while (s.n > 0 && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t'))
		s.n--;
	return s;
}

bool
http_list_next(struct slice *list, struct slice *ret_item)
{
	while (list->n > 0) {
		const char *comma = memchr(list->p, ',', list->n);
		size_t n = comma != NULL ? (size_t)(comma - list->p) : list->n;
		struct slice item = http_trim(slice_make(list->p, n));

		size_t used = comma != NULL ? n + 1 : n;
		*list = slice_make(list->p + used, list->n - used);
		if (item.n > 0) {
			*ret_item = item;
			return true;
		}
	}
	return false;
}

int
http_hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

const char *
http_date(int64_t wall_ms)
{
	static _Thread_local int64_t at = -1;
	static _Thread_local char text[HTTP_DATE_LEN + 1];
	static const char days[] = "SunMonTueWedThuFriSat";
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

	time_t now = (time_t)(wall_ms / 1000);
	if ((int64_t)now != at) {
		struct tm tm;
		char base[32];

		gmtime_r(&now, &tm);
		/* strftime would take the names of days and months from the locale. */
		strftime(base, sizeof(base), "   , %d     %Y %H:%M:%S GMT", &tm);
		memcpy(base, days + 3 * tm.tm_wday, 3);
		memcpy(base + 8, months + 3 * tm.tm_mon, 3);
		memcpy(text, base, HTTP_DATE_LEN);
		at = now;
	}
	return text;
}
