/* SPDX-License-Identifier: Apache-2.0 */
/*
 * principal.h - who a call is made for, as the gateway established it.
 *
 * Travels as metadata `fit-principal-bin` (protobuf fit.api.v1.Principal). A service takes it from
 * whoever may call the method: any on loopback, else by mTLS identity (rpc_request.c).
 *
 * Ownership: a plain value, texts included. Pure functions; any thread.
 * Errors:    principal_decode: false for what is malformed, has no subject, or holds a name or
 *            a number of permissions beyond the sizes below; `present` is false then.
 */
#ifndef FIT_RPC_PRINCIPAL_H
#define FIT_RPC_PRINCIPAL_H

#include <stdbool.h>
#include <stddef.h>

#include "libcommon/base/slice.h"
#include "libcommon/base/uuid.h"

#define PRINCIPAL_PERMISSIONS_MAX 16

struct arena;
struct strbuf;

struct principal {
	bool present;        /* false: an anonymous or internal call */
	struct uuid user_id; /* subject */
	char role[16];       /* user | coach | admin */
	char tier[16];       /* free | premium | pro */
	struct uuid session_id;
	struct uuid acting_for; /* nil, or the athlete a coach acts for */
	size_t npermissions;
	char permissions[PRINCIPAL_PERMISSIONS_MAX][48];
};

void principal_encode(const struct principal *principal, struct strbuf *out);
bool principal_decode(struct slice wire, struct principal *ret_principal) MUST_CHECK;
bool principal_may(const struct principal *principal, const char *permission);

#endif
