/* SPDX-License-Identifier: Apache-2.0 */
#include "services/user/user_preferences.h"

#include <ctype.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "libcommon/base/arena.h"
#include "libcommon/rpc/pb_arena.h"
#include "services/user/user_mask.h"

typedef Fit__User__V1__Preferences preferences;

/* One preference: where it is, and its default when it is a string ("" or NULL: not chosen). */
struct leaf {
	const char *path;                       /* as in the .proto */
	const char *json;                       /* as clients write it, for errors */
	enum { STRING, TIME, FLAG, LIST } kind; /* TIME: a string, HH:MM */
	size_t group;                           /* offset of the group's pointer, or NO_GROUP */
	size_t offset;
	const char *def;
};

#define NO_GROUP ((size_t)-1)
#define TOP(name) NO_GROUP, offsetof(preferences, name)
#define IN(group, type, name) offsetof(preferences, group), offsetof(Fit__User__V1__##type, name)

static const struct leaf leaves[] = {
	{ "units", "units", STRING, TOP(units), "kg" },
	{ "language", "language", STRING, TOP(language), "en" },
	{ "time_zone", "timeZone", STRING, TOP(time_zone), "UTC" },
	{ "personality", "personality", STRING, TOP(personality), "supportive" },
	{ "reminders.enabled", "reminders.enabled", FLAG, IN(reminders, Reminders, enabled), NULL },
	{ "reminders.days", "reminders.days", LIST, IN(reminders, Reminders, n_days), NULL },
	{ "reminders.time", "reminders.time", TIME, IN(reminders, Reminders, time), "18:00" },
	{ "quiet_hours.enabled", "quietHours.enabled", FLAG, IN(quiet_hours, QuietHours, enabled),
	  NULL },
	{ "quiet_hours.start", "quietHours.start", TIME, IN(quiet_hours, QuietHours, start),
	  "22:00" },
	{ "quiet_hours.end", "quietHours.end", TIME, IN(quiet_hours, QuietHours, end), "07:00" },
	{ "privacy.profile_visible", "privacy.profileVisible", FLAG,
	  IN(privacy, Privacy, profile_visible), NULL },
	{ "privacy.share_workouts", "privacy.shareWorkouts", FLAG,
	  IN(privacy, Privacy, share_workouts), NULL },
	{ "privacy.behaviour_analytics", "privacy.behaviourAnalytics", FLAG,
	  IN(privacy, Privacy, behaviour_analytics), NULL },
	{ "privacy.product_emails", "privacy.productEmails", FLAG,
	  IN(privacy, Privacy, product_emails), NULL },
	{ "notifications.muted", "notifications.muted", LIST,
	  IN(notifications, Notifications, n_muted), NULL },
	{ "notifications.channels_off", "notifications.channelsOff", LIST,
	  IN(notifications, Notifications, n_channels_off), NULL },
};
_Static_assert(ARRAY_LEN(leaves) <= USER_PREFERENCES_MAX, "raise USER_PREFERENCES_MAX");

/* A repeated string as protobuf-c lays it out: `n_days` and `days`. */
struct list {
	size_t n;
	char **items;
};
_Static_assert(offsetof(Fit__User__V1__Reminders, days) -
			       offsetof(Fit__User__V1__Reminders, n_days) ==
		       offsetof(struct list, items),
	       "struct list is how protobuf-c has it");

static char members[][16] = { "units",     "language",   "timeZone", "personality",
			      "reminders", "quietHours", "privacy",  "notifications" };
char *const user_preferences_members[] = { members[0], members[1], members[2], members[3],
					   members[4], members[5], members[6], members[7] };
const size_t user_preferences_nmembers = ARRAY_LEN(user_preferences_members);

static void *
leaf_at(const preferences *p, const struct leaf *leaf)
{
	char *base = (char *)(uintptr_t)p;

	if (leaf->group != NO_GROUP)
		memcpy(&base, base + leaf->group, sizeof(base));
	return base + leaf->offset;
}

static const char *
string_at(const preferences *p, const struct leaf *leaf)
{
	const char *s = *(char **)leaf_at(p, leaf);

	return s != NULL ? s : "";
}

