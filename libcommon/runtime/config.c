/* SPDX-License-Identifier: Apache-2.0 */
#include "libcommon/runtime/config.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libcommon/base/compiler.h"
#include "libcommon/base/strbuf.h"

#define SECRET_FILE_MAX (64 * 1024)

/* Read by base/crashpoint.c, so that it works before any configuration. */
static const char crash_point_key[] = "FIT_CRASH_POINT";

extern char **environ;

struct load {
	const struct config_table *tables;
	size_t ntables;
	struct strbuf problems; /* "A: …; B: …" */
};

static void PRINTF_LIKE(2, 3) problem(struct load *l, const char *fmt, ...)
{
	va_list ap;

	if (l->problems.len > 0)
		strbuf_adds(&l->problems, "; ");
	va_start(ap, fmt);
	strbuf_vaddf(&l->problems, fmt, ap);
	va_end(ap);
}

static void
wipe_free(char *s)
{
	if (s == NULL)
		return;
	explicit_bzero(s, strlen(s));
	free(s);
}

static char *
copy(const char *s)
{
	char *p = strdup(s);

	if (p == NULL)
		panic("config: no memory");
	return p;
}

/* Digits with an optional minus; no spaces, no plus, no hex. */
static bool
parse_int(const char *text, int64_t *ret_v)
{
	char *end;

	if (text[strspn(text, "-0123456789")] != '\0' || text[0] == '\0')
		return false;
	errno = 0;
	long long v = strtoll(text, &end, 10);
	if (errno != 0 || *end != '\0' || end == text)
		return false;
	*ret_v = v;
	return true;
}

static bool
parse_bool(const char *text, bool *ret_v)
{
	static const struct {
		const char *text;
		bool v;
	} words[] = {
		{ "true", true }, { "false", false }, { "1", true },   { "0", false },
		{ "on", true },   { "off", false },   { "yes", true }, { "no", false },
	};

	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		if (strcmp(text, words[i].text) == 0) {
			*ret_v = words[i].v;
			return true;
		}
	}
	return false;
}

/* What a message may show of a value: of a secret nothing. */
static const char *
shown(const struct config_item *item, const char *value)
{
	return item->flags & CONFIG_SECRET ? "(secret)" : value;
}

/* Stores a value that was written under `name`; false after noting what is wrong with it. */
static bool
store(struct load *l, const struct config_item *item, void *field, const char *name,
      const char *value)
{
	int64_t v;

	switch (item->type) {
	case CONFIG_TYPE_STRING:
		if ((item->flags & CONFIG_REQUIRED) && value[0] == '\0') {
			problem(l, "%s: is empty", name);
			return false;
		}
		*(char **)field = copy(value);
		return true;
	case CONFIG_TYPE_INT:
		if (!parse_int(value, &v)) {
			problem(l, "%s: \"%s\" is not a number (%lld..%lld)", name,
				shown(item, value), (long long)item->min, (long long)item->max);
			return false;
		}
		if (v < item->min || v > item->max) {
			problem(l, "%s: %s is out of range (%lld..%lld)", name, shown(item, value),
				(long long)item->min, (long long)item->max);
			return false;
		}
		*(int64_t *)field = v;
		return true;
	case CONFIG_TYPE_BOOL:
		if (!parse_bool(value, field)) {
			problem(l, "%s: \"%s\" is not true or false", name, shown(item, value));
			return false;
		}
		return true;
	}
	panic("config: %s has type %d", item->key, (int)item->type);
}

