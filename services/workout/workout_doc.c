/* SPDX-License-Identifier: Apache-2.0 */
#include "services/workout/workout_doc.h"

#include "libcommon/base/strbuf.h"
#include "libcommon/rpc/pb_arena.h"
#include "libcommon/schema/schema.h"

static const struct schema_message *
described(const ProtobufCMessageDescriptor *type)
{
	const struct schema_message *m = schema_message(schema_builtin(), slice_str(type->name));

	if (m == NULL)
		panic("no message %s in the protoset", type->name);
	return m;
}

static struct slice
pack(const ProtobufCMessage *message, struct arena *arena)
{
	size_t n = protobuf_c_message_get_packed_size(message);
	uint8_t *wire = arena_alloc(arena, n + 1);

	protobuf_c_message_pack(message, wire);
	return slice_make(wire, n);
}

enum status
workout_doc_encode(const ProtobufCMessage *message, struct arena *arena, struct slice *ret_json,
		   struct err *err)
{
	struct strbuf json = STRBUF_ARENA(arena);
	enum status st = schema_json_encode(described(message->descriptor), pack(message, arena),
					    false, &json, err);

	if (st != STATUS_OK)
		return err_set(err, STATUS_INTERNAL, "%s cannot be written as JSON",
			       message->descriptor->name);
	*ret_json = strbuf_slice(&json);
	return STATUS_OK;
}

enum status
workout_doc_decode(const ProtobufCMessageDescriptor *type, struct slice json, struct arena *arena,
		   void **ret_message, struct err *err)
{
	struct strbuf wire = STRBUF_ARENA(arena);
	/* A newer version of this service may have written members that this one does not know. */
	const struct schema_json_opts opts = { .ignore_unknown = true };
	enum status st = schema_json_decode(described(type), json, &opts, &wire, err);

	if (st == STATUS_OK)
		st = pb_arena_unpack(arena, type, strbuf_slice(&wire), ret_message, err);
	if (st != STATUS_OK) {
		err_context(err, "stored %s", type->name);
		return err_set(err, STATUS_INTERNAL, "%s", err->text);
	}
	return STATUS_OK;
}

void *
workout_doc_copy(const ProtobufCMessage *message, struct arena *arena)
{
	struct err err;
	void *copy;

	err_init(&err);
	if (pb_arena_unpack(arena, message->descriptor, pack(message, arena), &copy, &err) !=
	    STATUS_OK)
		panic("a packed %s does not unpack: %s", message->descriptor->name, err.text);
	return copy;
}

static void
drop(void *json)
{
	json_decref(json);
}

json_t *
workout_json_own(struct arena *arena, json_t *json)
{
	if (json == NULL)
		panic("no memory for JSON");
	arena_defer(arena, drop, json);
	return json;
}

enum status
workout_json_parse(struct slice text, struct arena *arena, json_t **ret_json, struct err *err)
{
	json_error_t error;
	json_t *json = json_loadb(text.p, text.n, 0, &error);

	if (json == NULL)
		return err_set(err, STATUS_INTERNAL, "stored JSON: %s", error.text);
	*ret_json = workout_json_own(arena, json);
	return STATUS_OK;
}

static int
append(const char *p, size_t n, void *out)
{
	strbuf_add(out, p, n);
	return 0;
}

struct slice
workout_json_text(const json_t *json, struct arena *arena)
{
	struct strbuf out = STRBUF_ARENA(arena);

	/* 15 digits are exact for grams and print 102.5 as itself. */
	if (json_dump_callback(json, append, &out, JSON_COMPACT | JSON_REAL_PRECISION(15)) != 0)
		panic("no memory for JSON");
	return strbuf_slice(&out);
}

Google__Protobuf__Timestamp *
workout_time_new(struct arena *arena, int64_t wall_ms)
{
	Google__Protobuf__Timestamp *t = arena_alloc(arena, sizeof(*t));
	int64_t ms = wall_ms % 1000;

	google__protobuf__timestamp__init(t);
	if (ms < 0)
		ms += 1000;
	t->seconds = (wall_ms - ms) / 1000;
	t->nanos = (int32_t)ms * 1000000;
	return t;
}

int64_t
workout_time_ms(const Google__Protobuf__Timestamp *time)
{
	/* Years 1 to 9999, as RFC 3339 and google.protobuf.Timestamp have them. */
	const int64_t min = INT64_C(-62135596800), max = INT64_C(253402300799);
	int64_t s = time->seconds < min ? min : time->seconds > max ? max : time->seconds;

	return s * 1000 + time->nanos / 1000000;
}

char *
workout_uuid_text(struct arena *arena, const struct uuid *uuid)
{
	char *text = arena_alloc(arena, UUID_TEXT_SIZE);

	uuid_format(uuid, text);
	return text;
}
