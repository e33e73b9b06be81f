/* SPDX-License-Identifier: Apache-2.0 */
#include "services/user/user_profile.h"

#include <string.h>

#include "libcommon/base/arena.h"
#include "libcommon/base/codec.h"
#include "libcommon/base/strbuf.h"
#include "libcommon/rpc/pb_arena.h"
#include "services/user/user_mask.h"

#define URL_MAX 1024

typedef Fit__User__V1__Profile profile;

static const char *const leaves[] = { "display_name", "profile_image_url", "fitness_level", "goals",
				      "limitations" };
_Static_assert(ARRAY_LEN(leaves) == USER_PROFILE_MAX, "USER_PROFILE_MAX is the number of leaves");

profile *
user_profile_merge(struct arena *arena, const profile *stored, const profile *patch,
		   const Google__Protobuf__FieldMask *mask)
{
	profile *p = arena_memdup(arena, stored, sizeof(*stored));

	if (user_mask_covers(mask, "display_name"))
		p->display_name = patch->display_name;
	if (user_mask_covers(mask, "profile_image_url"))
		p->profile_image_url = patch->profile_image_url;
	if (user_mask_covers(mask, "fitness_level"))
		p->fitness_level = patch->fitness_level;
	if (user_mask_covers(mask, "goals")) {
		p->n_goals = patch->n_goals;
		p->goals = patch->goals;
	}
	if (user_mask_covers(mask, "limitations")) {
		p->n_limitations = patch->n_limitations;
		p->limitations = patch->limitations;
	}
	return p;
}

enum status
user_profile_check_mask(const Google__Protobuf__FieldMask *mask, struct err *err)
{
	return user_mask_check(mask, leaves, ARRAY_LEN(leaves), err);
}

static bool
goals_equal(const profile *a, const profile *b)
{
	if (a->n_goals != b->n_goals)
		return false;
	for (size_t i = 0; i < a->n_goals; i++) {
		const Fit__User__V1__Goal *x = a->goals[i], *y = b->goals[i];

		if (strcmp(x->type, y->type) != 0 || strcmp(x->body_area, y->body_area) != 0 ||
		    strcmp(x->note, y->note) != 0)
			return false;
	}
	return true;
}

static bool
limitations_equal(const profile *a, const profile *b)
{
	if (a->n_limitations != b->n_limitations)
		return false;
	for (size_t i = 0; i < a->n_limitations; i++) {
		const Fit__User__V1__Limitation *x = a->limitations[i], *y = b->limitations[i];

		if (strcmp(x->type, y->type) != 0 || strcmp(x->body_area, y->body_area) != 0 ||
		    strcmp(x->severity, y->severity) != 0 || strcmp(x->note, y->note) != 0)
			return false;
	}
	return true;
}

size_t
user_profile_diff(const profile *a, const profile *b, char *ret_names[USER_PROFILE_MAX])
{
	const bool differs[] = {
		strcmp(a->display_name, b->display_name) != 0,
		strcmp(a->profile_image_url, b->profile_image_url) != 0,
		strcmp(a->fitness_level, b->fitness_level) != 0,
		!goals_equal(a, b),
		!limitations_equal(a, b),
	};
	size_t n = 0;

	_Static_assert(ARRAY_LEN(differs) == ARRAY_LEN(leaves),
		       "one comparison per leaf, in order");
	for (size_t i = 0; i < ARRAY_LEN(leaves); i++) {
		if (differs[i])
			ret_names[n++] = (char *)(uintptr_t)leaves[i];
	}
	return n;
}

/* ---- rules ---- */

/* C0, DEL, C1, and the marks that turn the direction of a text (U+202A..202E, U+2066..2069). */
static bool
is_control(const char *p, size_t n)
{
	const unsigned char *u = (const unsigned char *)p;

	if (n == 1)
		return u[0] < 0x20 || u[0] == 0x7f;
	if (n == 2)
		return u[0] == 0xc2 && u[1] < 0xa0;
	if (n != 3 || u[0] != 0xe2)
		return false;
	return (u[1] == 0x80 && u[2] >= 0xaa && u[2] <= 0xae) ||
	       (u[1] == 0x81 && u[2] >= 0xa6 && u[2] <= 0xa9);
}

static bool
name_is_clean(const char *name)
{
	size_t len = strlen(name);

	if (len > 0 && (name[0] == ' ' || name[len - 1] == ' '))
		return false;
	for (size_t i = 0; i < len;) {
		int n = codec_utf8_step(name + i, len - i);

		if (n <= 0 || is_control(name + i, (size_t)n))
			return false;
		i += (size_t)n;
	}
	return true;
}

/* "https://host…": the host begins with a letter or digit; printable ASCII without quotes. */
static bool
url_is_https(const char *url)
{
	static const char scheme[] = "https://";
	const char *host = url + sizeof(scheme) - 1;

	if (strncmp(url, scheme, sizeof(scheme) - 1) != 0 || strlen(url) > URL_MAX)
		return false;
	if (!((*host >= 'a' && *host <= 'z') || (*host >= 'A' && *host <= 'Z') ||
	      (*host >= '0' && *host <= '9')))
		return false;
	for (const char *p = url; *p != '\0'; p++) {
		if (*p <= ' ' || *p > '~' || strchr("\"'<>\\^`{|}", *p) != NULL)
			return false;
	}
	/* No user name in it: what precedes an @ misleads a reader about the host. */
	return memchr(host, '@', strcspn(host, "/?#")) == NULL;
}

enum status
user_profile_check(const profile *p, struct err *err)
{
	enum status st = STATUS_OK;

	if (!name_is_clean(p->display_name))
		st = err_add_field(err, "displayName",
				   "must not have control characters, or spaces at its ends");
	if (*p->profile_image_url != '\0' && !url_is_https(p->profile_image_url))
		st = err_add_field(err, "profileImageUrl", "must be an https address");
	return st;
}

char *
user_profile_clean_name(struct arena *arena, const char *name)
{
	struct strbuf out = STRBUF_ARENA(arena);
	size_t len = strlen(name), points = 0;

	for (size_t i = 0; i < len && points < USER_DISPLAY_NAME_MAX;) {
		int n = codec_utf8_step(name + i, len - i);
		size_t step = (size_t)(n < 0 ? -n : n);

		if (n > 0 && !is_control(name + i, step) && !(name[i] == ' ' && out.len == 0)) {
			strbuf_add(&out, name + i, step);
			points++;
		}
		i += step;
	}
	while (out.len > 0 && out.buf[out.len - 1] == ' ')
		out.buf[--out.len] = '\0';
	return arena_strdup(arena, strbuf_cstr(&out));
}

const char *
user_profile_clean_url(const char *url)
{
	return url_is_https(url) ? url : "";
}
