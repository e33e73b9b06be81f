/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pb_arena.h - protobuf-c messages that live in an arena: nothing to free.
 *
 *	st = pb_arena_unpack(arena, &fit__workout__v1__plan__descriptor, wire, &plan, &err);
 *
 * The bytes must have passed schema_check: protobuf-c itself bounds neither depth nor size.
 *
 * Ownership: the message lives in the arena, its strings and bytes are copies: `wire` may go.
 * Threads:   the arena's.
 * Errors:    INVALID_ARGUMENT: not a message of this type. RESOURCE_EXHAUSTED: the arena's cap.
 */
#ifndef FIT_RPC_PB_ARENA_H
#define FIT_RPC_PB_ARENA_H

#include <protobuf-c/protobuf-c.h>

#include "libcommon/base/slice.h"
#include "libcommon/base/status.h"

struct arena;

enum status pb_arena_unpack(struct arena *arena, const ProtobufCMessageDescriptor *type,
			    struct slice wire, void **ret_message, struct err *err) MUST_CHECK;
/* An initialised, empty message. */
void *pb_arena_new(struct arena *arena, const ProtobufCMessageDescriptor *type);

#endif
