/* SPDX-License-Identifier: Apache-2.0 */
/*
 * upstream_call.h - the last stage: the call to the service, and its reply as HTTP.
 *
 * A unary reply becomes JSON with ETag, Location, Cache-Control as the method's policy says. A
 * stream becomes server-sent events: the status line waits for the first message, so that an
 * early failure is a plain problem; a client that reads slowly holds the service's stream by
 * flow control; a comment every 15 s keeps proxies from closing it. With `Accept:
 * application/json` a stream is one JSON: its last message.
 *
 * Ownership:  the call's. Threads: the loop's.
 */
#ifndef FIT_GATEWAY_UPSTREAM_CALL_H
#define FIT_GATEWAY_UPSTREAM_CALL_H

struct call;

/* Starts it; the call is answered later, from the loop. */
void upstream_call_start(struct call *call);

#endif
