/* SPDX-License-Identifier: Apache-2.0 */
#include "services/workout/workout_events.h"

#include "libcommon/rpc/pb_time.h"
#include "services/workout/workout_doc.h"

void
workout_events_add(struct workout_events *events, Fit__Workout__V1__Event__TypeCase type,
		   const ProtobufCMessage *member)
{
	struct workout_event *e = ARENA_NEW(events->arena, struct workout_event);

	fit__workout__v1__event__init(&e->message);
	e->message.type_case = type;
	/* All members of the oneof are pointers to messages. */
	e->message.plan_created = (void *)(uintptr_t)member;
	if (events->last != NULL)
		events->last->next = e;
	else
		events->first = e;
	events->last = e;
	events->n++;
}

/* The envelope's texts live as long as the message is packed: in the calling frame of
 * workout_events_write. */
struct envelope {
	Fit__Workout__V1__Event event;
	char id[UUID_TEXT_SIZE];
	char subject[UUID_TEXT_SIZE];
	Google__Protobuf__Timestamp time;
};

static void
set_envelope(ProtobufCMessage *message, const struct uuid *id, int64_t sequence, int64_t time_ms)
{
	struct envelope *e = container_of(message, struct envelope, event.base);

	uuid_format(id, e->id);
	google__protobuf__timestamp__init(&e->time);
	pb_time_set(&e->time, time_ms);
	e->event.id = e->id;
	e->event.subject = e->subject;
	e->event.time = &e->time;
	e->event.sequence = sequence;
}

enum status
workout_events_write(const struct workout_events *events, struct pg_tx *tx,
		     const struct uuid *owner, const char *traceparent, struct err *err)
{
	for (const struct workout_event *e = events->first; e != NULL; e = e->next) {
		const ProtobufCFieldDescriptor *member = protobuf_c_message_descriptor_get_field(
			&fit__workout__v1__event__descriptor, e->message.type_case);
		struct envelope envelope = { .event = e->message };
		struct pg_event out = {
			.topic = WORKOUT_TOPIC,
			.type = member->name,
			.subject = *owner,
			.message = &envelope.event.base,
			.traceparent = traceparent,
			.set_envelope = set_envelope,
		};
		enum status st;

		uuid_format(owner, envelope.subject);
		st = pg_tx_outbox(tx, &out, err);
		if (st != STATUS_OK)
			return st;
	}
	return STATUS_OK;
}
