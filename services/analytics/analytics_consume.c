/* SPDX-License-Identifier: Apache-2.0 */
#include "services/analytics/analytics_consume.h"

#include "libcommon/base/compiler.h"
#include "libcommon/base/strbuf.h"
#include "libcommon/observe/metrics.h"
#include "services/analytics/analytics.h"
#include "services/analytics/analytics_event.h"
#include "services/analytics/analytics_store.h"

#define PIECE_BYTES ((size_t)4 << 20)
#define BATCH_MAX 10000

static struct metric m_events = METRIC_COUNTER("analytics_events_total",
					       "Events taken from the bus, by outcome.", "outcome");

/* ---- a batch ---- */

struct batch {
	struct analytics *service;
	struct deadline deadline;
	const struct bus_message *messages;
	size_t n;
	bool *bad;      /* by message */
	struct err why; /* of the first bad one */
	/* The piece that is being made. */
	struct strbuf rows;
	size_t *starts, *owners; /* of each row: where it begins, its message */
	size_t nrows;
};

static void
mark_bad(struct batch *b, size_t message, const struct err *err)
{
	if (b->why.status == STATUS_OK)
		b->why = *err;
	b->bad[message] = true;
}

/* Rows first … first+n-1 of the piece; halves what the server finds bad. */
static enum status
insert_rows(struct batch *b, size_t first, size_t n, struct err *err)
{
	size_t start = b->starts[first];
	size_t end = first + n < b->nrows ? b->starts[first + n] : b->rows.len;
	enum status st = analytics_store_insert(b->service->ch, b->deadline,
						slice_make(b->rows.buf + start, end - start), err);

	if (st != STATUS_INVALID_ARGUMENT)
		return st;
	if (n == 1) {
		mark_bad(b, b->owners[first], err);
		return STATUS_OK;
	}
	st = insert_rows(b, first, n / 2, err);
	if (st == STATUS_OK)
		st = insert_rows(b, first + n / 2, n - n / 2, err);
	return st;
}

static enum status
flush(struct batch *b, struct err *err)
{
	enum status st = b->nrows > 0 ? insert_rows(b, 0, b->nrows, err) : STATUS_OK;

	strbuf_reset(&b->rows);
	b->nrows = 0;
	return st;
}

static enum status
decode(const struct bus_message *m, struct strbuf *rows, struct err *err)
{
	const struct analytics_topic *topic = analytics_topic_find(m->topic);

	if (topic == NULL)
		return err_set(err, STATUS_INVALID_ARGUMENT, "topic %s is not known here",
			       m->topic);
	return analytics_event_row(topic, m->value, m->type, uuid_is_nil(&m->id) ? NULL : &m->id,
				   rows, err);
}

static enum status
store_all(struct batch *b, struct err *err)
{
	for (size_t i = 0; i < b->n; i++) {
		size_t start = b->rows.len;

		if (decode(&b->messages[i], &b->rows, err) != STATUS_OK) {
			mark_bad(b, i, err);
			continue;
		}
		b->starts[b->nrows] = start;
		b->owners[b->nrows++] = i;
		if (b->rows.len >= PIECE_BYTES) {
			enum status st = flush(b, err);

			if (st != STATUS_OK)
				return st;
		}
	}
	return flush(b, err);
}

/* Only bad data is an event's own fault; whatever else a server says, the events can wait for. */
static enum status
world_is_away(struct err *err)
{
	switch (err->status) {
	case STATUS_UNAVAILABLE:
	case STATUS_DEADLINE_EXCEEDED:
	case STATUS_RESOURCE_EXHAUSTED:
	case STATUS_ABORTED:
		return err->status;
	default:
		return err->status = STATUS_UNAVAILABLE;
	}
}

static enum status
finish(struct batch *b, struct err *err)
{
	size_t nbad = 0;

	for (size_t i = 0; i < b->n; i++)
		nbad += b->bad[i];
	if (nbad == 0) {
		metric_add(metric_series(&m_events, "stored"), (int64_t)b->n);
		return STATUS_OK;
	}
	/* Each is counted once: when it is alone. */
	if (b->n == 1)
		metric_add(metric_series(&m_events, "bad"), 1);
	*err = b->why;
	return err->status = STATUS_INVALID_ARGUMENT;
}

void
analytics_consume_register_metrics(void)
{
	metric_register(&m_events);
}

enum status
analytics_consume(void *ctx, const struct bus_message *messages, size_t n, struct arena *arena,
		  struct deadline deadline, struct err *err)
{
	struct analytics *service = ctx;
	struct batch b = { .service = service,
			   .deadline = deadline,
			   .messages = messages,
			   .n = n,
			   .rows = STRBUF_INIT };
	enum status st;

	err_init(&b.why);
	b.bad = ARENA_ARRAY(arena, bool, n);
	b.starts = ARENA_ARRAY(arena, size_t, n);
	b.owners = ARENA_ARRAY(arena, size_t, n);
	st = store_all(&b, err);
	strbuf_fini(&b.rows);
	if (st != STATUS_OK)
		return world_is_away(err);
	return finish(&b, err);
}

const struct consumer_def analytics_consumer = {
	.group = "analytics",
	.topics = analytics_topics,
	.handle = analytics_consume,
	.batch_max = BATCH_MAX,
	.mixed = true, /* few large inserts */
	.linger_ms = 1000,
	.handle_timeout_ms = 30000,
};
