/* SPDX-License-Identifier: Apache-2.0 */
#include "services/workout/workout_page.h"

#include <string.h>

#include "libcommon/base/codec.h"
#include "libcommon/base/hashmap.h"
#include "libcommon/base/strbuf.h"

struct token {
	uint64_t filter;
	int64_t key;
	struct uuid id;
	uint64_t check;
};
_Static_assert(sizeof(struct token) == 40, "no padding in a token");
#define TOKEN_TEXT 54 /* base64url of 40 bytes */

/* Fixed keys: all replicas, and the next version, must read each other's tokens. */
static uint64_t
hash(const void *p, size_t n)
{
	return hash_siphash24(0x776f726b6f757401, 0x7061676573000001, p, n);
}

enum status
workout_page_open(struct workout_page *page, unsigned size, const char *token, struct slice filter,
		  struct err *err)
{
	unsigned char raw[CODEC_BASE64_DECODED_MAX(TOKEN_TEXT)];
	size_t n = 0, len = token != NULL ? strlen(token) : 0;
	struct token t;

	*page = (struct workout_page){
		.first = len == 0,
		.limit = size > 0 ? size : WORKOUT_PAGE_SIZE,
		.filter = hash(filter.p, filter.n),
	};
	if (page->first)
		return STATUS_OK;
	if (len != TOKEN_TEXT || !codec_base64url_decode(slice_make(token, len), raw, &n) ||
	    n != sizeof(t)) {
		err_init(err);
		return err_add_field(err, "pageToken", "is not a token of this list");
	}
	memcpy(&t, raw, sizeof(t));
	if (t.check != hash(&t, offsetof(struct token, check)) || t.filter != page->filter) {
		err_init(err);
		return err_add_field(err, "pageToken",
				     "is not a token of this list with these filters");
	}
	page->key = t.key;
	page->id = t.id;
	return STATUS_OK;
}

char *
workout_page_next(const struct workout_page *page, struct arena *arena, int64_t key,
		  const struct uuid *id)
{
	struct strbuf out = STRBUF_ARENA(arena);
	struct token t = { .filter = page->filter, .key = key, .id = *id };

	t.check = hash(&t, offsetof(struct token, check));
	codec_base64url_encode(&out, &t, sizeof(t));
	return out.buf;
}
