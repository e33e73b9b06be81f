/* SPDX-License-Identifier: Apache-2.0 */
#include "services/notification/notification_inbox.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libcommon/base/arena.h"
#include "libcommon/base/crashpoint.h"
#include "libcommon/observe/metrics.h"
#include "libcommon/store/pg.h"
#include "services/notification/notification_draft.h"
#include "services/notification/notification_hints.h"
#include "services/notification/notification_messenger.h"
#include "services/notification/notification_prefs.h"
#include "services/notification/notification_service.h"
#include "services/notification/notification_store.h"

static const char *const topics[] = { "fit.auth.v1", "fit.user.v1", "fit.workout.v1", NULL };
const struct consumer_def notification_inbox_consumer = {
	.group = "notification",
	.topics = topics,
	.handle = notification_inbox_apply,
};

static struct metric m_entries =
	METRIC_COUNTER("notification_entries_total", "New entries of inboxes by kind.", "kind");

struct item {
	struct notification_draft draft;
	struct notification_wants wants;
	size_t place; /* in the batch */
	bool tells;   /* there is something to say; a streak only maybe */
	bool added;
};

struct batch {
	struct item *items;
	size_t n;
};

static int
compare_items(const void *a, const void *b)
{
	const struct item *x = a, *y = b;
	int order = memcmp(x->draft.user.b, y->draft.user.b, sizeof(x->draft.user.b));

	return order != 0 ? order : (x->place > y->place) - (x->place < y->place);
}

/*
 * Only a session's first in its week tells a streak, and which it is shows in the transaction. The
 * week counts also for those who do not want to be told.
 */
static enum status
apply_week(struct pg_tx *tx, struct item *item, bool *ret_told, struct err *err)
{
	struct notification_draft *d = &item->draft;
	char text[24];
	int64_t weeks;
	enum status st = notification_store_week(tx, &d->user, d->completed_ms, item->wants.zone,
						 &weeks, err);

	if (st != STATUS_OK)
		return st;
	*ret_told = notification_streak_told(weeks) && notification_draft_wanted(d, &item->wants);
	if (*ret_told) {
		snprintf(text, sizeof(text), "%lld", (long long)weeks);
		d->params.n = 0; /* the transaction may run again */
		notification_params_add(&d->params, pg_tx_arena(tx), "weeks", text);
		notification_draft_finish(d, &item->wants, pg_tx_arena(tx));
	}
	return STATUS_OK;
}

static enum status
apply_entry(struct pg_tx *tx, struct item *item, struct err *err)
{
	enum status st = notification_store_lock(tx, &item->draft.user, err);
	bool told = true;

	if (st == STATUS_OK && item->draft.id == NOTIFICATION_STREAK)
		st = apply_week(tx, item, &told, err);
	if (st == STATUS_OK && told)
		st = notification_store_add(tx, &item->draft, &item->wants, &item->added, err);
	return st;
}

static enum status
on_batch(struct pg_tx *tx, void *arg, struct err *err)
{
	struct batch *batch = arg;
	enum status st = STATUS_OK;

	for (size_t i = 0; i < batch->n && st == STATUS_OK; i++) {
		struct item *item = &batch->items[i];
		const struct notification_draft *d = &item->draft;

		item->added = false;
		if (d->ends_session)
			st = notification_store_end_session(tx, &d->user, &d->session, err);
		if (st == STATUS_OK && item->tells)
			st = apply_entry(tx, item, err);
	}
	return st;
}

/* What the user wants, and the text if it is certain that there will be one. */
static enum status
prepare(struct notification_service *service, struct item *item, struct arena *arena,
	struct deadline deadline, struct err *err)
{
	struct notification_draft *d = &item->draft;
	enum status st = notification_prefs_find(service->prefs, deadline, &d->user, arena,
						 &item->wants, err);

	item->tells = st == STATUS_OK &&
		      (d->id == NOTIFICATION_STREAK || notification_draft_wanted(d, &item->wants));
	if (item->tells && d->id != NOTIFICATION_STREAK)
		notification_draft_finish(d, &item->wants, arena);
	return st == STATUS_NOT_FOUND ? STATUS_OK : st; /* erased since */
}

/* Drafts of the batch, with what their users want; those that nobody wants are left out. */
static enum status
collect(struct notification_service *service, const struct bus_message *messages, size_t n,
	struct arena *arena, struct deadline deadline, struct batch *batch, struct err *err)
{
	batch->items = ARENA_ARRAY(arena, struct item, n);
	for (size_t i = 0; i < n; i++) {
		struct item *item = &batch->items[batch->n];
		enum status st;
		bool has;

		*item = (struct item){ .place = i };
		st = notification_draft_read(&messages[i], arena, &item->draft, &has, err);
		if (st == STATUS_OK && has && item->draft.id != NOTIFICATION_NOTHING)
			st = prepare(service, item, arena, deadline, err);
		if (st != STATUS_OK)
			return st;
		if (item->tells || item->draft.ends_session)
			batch->n++;
	}
	qsort(batch->items, batch->n, sizeof(*batch->items), compare_items);
	return STATUS_OK;
}

/* Hints only: who misses one finds the entry at the next poll. */
static void
tell(struct notification_service *service, const struct batch *batch)
{
	const struct uuid *last = NULL;
	bool deliveries = false;

	for (size_t i = 0; i < batch->n; i++) {
		const struct item *item = &batch->items[i];

		if (!item->added && !item->draft.ends_session)
			continue;
		if (item->added)
			metric_add(metric_series(&m_entries,
						 notification_kinds[item->draft.id].name),
				   1);
		deliveries = deliveries || (item->added && item->draft.channels != 0);
		if (last == NULL || !uuid_eq(last, &item->draft.user))
			notification_hints_send(service->hints, &item->draft.user);
		last = &item->draft.user;
	}
	if (deliveries)
		notification_messenger_wake(service->messenger);
}

enum status
notification_inbox_apply(void *ctx, const struct bus_message *messages, size_t n,
			 struct arena *arena, struct deadline deadline, struct err *err)
{
	struct notification_service *service = ctx;
	const struct pg_tx_options opts = { .deadline = deadline, .arena = arena };
	struct batch batch = { 0 };
	enum status st = collect(service, messages, n, arena, deadline, &batch, err);

	if (st != STATUS_OK || batch.n == 0)
		return st;
	metric_register(&m_entries);
	st = pg_transaction(service->pool, &opts, on_batch, &batch, err);
	if (st != STATUS_OK)
		return st;
	CRASH_POINT("notification.inbox.after_commit");
	tell(service, &batch);
	return STATUS_OK;
}
