/* SPDX-License-Identifier: Apache-2.0 */
#include "services/ai-coaching/coach_stream.h"

#include "libcommon/base/compiler.h"

#define DELTA_BYTES 80

/* Pieces with their frames, the whole text, and two proposals with the plan's lines beside it. */
_Static_assert(8 * COACH_ANSWER_MAX <= RPC_STREAM_QUEUE_BYTES, "an answer must fit the queue");

void
coach_stream_open(struct coach_stream *out, struct rpc_call *call, struct arena *arena)
{
	/* Nobody needs to be told of a client that went away: its queue goes with it, and the next
	 * piece is refused. */
	static const struct rpc_stream_events none;

	*out = (struct coach_stream){ .rpc = rpc_call_detach(call, &none), .arena = arena };
}

static void
send(struct coach_stream *out, Fit__AiCoaching__V1__ChatEvent__TypeCase type,
     const ProtobufCMessage *member)
{
	Fit__AiCoaching__V1__ChatEvent event;

	if (out->status != STATUS_OK)
		return;
	fit__ai_coaching__v1__chat_event__init(&event);
	event.type_case = type;
	event.delta = (void *)(uintptr_t)member; /* all members are pointers to messages */
	out->status = rpc_stream_send(out->rpc, &event.base);
}

/* Up to about DELTA_BYTES, to the end of a word; never inside of a character. */
static size_t
next_piece(const char *text)
{
	size_t n = strlen(text), cut = DELTA_BYTES;

	if (n <= DELTA_BYTES)
		return n;
	while (cut < n && text[cut - 1] != ' ' && text[cut - 1] != '\n')
		cut++;
	return cut;
}

void
coach_stream_text(struct coach_stream *out, const char *text)
{
	while (out->status == STATUS_OK && *text != '\0') {
		size_t n = next_piece(text);
		Fit__AiCoaching__V1__Delta delta;

		fit__ai_coaching__v1__delta__init(&delta);
		delta.text = arena_strndup(out->arena, text, n);
		send(out, FIT__AI_COACHING__V1__CHAT_EVENT__TYPE_DELTA, &delta.base);
		text += n;
	}
}

void
coach_stream_done(struct coach_stream *out, Fit__AiCoaching__V1__Done *done)
{
	for (size_t i = 0; i < done->n_actions; i++)
		send(out, FIT__AI_COACHING__V1__CHAT_EVENT__TYPE_ACTION, &done->actions[i]->base);
	send(out, FIT__AI_COACHING__V1__CHAT_EVENT__TYPE_DONE, &done->base);
}

enum status
coach_stream_close(struct coach_stream *out, enum status st, struct err *err)
{
	if (out->rpc == NULL)
		return st;
	if (st == STATUS_OK && out->status != STATUS_OK)
		st = err_set(err, out->status, "the answer could not be sent");
	rpc_stream_finish(out->rpc, st, st == STATUS_OK ? NULL : err);
	return RPC_DETACHED;
}
