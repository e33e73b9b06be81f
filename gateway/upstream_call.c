/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/upstream_call.h"

#include <stdio.h>
#include <string.h>

#include "gateway/call.h"
#include "gateway/gateway_loop.h"
#include "gateway/sse_out.h"
#include "gateway/transcode.h"
#include "gateway/upstream.h"
#include "libcommon/base/arena.h"
#include "libcommon/base/clock.h"
#include "libcommon/crypto/digest.h"
#include "libcommon/observe/log.h"
#include "libcommon/rpc/rpc_client.h"
#include "libcommon/rpc/rpc_meta.h"
#include "libcommon/runtime/loop.h"

#define HEARTBEAT_MS 15000
#define USER_AGENT_MAX 256
#define LAST_EVENT_ID_MAX 128
#define JSON_KEPT (256 * 1024) /* bytes of scratch that the loop keeps */

static const struct schema_method *
method_of(const struct call *call)
{
	return call->route->rule->method;
}

static bool
wants_events(const struct call *call)
{
	struct slice accept = exchange_header(call->ex, SLICE_LIT("accept"));
	struct slice item;

	if (!method_of(call)->server_streaming)
		return false;
	while (http_list_next(&accept, &item)) {
		if (item.n >= 16 &&
		    http_name_eq(slice_make(item.p, 16), SLICE_LIT("application/json")))
			return false;
	}
	return true;
}

/* ---- streams ---- */

static void
on_heartbeat(void *arg)
{
	struct call *call = arg;

	exchange_stream_send(call->ex, SLICE_LIT(SSE_HEARTBEAT));
	loop_timer_start(call->heartbeat, HEARTBEAT_MS);
}

static void
on_drain(struct exchange *ex)
{
	struct call *call = ex->handler_data;

	if (call->rpc != NULL)
		rpc_client_call_pause(call->rpc, false);
}

static void
send_event(struct call *call, struct slice json)
{
	struct strbuf *out = &call->gl->fields;

	if (!call->streaming) {
		call->streaming = true;
		strbuf_adds(&call->extra, "Cache-Control: no-store\r\nX-Accel-Buffering: no\r\n");
		call->ex->on_drain = on_drain;
		exchange_stream_begin(call->ex, 200, call_fields(call, "text/event-stream"));
		call->heartbeat = loop_timer_new(call->gl->loop, on_heartbeat, call);
	}
	loop_timer_start(call->heartbeat, HEARTBEAT_MS);
	strbuf_reset(out);
	sse_write(json, out);
	call->streamed += out->len;
	if (exchange_stream_send(call->ex, strbuf_slice(out)) > EXCHANGE_STREAM_HIGH)
		rpc_client_call_pause(call->rpc, true);
}

static void
end_stream(struct call *call, const struct err *err)
{
	struct strbuf body = STRBUF_INIT, event = STRBUF_INIT;

	loop_timer_free(call->heartbeat);
	call->heartbeat = NULL;
	if (err != NULL) {
		call_problem_body(call, call_err_status(call, err), err->reason, NULL, err, &body);
		sse_write_named("error", strbuf_slice(&body), &event);
		exchange_stream_send(call->ex, strbuf_slice(&event));
		strbuf_fini(&body);
		strbuf_fini(&event);
	}
	call_done(call, 200, call->streamed);
	exchange_stream_end(call->ex);
}

/* ---- unary replies ---- */

/* RFC 9110 section 13.1.2: weak comparison, a list, or "*". */
static bool
not_modified(const struct call *call)
{
	struct slice list = exchange_header(call->ex, SLICE_LIT("if-none-match")), item;

	if (call->ex->method != HTTP_GET && call->ex->method != HTTP_HEAD)
		return false;
	while (http_list_next(&list, &item)) {
		if (slice_starts_with(item, SLICE_LIT("W/")))
			item = slice_make(item.p + 2, item.n - 2);
		if (slice_eq_str(item, call->etag) || slice_eq_str(item, "*"))
			return true;
	}
	return false;
}