/* Regular, small, closed to others; one newline at the end is not part of the secret. */
static char *
read_secret(struct load *l, const char *name, const char *path)
{
	struct stat st;
	char *text = NULL;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

	if (fd < 0 || fstat(fd, &st) != 0) {
		problem(l, "%s: cannot read \"%s\": %s", name, path, strerror(errno));
		goto out;
	}
	if (!S_ISREG(st.st_mode)) {
		problem(l, "%s: \"%s\" is not a regular file", name, path);
		goto out;
	}
	if ((st.st_mode & (S_IROTH | S_IWOTH)) != 0) {
		problem(l, "%s: \"%s\" is open to others (mode %04o; 0600 or 0640 is right)", name,
			path, (unsigned)st.st_mode & 07777);
		goto out;
	}
	text = calloc(1, SECRET_FILE_MAX + 2);
	if (text == NULL)
		panic("config: no memory");
	size_t n = 0;
	ssize_t got;
	while (n <= SECRET_FILE_MAX && (got = read(fd, text + n, SECRET_FILE_MAX + 1 - n)) != 0) {
		if (got < 0 && errno != EINTR) {
			problem(l, "%s: cannot read \"%s\": %s", name, path, strerror(errno));
			goto bad;
		}
		n += got > 0 ? (size_t)got : 0;
	}
	if (n > SECRET_FILE_MAX) {
		problem(l, "%s: \"%s\" is longer than %d bytes", name, path, SECRET_FILE_MAX);
		goto bad;
	}
	if (memchr(text, '\0', n) != NULL) {
		problem(l, "%s: \"%s\" has a NUL byte in it (text is right)", name, path);
		goto bad;
	}
	if (n > 0 && text[n - 1] == '\n')
		text[--n] = '\0';
	if (n > 0 && text[n - 1] == '\r')
		text[--n] = '\0';
	goto out;
bad:
	explicit_bzero(text, SECRET_FILE_MAX + 2);
	free(text);
	text = NULL;
out:
	if (fd >= 0)
		close(fd);
	return text;
}

/*
 * The item's value from `name` or, for a secret, from the file that `name`_FILE names.
 * Returns false when neither is set; *ret_value is NULL when it was set but cannot be had.
 */
static bool
from_environment(struct load *l, const struct config_item *item, const char *name, char **ret_value)
{
	char file_key[128];
	const char *value = getenv(name);
	const char *path = NULL;

	if (item->flags & CONFIG_SECRET) {
		snprintf(file_key, sizeof(file_key), "%s_FILE", name);
		path = getenv(file_key);
	}
	if (value == NULL && path == NULL)
		return false;
	*ret_value = NULL;
	if (value != NULL && path != NULL)
		problem(l, "%s: set it or %s, not both", name, file_key);
	else if (value != NULL)
		*ret_value = copy(value);
	else
		*ret_value = read_secret(l, file_key, path);
	return true;
}

static void
load_item(struct load *l, const struct config_item *item, void *field)
{
	char *value = NULL;
	const char *name = item->key;
	bool set = from_environment(l, item, name, &value);

	if (!set && item->alias != NULL) {
		name = item->alias;
		set = from_environment(l, item, name, &value);
	}
	if (set) {
		if (value != NULL)
			store(l, item, field, name, value);
		wipe_free(value);
		return;
	}
	if (item->def != NULL) {
		if (!store(l, item, field, item->key, item->def))
			panic("config: default of a table: %s", strbuf_cstr(&l->problems));
		return;
	}
	if (item->flags & CONFIG_REQUIRED)
		problem(l, "%s: is not set (%s)", item->key, item->doc);
}

/* True when `name` (n bytes) is this key, or its _FILE form for a secret. */
static bool
names_key(const struct config_item *item, const char *key, const char *name, size_t n)
{
	size_t len = key != NULL ? strlen(key) : 0;

	if (len == 0 || n < len || memcmp(name, key, len) != 0)
		return false;
	return n == len || ((item->flags & CONFIG_SECRET) && n == len + 5 &&
			    memcmp(name + len, "_FILE", 5) == 0);
}

static const struct config_item *
find_item(const struct config_table *tables, size_t ntables, const char *name, size_t n)
{
	for (size_t t = 0; t < ntables; t++) {
		for (size_t i = 0; i < tables[t].nitems; i++) {
			const struct config_item *item = &tables[t].items[i];
			if (names_key(item, item->key, name, n) ||
			    names_key(item, item->alias, name, n))
				return item;
		}
	}
	return NULL;
}

static void
refuse_unknown(struct load *l)
{
	/* clearenv leaves NULL. */
	for (char **e = environ; e != NULL && *e != NULL; e++) {
		size_t n = strcspn(*e, "=");
		if (strncmp(*e, "FIT_", 4) != 0)
			continue;
		if (n == sizeof(crash_point_key) - 1 && memcmp(*e, crash_point_key, n) == 0)
			continue;
		if (find_item(l->tables, l->ntables, *e, n) == NULL)
			problem(l, "%.*s: is not a setting of this program (see --help)", (int)n,
				*e);
	}
}

static void
check_tables(const struct config_table *tables, size_t ntables)
{
	for (size_t t = 0; t < ntables; t++) {
		for (size_t i = 0; i < tables[t].nitems; i++) {
			const struct config_item *item = &tables[t].items[i];
			if (find_item(tables, ntables, item->key, strlen(item->key)) != item)
				panic("config: %s is in the tables twice", item->key);
		}
	}
}

