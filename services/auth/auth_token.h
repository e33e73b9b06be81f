/* SPDX-License-Identifier: Apache-2.0 */
/*
 * auth_token.h - the tokens that auth gives out: access tokens (JWT claims) and refresh tokens.
 *
 * A refresh token is "fitr_" and 32 random bytes in base64url; the server keeps its SHA-256
 * only. Its successor is kept for the time of grace, sealed under a key made from the token
 * itself: whoever reads the database can't use it, whoever repeats a lost request can have it
 * again.
 *
 * Ownership: texts are appended to the caller's buffer or written to its array. Threads: any.
 * Errors:    as each function says.
 */
#ifndef FIT_AUTH_TOKEN_H
#define FIT_AUTH_TOKEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "libcommon/base/slice.h"
#include "libcommon/base/status.h"
#include "libcommon/base/uuid.h"
#include "libcommon/crypto/digest.h"

#define AUTH_REFRESH_TEXT_SIZE 49 /* "fitr_", 43 characters, NUL */
#define AUTH_HASH_TEXT_SIZE 23    /* 16 bytes in base64url, NUL */

struct strbuf;

void auth_refresh_new(char ret_text[AUTH_REFRESH_TEXT_SIZE]);
/* False when the text can't be a refresh token. */
bool auth_refresh_hash(struct slice text, uint8_t ret_hash[DIGEST_SHA256_SIZE]) MUST_CHECK;
/* Seals `next` under a key made from `used`; bound to the session. */
enum status auth_refresh_seal(struct slice used, const struct uuid *session, struct slice next,
			      struct strbuf *out, struct err *err) MUST_CHECK;
/* DATA_LOSS when it was not sealed so. */
enum status auth_refresh_unseal(struct slice used, const struct uuid *session, struct slice sealed,
				struct strbuf *out, struct err *err) MUST_CHECK;

/*
 * Keyed hash of something that identifies (what: "device", "ip", "client"), 128 bits in
 * base64url: equal for equal values, and of no use without the key.
 */
void auth_hash_text(struct slice key, const char *what, struct slice value,
		    char ret_text[AUTH_HASH_TEXT_SIZE]);

struct auth_claims {
	const char *issuer, *audience;
	struct uuid user, session;
	const char *email, *role, *tier;
	char *const *permissions;
	size_t npermissions;
	const char *device_hash; /* or NULL */
	const char *ip_hash;     /* or NULL */
	int64_t iat_s, exp_s;
};

/* The payload of an access token, with a new jti. */
void auth_claims_write(const struct auth_claims *claims, struct strbuf *out);

#endif
