/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/devidp/devidp_token.h"

#include <ctype.h>
#include <string.h>

#include "libcommon/base/strbuf.h"
#include "libcommon/base/uuid.h"
#include "libcommon/crypto/jwt.h"

#define EMAIL_MAX 254

/* Names the people of devidp; made once, at random. */
static const struct uuid people = { { 0x5c, 0x1d, 0x0a, 0x6e, 0x93, 0x7b, 0x4e, 0x21, 0x8f, 0x44,
				      0xd0, 0x3b, 0x6a, 0x58, 0xe7, 0x19 } };

static bool
email_good(const char *email)
{
	const char *at = strchr(email, '@');

	if (at == NULL || at == email || at[1] == '\0' || strchr(at + 1, '@') != NULL ||
	    strlen(email) > EMAIL_MAX)
		return false;
	for (const unsigned char *p = (const unsigned char *)email; *p != '\0'; p++) {
		if (*p <= ' ' || *p == 0x7f)
			return false;
	}
	return true;
}

static bool
role_good(const char *role)
{
	static const char *const roles[] = { "", "user", "coach", "admin" };

	for (size_t i = 0; i < ARRAY_LEN(roles); i++) {
		if (strcmp(role, roles[i]) == 0)
			return true;
	}
	return false;
}

static struct uuid
subject_of(const char *email)
{
	char lower[EMAIL_MAX + 1];
	size_t n = strlen(email);

	for (size_t i = 0; i <= n; i++)
		lower[i] = (char)tolower((unsigned char)email[i]);
	return uuid_v5(people, slice_make(lower, n));
}

/* "ann.lee@example.org": "Ann Lee". */
static void
add_name(struct strbuf *out, const char *email)
{
	struct strbuf name = STRBUF_INIT;
	bool start = true;

	for (const char *p = email; *p != '@'; p++) {
		bool gap = strchr("._-+", *p) != NULL;

		strbuf_addch(&name, gap ? ' ' : start ? (char)toupper((unsigned char)*p) : *p);
		start = gap;
	}
	strbuf_add_json_string(out, strbuf_slice(&name));
	strbuf_fini(&name);
}

static void
add_claims(const char *issuer, const char *audience, const struct devidp_person *who, int64_t now_s,
	   struct strbuf *out)
{
	/* One that has expired was issued before that. */
	int64_t iat = who->ttl_s > 0 ? now_s : now_s + who->ttl_s - 60;
	char subject[UUID_TEXT_SIZE];
	struct uuid id = subject_of(who->email);

	uuid_format(&id, subject);
	strbuf_adds(out, "{\"iss\":");
	strbuf_add_json_string(out, slice_str(issuer));
	strbuf_adds(out, ",\"aud\":");
	strbuf_add_json_string(out, slice_str(audience));
	strbuf_addf(out, ",\"sub\":\"%s\",\"iat\":%lld,\"exp\":%lld,\"email\":", subject,
		    (long long)iat, (long long)(now_s + who->ttl_s));
	strbuf_add_json_string(out, slice_str(who->email));
	strbuf_addf(out, ",\"email_verified\":%s,\"name\":", who->verified ? "true" : "false");
	if (who->name[0] != '\0')
		strbuf_add_json_string(out, slice_str(who->name));
	else
		add_name(out, who->email);
	strbuf_adds(out, ",\"picture\":\"\"");
	if (who->role[0] != '\0')
		strbuf_addf(out, ",\"fit_role\":\"%s\"", who->role);
	strbuf_addch(out, '}');
}

enum status
devidp_token(const struct jwt_signer *signer, const char *issuer, const char *audience,
	     const struct devidp_person *who, int64_t now_s, struct strbuf *out, struct err *err)
{
	struct strbuf claims = STRBUF_INIT;
	enum status st;

	if (!email_good(who->email))
		return err_set(err, STATUS_INVALID_ARGUMENT, "email: is not an e-mail address");
	if (!role_good(who->role))
		return err_set(err, STATUS_INVALID_ARGUMENT, "role: is not user, coach or admin");
	add_claims(issuer, audience, who, now_s, &claims);
	st = jwt_sign(signer, "JWT", strbuf_slice(&claims), out, err);
	strbuf_fini(&claims);
	return st;
}
