/* SPDX-License-Identifier: Apache-2.0 */
#include "services/user/user_events.h"

#include <string.h>

#include "libcommon/base/arena.h"
#include "libcommon/rpc/pb_arena.h"
#include "libcommon/rpc/pb_time.h"
#include "libcommon/store/pg.h"

static Fit__User__V1__Event *
event_new(struct arena *arena, Fit__User__V1__Event__TypeCase type)
{
	Fit__User__V1__Event *event = pb_arena_new(arena, &fit__user__v1__event__descriptor);

	event->type_case = type;
	return event;
}

Fit__User__V1__Event *
user_event_created(struct arena *arena, const char *role, const char *tier)
{
	Fit__User__V1__Event *event = event_new(arena, FIT__USER__V1__EVENT__TYPE_USER_CREATED);

	event->user_created = pb_arena_new(arena, &fit__user__v1__user_created__descriptor);
	event->user_created->role = arena_strdup(arena, role);
	event->user_created->subscription_tier = arena_strdup(arena, tier);
	return event;
}

Fit__User__V1__Event *
user_event_profile_changed(struct arena *arena, char *const *names, size_t n)
{
	Fit__User__V1__Event *event = event_new(arena, FIT__USER__V1__EVENT__TYPE_PROFILE_CHANGED);

	event->profile_changed = pb_arena_new(arena, &fit__user__v1__profile_changed__descriptor);
	event->profile_changed->n_fields = n;
	event->profile_changed->fields = arena_memdup(arena, names, n * sizeof(*names));
	return event;
}

Fit__User__V1__Event *
user_event_preferences_changed(struct arena *arena, char *const *names, size_t n)
{
	Fit__User__V1__Event *event =
		event_new(arena, FIT__USER__V1__EVENT__TYPE_PREFERENCES_CHANGED);

	event->preferences_changed =
		pb_arena_new(arena, &fit__user__v1__preferences_changed__descriptor);
	event->preferences_changed->n_fields = n;
	event->preferences_changed->fields = arena_memdup(arena, names, n * sizeof(*names));
	return event;
}

Fit__User__V1__Event *
user_event_deactivated(struct arena *arena, int64_t erase_after_ms)
{
	Fit__User__V1__Event *event = event_new(arena, FIT__USER__V1__EVENT__TYPE_USER_DEACTIVATED);

	event->user_deactivated = pb_arena_new(arena, &fit__user__v1__user_deactivated__descriptor);
	event->user_deactivated->erase_after = pb_time_new(arena, erase_after_ms);
	return event;
}

Fit__User__V1__Event *
user_event_restored(struct arena *arena)
{
	Fit__User__V1__Event *event = event_new(arena, FIT__USER__V1__EVENT__TYPE_USER_RESTORED);

	event->user_restored = pb_arena_new(arena, &fit__user__v1__user_restored__descriptor);
	return event;
}

/* Room for what the outbox fills in, so that set_envelope need not allocate. */
struct envelope_room {
	Google__Protobuf__Timestamp time;
	char id[UUID_TEXT_SIZE];
};

static void
set_envelope(ProtobufCMessage *message, const struct uuid *id, int64_t sequence, int64_t time_ms)
{
	Fit__User__V1__Event *event = (Fit__User__V1__Event *)message;

	uuid_format(id, event->id);
	event->sequence = sequence;
	pb_time_set(event->time, time_ms);
}

enum status
user_events_emit(struct pg_tx *tx, const struct uuid *user, Fit__User__V1__Event *event,
		 const char *traceparent, struct err *err)
{
	struct envelope_room *room = ARENA_NEW(pg_tx_arena(tx), struct envelope_room);
	const ProtobufCFieldDescriptor *type =
		protobuf_c_message_descriptor_get_field(&fit__user__v1__event__descriptor,
							(unsigned)event->type_case);
	char *subject = arena_alloc(pg_tx_arena(tx), UUID_TEXT_SIZE);

	google__protobuf__timestamp__init(&room->time);
	uuid_format(user, subject);
	event->id = room->id;
	event->time = &room->time;
	event->subject = subject;
	const struct pg_event out = { .topic = "fit.user.v1",
				      .type = type->name,
				      .subject = *user,
				      .message = &event->base,
				      .traceparent = traceparent,
				      .set_envelope = set_envelope };

	return pg_tx_outbox(tx, &out, err);
}
