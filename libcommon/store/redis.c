/* SPDX-License-Identifier: Apache-2.0 */
/*
 * redis.c - the blocking client: a non-blocking socket, a poll loop under the deadline,
 * hiredis' parser.
 *
 * A connection whose replies are not all read is closed, never reused: a late reply would
 * answer the next call. A connection found closed while idle is replaced before anything is
 * sent; nothing is ever sent twice.
 */
#include "libcommon/store/redis.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <hiredis/hiredis.h>

#include "libcommon/base/compiler.h"
#include "libcommon/store/lease.h"
#include "libcommon/store/redis_wire.h"

#define POOL_SIZE_MAX 200
#define CONNECT_MS_MAX 2000
#define ADDRESSES_MAX 4
#define SHED_RETRY_MS 200
#define READ_SIZE 16384
#define OUT_KEEP (64 * 1024)
#define HELLO_ARENA 4096

struct redis {
	struct redis_target target;
	struct lease_pool *leases;
};

struct conn {
	int fd;
	redisReader *reader;
	struct strbuf out;
};

/* ---- input and output ---- */

static enum status
wait_fd(int fd, short events, struct deadline deadline, struct err *err)
{
	struct pollfd pfd = { .fd = fd, .events = events };

	for (;;) {
		int left = deadline_left_ms(deadline);

		if (left == 0)
			return err_set(err, STATUS_DEADLINE_EXCEEDED, "redis: deadline passed");
		int n = poll(&pfd, 1, left);
		if (n > 0)
			return STATUS_OK;
		if (n < 0 && errno != EINTR)
			panic("redis: poll: %s", strerror(errno));
	}
}

static enum status
fail_lost(const char *doing, int error, struct err *err)
{
	return err_set(err, STATUS_UNAVAILABLE, "redis: connection lost while %s: %s", doing,
		       error == 0 ? "closed by the server" : strerror(error));
}

/* Gives the parser what has arrived, if anything has. */
static enum status
fill(struct conn *conn, struct err *err)
{
	NOT_ZEROED char buf[READ_SIZE];
	ssize_t n = recv(conn->fd, buf, sizeof(buf), 0);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return STATUS_OK;
	if (n <= 0)
		return fail_lost("reading", n == 0 ? 0 : errno, err);
	if (redisReaderFeed(conn->reader, buf, (size_t)n) != REDIS_OK)
		panic("redis: no memory");
	return STATUS_OK;
}

/*
 * Sends what is in `out`; reads meanwhile, so that two full buffers cannot stand against each
 * other.
 */
static enum status
send_all(struct conn *conn, struct deadline deadline, struct err *err)
{
	size_t sent = 0;
	enum status st = STATUS_OK;

	while (sent < conn->out.len && st == STATUS_OK) {
		ssize_t n =
			send(conn->fd, conn->out.buf + sent, conn->out.len - sent, MSG_NOSIGNAL);

		if (n > 0)
			sent += (size_t)n;
		else if (errno != EAGAIN && errno != EINTR)
			return fail_lost("writing", errno, err);
		else if ((st = wait_fd(conn->fd, POLLOUT | POLLIN, deadline, err)) == STATUS_OK)
			st = fill(conn, err);
	}
	return st;
}

static enum status
read_reply(struct conn *conn, struct deadline deadline, struct arena *arena,
	   struct redis_value **ret_value, struct err *err)
{
	void *reply = NULL;

	redis_wire_reader_arena(conn->reader, arena);
	for (;;) {
		if (redisReaderGetReply(conn->reader, &reply) != REDIS_OK) {
			bool full = conn->reader->err == REDIS_ERR_OOM;

			return err_set(err, full ? STATUS_RESOURCE_EXHAUSTED : STATUS_UNAVAILABLE,
				       "redis: %s",
				       full ? "the reply is too big" : conn->reader->errstr);
		}
		if (reply != NULL) {
			*ret_value = reply;
			return STATUS_OK;
		}
		enum status st = wait_fd(conn->fd, POLLIN, deadline, err);
		if (st == STATUS_OK)
			st = fill(conn, err);
		if (st != STATUS_OK)
			return st;
	}
}

/* ---- connections ---- */

