/* SPDX-License-Identifier: Apache-2.0 */
/*
 * workout_doc.h - documents: protobuf messages in memory, their JSON (proto3 mapping) in the
 * database.
 *
 *	st = workout_doc_encode(&session->base, arena, &json, err);
 *	st = workout_doc_decode(&fit__workout__v1__session__descriptor, json, arena, &m, err);
 *
 * Members with default values are not stored. Times are RFC 3339, weights decimal kilograms.
 * Ownership: results live in the arena, texts and json_t included. Threads: the arena's.
 * Errors:    INTERNAL when a stored document is not one, or a message has no JSON form.
 */
#ifndef FIT_WORKOUT_DOC_H
#define FIT_WORKOUT_DOC_H

#include <google/protobuf/timestamp.pb-c.h>
#include <jansson.h>
#include <protobuf-c/protobuf-c.h>

#include "libcommon/base/arena.h"
#include "libcommon/base/slice.h"
#include "libcommon/base/status.h"
#include "libcommon/base/uuid.h"

enum status workout_doc_encode(const ProtobufCMessage *message, struct arena *arena,
			       struct slice *ret_json, struct err *err) MUST_CHECK;
enum status workout_doc_decode(const ProtobufCMessageDescriptor *type, struct slice json,
			       struct arena *arena, void **ret_message, struct err *err) MUST_CHECK;
/* A copy that shares nothing with the original. */
void *workout_doc_copy(const ProtobufCMessage *message, struct arena *arena)
	__attribute__((returns_nonnull));

/* jansson values that die with the arena. */
json_t *workout_json_own(struct arena *arena, json_t *json) __attribute__((returns_nonnull));
enum status workout_json_parse(struct slice text, struct arena *arena, json_t **ret_json,
			       struct err *err) MUST_CHECK;
struct slice workout_json_text(const json_t *json, struct arena *arena);

/* Protobuf-c's empty string is not NULL and not ours to write to. */
static inline char *
workout_pb_text(struct arena *arena, const char *s)
{
	return arena_strdup(arena, s != NULL ? s : "");
}

#endif
