/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/fitctl/fitctl_bus.h"

#include <stdio.h>
#include <string.h>

#include "libcommon/base/strbuf.h"
#include "libcommon/schema/schema.h"
#include "tools/fitctl/fitctl.h"

#define SECRET_MAX 4096

static enum status
read_secret(struct arena *arena, const char *path, char **ret_value, struct err *err)
{
	FILE *f = fopen(path, "re");
	char *text = arena_alloc(arena, SECRET_MAX);

	if (f == NULL)
		return err_set(err, STATUS_FAILED_PRECONDITION, "%s can't be read: %m", path);
	size_t n = fread(text, 1, SECRET_MAX - 1, f);
	fclose(f);
	text[n] = '\0';
	text[strcspn(text, "\r\n")] = '\0';
	*ret_value = text;
	return STATUS_OK;
}

enum status
fitctl_bus_secret(struct arena *arena, const char *dir, const char *key, char **ret_value,
		  struct err *err)
{
	const char *file_key = arena_printf(arena, "%s_FILE", key);
	char *value;

	if (fitctl_stack_setting(arena, dir, key, ret_value, err) == STATUS_OK)
		return STATUS_OK;
	if (fitctl_stack_setting(arena, dir, file_key, &value, err) == STATUS_OK)
		return read_secret(arena, value, ret_value, err);
	*ret_value = NULL;
	return STATUS_OK;
}

enum status
fitctl_bus_open(struct arena *arena, const char *dir, struct bus **ret_bus, struct err *err)
{
	char *url, *password;
	enum status st = fitctl_stack_setting(arena, dir, "FIT_BUS_URL", &url, err);

	if (st == STATUS_OK)
		st = fitctl_bus_secret(arena, dir, "FIT_BUS_PASSWORD", &password, err);
	return st == STATUS_OK ? bus_open(url, password, ret_bus, err) : st;
}

const char *
fitctl_bus_event(struct arena *arena, const struct bus_message *m)
{
	struct strbuf name = STRBUF_ARENA(arena), json = STRBUF_ARENA(arena);

	strbuf_addf(&name, "%s.Event", m->topic);
	const struct schema_message *type =
		schema_message(schema_builtin(), slice_make(name.buf, name.len));
	if (type != NULL && schema_json_encode(type, m->value, false, &json, NULL) == STATUS_OK)
		return json.buf;
	return arena_printf(arena, "(%zu bytes)", m->value.n);
}

const char *
fitctl_bus_key(struct arena *arena, const struct bus_message *m)
{
	struct strbuf hex = STRBUF_ARENA(arena);

	if (m->key.n == 16) {
		char *text = arena_alloc(arena, UUID_TEXT_SIZE);
		struct uuid id;

		memcpy(id.b, m->key.p, sizeof(id.b));
		uuid_format(&id, text);
		return text;
	}
	for (size_t i = 0; i < m->key.n; i++)
		strbuf_addf(&hex, "%02x", (unsigned char)m->key.p[i]);
	return hex.len > 0 ? hex.buf : "";
}

const char *
fitctl_bus_time(struct arena *arena, int64_t wall_ms)
{
	char *text = arena_alloc(arena, CLOCK_RFC3339_SIZE);

	clock_format_rfc3339(wall_ms, text);
	return text;
}

static void
json_name(struct strbuf *line, const char *name)
{
	strbuf_addf(line, "%s\"%s\":", line->len == 0 ? "{" : ",", name);
}

void
fitctl_json_text(struct strbuf *line, const char *name, const char *text)
{
	json_name(line, name);
	if (text == NULL)
		strbuf_adds(line, "null");
	else
		strbuf_add_json_string(line, slice_str(text));
}

void
fitctl_json_int(struct strbuf *line, const char *name, int64_t n)
{
	json_name(line, name);
	strbuf_add_i64(line, n);
}

void
fitctl_bus_json(struct strbuf *line, struct arena *arena, const struct bus_message *m)
{
	const char *event = fitctl_bus_event(arena, m);
	char id[UUID_TEXT_SIZE];

	uuid_format(&m->id, id);
	fitctl_json_text(line, "topic", m->topic);
	fitctl_json_int(line, "partition", m->partition);
	fitctl_json_int(line, "offset", m->offset);
	fitctl_json_text(line, "id", id);
	fitctl_json_text(line, "key", fitctl_bus_key(arena, m));
	fitctl_json_text(line, "type", m->type);
	fitctl_json_text(line, "source", m->source);
	fitctl_json_text(line, "time", fitctl_bus_time(arena, m->time_ms));
	fitctl_json_text(line, "traceparent", m->traceparent);
	json_name(line, "event");
	strbuf_adds(line, event[0] == '{' ? event : "null");
}

void
fitctl_json_end(struct strbuf *line)
{
	printf("%s}\n", line->buf);
	strbuf_reset(line);
}
