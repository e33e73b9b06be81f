/* SPDX-License-Identifier: Apache-2.0 */
#include "services/auth/auth_token.h"

#include <string.h>

#include "libcommon/base/codec.h"
#include "libcommon/base/rng.h"
#include "libcommon/base/strbuf.h"
#include "libcommon/crypto/aead.h"

#define REFRESH_PREFIX "fitr_"
#define REFRESH_BYTES 32
#define SEAL_KEY_ID 1 /* version of how the key is made */

/* ---- refresh tokens ---- */

void
auth_refresh_new(char ret_text[AUTH_REFRESH_TEXT_SIZE])
{
	uint8_t bytes[REFRESH_BYTES];
	struct strbuf sb = STRBUF_INIT;

	rng_bytes(bytes, sizeof(bytes));
	strbuf_adds(&sb, REFRESH_PREFIX);
	codec_base64url_encode(&sb, bytes, sizeof(bytes));
	memcpy(ret_text, sb.buf, AUTH_REFRESH_TEXT_SIZE);
	explicit_bzero(bytes, sizeof(bytes));
	explicit_bzero(sb.buf, sb.len);
	strbuf_fini(&sb);
}

bool
auth_refresh_hash(struct slice text, uint8_t ret_hash[DIGEST_SHA256_SIZE])
{
	uint8_t bytes[CODEC_BASE64_DECODED_MAX(AUTH_REFRESH_TEXT_SIZE)];
	struct slice prefix = SLICE_LIT(REFRESH_PREFIX);
	size_t n;

	if (text.n != AUTH_REFRESH_TEXT_SIZE - 1 || !slice_starts_with(text, prefix) ||
	    !codec_base64url_decode(slice_make(text.p + prefix.n, text.n - prefix.n), bytes, &n) ||
	    n != REFRESH_BYTES)
		return false;
	digest_sha256(text, ret_hash);
	explicit_bzero(bytes, sizeof(bytes));
	return true;
}

static void
seal_key(struct slice used, uint8_t ret_key[AEAD_KEY_SIZE])
{
	digest_hmac_sha256(used, SLICE_LIT("fit-auth refresh successor"), ret_key);
}

enum status
auth_refresh_seal(struct slice used, const struct uuid *session, struct slice next,
		  struct strbuf *out, struct err *err)
{
	struct aead_place place = { "refresh_tokens", "successor", *session };
	uint8_t key[AEAD_KEY_SIZE];
	enum status st;

	seal_key(used, key);
	st = aead_seal(slice_make(key, sizeof(key)), SEAL_KEY_ID, &place, next, out, err);
	explicit_bzero(key, sizeof(key));
	return st;
}

enum status
auth_refresh_unseal(struct slice used, const struct uuid *session, struct slice sealed,
		    struct strbuf *out, struct err *err)
{
	struct aead_place place = { "refresh_tokens", "successor", *session };
	uint8_t key[AEAD_KEY_SIZE];
	enum status st;

	seal_key(used, key);
	st = aead_open(slice_make(key, sizeof(key)), &place, sealed, out, err);
	explicit_bzero(key, sizeof(key));
	return st;
}

/* ---- access tokens ---- */

void
auth_hash_text(struct slice key, const char *what, struct slice value,
	       char ret_text[AUTH_HASH_TEXT_SIZE])
{
	struct strbuf data = STRBUF_INIT, text = STRBUF_INIT;
	uint8_t mac[DIGEST_SHA256_SIZE];

	/* `what` has no NUL, so no two pairs make the same bytes. */
	strbuf_add(&data, what, strlen(what) + 1);
	strbuf_add_slice(&data, value);
	digest_hmac_sha256(key, strbuf_slice(&data), mac);
	codec_base64url_encode(&text, mac, 16);
	memcpy(ret_text, text.buf, AUTH_HASH_TEXT_SIZE);
	strbuf_fini(&text);
	strbuf_fini(&data);
}

/* What the apps switch on by subscription. Names are fixed once an app reads them. */
static const struct {
	const char *tier;
	const char *features;
} tier_features[] = {
	{ "free", "\"tracking\",\"progress\"" },
	{ "premium", "\"tracking\",\"progress\",\"ai_coach\",\"recommendations\"" },
	{ "pro",
	  "\"tracking\",\"progress\",\"ai_coach\",\"recommendations\",\"insights\",\"export\"" },
};

static const char *
features_of(const char *tier)
{
	for (size_t i = 0; i < ARRAY_LEN(tier_features); i++) {
		if (strcmp(tier, tier_features[i].tier) == 0)
			return tier_features[i].features;
	}
	return tier_features[0].features;
}

static void
add_text(struct strbuf *out, const char *name, const char *value)
{
	strbuf_addf(out, ",\"%s\":", name);
	strbuf_add_json_string(out, slice_str(value));
}

void
auth_claims_write(const struct auth_claims *c, struct strbuf *out)
{
	char user[UUID_TEXT_SIZE], session[UUID_TEXT_SIZE], jti[UUID_TEXT_SIZE];
	struct uuid id = uuid_v4();

	uuid_format(&c->user, user);
	uuid_format(&c->session, session);
	uuid_format(&id, jti);
	strbuf_adds(out, "{\"iss\":");
	strbuf_add_json_string(out, slice_str(c->issuer));
	add_text(out, "aud", c->audience);
	add_text(out, "sub", user);
	strbuf_addf(out, ",\"iat\":%lld,\"exp\":%lld", (long long)c->iat_s, (long long)c->exp_s);
	add_text(out, "jti", jti);
	add_text(out, "sid", session);
	add_text(out, "email", c->email);
	add_text(out, "role", c->role);
	add_text(out, "subscription", c->tier);
	strbuf_adds(out, ",\"permissions\":[");
	for (size_t i = 0; i < c->npermissions; i++) {
		if (i > 0)
			strbuf_addch(out, ',');
		strbuf_add_json_string(out, slice_str(c->permissions[i]));
	}
	strbuf_addch(out, ']');
	if (c->device_hash != NULL)
		add_text(out, "deviceId", c->device_hash);
	if (c->ip_hash != NULL)
		add_text(out, "ipAddress", c->ip_hash);
	strbuf_addf(out, ",\"features\":[%s]}", features_of(c->tier));
}
