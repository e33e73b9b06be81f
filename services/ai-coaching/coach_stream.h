/* SPDX-License-Identifier: Apache-2.0 */
/*
 * coach_stream.h - an answer on its way: a detached call that holds pieces of text until its client
 * takes them.
 *
 *	struct coach_stream out;
 *	coach_stream_open(&out, call, arena);
 *	coach_stream_text(&out, "Day 2 of …");
 *	coach_stream_done(&out, done);
 *	return coach_stream_close(&out, STATUS_OK, err);
 *
 * Nothing here waits. A whole answer fits the call's outbound queue, so a worker leaves everything
 * there and goes on to its next call, however slowly the client reads: HTTP/2 flow control is the
 * I/O thread's affair, and an open stream costs its queued bytes and nothing else. A client that
 * goes away, or does not read until the deadline, takes its queue with it. Where a stream is quiet,
 * the gateway beats the heart.
 *
 * Ownership: the caller's struct, the call's stream in it; after close the call is the server's.
 * Threads:   one at a time, any.
 * Errors:    sticky: what follows a failed piece is not sent; close gives it to the call.
 * Limits:    COACH_ANSWER_MAX bytes of text, which a message carries twice (in pieces, and whole).
 */
#ifndef FIT_COACH_STREAM_H
#define FIT_COACH_STREAM_H

#include "fit/ai_coaching/v1/coach.pb-c.h"
#include "libcommon/rpc/rpc_server.h"
#include "services/ai-coaching/coach_answer.h"

struct coach_stream {
	struct rpc_stream *rpc; /* NULL: not open */
	struct arena *arena;
	enum status status; /* of what was sent */
};

/* From here on the handler must end with coach_stream_close. */
void coach_stream_open(struct coach_stream *out, struct rpc_call *call, struct arena *arena);
/* In pieces of whole words. */
void coach_stream_text(struct coach_stream *out, const char *text);
/* Its actions, each an event of its own, then the terminal message. */
void coach_stream_done(struct coach_stream *out, Fit__AiCoaching__V1__Done *done);
/* What the handler returns: RPC_DETACHED, or `st` when nothing was opened. */
enum status coach_stream_close(struct coach_stream *out, enum status st, struct err *err);

#endif
