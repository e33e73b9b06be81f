/* SPDX-License-Identifier: Apache-2.0 */
#include "libcommon/store/redis_wire.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <hiredis/hiredis.h>

#include "libcommon/base/codec.h"

#define DEFAULT_PORT "6379"
#define DB_MAX 1023

/* ---- the URL ---- */

/* n bytes with %XX undone; NULL when one is malformed or NUL. */
static char *
unescape(const char *p, size_t n)
{
	char *out = calloc(1, n + 1);
	size_t len = 0, one;

	if (out == NULL)
		panic("redis: no memory");
	for (size_t i = 0; i < n; i++, len++) {
		out[len] = p[i];
		if (p[i] != '%')
			continue;
		if (n - i < 3 || !codec_hex_decode(slice_make(p + i + 1, 2), &out[len], &one) ||
		    out[len] == '\0') {
			free(out);
			return NULL;
		}
		i += 2;
	}
	out[len] = '\0';
	return out;
}

/* "user:password" before the '@'; either may be empty. */
static bool
parse_user(struct redis_target *t, const char *p, size_t n)
{
	const char *colon = memchr(p, ':', n);
	size_t nuser = colon != NULL ? (size_t)(colon - p) : n;

	if (nuser > 0 && (t->user = unescape(p, nuser)) == NULL)
		return false;
	return colon == NULL || (t->password = unescape(colon + 1, n - nuser - 1)) != NULL;
}

/* "host", "host:port", "[::1]:port" */
static bool
parse_host(struct redis_target *t, const char *p, size_t n)
{
	const char *colon = n > 0 ? memrchr(p, ':', n) : NULL;
	size_t nport = 0;

	if (colon != NULL && memchr(colon, ']', n - (size_t)(colon - p)) == NULL) {
		nport = n - (size_t)(colon - p) - 1;
		n = (size_t)(colon - p);
		if (nport == 0 || nport > 5 || strspn(colon + 1, "0123456789") < nport)
			return false;
	}
	snprintf(t->port, sizeof(t->port), "%.*s", nport > 0 ? (int)nport : 4,
		 nport > 0 ? colon + 1 : DEFAULT_PORT);
	if (n > 2 && p[0] == '[' && p[n - 1] == ']') {
		p++;
		n -= 2;
	}
	t->host = unescape(p, n);
	return n > 0 && t->host != NULL && atoi(t->port) > 0 && atoi(t->port) <= 65535;
}

static bool
parse_db(struct redis_target *t, const char *p)
{
	size_t n = strlen(p);

	t->db = n <= 4 ? atoi(p) : DB_MAX + 1;
	return strspn(p, "0123456789") == n && t->db <= DB_MAX;
}

enum status
redis_target_parse(const char *url, struct redis_target *ret_target, struct err *err)
{
	static const char scheme[] = "redis://";
	struct redis_target t = { 0 };
	bool good = url != NULL && strncmp(url, scheme, sizeof(scheme) - 1) == 0;

	if (good) {
		const char *p = url + sizeof(scheme) - 1;
		size_t n = strcspn(p, "/");
		const char *at = n > 0 ? memrchr(p, '@', n) : NULL;

		if (at != NULL) {
			good = parse_user(&t, p, (size_t)(at - p));
			n -= (size_t)(at - p) + 1;
			p = at + 1;
		}
		good = good && parse_host(&t, p, n) && parse_db(&t, p[n] == '/' ? p + n + 1 : "");
	}
	if (!good) {
		/* The URL has a password: it is not shown. */
		redis_target_fini(&t);
		return err_set(err, STATUS_FAILED_PRECONDITION,
			       "redis: the URL is not of the form "
			       "redis://[[user]:password@]host[:port][/db]");
	}
	*ret_target = t;
	return STATUS_OK;
}

void
redis_target_fini(struct redis_target *target)
{
	if (target->password != NULL)
		explicit_bzero(target->password, strlen(target->password));
	free(target->password);
	free(target->user);
	free(target->host);
	*target = (struct redis_target){ 0 };
}

/* ---- connecting ---- */

static int
start_connect(const struct addrinfo *ai)
{
	const int on = 1;
	int fd = socket(ai->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	if (connect(fd, ai->ai_addr, ai->ai_addrlen) != 0 && errno != EINPROGRESS) {
		int saved = errno;

		close(fd);
		errno = saved;
		return -1;
	}
	return fd;
}

enum status
redis_target_connect(const struct redis_target *target, unsigned turn, int *ret_fd, struct err *err)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	struct addrinfo *list = NULL, *ai;
	unsigned n = 0;
	int rc = getaddrinfo(target->host, target->port, &hints, &list);

	if (rc != 0)
		return err_set(err, STATUS_UNAVAILABLE, "redis: cannot look up %s: %s",
			       target->host, gai_strerror(rc));
	for (ai = list; ai != NULL; ai = ai->ai_next)
		n++;
	ai = list;
	for (unsigned i = turn % n; i > 0; i--)
		ai = ai->ai_next;
	int fd = start_connect(ai);
	freeaddrinfo(list);
	if (fd < 0)
		return err_set(err, STATUS_UNAVAILABLE, "redis: cannot connect to %s:%s: %s",
			       target->host, target->port, strerror(errno));
	*ret_fd = fd;
	return STATUS_OK;
}

