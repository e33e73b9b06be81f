/* SPDX-License-Identifier: Apache-2.0 */
#include "libcommon/rpc/rpc_frame.h"

#include "libcommon/net/h2_session.h"

/* A buffer for one message beyond this is given back after it. */
#define PARTIAL_KEEP (64 * 1024)

void
rpc_frame_init(struct rpc_frame_reader *r, size_t max)
{
	*r = (struct rpc_frame_reader){ .max = max };
}

void
rpc_frame_fini(struct rpc_frame_reader *r)
{
	strbuf_fini(&r->partial);
}

bool
rpc_frame_between(const struct rpc_frame_reader *r)
{
	return r->nhead == 0;
}

static enum status
read_head(struct rpc_frame_reader *r, struct slice *data, struct err *err)
{
	while (r->nhead < RPC_FRAME_HEAD && data->n > 0) {
		r->head[r->nhead++] = (unsigned char)*data->p++;
		data->n--;
	}
	if (r->nhead > 0 && r->head[0] == 1)
		return err_public(
			err, STATUS_UNIMPLEMENTED,
			"compressed messages are not supported (grpc-encoding: identity)");
	if (r->nhead > 0 && r->head[0] != 0)
		return err_public(err, STATUS_INTERNAL, "message flags are %u (0 or 1)",
				  r->head[0]);
	if (r->nhead < RPC_FRAME_HEAD)
		return STATUS_OK;
	r->need = (size_t)r->head[1] << 24 | (size_t)r->head[2] << 16 | (size_t)r->head[3] << 8 |
		  r->head[4];
	if (r->need > r->max)
		return err_public(err, STATUS_RESOURCE_EXHAUSTED,
				  "a message of %zu bytes is too large (at most %zu)", r->need,
				  r->max);
	if (r->partial.cap > PARTIAL_KEEP)
		strbuf_fini(&r->partial);
	strbuf_reset(&r->partial);
	return STATUS_OK;
}

enum status
rpc_frame_next(struct rpc_frame_reader *r, struct slice *data, struct slice *ret_message,
	       bool *ret_complete, struct err *err)
{
	*ret_complete = false;
	if (r->nhead < RPC_FRAME_HEAD) {
		enum status st = read_head(r, data, err);
		if (st != STATUS_OK || r->nhead < RPC_FRAME_HEAD)
			return st;
	}
	size_t missing = r->need - r->partial.len;
	if (data->n < missing) {
		strbuf_add_slice(&r->partial, *data);
		*data = SLICE_NONE;
		return STATUS_OK;
	}
	if (r->partial.len == 0) {
		*ret_message = slice_make(data->p, missing);
	} else {
		strbuf_add(&r->partial, data->p, missing);
		*ret_message = strbuf_slice(&r->partial);
	}
	data->p += missing;
	data->n -= missing;
	r->nhead = 0;
	*ret_complete = true;
	return STATUS_OK;
}

static struct h2_chunk *
framed(size_t n)
{
	struct h2_chunk *chunk = h2_chunk_new(RPC_FRAME_HEAD + n);

	chunk->data[0] = 0;
	chunk->data[1] = (unsigned char)(n >> 24);
	chunk->data[2] = (unsigned char)(n >> 16);
	chunk->data[3] = (unsigned char)(n >> 8);
	chunk->data[4] = (unsigned char)n;
	return chunk;
}

struct h2_chunk *
rpc_frame_wrap(struct slice message)
{
	struct h2_chunk *chunk = framed(message.n);

	if (message.n > 0)
		memcpy(chunk->data + RPC_FRAME_HEAD, message.p, message.n);
	return chunk;
}

struct h2_chunk *
rpc_frame_pack(const ProtobufCMessage *message, size_t max)
{
	size_t n = protobuf_c_message_get_packed_size(message);

	if (n > max)
		return NULL;
	struct h2_chunk *chunk = framed(n);
	protobuf_c_message_pack(message, chunk->data + RPC_FRAME_HEAD);
	return chunk;
}

/* Nanoseconds of the units H M S m u n. */
static int64_t
unit_ns(char unit)
{
	switch (unit) {
	case 'H':
		return 3600 * INT64_C(1000000000);
	case 'M':
		return 60 * INT64_C(1000000000);
	case 'S':
		return INT64_C(1000000000);
	case 'm':
		return 1000000;
	case 'u':
		return 1000;
	case 'n':
		return 1;
	default:
		return 0;
	}
}

bool
rpc_timeout_parse(struct slice text, int64_t *ret_ms)
{
	int64_t v = 0;

	if (text.n < 2 || text.n > 9)
		return false;
	for (size_t i = 0; i + 1 < text.n; i++) {
		if (text.p[i] < '0' || text.p[i] > '9')
			return false;
		v = v * 10 + (text.p[i] - '0');
	}
	int64_t ns = unit_ns(text.p[text.n - 1]);
	if (ns == 0)
		return false;
	*ret_ms = ns >= 1000000 ? v * (ns / 1000000) : (v * ns + 999999) / 1000000;
	return true;
}

size_t
rpc_timeout_format(int64_t ms, char buf[RPC_TIMEOUT_SIZE])
{
	static const struct {
		int64_t ms;
		char unit;
	} units[] = { { 1, 'm' }, { 1000, 'S' }, { 60000, 'M' }, { 3600000, 'H' } };
	unsigned i = 0;

	if (ms < 0)
		ms = 0;
	while (i + 1 < ARRAY_LEN(units) && ms / units[i].ms > 99999999)
		i++;
	int64_t v = ms / units[i].ms;
	if (v > 99999999)
		v = 99999999;
	size_t n = 1;
	for (int64_t rest = v; rest > 9; rest /= 10)
		n++;
	for (size_t at = n; at > 0; v /= 10)
		buf[--at] = (char)('0' + v % 10);
	buf[n] = units[i].unit;
	buf[n + 1] = '\0';
	return n + 1;
}
