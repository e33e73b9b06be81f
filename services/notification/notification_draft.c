/* SPDX-License-Identifier: Apache-2.0 */
#include "services/notification/notification_draft.h"

#include <stdio.h>
#include <string.h>

#include "fit/auth/v1/event.pb-c.h"
#include "fit/user/v1/event.pb-c.h"
#include "fit/workout/v1/event.pb-c.h"

#include "libcommon/base/arena.h"
#include "libcommon/base/compiler.h"
#include "libcommon/base/strbuf.h"
#include "libcommon/bus/bus.h"
#include "libcommon/rpc/pb_arena.h"
#include "libcommon/rpc/pb_time.h"
#include "libcommon/schema/schema.h"
#include "services/notification/notification_prefs.h"

/* A session that arrives later than this after its end is history, not news. */
#define STREAK_NEWS_MS (INT64_C(8) * 86400 * 1000)

static void
add(struct notification_draft *d, struct arena *arena, const char *name, const char *value)
{
	if (*value != '\0')
		notification_params_add(&d->params, arena, name, value);
}

static void
add_number(struct notification_draft *d, struct arena *arena, const char *name, int64_t n)
{
	notification_params_add(&d->params, arena, name, arena_printf(arena, "%lld", (long long)n));
}

/* ---- one function per type of event; false: nothing to say ---- */

static bool
on_user_created(const void *member, struct arena *arena, struct notification_draft *d)
{
	(void)member, (void)arena;
	d->id = NOTIFICATION_WELCOME;
	return true;
}

static bool
on_record_set(const void *member, struct arena *arena, struct notification_draft *d)
{
	const Fit__Workout__V1__RecordSet *m = member;
	const char *bracket = notification_bracket(m->kind);

	if (strcmp(m->kind, "e1rm") == 0)
		d->id = NOTIFICATION_RECORD_E1RM;
	else if (bracket != NULL)
		d->id = NOTIFICATION_RECORD_WEIGHT;
	else
		return false; /* a newer kind of record */
	if (m->value_g <= 0)
		return false;
	d->grams = m->value_g;
	d->previous_grams = m->previous_value_g;
	d->group = arena_strdup(arena, m->session_id);
	d->collapse = arena_printf(arena, "%s/%s", m->session_id, m->exercise_id);
	if (bracket != NULL)
		add(d, arena, "bracket", bracket);
	add(d, arena, "exercise", m->exercise_name);
	add(d, arena, "recordKind", m->kind);
	add(d, arena, "exerciseId", m->exercise_id);
	add(d, arena, "sessionId", m->session_id);
	add(d, arena, "setId", m->set_id);
	return true;
}

static bool
on_session_completed(const void *member, struct arena *arena, struct notification_draft *d)
{
	const Fit__Workout__V1__SessionCompleted *m = member;

	(void)arena;
	d->id = NOTIFICATION_STREAK;
	d->completed_ms = pb_time_ms(m->completed_at);
	return d->completed_ms > 0 && d->time_ms - d->completed_ms < STREAK_NEWS_MS;
}

static bool
on_plan_changed(const void *member, struct arena *arena, struct notification_draft *d)
{
	const Fit__Workout__V1__PlanChanged *m = member;

	if (strcmp(m->created_by, "ai") != 0)
		return false;
	d->id = NOTIFICATION_PLAN_CHANGED_BY_AI;
	d->group = arena_strdup(arena, m->plan_id);
	add(d, arena, "planId", m->plan_id);
	add_number(d, arena, "version", m->version_number);
	return true;
}

static bool
on_plan_created(const void *member, struct arena *arena, struct notification_draft *d)
{
	const Fit__Workout__V1__PlanCreated *m = member;

	if (strcmp(m->created_by, "ai") != 0)
		return false;
	d->id = NOTIFICATION_PLAN_CREATED_BY_AI;
	d->group = arena_strdup(arena, m->plan_id);
	add(d, arena, "planId", m->plan_id);
	add_number(d, arena, "exercises", m->exercises);
	return true;
}

