/* SPDX-License-Identifier: Apache-2.0 */
#include "services/auth/auth_copy.h"

#include <stdio.h>
#include <string.h>

#include "libcommon/base/strbuf.h"
#include "libcommon/store/redis.h"

#define KEY_SIZE (sizeof("session:{}") + UUID_TEXT_SIZE)
#define NUMBER_SIZE 24

/* KEYS[1]; ARGV: field, value, exp_ms, min_iat_s, ttl. */
static const char put_script[] =
	"local old = redis.call('HGET', KEYS[1], ARGV[1])\n"
	"if old then\n"
	"  local exp, iat = string.match(old, '^v1|(%d+)|(%d+)|')\n"
	"  if exp == '0' or (ARGV[3] ~= '0' and iat and tonumber(iat) > tonumber(ARGV[4])) then\n"
	"    return 0\n"
	"  end\n"
	"end\n"
	"redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])\n"
	"redis.call('EXPIRE', KEYS[1], ARGV[5])\n"
	"return 1\n";

static int64_t
good_until(const struct auth_session *session, int64_t fresh_ms, int64_t now_ms)
{
	if (!auth_session_live(session, now_ms))
		return 0;
	return session->expires_ms - now_ms < fresh_ms ? session->expires_ms : now_ms + fresh_ms;
}

void
auth_copy_value(const struct auth_session *session, int64_t fresh_ms, int64_t now_ms,
		struct strbuf *out)
{
	const struct auth_access *a = &session->access;
	bool comma = false;

	strbuf_addf(out, "v1|%lld|%lld|%s|%s|", (long long)good_until(session, fresh_ms, now_ms),
		    (long long)session->last_iat_s, a->role, a->tier);
	for (size_t i = 0; i < a->npermissions; i++) {
		/* Names are ours and plain; one that would break the form grants nothing. */
		if (strpbrk(a->permissions[i], ",|") != NULL)
			continue;
		strbuf_addf(out, "%s%s", comma ? "," : "", a->permissions[i]);
		comma = true;
	}
}

enum status
auth_copy_put(struct redis *redis, struct deadline deadline, struct arena *arena,
	      const struct auth_session *session, int64_t fresh_ms, int64_t now_ms, struct err *err)
{
	char user[UUID_TEXT_SIZE], field[UUID_TEXT_SIZE], key[KEY_SIZE];
	char exp[NUMBER_SIZE], iat[NUMBER_SIZE], ttl[NUMBER_SIZE];
	struct strbuf value = STRBUF_ARENA(arena);
	struct redis_value *reply;
	int64_t exp_ms = good_until(session, fresh_ms, now_ms);

	uuid_format(&session->user, user);
	uuid_format(&session->id, field);
	snprintf(key, sizeof(key), "session:{%s}", user);
	snprintf(exp, sizeof(exp), "%lld", (long long)exp_ms);
	snprintf(iat, sizeof(iat), "%lld", (long long)session->last_iat_s);
	snprintf(ttl, sizeof(ttl), "%d", AUTH_COPY_TTL_S);
	auth_copy_value(session, fresh_ms, now_ms, &value);
	return redis_call(redis, deadline, key, arena, &reply, err, "EVAL %s 1 %s %s %b %s %s %s",
			  put_script, key, field, value.buf, value.len, exp, iat, ttl);
}
