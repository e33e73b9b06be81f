/* SPDX-License-Identifier: Apache-2.0 */
/*
 * redis_sub.h - a subscription: messages of one Redis channel, on a connection and thread of
 * its own.
 *
 *	st = redis_sub_open(url, "inbox", on_message, arg, &sub, &err);
 *	redis_sub_close(sub);
 *
 * Connects, subscribes, and does so again with back-off (100 ms … 5 s, jitter) whenever the
 * connection is lost; a silent one is asked by PING. Redis keeps nothing for a subscriber that is
 * away: what is published meanwhile is lost, so a message is a hint and never the truth.
 *
 * Ownership: on_message's payload is valid during the call. Threads: on_message runs on the
 * subscription's thread; close waits for it, so close must not be called from there.
 * Errors:    of open: INVALID_ARGUMENT, the URL. A server that is away is no error.
 * Limits:    one channel, one node.
 */
#ifndef FIT_STORE_REDIS_SUB_H
#define FIT_STORE_REDIS_SUB_H

#include <stdbool.h>

#include "libcommon/base/slice.h"
#include "libcommon/base/status.h"

struct redis_sub;

typedef void (*redis_sub_fn)(void *arg, struct slice payload);

enum status redis_sub_open(const char *url, const char *channel, redis_sub_fn on_message, void *arg,
			   struct redis_sub **ret_sub, struct err *err) MUST_CHECK;
void redis_sub_close(struct redis_sub *sub);
/* Subscribed at the moment. Any thread. */
bool redis_sub_up(const struct redis_sub *sub);

#endif
