/* SPDX-License-Identifier: Apache-2.0 */
/*
 * user_rpc.h - the handlers of fit.user.v1.UserService as a table.
 *
 * Ownership: main.c makes struct user_service and frees it after the last call; `tz_dir` is the
 *            settings'.
 * Threads:   a handler runs on one worker; the struct is shared, and not written to.
 */
#ifndef FIT_USER_RPC_H
#define FIT_USER_RPC_H

#include <stdbool.h>
#include <stdint.h>

#include "libcommon/rpc/rpc_server.h"

struct pg_pool;
struct user_rewrap;
struct user_store;
struct user_vault;

/* What rpc_call_service() is here. */
struct user_service {
	struct pg_pool *pool;
	struct user_vault *vault;
	struct user_store *store;
	struct user_rewrap *rewrap;
	const char *tz_dir;
	int64_t grace_ms;
	bool development; /* the role that devidp names is taken */
};

extern const struct rpc_service user_rpc_service;

#endif
