/* SPDX-License-Identifier: Apache-2.0 */
/*
 * redis_sub.c - connect, subscribe, read; an eventfd ends every wait at close.
 */
#include "libcommon/store/redis_sub.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <hiredis/hiredis.h>

#include "libcommon/base/arena.h"
#include "libcommon/base/clock.h"
#include "libcommon/base/compiler.h"
#include "libcommon/base/rng.h"
#include "libcommon/observe/log.h"
#include "libcommon/store/redis_wire.h"

#define CONNECT_MS 2000
#define BACKOFF_MIN_MS 100
#define BACKOFF_MAX_MS 5000
#define SILENCE_MS 30000 /* then a PING */
#define ANSWER_MS 5000
#define READ_SIZE 16384

struct redis_sub {
	struct redis_target target;
	char *channel;
	redis_sub_fn on_message;
	void *arg;
	pthread_t thread;
	int stop; /* eventfd: readable from close on */
	atomic_bool up, stopping;
	unsigned turn;
};

struct link {
	struct redis_sub *sub;
	int fd;
	redisReader *reader;
	struct arena *arena; /* of the reply under way */
};

/* 1: ready; 0: the time is over; -1: close was called. */
static int
wait_fd(struct redis_sub *sub, int fd, short events, int64_t ms)
{
	struct pollfd fds[2] = { { .fd = sub->stop, .events = POLLIN },
				 { .fd = fd, .events = events } };
	int n;

	do
		n = poll(fds, fd >= 0 ? 2 : 1, (int)ms);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		panic("redis: poll: %s", strerror(errno));
	if (fds[0].revents != 0)
		return -1;
	return n > 0;
}

static bool
send_all(struct link *link, struct slice bytes)
{
	size_t sent = 0;

	while (sent < bytes.n) {
		ssize_t n = send(link->fd, bytes.p + sent, bytes.n - sent, MSG_NOSIGNAL);

		if (n > 0)
			sent += (size_t)n;
		else if (n < 0 && errno != EAGAIN && errno != EINTR)
			return false;
		else if (wait_fd(link->sub, link->fd, POLLOUT, ANSWER_MS) != 1)
			return false;
	}
	return true;
}

/* Gives the parser what has arrived. False: the connection is lost. */
static bool
fill(struct link *link)
{
	NOT_ZEROED char buf[READ_SIZE];
	ssize_t n = recv(link->fd, buf, sizeof(buf), 0);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return true;
	if (n <= 0)
		return false;
	if (redisReaderFeed(link->reader, buf, (size_t)n) != REDIS_OK)
		panic("redis: no memory");
	return true;
}

/* The next whole reply that has arrived; *ret_value NULL: none. False: what came is not RESP. */
static bool
next_reply(struct link *link, struct redis_value **ret_value)
{
	void *reply = NULL;

	if (redisReaderGetReply(link->reader, &reply) != REDIS_OK)
		return false;
	*ret_value = reply;
	return true;
}

/*
 * Waits for a reply; NULL: lost, too late or to be closed. The arena is the reader's until a reply
 * is whole: it is reset only when one has been dealt with.
 */
static struct redis_value *
await_reply(struct link *link, int64_t ms)
{
	struct deadline deadline = deadline_in(ms);
	struct redis_value *value = NULL;

	while (next_reply(link, &value)) {
		if (value != NULL)
			return value;
		if (wait_fd(link->sub, link->fd, POLLIN, deadline_left_ms(deadline)) != 1 ||
		    !fill(link))
			break;
	}
	return NULL;
}

static bool
connect_link(struct link *link)
{
	struct redis_sub *sub = link->sub;
	struct err err;

	err_init(&err);
	return redis_target_connect(&sub->target, sub->turn++, &link->fd, &err) == STATUS_OK &&
	       wait_fd(sub, link->fd, POLLOUT, CONNECT_MS) == 1 &&
	       redis_target_connected(link->fd) == 0;
}

