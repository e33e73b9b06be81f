/* SPDX-License-Identifier: Apache-2.0 */
#include "services/notification/notification_rpc.h"

#include <string.h>

#include "fit/notification/v1/notification.pb-c.h"

#include "libcommon/base/arena.h"
#include "libcommon/base/codec.h"
#include "libcommon/base/compiler.h"
#include "libcommon/base/hashmap.h"
#include "libcommon/base/strbuf.h"
#include "libcommon/rpc/rpc_meta.h"
#include "libcommon/store/pg.h"
#include "services/notification/notification_hints.h"
#include "services/notification/notification_service.h"
#include "services/notification/notification_store.h"
#include "services/notification/notification_streams.h"

#define PAGE_DEFAULT 50

/* The caller: the access policy saw to it that there is one. */
static const struct uuid *
owner_of(struct rpc_call *call)
{
	return &rpc_call_principal(call)->user_id;
}

/* ---- page tokens: the number of the last entry seen, and a check ---- */

struct token {
	int64_t sequence;
	uint64_t check;
};
#define TOKEN_TEXT 22 /* base64url of 16 bytes */

/* Fixed keys: all replicas, and the next version, must read each other's tokens. */
static uint64_t
token_check(int64_t sequence, bool unread_only)
{
	const uint64_t parts[2] = { (uint64_t)sequence, unread_only };

	return hash_siphash24(0x6e6f746966790001, 0x7061676573000001, parts, sizeof(parts));
}

static enum status
token_open(const char *text, bool unread_only, int64_t *ret_before, struct err *err)
{
	unsigned char raw[CODEC_BASE64_DECODED_MAX(TOKEN_TEXT + 2)];
	struct token t;
	size_t n = 0;

	*ret_before = 0;
	if (*text == '\0')
		return STATUS_OK;
	if (strlen(text) != TOKEN_TEXT || !codec_base64url_decode(slice_str(text), raw, &n) ||
	    n != sizeof(t))
		return err_add_field(err, "pageToken", "is not a token of this list");
	memcpy(&t, raw, sizeof(t));
	if (t.sequence <= 0 || t.check != token_check(t.sequence, unread_only))
		return err_add_field(err, "pageToken",
				     "is not a token of this list with these filters");
	*ret_before = t.sequence;
	return STATUS_OK;
}

static char *
token_next(struct arena *arena, int64_t sequence, bool unread_only)
{
	const struct token t = { sequence, token_check(sequence, unread_only) };
	struct strbuf out = STRBUF_ARENA(arena);

	codec_base64url_encode(&out, &t, sizeof(t));
	return out.buf;
}

/* ---- handlers ---- */

static enum status
on_list(struct rpc_call *call, const void *request, void *reply, struct err *err)
{
	const Fit__Notification__V1__ListNotificationsRequest *req = request;
	Fit__Notification__V1__ListNotificationsResponse *res = reply;
	unsigned limit = req->page_size > 0 ? req->page_size : PAGE_DEFAULT;
	struct notification_service *service = rpc_call_service(call);
	struct deadline deadline = rpc_call_deadline(call);
	struct arena *arena = rpc_call_arena(call);
	struct notification_state state;
	int64_t before;
	enum status st;

	st = token_open(req->page_token, req->unread_only, &before, err);
	/* The state first: what comes between the two is in the list and in the stream, not in
	 * neither. */
	if (st == STATUS_OK)
		st = notification_store_state(service->pool, deadline, owner_of(call), arena,
					      &state, err);
	if (st == STATUS_OK)
		st = notification_store_list(service->pool, deadline, owner_of(call),
					     req->unread_only, before, limit + 1, arena,
					     &res->notifications, &res->n_notifications, err);
	if (st != STATUS_OK)
		return st;
	res->unread_count = (uint32_t)state.unread;
	res->last_event_id = arena_printf(arena, "%lld", (long long)state.last_sequence);
	if (res->n_notifications > limit) {
		res->n_notifications = limit;
		res->next_page_token = token_next(arena, res->notifications[limit - 1]->sequence,
						  req->unread_only);
	}
	return STATUS_OK;
}

static enum status
on_read(struct rpc_call *call, const void *request, void *reply, struct err *err)
{
	const Fit__Notification__V1__ReadNotificationRequest *req = request;
	struct notification_service *service = rpc_call_service(call);
	Fit__Notification__V1__Notification *found;
	struct uuid id;
	bool changed;
	enum status st;

	if (!uuid_parse_str(req->id, &id))
		return err_add_field(err, "id", "must be a UUID");
	st = notification_store_read(service->pool, rpc_call_deadline(call), owner_of(call), &id,
				     rpc_call_arena(call), &found, &changed, err);
	if (st != STATUS_OK)
		return st;
	if (changed)
		notification_hints_send(service->hints, owner_of(call));
	memcpy(reply, found, sizeof(*found));
	return STATUS_OK;
}

static enum status
on_read_all(struct rpc_call *call, const void *request, void *reply, struct err *err)
{
	const Fit__Notification__V1__ReadAllNotificationsRequest *req = request;
	Fit__Notification__V1__ReadAllNotificationsResponse *res = reply;
	struct notification_service *service = rpc_call_service(call);
	int64_t marked, unread;
	enum status st;

	st = notification_store_read_all(service->pool, rpc_call_deadline(call), owner_of(call),
					 req->up_to_sequence, rpc_call_arena(call), &marked,
					 &unread, err);
	if (st != STATUS_OK)
		return st;
	if (marked > 0)
		notification_hints_send(service->hints, owner_of(call));
	res->marked = (uint32_t)marked;
	res->unread_count = (uint32_t)unread;
	return STATUS_OK;
}

/* What the client saw last, by its own word; anything that is no number is no cursor. */
static int64_t
cursor_of(struct rpc_call *call)
{
	struct slice text = rpc_call_metadata(call, RPC_META_LAST_EVENT_ID);
	int64_t n = 0;

	if (text.n == 0 || text.n > 18)
		return NOTIFICATION_STREAMS_FROM_NOW;
	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] < '0' || text.p[i] > '9')
			return NOTIFICATION_STREAMS_FROM_NOW;
		n = 10 * n + (text.p[i] - '0');
	}
	return n;
}

static enum status
on_stream(struct rpc_call *call, const void *request, void *reply, struct err *err)
{
	struct notification_service *service = rpc_call_service(call);
	enum status st = notification_streams_open(service->streams, call, cursor_of(call), err);

	(void)request, (void)reply;
	return st == STATUS_OK ? RPC_DETACHED : st;
}

static const struct rpc_method methods[] = {
	{ "ListNotifications", on_list },
	{ "ReadNotification", on_read },
	{ "ReadAllNotifications", on_read_all },
	{ "StreamNotifications", on_stream },
};

const struct rpc_service notification_rpc_service = {
	&fit__notification__v1__notification_service__descriptor, methods, ARRAY_LEN(methods)
};
