/* SPDX-License-Identifier: Apache-2.0 */
/*
 * analytics_behaviour.h - what the apps tell, checked and made into messages of the bus: no I/O.
 *
 * An event's id is UUIDv5(user, client's id): sent twice it is the same, and an id of somebody
 * else's cannot be named. Names are of the apps' own vocabulary, so they hold no text of a
 * person's.
 *
 * Ownership: messages live in the arena and borrow what their origin points to.
 * Threads:   any.
 * Errors:    INVALID_ARGUMENT with the fields. Events out of the range of times are left out: a
 *            phone with a wrong clock must be able to get rid of them.
 */
#ifndef FIT_ANALYTICS_BEHAVIOUR_H
#define FIT_ANALYTICS_BEHAVIOUR_H

#include <stddef.h>
#include <stdint.h>

#include "fit/analytics/v1/analytics.pb-c.h"
#include "libcommon/bus/bus.h"

struct arena;

#define ANALYTICS_TOPIC "fit.analytics.v1"

struct behaviour_origin {
	/* Must live as long as the messages: */
	const struct uuid *user; /* their key */
	const char *tier, *traceparent;
	int64_t now_ms;
};

enum status analytics_behaviour(const Fit__Analytics__V1__RecordEventsRequest *req,
				const struct behaviour_origin *origin, struct arena *arena,
				struct bus_message **ret_messages, size_t *ret_n,
				struct err *err) MUST_CHECK;

#endif
