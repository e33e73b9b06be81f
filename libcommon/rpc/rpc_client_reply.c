/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rpc_client_reply.c - one call of a channel, second half: header, messages, trailers, the outcome.
 */
#include "libcommon/rpc/rpc_client_private.h"

#include <stdio.h>

#include "libcommon/base/codec.h"
#include "libcommon/base/compiler.h"
#include "libcommon/rpc/rpc_status.h"

static void
on_status_field(struct rpc_client_call *call, struct slice name, struct slice value)
{
	if (slice_eq_str(name, "grpc-status")) {
		call->have_status = value.n == 1 || value.n == 2;
		call->code = 0;
		for (size_t i = 0; i < value.n && call->have_status; i++) {
			call->have_status = value.p[i] >= '0' && value.p[i] <= '9';
			call->code = call->code * 10 + (value.p[i] - '0');
		}
	} else if (slice_eq_str(name, "grpc-message")) {
		strbuf_reset(&call->message);
		rpc_status_percent_decode(value, &call->message);
	} else if (slice_eq_str(name, "grpc-status-details-bin")) {
		size_t n = 0;
		strbuf_reset(&call->details);
		strbuf_grow(&call->details, CODEC_BASE64_DECODED_MAX(value.n));
		if (codec_base64_any_decode(value, call->details.buf, &n))
			call->details.len = n;
	}
}

static void
give_header(struct rpc_client_call *call, struct slice name, struct slice value)
{
	NOT_ZEROED char raw[H2_HEADER_LIST_MAX];
	size_t n;

	if (call->events->on_header == NULL)
		return;
	if (name.n > 4 && memcmp(name.p + name.n - 4, "-bin", 4) == 0) {
		if (CODEC_BASE64_DECODED_MAX(value.n) > sizeof(raw) ||
		    !codec_base64_any_decode(value, raw, &n))
			return;
		value = slice_make(raw, n);
	}
	call->depth++;
	call->events->on_header(call, name, value, call->arg);
	call->depth--;
}

static unsigned
three_digits(struct slice s)
{
	unsigned v = 0;

	for (size_t i = 0; i < s.n && i < 3; i++)
		v = v * 10 + (unsigned)(s.p[i] - '0');
	return v;
}

/* True when the call ended inside a callback and is to be recycled now. */
static bool
reaped(struct rpc_client_call *call)
{
	if (!call->dead || call->depth > 0)
		return false;
	rpc_client_call_recycle(call);
	return true;
}

static void
on_header(struct h2_stream *st, struct slice name, struct slice value)
{
	struct rpc_client_call *call = container_of(st, struct rpc_client_call, h2);

	if (call->dead)
		return;
	if (slice_eq_str(name, ":status")) {
		call->http_status = three_digits(value);
		call->informational = call->http_status < 200;
	} else if (slice_starts_with(name, SLICE_LIT("grpc-"))) {
		on_status_field(call, name, value);
	} else if (slice_eq_str(name, "content-type")) {
		call->is_grpc = slice_starts_with(value, SLICE_LIT("application/grpc"));
	} else if (!call->head_done && !call->informational && name.p[0] != ':') {
		give_header(call, name, value);
		(void)reaped(call);
	}
}

/* grpc/grpc doc/http-grpc-status-mapping.md: for a reply that is not gRPC. */
static enum status
from_http(unsigned http)
{
	switch (http) {
	case 400:
		return STATUS_INTERNAL;
	case 401:
		return STATUS_UNAUTHENTICATED;
	case 403:
		return STATUS_PERMISSION_DENIED;
	case 404:
		return STATUS_UNIMPLEMENTED;
	case 429:
	case 502:
	case 503:
	case 504:
		return STATUS_UNAVAILABLE;
	default:
		return STATUS_UNKNOWN;
	}
}

static void
fail_http(struct rpc_client_call *call)
{
	char text[64];

	snprintf(text, sizeof(text), "the reply is HTTP status %u, not gRPC", call->http_status);
	rpc_client_call_fail(call, from_http(call->http_status), text);
}

