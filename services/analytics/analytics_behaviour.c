/* SPDX-License-Identifier: Apache-2.0 */
#include "services/analytics/analytics_behaviour.h"

#include <stdio.h>
#include <string.h>

#include "fit/analytics/v1/event.pb-c.h"

#include "libcommon/base/arena.h"
#include "libcommon/rpc/pb_time.h"

#define PAST_MS (INT64_C(90) * 86400000)
#define AHEAD_MS INT64_C(600000)

typedef Fit__Analytics__V1__RecordEventsRequest record_request;
typedef Fit__Analytics__V1__BehaviourEvent behaviour_event;

/* One event of any kind, read once. */
struct told {
	const char *kind; /* of the request: "screen" */
	const char *name;
	uint32_t duration_ms;
};

static bool
is_identifier(const char *s)
{
	return s[0] != '\0' && s[strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789_.-")] == '\0';
}

static bool
is_version(const char *s)
{
	return s[strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-+")] ==
	       '\0';
}

static struct told
told_of(const behaviour_event *e)
{
	switch (e->type_case) {
	case FIT__ANALYTICS__V1__BEHAVIOUR_EVENT__TYPE_SCREEN:
		return (struct told){ "screen", e->screen->name, 0 };
	case FIT__ANALYTICS__V1__BEHAVIOUR_EVENT__TYPE_FEATURE:
		return (struct told){ "feature", e->feature->name, 0 };
	case FIT__ANALYTICS__V1__BEHAVIOUR_EVENT__TYPE_DURATION:
		return (struct told){ "duration", e->duration->name, e->duration->milliseconds };
	default:
		return (struct told){ NULL, NULL, 0 };
	}
}

static void
check_event(const behaviour_event *e, size_t i, struct err *err)
{
	struct told told = told_of(e);
	char path[96];

	if (told.kind == NULL) {
		snprintf(path, sizeof(path), "events[%zu]", i);
		(void)err_add_field(err, path, "must have one of screen, feature, duration");
	} else if (!is_identifier(told.name)) {
		snprintf(path, sizeof(path), "events[%zu].%s.name", i, told.kind);
		(void)err_add_field(err, path,
				    "must be lower-case letters, digits, '_', '.' and '-'");
	}
}

static enum status
check(const record_request *req, struct err *err)
{
	err_init(err);
	if (!is_version(req->app_version))
		(void)err_add_field(err, "appVersion", "must be letters, digits, '.', '-' and '+'");
	for (size_t i = 0; i < req->n_events; i++)
		check_event(req->events[i], i, err);
	return err->status;
}

static struct slice
pack(struct arena *arena, const ProtobufCMessage *message)
{
	size_t n = protobuf_c_message_get_packed_size(message);
	uint8_t *bytes = arena_alloc(arena, n);

	return slice_make(bytes, protobuf_c_message_pack(message, bytes));
}

/* The three types are alike but for the duration. */
#define SET_MEMBER(event, member, Member, TYPE, told, req, o)                                      \
	do {                                                                                       \
		fit__analytics__v1__##Member##__init(member);                                      \
		(member)->name = (char *)(uintptr_t)(told)->name;                                  \
		(member)->platform = (req)->platform;                                              \
		(member)->app_version = (req)->app_version;                                        \
		(member)->tier = (char *)(uintptr_t)(o)->tier;                                     \
		(event)->Member = (member);                                                        \
		(event)->type_case = FIT__ANALYTICS__V1__EVENT__TYPE_##TYPE;                       \
	} while (0)

static const char *
set_type(Fit__Analytics__V1__Event *event, const behaviour_event *e, const record_request *req,
	 const struct behaviour_origin *o, struct arena *arena)
{
	struct told told = told_of(e);

	if (strcmp(told.kind, "screen") == 0) {
		Fit__Analytics__V1__ScreenViewed *m =
			ARENA_NEW(arena, Fit__Analytics__V1__ScreenViewed);

		SET_MEMBER(event, m, screen_viewed, SCREEN_VIEWED, &told, req, o);
		return "screen_viewed";
	}
	if (strcmp(told.kind, "feature") == 0) {
		Fit__Analytics__V1__FeatureUsed *m =
			ARENA_NEW(arena, Fit__Analytics__V1__FeatureUsed);

		SET_MEMBER(event, m, feature_used, FEATURE_USED, &told, req, o);
		return "feature_used";
	}
	Fit__Analytics__V1__TimeSpent *m = ARENA_NEW(arena, Fit__Analytics__V1__TimeSpent);

	SET_MEMBER(event, m, time_spent, TIME_SPENT, &told, req, o);
	m->duration_ms = told.duration_ms;
	return "time_spent";
}

static enum status
make_message(const record_request *req, size_t i, const struct behaviour_origin *o, int64_t time_ms,
	     struct arena *arena, struct bus_message *ret_message, struct err *err)
{
	const behaviour_event *e = req->events[i];
	Fit__Analytics__V1__Event event;
	char id[UUID_TEXT_SIZE], subject[UUID_TEXT_SIZE], path[32];
	struct uuid client_id;

	snprintf(path, sizeof(path), "events[%zu].id", i);
	if (!uuid_parse_str(e->id, &client_id))
		return err_add_field(err, path, "must be a UUID");
	*ret_message = (struct bus_message){
		.topic = ANALYTICS_TOPIC,
		.key = slice_make(o->user->b, sizeof(o->user->b)),
		.id = uuid_v5(*o->user, slice_make(client_id.b, sizeof(client_id.b))),
		.source = "analytics",
		.time_ms = time_ms,
		.traceparent = o->traceparent,
	};
	uuid_format(&ret_message->id, id);
	uuid_format(o->user, subject);
	fit__analytics__v1__event__init(&event);
	event.id = id;
	event.subject = subject;
	event.time = e->time;
	ret_message->type = set_type(&event, e, req, o, arena);
	ret_message->value = pack(arena, &event.base);
	return STATUS_OK;
}

enum status
analytics_behaviour(const record_request *req, const struct behaviour_origin *origin,
		    struct arena *arena, struct bus_message **ret_messages, size_t *ret_n,
		    struct err *err)
{
	struct bus_message *messages = ARENA_ARRAY(arena, struct bus_message, req->n_events + 1);
	enum status st = check(req, err);
	size_t n = 0;

	for (size_t i = 0; i < req->n_events && st == STATUS_OK; i++) {
		const Google__Protobuf__Timestamp *t = req->events[i]->time;

		/* In seconds first: a year 9999 has no business in a product of milliseconds. */
		if (t->seconds < (origin->now_ms - PAST_MS) / 1000 ||
		    t->seconds > (origin->now_ms + AHEAD_MS) / 1000 || t->nanos < 0 ||
		    t->nanos > 999999999)
			continue;
		st = make_message(req, i, origin, pb_time_ms(t), arena, &messages[n++], err);
	}
	if (st != STATUS_OK)
		return st;
	*ret_messages = messages;
	*ret_n = n;
	return STATUS_OK;
}
