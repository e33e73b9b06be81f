/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http.h - the words of HTTP that several files here need: methods, reason phrases, character
 * classes, the Date header.
 *
 * Threads:    any; http_date keeps its text per thread. Sources: RFC 9110, RFC 9112.
 */
#ifndef FIT_GATEWAY_HTTP_H
#define FIT_GATEWAY_HTTP_H

#include <stdbool.h>
#include <stdint.h>

#include "libcommon/base/slice.h"

enum http_method {
	HTTP_GET,
	HTTP_HEAD,
	HTTP_POST,
	HTTP_PUT,
	HTTP_PATCH,
	HTTP_DELETE,
	HTTP_OPTIONS,
	HTTP_METHOD_COUNT,
};

/* False: a method this server does not implement. Names are case-sensitive (RFC 9110 section 9.1).
 */
bool http_method_parse(struct slice text, enum http_method *ret_method);
const char *http_method_name(enum http_method method);

/* "Not Found"; "Unknown" for a code that has no name here. */
const char *http_reason(unsigned status);

/* RFC 9110 section 5.6.2 */
bool http_is_token(struct slice text);
/* No control character but the tab. */
bool http_is_field_value(struct slice text);
/* Equal without regard to ASCII case. */
bool http_name_eq(struct slice a, struct slice b);
/* Without spaces and tabs at both ends. */
struct slice http_trim(struct slice s);
/*
 * Cuts the next element of a comma-separated list (RFC 9110 section 5.6.1) off *list, trimmed;
 * false at its end. Empty elements are skipped.
 */
bool http_list_next(struct slice *list, struct slice *ret_item);
/* Value of a hex digit, -1 for another character. */
int http_hex(char c);

/* "Tue, 24 Nov 2026 07:22:41 GMT": HTTP_DATE_LEN bytes, made anew once a second per thread. */
#define HTTP_DATE_LEN 29
const char *http_date(int64_t wall_ms);

#endif