static void
on_headers(struct h2_stream *st, bool too_large)
{
	struct rpc_client_call *call = container_of(st, struct rpc_client_call, h2);

	if (too_large) {
		rpc_client_call_fail(call, STATUS_RESOURCE_EXHAUSTED,
				     "the reply's header is too large");
		return;
	}
	if (call->head_done || call->informational)
		return;
	call->head_done = true;
	if (call->http_status != 200 || !call->is_grpc) {
		if (!call->have_status)
			fail_http(call);
	}
}

static void
on_data(struct h2_stream *st, const void *p, size_t n)
{
	struct rpc_client_call *call = container_of(st, struct rpc_client_call, h2);
	struct slice data = slice_make(p, n), message;
	bool complete;
	struct err err;

	call->unacked += n;
	while (data.n > 0) {
		enum status s = rpc_frame_next(&call->reader, &data, &message, &complete, &err);
		if (s != STATUS_OK) {
			rpc_client_call_fail(call, s, err.text);
			return;
		}
		if (!complete || call->events->on_message == NULL)
			continue;
		call->depth++;
		call->events->on_message(call, message, call->arg);
		call->depth--;
		if (reaped(call))
			return;
	}
	if (!call->paused) {
		h2_stream_consume(st, call->unacked);
		call->unacked = 0;
	}
}

static void
on_end(struct h2_stream *st)
{
	struct rpc_client_call *call = container_of(st, struct rpc_client_call, h2);
	struct err err;

	if (!call->have_status) {
		rpc_client_call_fail(call, STATUS_INTERNAL, "the reply ends without grpc-status");
		return;
	}
	if (call->code == STATUS_OK && !rpc_frame_between(&call->reader)) {
		rpc_client_call_fail(call, STATUS_INTERNAL, "the reply ends inside a message");
		return;
	}
	enum status status = call->code < STATUS_COUNT ? (enum status)call->code : STATUS_UNKNOWN;
	err_init(&err);
	if (status != STATUS_OK)
		rpc_status_decode(status, strbuf_slice(&call->message),
				  strbuf_slice(&call->details), &err);
	rpc_client_call_end(call, status, &err);
}

/* PROTOCOL-HTTP2.md, "Errors": what RST_STREAM means for the call. */
static enum status
from_reset(uint32_t code)
{
	switch (code) {
	case NGHTTP2_REFUSED_STREAM:
	case H2_CONNECTION_LOST:
		return STATUS_UNAVAILABLE;
	case NGHTTP2_CANCEL:
		return STATUS_CANCELLED;
	case NGHTTP2_ENHANCE_YOUR_CALM:
		return STATUS_RESOURCE_EXHAUSTED;
	case NGHTTP2_INADEQUATE_SECURITY:
		return STATUS_PERMISSION_DENIED;
	default:
		return STATUS_INTERNAL;
	}
}

static void
on_close(struct h2_stream *st, uint32_t code)
{
	struct rpc_client_call *call = container_of(st, struct rpc_client_call, h2);
	char text[80];

	/* Refused, or above the last id of a GOAWAY: never processed, so it may be tried again,
	 * once. */
	if (code == NGHTTP2_REFUSED_STREAM && !call->head_done && ++call->tries < 2) {
		rpc_client_call_again(call);
		return;
	}
	if (code == H2_CONNECTION_LOST)
		snprintf(text, sizeof(text), "the connection was lost during the call");
	else
		snprintf(text, sizeof(text), "the peer reset the stream (%s)",
			 nghttp2_http2_strerror(code));
	rpc_client_call_fail(call, from_reset(code), text);
}

const struct h2_events rpc_client_h2_events = {
	.on_header = on_header,
	.on_headers = on_headers,
	.on_data = on_data,
	.on_end = on_end,
	.on_close = on_close,
	.on_ready = rpc_link_ready,
	.on_goaway = rpc_link_goaway,
	.on_down = rpc_link_down,
};
