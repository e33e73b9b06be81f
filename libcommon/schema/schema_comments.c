/* SPDX-License-Identifier: Apache-2.0 */
/*
 * schema_comments.c - the comments of the .proto files (SourceCodeInfo), each at what it is
 * about.
 *
 * A location is a path of field numbers and indexes through the file's descriptor: 4, 0, 2, 1 is
 * the second field of the first message.
 */
#include "libcommon/schema/schema_impl.h"

/* Without the space after each `//`, and without leading and trailing blank lines. */
static const char *
tidy_comment(struct loader *ld, struct slice s)
{
	char *text = arena_strndup(ld->a, s.p, s.n), *w = text;
	bool line_start = true;

	for (const char *r = text; *r != '\0'; r++) {
		if (!(line_start && *r == ' ') && !(w == text && *r == '\n'))
			*w++ = *r;
		line_start = *r == '\n';
	}
	while (w > text && (w[-1] == '\n' || w[-1] == ' '))
		w--;
	*w = '\0';
	return text;
}

static void
comment_enum(struct schema_enum *e, uint32_t index, const uint32_t *path, size_t n,
	     const char *text)
{
	struct slice want = SLICE_NONE;
	struct wire_in in;
	struct wire_field f;

	while (e != NULL && index-- > 0)
		e = e->next;
	if (e == NULL)
		return;
	if (n == 0)
		e->comment = text;
	if (n != 2 || path[0] != 2)
		return;
	in = wire_in(e->raw);
	for (uint32_t i = 0; wire_next(&in, &f) > 0;) {
		if (f.number == 2 && f.type == WIRE_BYTES && i++ == path[1])
			want = load_read_string(f.bytes, 1);
	}
	for (size_t i = 0; i < e->nvalues; i++) {
		if (slice_eq(e->values[i].name, want))
			e->values[i].comment = text;
	}
}

static void
comment_message(struct schema_message *m, uint32_t index, const uint32_t *path, size_t n,
		const char *text)
{
	while (m != NULL && index-- > 0)
		m = m->next;
	if (m == NULL)
		return;
	if (n == 0)
		m->comment = text;
	else if (n > 2 && path[0] == 3)
		comment_message(m->children, path[1], path + 2, n - 2, text);
	else if (n == 2 && path[0] == 3)
		comment_message(m->children, path[1], path + 2, 0, text);
	else if (n >= 2 && path[0] == 4)
		comment_enum(m->enums, path[1], path + 2, n - 2, text);
	else if (n == 2 && path[0] == 2)
		for (uint32_t i = 0; i < m->nfields; i++) {
			if (m->fields[i].decl == path[1])
				m->fields[i].comment = text;
		}
}

static void
comment_service(struct loader *ld, const struct load_file *file, const uint32_t *path, size_t n,
		const char *text)
{
	struct wire_in in = wire_in(file->raw), service;
	struct wire_field f, m;
	const char *package = load_text(ld, load_read_string(file->raw, 2));

	for (uint32_t i = 0; wire_next(&in, &f) > 0;) {
		if (f.number != 6 || f.type != WIRE_BYTES || i++ != path[1])
			continue;
		const char *name = load_full_name(ld, package, load_read_string(f.bytes, 1));
		if (n == 2)
			hashmap_put(ld->s->service_comments, slice_str(name),
				    (void *)(uintptr_t)text);
		service = wire_in(f.bytes);
		for (uint32_t k = 0; n == 4 && wire_next(&service, &m) > 0;) {
			if (m.number != 2 || k++ != path[3])
				continue;
			const char *key = arena_printf(ld->a, "/%s/%.*s", name,
						       SLICE_ARG(load_read_string(m.bytes, 1)));
			struct schema_method *method = hashmap_get(ld->s->methods, slice_str(key));
			if (method != NULL)
				method->comment = text;
		}
	}
}

static void
load_location(struct loader *ld, const struct load_file *file, struct slice location)
{
	struct slice text = load_read_string(location, 3);
	struct slice raw = load_read_string(location, 1);
	struct wire_in in = wire_in(raw);
	uint32_t path[2 * LOAD_MAX_NESTING + 8];
	size_t n = 0;
	uint64_t v;

	if (text.n == 0)
		text = load_read_string(location, 4);
	if (text.n == 0)
		return;
	while (n < ARRAY_LEN(path) && in.p < in.end && wire_varint(&in, &v))
		path[n++] = (uint32_t)v;
	if (n < 2)
		return;
	const char *tidy = tidy_comment(ld, text);
	if (path[0] == 4)
		comment_message(file->messages, path[1], path + 2, n - 2, tidy);
	else if (path[0] == 5)
		comment_enum(file->enums, path[1], path + 2, n - 2, tidy);
	else if (path[0] == 6)
		comment_service(ld, file, path, n, tidy);
}

void
load_comments(struct loader *ld, const struct load_file *file)
{
	struct wire_in in = wire_in(load_read_string(file->raw, 9));
	struct wire_field f;

	while (wire_next(&in, &f) > 0) {
		if (f.number == 1 && f.type == WIRE_BYTES)
			load_location(ld, file, f.bytes);
	}
}