static bool
on_signed_in(const void *member, struct arena *arena, struct notification_draft *d)
{
	const Fit__Auth__V1__SignedIn *m = member;
	static const struct {
		const char *platform, *text;
	} names[] = { { "ios", "iPhone or iPad" }, { "android", "Android" }, { "web", "web" } };
	const char *text = "unknown kind";

	if (m->first || m->known_device)
		return false;
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		if (strcmp(names[i].platform, m->platform) == 0)
			text = names[i].text;
	}
	d->id = NOTIFICATION_NEW_DEVICE;
	add(d, arena, "platform", text);
	add(d, arena, "sessionId", m->session_id);
	return true;
}

static void
end_session(struct notification_draft *d, const char *session_id)
{
	d->ends_session = uuid_parse_str(session_id, &d->session);
}

static bool
on_signed_out(const void *member, struct arena *arena, struct notification_draft *d)
{
	const Fit__Auth__V1__SignedOut *m = member;

	(void)arena;
	d->id = NOTIFICATION_NOTHING;
	end_session(d, m->session_id);
	return d->ends_session;
}

static bool
on_session_revoked(const void *member, struct arena *arena, struct notification_draft *d)
{
	const Fit__Auth__V1__SessionRevoked *m = member;

	(void)arena;
	d->id = NOTIFICATION_NOTHING;
	end_session(d, m->session_id);
	return d->ends_session;
}

static bool
on_refresh_reuse(const void *member, struct arena *arena, struct notification_draft *d)
{
	const Fit__Auth__V1__RefreshReuseDetected *m = member;

	d->id = NOTIFICATION_REFRESH_REUSE;
	end_session(d, m->session_id);
	add(d, arena, "sessionId", m->session_id);
	return true;
}

static bool
on_all_ended(const void *member, struct arena *arena, struct notification_draft *d)
{
	const Fit__Auth__V1__AllSessionsEnded *m = member;

	d->id = NOTIFICATION_ALL_SESSIONS_ENDED;
	add_number(d, arena, "sessions", m->sessions);
	return true;
}

/* ---- which event goes where ---- */

/*
 * The envelope is the same in all topics: id, time, subject, sequence, then the oneof of pointers,
 * which protobuf-c lays out alike.
 */
