/* SPDX-License-Identifier: Apache-2.0 */
/*
 * schema_services.c - the services of a descriptor set and their methods.
 */
#include "libcommon/schema/schema_impl.h"

static const struct schema_message *
method_type(struct loader *ld, struct slice name)
{
	if (name.n > 0 && *name.p == '.')
		name = slice_make(name.p + 1, name.n - 1);
	return hashmap_get(ld->s->messages, name);
}

static enum status
load_method(struct loader *ld, const char *service, struct slice raw)
{
	struct schema_method *m = ARENA_NEW(ld->a, struct schema_method);
	struct slice options = load_read_string(raw, 4);
	enum status st;

	m->service = service;
	m->name = load_text(ld, load_read_string(raw, 1));
	m->path = arena_printf(ld->a, "/%s/%s", service, m->name);
	m->comment = "";
	m->input = method_type(ld, load_read_string(raw, 2));
	m->output = method_type(ld, load_read_string(raw, 3));
	m->client_streaming = load_read_number(raw, 5) != 0;
	m->server_streaming = load_read_number(raw, 6) != 0;
	if (m->input == NULL || m->output == NULL)
		return err_set(ld->err, STATUS_INVALID_ARGUMENT,
			       "protoset: %s: request or reply type is not in the set", m->path);
	if ((st = load_method_policy(ld, options, m)) != STATUS_OK ||
	    (st = load_routes(ld, options, m)) != STATUS_OK)
		return err_context(ld->err, "%s", m->path), st;
	ld->s->method_list[ld->s->nmethods++] = m;
	hashmap_put(ld->s->methods, slice_str(m->path), m);
	return STATUS_OK;
}

enum status
load_services(struct loader *ld, const struct load_file *file)
{
	struct wire_in in = wire_in(file->raw), service;
	struct wire_field f, m;
	const char *package = load_text(ld, load_read_string(file->raw, 2));
	enum status st;

	while (wire_next(&in, &f) > 0) {
		if (f.number != 6 || f.type != WIRE_BYTES)
			continue;
		const char *name = load_full_name(ld, package, load_read_string(f.bytes, 1));
		service = wire_in(f.bytes);
		while (wire_next(&service, &m) > 0) {
			if (m.number == 2 && m.type == WIRE_BYTES &&
			    (st = load_method(ld, name, m.bytes)) != STATUS_OK)
				return st;
		}
	}
	return STATUS_OK;
}

size_t
load_count_methods(const struct load_file *file)
{
	struct wire_in in = wire_in(file->raw), service;
	struct wire_field f, m;
	size_t n = 0;

	while (wire_next(&in, &f) > 0) {
		service = wire_in(f.number == 6 && f.type == WIRE_BYTES ? f.bytes : SLICE_NONE);
		while (wire_next(&service, &m) > 0)
			n += m.number == 2;
	}
	return n;
}
