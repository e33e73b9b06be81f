/* SPDX-License-Identifier: Apache-2.0 */
/*
 * front_h1.h - the HTTP/1.1 front: sockets, libevhtp behind the head filter, replies.
 *
 *	listen_open("127.0.0.1:8080", &fd, &err);   per loop: SO_REUSEPORT spreads connections
 *	front = front_h1_new(&(struct front_h1_options){ .loop = loop, .handler = &handler, … });
 *	front_h1_accept(front, fd);
 *
 * Who does what. libevhtp accepts connections and runs the life of a connection and its
 * requests (parser, callbacks, keep-alive, fini hooks). It never touches a socket nor a byte
 * that a client framed: the front takes the socket over when a connection is accepted, reads
 * it, lets the head filter judge, takes a body off its framing, and then feeds libevhtp one
 * whole, re-written head at a time through a bufferevent that has no socket; the reply is sent
 * straight to the socket (one system call) and libevhtp is told that its write is done. So its
 * faults (a URI split over segments is corrupted, ambiguous lengths are accepted, a client that
 * leaves is not noticed, HEAD gets a body) cannot be reached.
 *
 * One request at a time per connection; what a client pipelines waits in a bounded buffer. Each
 * phase has its own clock: idle, head (absolute, from its first byte), body (least rate), write
 * (progress), linger. A malformed request gets its 4xx problem, then the connection is closed
 * with linger, so that the reply survives bytes that are still coming.
 *
 * Ownership:  a front owns its connections. Threads: all functions on the loop's thread, or
 *             before it runs.
 */
#ifndef FIT_GATEWAY_FRONT_H1_H
#define FIT_GATEWAY_FRONT_H1_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gateway/exchange.h"

struct conn_limit;
struct front_h1;
struct loop;
struct net_set;

struct front_h1_options {
	struct loop *loop;
	const struct exchange_handler *handler;
	void *arg;
	struct conn_limit *limit; /* shared by all fronts; borrowed */
	/* Their connections count in all only, not per address; borrowed, or NULL. */
	const struct net_set *proxies;
	struct slice error_fields; /* field lines for the front's own replies; borrowed */
	size_t body_memory_max;  /* bytes of request bodies in memory, all connections of this front
				  */
	int64_t idle_ms;         /* 0: 65000 */
	int64_t head_ms;         /* 0: 5000 */
	int64_t body_grace_ms;   /* 0: 10000; then FRONT_H1_BODY_RATE */
	size_t reply_memory_max; /* bytes of replies that clients have not taken, likewise */
	int64_t write_ms;  /* without progress; 0: 30000; all in all FRONT_H1_SEND_RATE more */
	int64_t linger_ms; /* 0: 2000 */
};
#define FRONT_H1_BODY_RATE 4096 /* bytes a second that a body must bring, after the grace */
#define FRONT_H1_SEND_RATE 8192 /* that a client must take of what waits for it */

struct front_h1_stats {
	unsigned connections, busy;
	uint64_t requests, refused, cancelled;
	size_t body_memory, reply_memory;
};

struct front_h1 *front_h1_new(const struct front_h1_options *opts);
/* The front owns the socket now. */
void front_h1_accept(struct front_h1 *front, int listen_fd);
/*
 * Replies close their connection from now on, and idle connections are closed after a second; new
 * connections are still taken until front_h1_stop_accepting.
 */
void front_h1_drain(struct front_h1 *front);
/*
 * False: connections wait to be accepted, which closing the socket would reset. Call again after
 * the loop's next turn, which takes them.
 */
bool front_h1_stop_accepting(struct front_h1 *front);
void front_h1_stats(const struct front_h1 *front, struct front_h1_stats *ret_stats);
/* Cancels what is in flight and closes all. */
void front_h1_free(struct front_h1 *front);

#endif