#define SAME_ENVELOPE(T)                                                                           \
	_Static_assert(offsetof(T, id) == offsetof(Fit__Workout__V1__Event, id) &&                 \
			       offsetof(T, time) == offsetof(Fit__Workout__V1__Event, time) &&     \
			       offsetof(T, subject) ==                                             \
				       offsetof(Fit__Workout__V1__Event, subject) &&               \
			       sizeof(T) == sizeof(Fit__Workout__V1__Event),                       \
		       #T " has the common envelope")
SAME_ENVELOPE(Fit__Auth__V1__Event);
SAME_ENVELOPE(Fit__User__V1__Event);

static const struct handled {
	const char *topic, *type;
	const ProtobufCMessageDescriptor *descriptor;
	unsigned type_case;
	bool (*read)(const void *member, struct arena *arena, struct notification_draft *draft);
} handled[] = {
#define AUTH(NAME) "fit.auth.v1", NAME, &fit__auth__v1__event__descriptor
#define USER(NAME) "fit.user.v1", NAME, &fit__user__v1__event__descriptor
#define WORKOUT(NAME) "fit.workout.v1", NAME, &fit__workout__v1__event__descriptor
	{ WORKOUT("record_set"), FIT__WORKOUT__V1__EVENT__TYPE_RECORD_SET, on_record_set },
	{ WORKOUT("session_completed"), FIT__WORKOUT__V1__EVENT__TYPE_SESSION_COMPLETED,
	  on_session_completed },
	{ WORKOUT("plan_changed"), FIT__WORKOUT__V1__EVENT__TYPE_PLAN_CHANGED, on_plan_changed },
	{ WORKOUT("plan_created"), FIT__WORKOUT__V1__EVENT__TYPE_PLAN_CREATED, on_plan_created },
	{ USER("user_created"), FIT__USER__V1__EVENT__TYPE_USER_CREATED, on_user_created },
	{ AUTH("signed_in"), FIT__AUTH__V1__EVENT__TYPE_SIGNED_IN, on_signed_in },
	{ AUTH("signed_out"), FIT__AUTH__V1__EVENT__TYPE_SIGNED_OUT, on_signed_out },
	{ AUTH("session_revoked"), FIT__AUTH__V1__EVENT__TYPE_SESSION_REVOKED, on_session_revoked },
	{ AUTH("refresh_reuse_detected"), FIT__AUTH__V1__EVENT__TYPE_REFRESH_REUSE_DETECTED,
	  on_refresh_reuse },
	{ AUTH("all_sessions_ended"), FIT__AUTH__V1__EVENT__TYPE_ALL_SESSIONS_ENDED, on_all_ended },
};

/* The topic of a message, or of the one whose `.retry` it took. */
static bool
is_topic(const char *topic, const char *of)
{
	size_t n = strlen(of);

	return strncmp(topic, of, n) == 0 && (topic[n] == '\0' || strcmp(topic + n, ".retry") == 0);
}

static enum status
unpack(const struct handled *h, const struct bus_message *message, struct arena *arena,
       const Fit__Workout__V1__Event **ret_event, struct err *err)
{
	const struct schema_message *type =
		schema_message(schema_builtin(), slice_str(h->descriptor->name));
	void *event;
	enum status st = schema_check(type, message->value, &schema_limits_default, err);

	if (st == STATUS_OK)
		st = pb_arena_unpack(arena, h->descriptor, message->value, &event, err);
	if (st == STATUS_OK)
		*ret_event = event;
	return st;
}

enum status
notification_draft_read(const struct bus_message *message, struct arena *arena,
			struct notification_draft *ret_draft, bool *ret_has, struct err *err)
{
	struct notification_draft draft = { .group = "" };
	const Fit__Workout__V1__Event *event;
	const struct handled *h = NULL;
	enum status st;

	*ret_has = false;
	for (size_t i = 0; i < ARRAY_LEN(handled) && h == NULL; i++) {
		if (strcmp(handled[i].type, message->type) == 0 &&
		    is_topic(message->topic, handled[i].topic))
			h = &handled[i];
	}
	if (h == NULL)
		return STATUS_OK;
	st = unpack(h, message, arena, &event, err);
	if (st != STATUS_OK)
		return st;
	if (event->type_case != h->type_case || event->plan_created == NULL ||
	    !uuid_parse_str(event->id, &draft.event) ||
	    !uuid_parse_str(event->subject, &draft.user))
		return err_set(err, STATUS_INVALID_ARGUMENT,
			       "%s: the event is not a %s with id and subject", message->topic,
			       message->type);
	draft.time_ms = pb_time_ms(event->time);
	/* All members of the oneof are pointers to messages. */
	*ret_has = h->read(event->plan_created, arena, &draft);
	*ret_draft = draft;
	return STATUS_OK;
}

/* ---- for whom ---- */

bool
notification_draft_wanted(const struct notification_draft *draft,
			  const struct notification_wants *wants)
{
	return wants->active && !wants->muted[notification_kinds[draft->id].governed_by];
}

unsigned
notification_channels(const struct notification_kind *kind, const struct notification_wants *wants,
		      int64_t time_ms)
{
	unsigned channels = kind->channels & ~wants->channels_off;

	if (!wants->active || wants->muted[kind->governed_by] ||
	    clock_wall_ms() - time_ms > kind->news_h * INT64_C(3600000))
		return 0;
	if (kind->product_mail && !wants->product_mail)
		channels &= ~NOTIFICATION_MAIL;
	return channels;
}

static char *
render(const char *template, const struct notification_params *params, struct arena *arena)
{
	struct strbuf out = STRBUF_ARENA(arena);

	notification_render(template, params, &out);
	return out.buf;
}

void
notification_draft_finish(struct notification_draft *d, const struct notification_wants *wants,
			  struct arena *arena)
{
	const struct notification_kind *kind = &notification_kinds[d->id];
	char text[NOTIFICATION_WEIGHT_SIZE];

	if (d->grams > 0) {
		notification_weight(d->grams, wants->pounds, text);
		notification_params_add(&d->params, arena, "value", text);
		notification_weight(d->previous_grams, wants->pounds, text);
		notification_params_add(&d->params, arena, "previous", text);
	}
	d->title = render(kind->title, &d->params, arena);
	d->body = render(kind->body, &d->params, arena);
	d->channels = notification_channels(kind, wants, d->time_ms);
}