static bool
subscribe(struct link *link)
{
	const char *argv[] = { "SUBSCRIBE", link->sub->channel };
	const struct redis_cmd cmd = { 2, argv, NULL };
	struct strbuf out = STRBUF_INIT;
	unsigned replies = redis_wire_add_hello(&out, &link->sub->target) + 1;
	bool ok;

	redis_wire_add(&out, &cmd);
	ok = send_all(link, strbuf_slice(&out));
	strbuf_fini(&out);
	for (unsigned i = 0; i < replies && ok; i++) {
		const struct redis_value *value = await_reply(link, ANSWER_MS);

		ok = value != NULL && !redis_is_error(value);
		if (ok)
			arena_reset(link->arena);
	}
	return ok;
}

/* ["message", channel, payload]; what else comes answers a PING. */
static void
on_reply(struct redis_sub *sub, const struct redis_value *value)
{
	if (value->type == REDIS_ARRAY && value->nitems == 3 &&
	    slice_eq_str(value->items[0].str, "message"))
		sub->on_message(sub->arg, value->items[2].str);
}

/* Until the connection is lost or close is called. */
static void
receive(struct link *link)
{
	static const char ping[] = "*1\r\n$4\r\nPING\r\n";

	for (;;) {
		const struct redis_value *value = await_reply(link, SILENCE_MS);

		if (value == NULL) {
			/* Either it was silent, or it is lost, which the next answer shows. */
			if (atomic_load(&link->sub->stopping) || !send_all(link, SLICE_LIT(ping)))
				return;
			value = await_reply(link, ANSWER_MS);
			if (value == NULL)
				return;
		}
		on_reply(link->sub, value);
		arena_reset(link->arena);
	}
}

static bool
run_once(struct redis_sub *sub)
{
	struct link link = { .sub = sub, .fd = -1, .arena = arena_new(1 << 20) };
	bool subscribed;

	link.reader = redis_wire_reader_new();
	redis_wire_reader_arena(link.reader, link.arena);
	subscribed = connect_link(&link) && subscribe(&link);
	if (subscribed) {
		atomic_store(&sub->up, true);
		receive(&link);
		atomic_store(&sub->up, false);
	}
	redisReaderFree(link.reader);
	if (link.fd >= 0)
		close(link.fd);
	arena_free(link.arena);
	return subscribed;
}

static void *
sub_main(void *arg)
{
	struct redis_sub *sub = arg;
	int64_t pause = BACKOFF_MIN_MS;
	bool lost = false;

	do {
		bool was_up = run_once(sub);

		if (!atomic_load(&sub->stopping) && (was_up || !lost))
			log_warn("redis_subscription_lost", LOG_STR("channel", sub->channel));
		lost = true;
		pause = was_up ? BACKOFF_MIN_MS : 2 * pause;
		if (pause > BACKOFF_MAX_MS)
			pause = BACKOFF_MAX_MS;
	} while (wait_fd(sub, -1, 0, pause / 2 + rng_below((uint32_t)(pause / 2 + 1))) == 0);
	return NULL;
}

enum status
redis_sub_open(const char *url, const char *channel, redis_sub_fn on_message, void *arg,
	       struct redis_sub **ret_sub, struct err *err)
{
	struct redis_target target;
	enum status st = redis_target_parse(url, &target, err);

	if (st != STATUS_OK)
		return st;
	struct redis_sub *sub = calloc(1, sizeof(*sub));
	if (sub == NULL || (sub->channel = strdup(channel)) == NULL)
		panic("redis: no memory");
	sub->target = target;
	sub->on_message = on_message;
	sub->arg = arg;
	sub->stop = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (sub->stop < 0)
		fatal("redis: eventfd: %s", strerror(errno));
	if (pthread_create(&sub->thread, NULL, sub_main, sub) != 0)
		fatal("redis: cannot start the subscription's thread");
	pthread_setname_np(sub->thread, "redis-sub");
	*ret_sub = sub;
	return STATUS_OK;
}

void
redis_sub_close(struct redis_sub *sub)
{
	const uint64_t one = 1;

	if (sub == NULL)
		return;
	atomic_store(&sub->stopping, true);
	if (write(sub->stop, &one, sizeof(one)) != (ssize_t)sizeof(one))
		panic("redis: eventfd: %s", strerror(errno));
	pthread_join(sub->thread, NULL);
	close(sub->stop);
	redis_target_fini(&sub->target);
	free(sub->channel);
	free(sub);
}

bool
redis_sub_up(const struct redis_sub *sub)
{
	return atomic_load(&sub->up);
}