static void
add_reply_fields(struct call *call, unsigned status, struct slice wire)
{
	const struct schema_policy *policy = &method_of(call)->policy;
	struct strbuf location = STRBUF_ARENA(call->ex->arena);

	if (call->etag[0] != '\0') {
		strbuf_adds(&call->extra, "ETag: ");
		strbuf_adds(&call->extra, call->etag);
		strbuf_adds(&call->extra, "\r\n");
	}
	if (status == 201 && policy->location[0] != '\0' &&
	    transcode_location(method_of(call), wire, &location)) {
		strbuf_adds(&call->extra, "Location: ");
		strbuf_add_slice(&call->extra, strbuf_slice(&location));
		strbuf_adds(&call->extra, "\r\n");
	}
	if (policy->cache_max_age_s > 0)
		strbuf_addf(&call->extra, "Cache-Control: %s, max-age=%u\r\n",
			    policy->audience == SCHEMA_PUBLIC ? "public" : "private",
			    policy->cache_max_age_s);
	else
		/* What has a tag may be kept, but must be asked about. */
		strbuf_adds(&call->extra, call->etag[0] != '\0'
						  ? "Cache-Control: private, no-cache\r\n"
						  : "Cache-Control: no-store\r\n");
}

static void
reply_message(struct call *call)
{
	const struct schema_method *method = method_of(call);
	unsigned status = method->policy.success_status > 0 ? method->policy.success_status : 200;
	struct slice wire = strbuf_slice(&call->reply);
	struct strbuf *json = &call->gl->json;
	struct err err;

	add_reply_fields(call, status, wire);
	if (call->etag[0] != '\0' && not_modified(call)) {
		call_reply(call, 304, NULL, SLICE_NONE);
		return;
	}
	if (status == 204) {
		call_reply(call, 204, NULL, SLICE_NONE);
		return;
	}
	if (method->policy.raw_json) {
		call_reply(call, status, "application/json", transcode_raw_json(wire));
		return;
	}
	strbuf_reset(json);
	err_init(&err);
	if (schema_json_encode(method->output, wire, true, json, &err) != STATUS_OK) {
		err_context(&err, "%s: the reply", method->path);
		err.status = STATUS_INTERNAL;
		call_fail(call, &err);
		return;
	}
	call_reply(call, status, "application/json", strbuf_slice(json));
	if (json->cap > JSON_KEPT) {
		strbuf_fini(json);
		*json = STRBUF_INIT;
	}
}

/* ---- events of the call ---- */

/* The tag is between quotes and visible, or it is not passed on: it becomes a header line. */
static void
on_header(struct rpc_client_call *rpc, struct slice name, struct slice value, void *arg)
{
	struct call *call = arg;

	(void)rpc;
	if (!slice_eq_str(name, RPC_META_ETAG) || value.n >= sizeof(call->etag) || value.n < 2)
		return;
	for (size_t i = 0; i < value.n; i++) {
		if (value.p[i] <= ' ' || value.p[i] >= 0x7f)
			return;
	}
	memcpy(call->etag, value.p, value.n);
	call->etag[value.n] = '\0';
}

static void
on_message(struct rpc_client_call *rpc, struct slice wire, void *arg)
{
	struct call *call = arg;
	struct err err;

	(void)rpc;
	call->got_message = true;
	if (!wants_events(call)) {
		strbuf_reset(&call->reply);
		strbuf_add_slice(&call->reply, wire);
		return;
	}
	struct strbuf json = STRBUF_INIT;
	err_init(&err);
	if (schema_json_encode(method_of(call)->output, wire, true, &json, &err) == STATUS_OK)
		send_event(call, strbuf_slice(&json));
	else
		log_warn_err("stream_message_malformed", &err,
			     LOG_STR("method", method_of(call)->path));
	strbuf_fini(&json);
}

