/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sse_out.h - messages of a server stream as server-sent events.
 *
 *	{"delta":{"text":"Hi"}}  →  "event: delta\ndata: {"text":"Hi"}\n\n"
 *
 *	{"eventId":"17","note":{…}}  →  "id: 17\nevent: note\ndata: {…}\n\n"
 *
 * A stream's message is a oneof: the event is named after the member that is set. A message of
 * another shape becomes "event: message" with the whole JSON. JSON from schema_json_encode has no
 * line breaks. A string field `event_id` before the oneof becomes the event's id, which a client
 * that comes back sends as Last-Event-ID (to the service: metadata fit-last-event-id); one that
 * is empty, or could not be a line, is left out.
 *
 * Threads:    any. Source: WHATWG HTML, section 9.2.
 */
#ifndef FIT_GATEWAY_SSE_OUT_H
#define FIT_GATEWAY_SSE_OUT_H

#include "libcommon/base/slice.h"

struct strbuf;

#define SSE_HEARTBEAT ":\n\n"

void sse_write(struct slice json, struct strbuf *out);
void sse_write_named(const char *event, struct slice data, struct strbuf *out);

#endif