preferences *
user_preferences_normal(struct arena *arena, const preferences *in)
{
	preferences *p = pb_arena_new(arena, &fit__user__v1__preferences__descriptor);

	p->reminders = pb_arena_new(arena, &fit__user__v1__reminders__descriptor);
	p->quiet_hours = pb_arena_new(arena, &fit__user__v1__quiet_hours__descriptor);
	p->privacy = pb_arena_new(arena, &fit__user__v1__privacy__descriptor);
	p->notifications = pb_arena_new(arena, &fit__user__v1__notifications__descriptor);
	if (in == NULL)
		return p;
	p->units = in->units;
	p->language = in->language;
	p->time_zone = in->time_zone;
	p->personality = in->personality;
	if (in->reminders != NULL)
		*p->reminders = *in->reminders;
	if (in->quiet_hours != NULL)
		*p->quiet_hours = *in->quiet_hours;
	if (in->privacy != NULL)
		*p->privacy = *in->privacy;
	if (in->notifications != NULL)
		*p->notifications = *in->notifications;
	return p;
}

static void
leaf_copy(preferences *to, const preferences *from, const struct leaf *leaf)
{
	switch (leaf->kind) {
	case STRING:
	case TIME:
		*(char **)leaf_at(to, leaf) = *(char **)leaf_at(from, leaf);
		break;
	case FLAG:
		*(protobuf_c_boolean *)leaf_at(to, leaf) =
			*(protobuf_c_boolean *)leaf_at(from, leaf);
		break;
	case LIST:
		*(struct list *)leaf_at(to, leaf) = *(struct list *)leaf_at(from, leaf);
		break;
	}
}

static bool
list_equal(const struct list *a, const struct list *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++) {
		if (strcmp(a->items[i], b->items[i]) != 0)
			return false;
	}
	return true;
}

static bool
leaf_equal(const preferences *a, const preferences *b, const struct leaf *leaf)
{
	switch (leaf->kind) {
	case STRING:
	case TIME:
		return strcmp(string_at(a, leaf), string_at(b, leaf)) == 0;
	case FLAG:
		return *(protobuf_c_boolean *)leaf_at(a, leaf) ==
		       *(protobuf_c_boolean *)leaf_at(b, leaf);
	case LIST:
		return list_equal(leaf_at(a, leaf), leaf_at(b, leaf));
	}
	return true;
}

preferences *
user_preferences_merge(struct arena *arena, const preferences *stored, const preferences *patch,
		       const Google__Protobuf__FieldMask *mask)
{
	preferences *p = user_preferences_normal(arena, stored);

	for (size_t i = 0; i < ARRAY_LEN(leaves); i++) {
		if (user_mask_covers(mask, leaves[i].path))
			leaf_copy(p, patch, &leaves[i]);
	}
	return p;
}

enum status
user_preferences_check_mask(const Google__Protobuf__FieldMask *mask, struct err *err)
{
	const char *paths[ARRAY_LEN(leaves)];

	for (size_t i = 0; i < ARRAY_LEN(leaves); i++)
		paths[i] = leaves[i].path;
	return user_mask_check(mask, paths, ARRAY_LEN(leaves), err);
}

size_t
user_preferences_diff(const preferences *a, const preferences *b,
		      char *ret_names[USER_PREFERENCES_MAX])
{
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_LEN(leaves); i++) {
		if (!leaf_equal(a, b, &leaves[i]))
			ret_names[n++] = (char *)(uintptr_t)leaves[i].path;
	}
	return n;
}

preferences *
user_preferences_complete(struct arena *arena, const preferences *normal)
{
	preferences *p = user_preferences_normal(arena, normal);

	for (size_t i = 0; i < ARRAY_LEN(leaves); i++) {
		if (leaves[i].def != NULL && *string_at(p, &leaves[i]) == '\0')
			*(char **)leaf_at(p, &leaves[i]) = (char *)(uintptr_t)leaves[i].def;
	}
	return p;
}

preferences *
user_preferences_chosen(struct arena *arena, const preferences *normal)
{
	preferences *p = user_preferences_normal(arena, normal);

	if (protobuf_c_message_get_packed_size(&p->reminders->base) == 0)
		p->reminders = NULL;
	if (protobuf_c_message_get_packed_size(&p->quiet_hours->base) == 0)
		p->quiet_hours = NULL;
	if (protobuf_c_message_get_packed_size(&p->privacy->base) == 0)
		p->privacy = NULL;
	if (protobuf_c_message_get_packed_size(&p->notifications->base) == 0)
		p->notifications = NULL;
	return p;
}

