/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http_stub.h - an HTTP server on a thread of the test's own, answering by a table that the test
 * changes.
 *
 *	struct http_stub *stub = http_stub_start();
 *	http_stub_set(stub, "/keys", 200, "max-age=60", json);       from now on
 *	…http_stub_url(stub, "/keys")…   http_stub_hits(stub, "/keys")…
 *	http_stub_stop(stub);
 *
 * Ownership: texts are copied; an URL is valid until http_stub_stop. Threads: any.
 * Limits:    HTTP_STUB_PATHS paths; others answer 404. Status 0: no answer at all.
 */
#ifndef FIT_TESTS_HTTP_STUB_H
#define FIT_TESTS_HTTP_STUB_H

#define HTTP_STUB_PATHS 16

struct http_stub;

struct http_stub *http_stub_start(void);
void http_stub_stop(struct http_stub *stub);
/* cache: value of Cache-Control, or NULL. */
void http_stub_set(struct http_stub *stub, const char *path, int status, const char *cache,
		   const char *body);
const char *http_stub_url(struct http_stub *stub, const char *path);
unsigned http_stub_hits(struct http_stub *stub, const char *path);
/* The body of the last POST. */
const char *http_stub_posted(struct http_stub *stub);

#endif
