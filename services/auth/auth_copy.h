/* SPDX-License-Identifier: Apache-2.0 */
/*
 * auth_copy.h - the copy of a session in Redis, which the gateway looks at for each request.
 *
 *	key    session:{<user id>}      a hash, AUTH_COPY_TTL_S; the braces are a cluster hash tag
 *	field  <session id>
 *	value  v1|<exp_ms>|<min_iat_s>|<role>|<tier>|<permission,permission…>      exp_ms 0: revoked
 *
 * exp_ms is when the copy has to be asked about again, at the latest when the session ends: what it
 * says of the account (active, role, tier) may have changed.
 *
 * PostgreSQL is the truth. A copy may be missing (the gateway then asks ResolveSession), and
 * writers may come late; so a write never goes backwards: a revoked session stays revoked, and
 * min_iat does not fall.
 *
 * Ownership: nothing is kept. Threads: any. Errors: those of redis.h; the janitor tries again.
 */
#ifndef FIT_AUTH_COPY_H
#define FIT_AUTH_COPY_H

#include "libcommon/base/clock.h"
#include "libcommon/base/status.h"
#include "services/auth/auth_store.h"

#define AUTH_COPY_TTL_S 604800

struct redis;
struct strbuf;

/*
 * The value as written above, good for fresh_ms; now_ms: a session that is over by then is written
 * as revoked.
 */
void auth_copy_value(const struct auth_session *session, int64_t fresh_ms, int64_t now_ms,
		     struct strbuf *out);
enum status auth_copy_put(struct redis *redis, struct deadline deadline, struct arena *arena,
			  const struct auth_session *session, int64_t fresh_ms, int64_t now_ms,
			  struct err *err) MUST_CHECK;

#endif