static void
on_end(struct rpc_client_call *rpc, enum status status, const struct err *err, void *arg)
{
	struct call *call = arg;

	(void)rpc;
	call->rpc = NULL;
	if (call->streaming) {
		end_stream(call, status == STATUS_OK ? NULL : err);
	} else if (status != STATUS_OK) {
		call_fail(call, err);
	} else if (wants_events(call)) {
		/* A stream without a single message: an empty stream of events. */
		call->ex->on_drain = NULL;
		exchange_stream_begin(call->ex, 200, call_fields(call, "text/event-stream"));
		call_done(call, 200, 0);
		exchange_stream_end(call->ex);
	} else if (!call->got_message) {
		call_problem(call, 502, NULL, "The service sent no reply.", NULL);
	} else {
		reply_message(call);
	}
}

static bool
is_visible(struct slice s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] <= ' ' || s.p[i] >= 0x7f)
			return false;
	}
	return s.n > 0;
}

static size_t
add_metadata(struct call *call, struct rpc_metadata *meta, uint8_t fingerprint[DIGEST_SHA256_SIZE])
{
	struct slice agent = exchange_header(call->ex, SLICE_LIT("user-agent"));
	struct slice last = exchange_header(call->ex, SLICE_LIT("last-event-id"));
	size_t n = 0;

	meta[n++] = (struct rpc_metadata){ RPC_META_CLIENT_IP, slice_str(call->client) };
	if (agent.n > 0 && agent.n <= USER_AGENT_MAX)
		meta[n++] = (struct rpc_metadata){ RPC_META_USER_AGENT, agent };
	/* A client's own word: a service takes it for a cursor and for nothing else. */
	if (method_of(call)->server_streaming && is_visible(last) && last.n <= LAST_EVENT_ID_MAX)
		meta[n++] = (struct rpc_metadata){ RPC_META_LAST_EVENT_ID, last };
	if (call->if_match.n > 0)
		meta[n++] = (struct rpc_metadata){ RPC_META_IF_MATCH, call->if_match };
	if (call->idempotency_key.n > 0 && method_of(call)->policy.idempotency == SCHEMA_IDEM_KEY) {
		struct strbuf text = STRBUF_ARENA(call->ex->arena);

		strbuf_adds(&text, method_of(call)->path);
		strbuf_addch(&text, '\0');
		strbuf_add_slice(&text, strbuf_slice(&call->wire));
		digest_sha256(strbuf_slice(&text), fingerprint);
		meta[n++] =
			(struct rpc_metadata){ RPC_META_IDEMPOTENCY_KEY, call->idempotency_key };
		meta[n++] = (struct rpc_metadata){ RPC_META_IDEMPOTENCY_FINGERPRINT,
						   slice_make(fingerprint, DIGEST_SHA256_SIZE) };
	}
	return n;
}

void
upstream_call_start(struct call *call)
{
	static const struct rpc_client_events events = { on_header, on_message, on_end };
	struct rpc_channel *channel = upstream_find(call->gl->upstream, method_of(call)->service);
	uint8_t fingerprint[DIGEST_SHA256_SIZE];
	struct rpc_metadata meta[7];

	if (channel == NULL) {
		call_problem(call, 503, NULL, "This part of the service is not available here.",
			     NULL);
		return;
	}
	call->reply = STRBUF_ARENA(call->ex->arena);
	struct rpc_call_options opts = {
		.deadline = deadline_in(call->route->timeout_ms),
		.principal = strbuf_slice(&call->principal),
		.trace = &call->trace,
		.request_id = call->request_id,
		.metadata = meta,
	};
	opts.nmetadata = add_metadata(call, meta, fingerprint);
	call->rpc = rpc_channel_start(channel, method_of(call)->path, &opts,
				      slice_make(strbuf_cstr(&call->wire), call->wire.len), &events,
				      call);
}
