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
