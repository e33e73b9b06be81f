/* SPDX-License-Identifier: Apache-2.0 */
/*
 * redis_wire.h - what the blocking and the asynchronous client share: the URL, a connection's
 * first words, RESP2.
 *
 * Commands are written into a buffer as arrays of bulk strings. Replies are parsed by hiredis'
 * reader, which makes `struct redis_value`s directly in an arena; an error is a REDIS_STATUS
 * whose text begins with '-'.
 *
 * Ownership: redis_target_fini frees a target's strings and wipes the password; the fd is the
 *            caller's to close, a reader to free with redisReaderFree; values are the arena's.
 * Threads:   a target is only read once it is parsed; a reader belongs to one thread.
 * Errors:    FAILED_PRECONDITION: no such URL; UNAVAILABLE: no address, or the kernel refuses.
 * Source:    Redis serialization protocol specification (RESP2).
 */
#ifndef FIT_STORE_REDIS_WIRE_H
#define FIT_STORE_REDIS_WIRE_H

#include <stdbool.h>

#include "libcommon/base/arena.h"
#include "libcommon/base/status.h"
#include "libcommon/base/strbuf.h"
#include "libcommon/store/redis.h"

struct redis_target {
	char *host, *user, *password; /* user and password may be NULL */
	char port[8];
	int db;
};

/* redis://[[user]:password@]host[:port][/db]; %XX in user and password. */
enum status redis_target_parse(const char *url, struct redis_target *ret_target,
			       struct err *err) MUST_CHECK;
void redis_target_fini(struct redis_target *target);
/*
 * Begins a non-blocking connect; the socket becomes writable when it is decided. `turn` picks
 * among the host's addresses. A name is looked up by getaddrinfo, which may block: loops are
 * given addresses.
 */
enum status redis_target_connect(const struct redis_target *target, unsigned turn, int *ret_fd,
				 struct err *err) MUST_CHECK;
/* 0, or the errno with which the connect ended. */
int redis_target_connected(int fd);

void redis_wire_add(struct strbuf *out, const struct redis_cmd *cmd);
/*
 * AUTH, SELECT, and PING, which says whether the server has loaded; returns how many replies
 * will come.
 */
unsigned redis_wire_add_hello(struct strbuf *out, const struct redis_target *target);

struct redisReader;
struct redisReader *redis_wire_reader_new(void);
/* Where the next reply goes; not in the middle of one. */
void redis_wire_reader_arena(struct redisReader *reader, struct arena *arena);

static inline bool
redis_is_error(const struct redis_value *value)
{
	return value->type == REDIS_STATUS && value->str.n > 0 && value->str.p[0] == '-';
}
/* The status of an error reply: UNAVAILABLE while it loads or fails over, else INTERNAL. */
enum status redis_error(const struct redis_value *value, struct err *err);

#endif
