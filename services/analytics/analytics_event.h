/* SPDX-License-Identifier: Apache-2.0 */
/*
 * analytics_event.h - an event of any topic as a row of the table `events`.
 *
 *	const struct analytics_topic *topic = analytics_topic_find("fit.workout.v1");
 *	st = analytics_event_row(topic, wire, "set_logged", &id, &rows, &err);
 *
 * One walk over the wire bytes, by descriptor: a member of the event goes into the column that its
 * name has in a table, everything else into `extra` as JSON. So a new event type needs nothing
 * here, and a new topic one line. Types that a newer producer knows keep what all events have.
 *
 * Ownership: the row is appended to the caller's buffer, wholly or not at all. Threads: any; the
 * tables are made at the first call.
 * Errors:    INVALID_ARGUMENT: not an event of this topic, or its ids and time are none.
 */
#ifndef FIT_ANALYTICS_EVENT_H
#define FIT_ANALYTICS_EVENT_H

#include "libcommon/base/slice.h"
#include "libcommon/base/status.h"
#include "libcommon/base/uuid.h"

struct analytics_topic;
struct strbuf;

/* The topics that are consumed: the consumer's list, NULL-terminated. */
extern const char *const analytics_topics[];
/* NULL: none of them. ".retry" at its end is passed over. */
const struct analytics_topic *analytics_topic_find(const char *name);

/* "events (columns…)" of a row, for clickhouse_insert. */
extern const char analytics_event_into[];
/* `type` is the bus' word for it (ce_type) or NULL, used for a type that is not known here; `id`
 * the bus' id, which the event's own must equal, or NULL. */
enum status analytics_event_row(const struct analytics_topic *topic, struct slice wire,
				const char *type, const struct uuid *id, struct strbuf *rows,
				struct err *err) MUST_CHECK;

#endif
