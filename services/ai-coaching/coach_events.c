/* SPDX-License-Identifier: Apache-2.0 */
#include "services/ai-coaching/coach_events.h"
#include "libcommon/rpc/pb_time.h"

#define COACH_TOPIC "fit.ai_coaching.v1"

/* The envelope's texts live as long as the message is packed: in the frame of coach_events_emit. */
struct envelope {
	Fit__AiCoaching__V1__Event event;
	Google__Protobuf__Timestamp time;
	char id[UUID_TEXT_SIZE];
	char subject[UUID_TEXT_SIZE];
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
coach_events_emit(struct pg_tx *tx, const struct uuid *user,
		  Fit__AiCoaching__V1__Event__TypeCase type, const ProtobufCMessage *member,
		  const char *traceparent, struct err *err)
{
	const ProtobufCFieldDescriptor *field =
		protobuf_c_message_descriptor_get_field(&fit__ai_coaching__v1__event__descriptor,
							type);
	struct envelope envelope;

	fit__ai_coaching__v1__event__init(&envelope.event);
	envelope.event.type_case = type;
	/* All members of the oneof are pointers to messages. */
	envelope.event.turn_finished = (void *)(uintptr_t)member;
	uuid_format(user, envelope.subject);
	const struct pg_event out = {
		.topic = COACH_TOPIC,
		.type = field->name,
		.subject = *user,
		.message = &envelope.event.base,
		.traceparent = traceparent,
		.set_envelope = set_envelope,
	};

	return pg_tx_outbox(tx, &out, err);
}
