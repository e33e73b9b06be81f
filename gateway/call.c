/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/call.h"

#include <string.h>

#include "gateway/access_log.h"
#include "gateway/gateway_config.h"
#include "gateway/gateway_loop.h"
#include "gateway/problem.h"
#include "libcommon/base/arena.h"
#include "libcommon/base/clock.h"
#include "libcommon/base/crashpoint.h"
#include "libcommon/observe/log.h"

static void
add_limit(const struct call *call, struct strbuf *out)
{
	const struct gcra_rate *rate = &call->rate->rate;
	int64_t reset_s = (call->limit.reset_us + 999999) / 1000000;

	/* draft-ietf-httpapi-ratelimit-headers-11, and the older triple with its reset in epoch
	 * seconds. */
	strbuf_adds(out, "RateLimit-Policy: \"");
	strbuf_add_slice(out, call->rate->name);
	strbuf_adds(out, "\";q=");
	strbuf_add_i64(out, rate->limit);
	strbuf_adds(out, ";w=");
	strbuf_add_i64(out, rate->window_s);
	strbuf_adds(out, "\r\nRateLimit: \"");
	strbuf_add_slice(out, call->rate->name);
	strbuf_adds(out, "\";r=");
	strbuf_add_i64(out, call->limit.remaining);
	strbuf_adds(out, ";t=");
	strbuf_add_i64(out, reset_s);
	strbuf_adds(out, "\r\nX-RateLimit-Limit: ");
	strbuf_add_i64(out, rate->limit);
	strbuf_adds(out, "\r\nX-RateLimit-Remaining: ");
	strbuf_add_i64(out, call->limit.remaining);
	strbuf_adds(out, "\r\nX-RateLimit-Reset: ");
	strbuf_add_i64(out, clock_wall_ms() / 1000 + reset_s);
	strbuf_adds(out, "\r\n");
}

struct slice
call_fields(struct call *call, const char *content_type)
{
	struct strbuf *out = &call->gl->fields;

	strbuf_reset(out);
	strbuf_add_slice(out, strbuf_slice(&call->gl->gateway->security));
	strbuf_adds(out, "X-Request-ID: ");
	strbuf_adds(out, call->request_id);
	strbuf_adds(out, "\r\nVary: Origin\r\n");
	if (call->origin.n > 0) {
		strbuf_adds(out, "Access-Control-Allow-Origin: ");
		strbuf_add_slice(out, call->origin);
		strbuf_adds(out, "\r\nAccess-Control-Allow-Credentials: true\r\n"
				 "Access-Control-Expose-Headers: "
				 "ETag,RateLimit,RateLimit-Policy,X-RateLimit-Limit,"
				 "X-RateLimit-Remaining,X-RateLimit-Reset,Retry-After,X-Request-ID,"
				 "Location\r\n");
	}
	if (call->rate != NULL)
		add_limit(call, out);
	if (content_type != NULL) {
		strbuf_adds(out, "Content-Type: ");
		strbuf_adds(out, content_type);
		strbuf_adds(out, "\r\n");
	}
	if (call->extra.len > 0)
		strbuf_add_slice(out, strbuf_slice(&call->extra));
	return strbuf_slice(out);
}

void
call_done(struct call *call, unsigned status, size_t length)
{
	struct gateway_loop *gl = call->gl;
	char trace_id[33];

	trace_id_hex(&call->trace, trace_id);
	routes_observe(gl->gateway->routes, call->route, status,
		       clock_mono_ns() - call->ex->begun_ns);
	if (log_enabled(LOG_LEVEL_INFO))
		access_log_add(gl->access_log,
			       &(struct access_line){
				       .method = http_method_name(call->ex->method),
				       .path = call->ex->path,
				       .status = status,
				       .length = length,
				       .begun_ns = call->ex->begun_ns,
				       .route = call->route != NULL ? call->route->label : "",
				       .request_id = call->request_id,
				       .trace_id = trace_id,
			       });
}

void
call_reply(struct call *call, unsigned status, const char *content_type, struct slice body)
{
	struct slice fields = call_fields(call, content_type);

	CRASH_POINT("gateway.before_reply");
	call_done(call, status, body.n);
	exchange_reply(call->ex, status, fields, body);
}

void
call_problem_body(struct call *call, unsigned status, const char *reason, const char *detail,
		  const struct err *err, struct strbuf *out)
{
	struct problem problem = {
		.status = status,
		.reason = reason,
		.detail = detail != NULL ? detail
			  : err != NULL  ? err_client_text(err)
					 : NULL,
		.instance = call->ex->path,
		.request_id = slice_str(call->request_id),
		.err = err,
	};
	if (status == 429) {
		int64_t wait_us = call->rate != NULL ? call->limit.retry_us : 1000000;
		problem.retry_at_s = (clock_wall_ms() + wait_us / 1000 + 999) / 1000;
	}
	problem_write(&problem, out);
}

static void
add_retry_after(struct call *call, unsigned status, const struct err *err)
{
	int64_t ms = 0;

	if (err != NULL && err->retry_after_ms > 0)
		ms = err->retry_after_ms;
	else if (status == 429)
		ms = call->rate != NULL ? call->limit.retry_us / 1000 + 1 : 1000;
	else if (status == 503)
		ms = 1000;
	if (ms > 0)
		strbuf_addf(&call->extra, "Retry-After: %lld\r\n", (long long)(ms + 999) / 1000);
}

void
call_problem(struct call *call, unsigned status, const char *reason, const char *detail,
	     const struct err *err)
{
	struct strbuf body = STRBUF_ARENA(call->ex->arena);

	call_problem_body(call, status, reason, detail, err, &body);
	add_retry_after(call, status, err);
	if (status == 401)
		strbuf_adds(&call->extra,
			    reason != NULL && strcmp(reason, "TOKEN_MISSING") == 0
				    ? "WWW-Authenticate: Bearer\r\n"
				    : "WWW-Authenticate: Bearer error=\"invalid_token\"\r\n");
	strbuf_adds(&call->extra, "Cache-Control: no-store\r\n");
	call_reply(call, status, "application/problem+json", strbuf_slice(&body));
}

unsigned
call_err_status(const struct call *call, const struct err *err)
{
	unsigned status = err->reason != NULL ? schema_reason_http_status(call->gl->gateway->schema,
									  err->reason)
					      : 0;

	if (status == 0)
		status = problem_http_status(err->status);
	/* Nobody here has cancelled: the client is still waiting. */
	return status == 499 ? 503 : status;
}

void
call_fail(struct call *call, const struct err *err)
{
	unsigned status = call_err_status(call, err);

	if (status >= 500)
		log_warn_err("request_failed", err, LOG_STR("requestId", call->request_id),
			     LOG_STR("route", call->route != NULL ? call->route->label : ""));
	call_problem(call, status, err->reason, NULL, err);
}