static void
conn_close(void *item)
{
	struct conn *conn = item;

	if (conn->fd >= 0)
		close(conn->fd);
	redisReaderFree(conn->reader);
	strbuf_fini(&conn->out);
	free(conn);
}

/* Nothing to read is right for an idle connection; bytes or the end are not. */
static bool
conn_alive(const struct conn *conn)
{
	struct pollfd pfd = { .fd = conn->fd, .events = POLLIN };

	return poll(&pfd, 1, 0) == 0;
}

static enum status
say_hello(const struct redis_target *target, struct conn *conn, struct deadline deadline,
	  struct err *err)
{
	struct arena *arena = arena_new(HELLO_ARENA);
	struct redis_value *value;
	unsigned n = redis_wire_add_hello(&conn->out, target);
	enum status st = send_all(conn, deadline, err);

	explicit_bzero(conn->out.buf, conn->out.len);
	strbuf_reset(&conn->out);
	while (n-- > 0 && st == STATUS_OK) {
		st = read_reply(conn, deadline, arena, &value, err);
		if (st == STATUS_OK && redis_is_error(value))
			st = redis_error(value, err);
	}
	arena_free(arena);
	return st;
}

static enum status
connect_once(const struct redis_target *target, unsigned turn, struct deadline deadline,
	     struct conn **ret_conn, struct err *err)
{
	struct conn *conn = calloc(1, sizeof(*conn));

	if (conn == NULL)
		panic("redis: no memory");
	conn->fd = -1;
	conn->reader = redis_wire_reader_new();
	enum status st = redis_target_connect(target, turn, &conn->fd, err);
	if (st == STATUS_OK)
		st = wait_fd(conn->fd, POLLOUT, deadline, err);
	int error = st == STATUS_OK ? redis_target_connected(conn->fd) : 0;
	if (error != 0)
		st = err_set(err, STATUS_UNAVAILABLE, "redis: cannot connect to %s:%s: %s",
			     target->host, target->port, strerror(error));
	if (st == STATUS_OK)
		st = say_hello(target, conn, deadline, err);
	if (st != STATUS_OK) {
		conn_close(conn);
		return st;
	}
	*ret_conn = conn;
	return STATUS_OK;
}

/* Of a name with several addresses ("localhost") each is tried. */
static enum status
connect_any(const struct redis_target *target, struct deadline deadline, struct conn **ret_conn,
	    struct err *err)
{
	struct deadline own = deadline_min(deadline, deadline_in(CONNECT_MS_MAX));
	enum status st = STATUS_UNAVAILABLE;

	/* Also looking up a name takes time, which no deadline cuts short. */
	for (unsigned turn = 0; turn < ADDRESSES_MAX && st == STATUS_UNAVAILABLE &&
				(turn == 0 || deadline_left_ms(own) > 0);
	     turn++)
		st = connect_once(target, turn, own, ret_conn, err);
	/* That Redis does not answer a greeting is its being away, whatever time the caller has. */
	if (st == STATUS_DEADLINE_EXCEEDED)
		st = err_set(err, STATUS_UNAVAILABLE, "redis: cannot connect to %s:%s in time",
			     target->host, target->port);
	return st;
}

static struct lease *
acquire(struct redis *redis, struct deadline deadline, struct err *err)
{
	struct conn *conn = NULL;
	int left = deadline_left_ms(deadline);

	if (left == 0) {
		err_set(err, STATUS_DEADLINE_EXCEEDED, "redis: deadline passed before the call");
		return NULL;
	}
	struct lease *lease = lease_acquire(redis->leases, deadline_in((left + 1) / 2));
	if (lease == NULL) {
		err_set(err, STATUS_UNAVAILABLE, "redis: no connection came free in %d ms",
			(left + 1) / 2);
		err->retry_after_ms = SHED_RETRY_MS;
		return NULL;
	}
	if (lease->item != NULL && !conn_alive(lease->item)) {
		conn_close(lease->item);
		lease->item = NULL;
	}
	if (lease->item != NULL)
		return lease;
	if (connect_any(&redis->target, deadline, &conn, err) != STATUS_OK) {
		lease_release(redis->leases, lease);
		return NULL;
	}
	lease->item = conn;
	return lease;
}