int
redis_target_connected(int fd)
{
	int error = 0;
	socklen_t len = sizeof(error);

	return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0 ? errno : error;
}

/* ---- commands ---- */

static void
add_bulk(struct strbuf *out, const char *p, size_t n)
{
	strbuf_addch(out, '$');
	strbuf_add_u64(out, n);
	strbuf_add(out, "\r\n", 2);
	strbuf_add(out, p, n);
	strbuf_add(out, "\r\n", 2);
}

void
redis_wire_add(struct strbuf *out, const struct redis_cmd *cmd)
{
	strbuf_addch(out, '*');
	strbuf_add_u64(out, (unsigned long long)cmd->argc);
	strbuf_add(out, "\r\n", 2);
	for (int i = 0; i < cmd->argc; i++)
		add_bulk(out, cmd->argv[i],
			 cmd->argvlen != NULL ? cmd->argvlen[i] : strlen(cmd->argv[i]));
}

unsigned
redis_wire_add_hello(struct strbuf *out, const struct redis_target *target)
{
	const char *auth[] = { "AUTH", target->user, target->password };
	const char *auth_password[] = { "AUTH", target->password };
	char db[16];
	const char *select[] = { "SELECT", db }, *ping[] = { "PING" };
	unsigned n = 1;

	if (target->password != NULL && target->user != NULL)
		redis_wire_add(out, &(struct redis_cmd){ .argc = 3, .argv = auth });
	else if (target->password != NULL)
		redis_wire_add(out, &(struct redis_cmd){ .argc = 2, .argv = auth_password });
	n += target->password != NULL;
	if (target->db != 0) {
		snprintf(db, sizeof(db), "%d", target->db);
		redis_wire_add(out, &(struct redis_cmd){ .argc = 2, .argv = select });
		n++;
	}
	redis_wire_add(out, &(struct redis_cmd){ .argc = 1, .argv = ping });
	return n;
}

/* ---- replies ---- */

/*
 * The value that a task fills: an element of the array above it, or a new one. NULL: the arena
 * is full.
 */
static struct redis_value *
place(const redisReadTask *task)
{
	struct redis_value *v;

	if (task->parent != NULL)
		return &((struct redis_value *)task->parent->obj)->items[task->idx];
	v = arena_try_alloc(task->privdata, sizeof(*v));
	if (v != NULL)
		memset(v, 0, sizeof(*v));
	return v;
}

static void *
create_string(const redisReadTask *task, char *p, size_t n)
{
	struct redis_value *v = place(task);
	bool is_error = task->type == REDIS_REPLY_ERROR;
	char *copy = v != NULL ? arena_try_alloc(task->privdata, n + is_error + 1) : NULL;

	if (copy == NULL)
		return NULL;
	if (is_error)
		copy[0] = '-';
	memcpy(copy + is_error, p, n);
	copy[n + is_error] = '\0';
	v->type = task->type == REDIS_REPLY_STRING ? REDIS_STRING : REDIS_STATUS;
	v->str = slice_make(copy, n + is_error);
	return v;
}

static void *
create_array(const redisReadTask *task, int n)
{
	struct redis_value *v = place(task);
	size_t size = (size_t)n * sizeof(*v);

	if (v == NULL)
		return NULL;
	v->type = REDIS_ARRAY;
	v->items = n > 0 ? arena_try_alloc(task->privdata, size) : NULL;
	if (n > 0 && v->items == NULL)
		return NULL;
	if (n > 0)
		memset(v->items, 0, size);
	v->nitems = (size_t)n;
	return v;
}

static void *
create_integer(const redisReadTask *task, long long num)
{
	struct redis_value *v = place(task);

	if (v != NULL) {
		v->type = REDIS_INTEGER;
		v->num = num;
	}
	return v;
}

static void *
create_nil(const redisReadTask *task)
{
	struct redis_value *v = place(task);

	if (v != NULL)
		v->type = REDIS_NIL;
	return v;
}

static void
free_object(void *object)
{
	(void)object; /* the arena's */
}

struct redisReader *
redis_wire_reader_new(void)
{
	static redisReplyObjectFunctions functions = { create_string, create_array, create_integer,
						       create_nil, free_object };
	redisReader *reader = redisReaderCreateWithFunctions(&functions);

	if (reader == NULL)
		panic("redis: no memory");
	return reader;
}

void
redis_wire_reader_arena(struct redisReader *reader, struct arena *arena)
{
	reader->privdata = arena;
}

enum status
redis_error(const struct redis_value *value, struct err *err)
{
	static const char *const passing[] = { "-LOADING",  "-MASTERDOWN", "-CLUSTERDOWN",
					       "-TRYAGAIN", "-READONLY",   "-BUSY ",
					       "-OOM" };
	enum status status = STATUS_INTERNAL;

	for (size_t i = 0; i < ARRAY_LEN(passing); i++)
		if (slice_starts_with(value->str, slice_str(passing[i])))
			status = STATUS_UNAVAILABLE;
	return err_set(err, status, "redis: %.*s", (int)value->str.n - 1, value->str.p + 1);
}
