/* SPDX-License-Identifier: Apache-2.0 */
/*
 * problem.h - application/problem+json bodies (RFC 9457), and which HTTP status an outcome
 * becomes.
 *
 *	struct problem p = { .status = 404, .instance = path, .request_id = id };
 *	problem_write(&p, &out);
 *	{"type":"about:blank","title":"Not Found","status":404,"instance":…,"requestId":…}
 *
 * Threads:    any. The text comes from err_client_text, so internals do not reach a client.
 */
#ifndef FIT_GATEWAY_PROBLEM_H
#define FIT_GATEWAY_PROBLEM_H

#include <stdint.h>

#include "libcommon/base/slice.h"
#include "libcommon/base/status.h"

struct strbuf;

struct problem {
	unsigned status;
	const char *reason;      /* fit.api.v1.Reason name, or NULL */
	const char *detail;      /* or NULL */
	struct slice instance;   /* path of the request; n == 0: left out */
	struct slice request_id; /* n == 0: left out */
	const struct err *err;   /* field violations, or NULL */
	int64_t retry_at_s;      /* 429: epoch seconds; 0: left out */
};

void problem_write(const struct problem *problem, struct strbuf *out);
/* google.rpc.Code's own mapping, with 499 for a client that went away. */
unsigned problem_http_status(enum status status);

#endif