static void *
field_of(void *cfg, const struct config_table *table, const struct config_item *item)
{
	return (char *)cfg + table->base + item->offset;
}

enum status
config_load(const struct config_table *tables, size_t ntables, void *cfg, struct err *err)
{
	struct load l = { .tables = tables, .ntables = ntables };
	enum status st = STATUS_OK;

	check_tables(tables, ntables);
	refuse_unknown(&l);
	for (size_t t = 0; t < ntables; t++) {
		for (size_t i = 0; i < tables[t].nitems; i++) {
			const struct config_item *item = &tables[t].items[i];
			load_item(&l, item, field_of(cfg, &tables[t], item));
		}
	}
	if (l.problems.len > 0) {
		st = err_set(err, STATUS_INVALID_ARGUMENT, "%s", l.problems.buf);
		config_fini(tables, ntables, cfg);
	}
	strbuf_fini(&l.problems);
	return st;
}

void
config_fini(const struct config_table *tables, size_t ntables, void *cfg)
{
	for (size_t t = 0; t < ntables; t++) {
		for (size_t i = 0; i < tables[t].nitems; i++) {
			const struct config_item *item = &tables[t].items[i];
			if (item->type != CONFIG_TYPE_STRING)
				continue;
			char **field = field_of(cfg, &tables[t], item);
			wipe_free(*field);
			*field = NULL;
		}
	}
}

/* "number 1..200, default 8" */
static void
describe(FILE *out, const struct config_item *item)
{
	switch (item->type) {
	case CONFIG_TYPE_STRING:
		fputs("text", out);
		break;
	case CONFIG_TYPE_INT:
		fprintf(out, "number %lld..%lld", (long long)item->min, (long long)item->max);
		break;
	case CONFIG_TYPE_BOOL:
		fputs("true or false", out);
		break;
	}
	if (item->flags & CONFIG_REQUIRED && item->def == NULL)
		fputs(", required", out);
	if (item->flags & CONFIG_SECRET)
		fputs(", secret", out);
	if (item->flags & CONFIG_RELOAD)
		fputs(", reloads", out);
}

void
config_print_help(FILE *out, const struct config_table *tables, size_t ntables)
{
	for (size_t t = 0; t < ntables; t++) {
		fprintf(out, "%s%s:\n", t > 0 ? "\n" : "", tables[t].title);
		for (size_t i = 0; i < tables[t].nitems; i++) {
			const struct config_item *item = &tables[t].items[i];
			fprintf(out, "  %s", item->key);
			if (item->flags & CONFIG_SECRET)
				fprintf(out, ", %s_FILE", item->key);
			if (item->alias != NULL)
				fprintf(out, ", %s", item->alias);
			fputs("  (", out);
			describe(out, item);
			if (item->def != NULL)
				fprintf(out, ", default %s",
					item->def[0] != '\0' ? shown(item, item->def) : "empty");
			fprintf(out, ")\n      %s\n", item->doc);
		}
	}
}

/* A cell of a Markdown table: a bar would end it. */
static void
print_cell(FILE *out, const char *text)
{
	for (; *text != '\0'; text++) {
		if (*text == '|')
			fputc('\\', out);
		fputc(*text == '\n' ? ' ' : *text, out);
	}
}

void
config_print_markdown(FILE *out, const struct config_table *tables, size_t ntables)
{
	for (size_t t = 0; t < ntables; t++) {
		fprintf(out, "%s### %s\n\n", t > 0 ? "\n" : "", tables[t].title);
		fputs("| variable | value | default | meaning |\n", out);
		fputs("| --- | --- | --- | --- |\n", out);
		for (size_t i = 0; i < tables[t].nitems; i++) {
			const struct config_item *item = &tables[t].items[i];
			fprintf(out, "| `%s`", item->key);
			if (item->flags & CONFIG_SECRET)
				fprintf(out, ", `%s_FILE`", item->key);
			if (item->alias != NULL)
				fprintf(out, ", `%s`", item->alias);
			fputs(" | ", out);
			describe(out, item);
			fputs(" | ", out);
			if (item->def != NULL && item->def[0] != '\0') {
				fputc('`', out);
				print_cell(out, shown(item, item->def));
				fputc('`', out);
			}
			fputs(" | ", out);
			print_cell(out, item->doc);
			fputs(" |\n", out);
		}
	}
}