/* ---- rules of single values ---- */

static bool
all(const char *p, size_t n, int (*is)(int))
{
	for (size_t i = 0; i < n; i++) {
		if ((unsigned char)p[i] >= 0x80 || !is(p[i]))
			return false;
	}
	return true;
}

/*
 * langtag = language ["-" script] ["-" region] *("-" variant) *("-" extension) ["-"
 * privateuse]. What comes after the region is only held to its form: subtags of 1 to 8 letters
 * or digits.
 */
bool
user_language_tag(const char *text, char ret_tag[36])
{
	size_t len = strlen(text), start = 0;
	bool may_script = true, may_region = true;

	if (len < 2 || len > 35)
		return false;
	for (int index = 0; start <= len; index++) {
		const char *sub = text + start;
		size_t n = strcspn(sub, "-");

		if (n < 1 || n > 8 || !all(sub, n, isalnum))
			return false;
		for (size_t i = 0; i < n; i++)
			ret_tag[start + i] = (char)tolower(sub[i]);
		if (index == 0) {
			if (n < 2 || !all(sub, n, isalpha))
				return false;
		} else if (may_script && n == 4 && all(sub, n, isalpha)) {
			ret_tag[start] = (char)toupper(sub[0]);
			may_script = false;
		} else if (may_region &&
			   ((n == 2 && all(sub, n, isalpha)) || (n == 3 && all(sub, n, isdigit)))) {
			for (size_t i = 0; i < n; i++)
				ret_tag[start + i] = (char)toupper(sub[i]);
			may_script = may_region = false;
		} else {
			/* Also an extended language ("zh-yue"); a script may still follow it. */
			if (n == 1)
				may_script = may_region = false;
		}
		start += n;
		ret_tag[start] = sub[n];
		start++;
	}
	return true;
}

bool
user_time_zone_known(const char *tz_dir, const char *name)
{
	static const char zone_chars[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+-/";
	char path[256], magic[4];
	ssize_t n;
	int fd;

	/* Zones begin with a capital; "posix/…", "right/…" and "localtime" are none. */
	if (name[0] < 'A' || name[0] > 'Z' || strstr(name, "..") != NULL ||
	    strstr(name, "//") != NULL)
		return false;
	if (name[strspn(name, zone_chars)] != '\0')
		return false;
	if ((size_t)snprintf(path, sizeof(path), "%s/%s", tz_dir, name) >= sizeof(path))
		return false;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return false;
	n = read(fd, magic, sizeof(magic));
	close(fd);
	/* RFC 8536 section 3.1 */
	return n == (ssize_t)sizeof(magic) && memcmp(magic, "TZif", 4) == 0;
}

bool
user_time_of_day(const char *t)
{
	if (strlen(t) != 5 || t[2] != ':' || !all(t, 2, isdigit) || !all(t + 3, 2, isdigit))
		return false;
	return (t[0] - '0') * 10 + (t[1] - '0') < 24 && t[3] < '6';
}

enum status
user_preferences_check(struct arena *arena, preferences *p, const char *tz_dir, struct err *err)
{
	const preferences *full = user_preferences_complete(arena, p);
	enum status st = STATUS_OK;
	char tag[36];

	if (user_language_tag(full->language, tag)) {
		if (*p->language != '\0')
			p->language = arena_strdup(arena, tag);
	} else {
		st = err_add_field(err, "language",
				   "must be a BCP 47 language tag such as \"en\" or \"pt-BR\"");
	}
	if (!user_time_zone_known(tz_dir, full->time_zone))
		st = err_add_field(
			err, "timeZone",
			"must be a name of the IANA time zone database such as \"Europe/Berlin\"");
	for (size_t i = 0; i < ARRAY_LEN(leaves); i++) {
		if (leaves[i].kind == TIME && !user_time_of_day(string_at(full, &leaves[i])))
			st = err_add_field(err, leaves[i].json,
					   "must be a time of day from 00:00 to 23:59");
	}
	if (strcmp(full->quiet_hours->start, full->quiet_hours->end) == 0)
		st = err_add_field(err, "quietHours.end", "must differ from the start");
	return st;
}
