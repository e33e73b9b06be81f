/* SPDX-License-Identifier: Apache-2.0 */
#include "libcommon/rpc/pb_arena.h"

#include "libcommon/base/arena.h"

struct pb_arena {
	struct arena *arena;
	bool full;
};

static void *
pb_alloc(void *data, size_t n)
{
	struct pb_arena *a = data;
	void *p = arena_try_alloc(a->arena, n);

	a->full |= p == NULL;
	return p;
}

static void
pb_free(void *data, void *p)
{
	(void)data;
	(void)p;
}

enum status
pb_arena_unpack(struct arena *arena, const ProtobufCMessageDescriptor *type, struct slice wire,
		void **ret_message, struct err *err)
{
	struct pb_arena a = { .arena = arena };
	ProtobufCAllocator allocator = { .alloc = pb_alloc, .free = pb_free, .allocator_data = &a };
	void *message =
		protobuf_c_message_unpack(type, &allocator, wire.n, (const uint8_t *)wire.p);

	if (message == NULL && a.full)
		return err_public(err, STATUS_RESOURCE_EXHAUSTED,
				  "the message unpacks to too much");
	if (message == NULL)
		return err_public(err, STATUS_INVALID_ARGUMENT, "not a valid %s", type->name);
	*ret_message = message;
	return STATUS_OK;
}

void *
pb_arena_new(struct arena *arena, const ProtobufCMessageDescriptor *type)
{
	void *message = arena_alloc(arena, type->sizeof_message);

	protobuf_c_message_init(type, message);
	return message;
}
