/* SPDX-License-Identifier: Apache-2.0 */
/*
 * call.h - what the pipeline knows of one exchange while it is under way, and the ways to
 * answer it.
 *
 * Ownership:  lives in the exchange's arena. Threads: the loop's. After call_reply,
 *             call_problem or the end of a stream the call is gone.
 */
#ifndef FIT_GATEWAY_CALL_H
#define FIT_GATEWAY_CALL_H

#include "gateway/admit.h"
#include "gateway/authn.h"
#include "gateway/client_address.h"
#include "gateway/exchange.h"
#include "gateway/routes.h"
#include "libcommon/base/strbuf.h"
#include "libcommon/observe/trace.h"

#define CALL_REQUEST_ID_MAX 64

struct gateway_loop;
struct loop_timer;
struct rpc_client_call;

struct call {
	struct gateway_loop *gl;
	struct exchange *ex;
	struct route *route;
	struct router_match match;
	unsigned stage;
	char request_id[CALL_REQUEST_ID_MAX + 1];
	struct trace trace;
	char client[CLIENT_ADDRESS_SIZE];     /* address */
	char client_key[CLIENT_ADDRESS_SIZE]; /* what limits count it by */
	struct slice origin;                  /* an allowed one, else n == 0 */
	struct strbuf extra; /* field lines of this reply: ETag, Location, Allow … */

	struct authn_token token;
	struct authn_wait wait;
	bool waited;
	struct authn_session *due;      /* a copy that auth is asked about, or NULL */
	struct strbuf principal;        /* encoded; empty for an anonymous call */
	const struct config_rate *rate; /* the limit that was taken, NULL: none yet */
	struct gcra_result limit;

	struct slice idempotency_key, if_match;
	struct strbuf wire;  /* request */
	struct strbuf reply; /* the reply's protobuf bytes */
	bool got_message;
	char etag[72];

	/* what must be stopped when the client leaves */
	struct admit_call *admitting;
	struct rpc_client_call *rpc;
	struct loop_timer *heartbeat;
	bool streaming;
	size_t streamed;
};

/* content_type NULL: no body. `body` may live anywhere until the call returns. */
void call_reply(struct call *call, unsigned status, const char *content_type, struct slice body);
/* err gives detail and fields when not NULL, else `detail` (may be NULL). */
void call_problem(struct call *call, unsigned status, const char *reason, const char *detail,
		  const struct err *err);
/* The problem that an err of a service or of a check becomes. */
void call_fail(struct call *call, const struct err *err);
/* Log and metrics of an exchange that has ended. */
void call_done(struct call *call, unsigned status, size_t length);
/* The field lines of a reply, in the loop's scratch: valid until the next reply. */
struct slice call_fields(struct call *call, const char *content_type);
void call_problem_body(struct call *call, unsigned status, const char *reason, const char *detail,
		       const struct err *err, struct strbuf *out);
/* HTTP status of an err. */
unsigned call_err_status(const struct call *call, const struct err *err);

#endif