static void
release(struct redis *redis, struct lease *lease, bool in_step)
{
	struct conn *conn = lease->item;

	strbuf_reset(&conn->out);
	if (conn->out.cap > OUT_KEEP)
		strbuf_fini(&conn->out);
	if (!in_step) {
		conn_close(conn);
		lease->item = NULL;
	}
	lease_release(redis->leases, lease);
}

/* ---- calls ---- */

/*
 * `wire` holds n commands. Replies that are errors end the call, after all replies have been
 * read.
 */
static enum status
exchange(struct redis *redis, struct deadline deadline, struct slice wire, size_t n,
	 struct arena *arena, struct redis_value **ret_values, struct err *err)
{
	struct lease *lease = acquire(redis, deadline, err);
	enum status st, failed = STATUS_OK;

	struct conn *conn = lease != NULL ? lease->item : NULL;
	if (conn == NULL)
		return err->status;
	strbuf_add_slice(&conn->out, wire);
	st = send_all(conn, deadline, err);
	struct redis_value *values = ARENA_ARRAY(arena, struct redis_value, n);
	for (size_t i = 0; i < n && st == STATUS_OK; i++) {
		struct redis_value *value;

		st = read_reply(conn, deadline, arena, &value, err);
		if (st != STATUS_OK)
			break;
		values[i] = *value;
		if (redis_is_error(value) && failed == STATUS_OK)
			failed = redis_error(value, err);
	}
	release(redis, lease, st == STATUS_OK);
	if (st == STATUS_OK && failed == STATUS_OK)
		*ret_values = values;
	return st != STATUS_OK ? st : failed;
}

enum status
redis_pipeline(struct redis *redis, struct deadline deadline, const char *routing_key,
	       const struct redis_cmd *cmds, size_t ncmds, struct arena *arena,
	       struct redis_value **ret_values, struct err *err)
{
	struct strbuf wire = STRBUF_INIT;
	struct err local;

	(void)routing_key; /* one node today */
	for (size_t i = 0; i < ncmds; i++)
		redis_wire_add(&wire, &cmds[i]);
	enum status st = exchange(redis, deadline, strbuf_slice(&wire), ncmds, arena, ret_values,
				  err != NULL ? err : &local);
	strbuf_fini(&wire);
	return st;
}

enum status
redis_call(struct redis *redis, struct deadline deadline, const char *routing_key,
	   struct arena *arena, struct redis_value **ret_value, struct err *err, const char *fmt,
	   ...)
{
	char *wire = NULL;
	struct err local;
	va_list ap;

	(void)routing_key;
	va_start(ap, fmt);
	int n = redisvFormatCommand(&wire, fmt, ap);
	va_end(ap);
	if (n < 0)
		panic("redis: the format \"%s\" is malformed", fmt);
	enum status st = exchange(redis, deadline, slice_make(wire, (size_t)n), 1, arena, ret_value,
				  err != NULL ? err : &local);
	free(wire);
	return st;
}

enum status
redis_ping(struct redis *redis, struct deadline deadline, struct err *err)
{
	struct arena *arena = arena_new(HELLO_ARENA);
	struct redis_value *value;
	enum status st = redis_call(redis, deadline, "", arena, &value, err, "PING");

	arena_free(arena);
	return st;
}

enum status
redis_open(const char *url, unsigned pool_size, struct redis **ret_redis, struct err *err)
{
	struct redis_target target;
	enum status st = redis_target_parse(url, &target, err);

	if (st != STATUS_OK)
		return st;
	if (pool_size < 1 || pool_size > POOL_SIZE_MAX) {
		redis_target_fini(&target);
		return err_set(err, STATUS_FAILED_PRECONDITION,
			       "redis: pool size %u is not in 1..%d", pool_size, POOL_SIZE_MAX);
	}
	struct redis *redis = calloc(1, sizeof(*redis));
	if (redis == NULL)
		panic("redis: no memory");
	redis->target = target;
	redis->leases = lease_pool_new(pool_size);
	*ret_redis = redis;
	return STATUS_OK;
}

void
redis_close(struct redis *redis)
{
	if (redis == NULL)
		return;
	lease_pool_free(redis->leases, conn_close);
	redis_target_fini(&redis->target);
	free(redis);
}
