/* SPDX-License-Identifier: Apache-2.0 */
/*
 * devidp_token.h - the ID tokens that devidp gives out: whoever you say you are, you are.
 *
 *	struct devidp_person who = { .email = slice, .role = "coach", .verified = true };
 *	st = devidp_token(signer, "http://127.0.0.1:7900", "fit-dev", &who, now_s, &out, &err);
 *
 * The subject is a UUID made from the lower-case e-mail address (RFC 9562 version 5), so that
 * the same address is the same person on every machine and after every reset.
 *
 * Ownership: the token is appended to `out`. Threads: any.
 * Errors:    INVALID_ARGUMENT with a text fit to show: no e-mail address, an unknown role.
 */
#ifndef FIT_DEVIDP_TOKEN_H
#define FIT_DEVIDP_TOKEN_H

#include <stdbool.h>
#include <stdint.h>

#include "libcommon/base/slice.h"
#include "libcommon/base/status.h"

struct jwt_signer;
struct strbuf;

struct devidp_person {
	const char *email;
	const char *name; /* "": made from the address */
	const char *role; /* user, coach, admin; "": none said */
	bool verified;
	int64_t ttl_s; /* may be negative: a token that has expired */
};

enum status devidp_token(const struct jwt_signer *signer, const char *issuer, const char *audience,
			 const struct devidp_person *who, int64_t now_s, struct strbuf *out,
			 struct err *err) MUST_CHECK;

#endif
