/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http_client.h - one blocking HTTP request under a deadline, for small JSON documents.
 *
 *	struct http_request req = { .url = url, .deadline = deadline_in(3000), .max_bytes = 65536 };
 *	struct http_response res;
 *	st = http_client_fetch(&req, arena, &res, &err);
 *	if (st == STATUS_OK && res.status == 200) …res.body, res.max_age_s…
 *
 * https with certificate and host checked, TLS 1.2 or newer; plain http to loopback addresses
 * only. Redirects are not followed: where keys come from is configuration, not the peer's
 * choice.
 *
 * Ownership: the body lives in the arena.
 * Threads:   any; the call blocks its thread, at most until the deadline.
 * Errors:    any HTTP status is STATUS_OK here. INVALID_ARGUMENT: an URL that is not taken.
 *            DEADLINE_EXCEEDED; UNAVAILABLE: no connection, TLS failed, cut short;
 *            RESOURCE_EXHAUSTED: a body above max_bytes.
 * Limits:    URL 2048 bytes, HTTP_HEADERS_MAX request headers.
 */
#ifndef FIT_NET_HTTP_CLIENT_H
#define FIT_NET_HTTP_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "libcommon/base/clock.h"
#include "libcommon/base/slice.h"
#include "libcommon/base/status.h"

#define HTTP_URL_MAX 2048
#define HTTP_HEADERS_MAX 16

struct arena;

struct http_request {
	const char *url;
	const char *const *headers; /* "Name: value" */
	size_t nheaders;
	bool post;         /* else GET */
	struct slice body; /* of a POST */
	struct deadline deadline;
	size_t max_bytes;
};

struct http_response {
	long status;
	struct slice body;
	int64_t max_age_s; /* of Cache-Control; 0: no-store or no-cache; -1: not said */
};

enum status http_client_fetch(const struct http_request *req, struct arena *arena,
			      struct http_response *ret_response, struct err *err) MUST_CHECK;

/* An URL that fetch would take: https, or http to 127.0.0.0/8, [::1] or localhost. */
bool http_url_allowed(const char *url);
/* Seconds as in http_response.max_age_s, from a Cache-Control value (RFC 9111 section 5.2.2). */
int64_t http_max_age(const char *cache_control);

#endif
