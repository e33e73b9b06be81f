/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rpc_reflection.c - grpc.reflection.v1 and v1alpha (grpc/grpc doc/server-reflection.md), on the
 * I/O threads.
 *
 * The answers are slices of the FileDescriptorSet itself. Its index (symbols, extensions) is made
 * when the first question comes: most processes are never asked. v1 and v1alpha have the same wire
 * format.
 */
#include "libcommon/rpc/rpc_server_private.h"

#include <stdlib.h>

#include "libcommon/base/arena.h"
#include "libcommon/base/hashmap.h"
#include "libcommon/rpc/pb_wire.h"

#define INDEX_CAP ((size_t)64 * 1024 * 1024)
#define NESTING_MAX 32
/* A client that asks and does not read. */
#define UNREAD_MAX ((size_t)4 * 1024 * 1024)

/* Field numbers of descriptor.proto. */
enum { SET_FILE = 1 };
enum {
	FILE_NAME = 1,
	FILE_PACKAGE,
	FILE_DEPENDENCY,
	FILE_MESSAGE,
	FILE_ENUM,
	FILE_SERVICE,
	FILE_EXTENSION
};
enum { MESSAGE_NAME = 1, MESSAGE_NESTED = 3, MESSAGE_ENUM = 4, MESSAGE_EXTENSION = 6 };
enum { FIELD_NAME = 1, FIELD_EXTENDEE = 2, FIELD_NUMBER = 3 };
enum { SERVICE_NAME = 1, SERVICE_METHOD = 2 };
/* … and of reflection.proto. */
enum { ASK_FILE = 3, ASK_SYMBOL, ASK_EXTENSION, ASK_NUMBERS, ASK_SERVICES };
enum { SAY_REQUEST = 2, SAY_FILES = 4, SAY_NUMBERS, SAY_SERVICES, SAY_ERROR };

struct file {
	struct slice name, wire;
};

struct extension {
	struct extension *next;
	struct slice extendee; /* without the leading dot */
	uint32_t number;
	struct file *file;
};

struct rpc_reflection {
	const struct rpc_registry *registry;
	struct slice protoset;
	pthread_mutex_t lock; /* for building */
	bool built;
	struct arena *arena;
	struct hashmap *files, *symbols; /* struct file * */
	struct extension *extensions;
};

/* ---- the index ---- */

/* First string of field 1: the name, in every kind of descriptor. */
static struct slice
name_of(struct slice wire)
{
	struct pb_reader r = pb_reader(wire);

	while (pb_next(&r)) {
		if (r.field == 1 && r.type == PB_BYTES)
			return r.bytes;
	}
	return SLICE_NONE;
}

static struct slice
add_symbol(struct rpc_reflection *x, struct file *file, struct slice scope, struct slice name)
{
	char *full =
		scope.n > 0 ? arena_printf(x->arena, "%.*s.%.*s", SLICE_ARG(scope), SLICE_ARG(name))
			    : arena_strndup(x->arena, name.p, name.n);
	struct slice symbol = slice_str(full);

	hashmap_put(x->symbols, symbol, file);
	return symbol;
}

static void
add_extension(struct rpc_reflection *x, struct file *file, struct slice scope, struct slice wire)
{
	struct extension *e = ARENA_NEW(x->arena, struct extension);
	struct pb_reader r = pb_reader(wire);

	while (pb_next(&r)) {
		if (r.field == FIELD_EXTENDEE && r.type == PB_BYTES)
			e->extendee = r.bytes;
		else if (r.field == FIELD_NUMBER && r.type == PB_VARINT)
			e->number = (uint32_t)r.number;
	}
	if (e->extendee.n > 0 && e->extendee.p[0] == '.') {
		e->extendee.p++;
		e->extendee.n--;
	}
	e->file = file;
	e->next = x->extensions;
	x->extensions = e;
	add_symbol(x, file, scope, name_of(wire));
}

static void
add_message(struct rpc_reflection *x, struct file *file, struct slice scope, struct slice wire,
	    unsigned depth)
{
	struct slice symbol = add_symbol(x, file, scope, name_of(wire));
	struct pb_reader r = pb_reader(wire);

	while (depth < NESTING_MAX && pb_next(&r)) {
		if (r.type != PB_BYTES)
			continue;
		if (r.field == MESSAGE_NESTED)
			add_message(x, file, symbol, r.bytes, depth + 1);
		else if (r.field == MESSAGE_ENUM)
			add_symbol(x, file, symbol, name_of(r.bytes));
		else if (r.field == MESSAGE_EXTENSION)
			add_extension(x, file, symbol, r.bytes);
	}
}

static void
add_service(struct rpc_reflection *x, struct file *file, struct slice scope, struct slice wire)
{
	struct slice symbol = add_symbol(x, file, scope, name_of(wire));
	struct pb_reader r = pb_reader(wire);

	while (pb_next(&r)) {
		if (r.field == SERVICE_METHOD && r.type == PB_BYTES)
			add_symbol(x, file, symbol, name_of(r.bytes));
	}
}

static void
add_file(struct rpc_reflection *x, struct slice wire)
{
	struct file *file = ARENA_NEW(x->arena, struct file);
	struct pb_reader r = pb_reader(wire);
	struct slice package = SLICE_NONE;

	file->wire = wire;
	while (pb_next(&r)) {
		if (r.field == FILE_NAME && r.type == PB_BYTES)
			file->name = r.bytes;
		else if (r.field == FILE_PACKAGE && r.type == PB_BYTES)
			package = r.bytes;
	}
	hashmap_put(x->files, file->name, file);
	r = pb_reader(wire);
	while (pb_next(&r)) {
		if (r.type != PB_BYTES)
			continue;
		if (r.field == FILE_MESSAGE)
			add_message(x, file, package, r.bytes, 0);
		else if (r.field == FILE_ENUM)
			add_symbol(x, file, package, name_of(r.bytes));
		else if (r.field == FILE_SERVICE)
			add_service(x, file, package, r.bytes);
		else if (r.field == FILE_EXTENSION)
			add_extension(x, file, package, r.bytes);
	}
}

static void
build(struct rpc_reflection *x)
{
	struct pb_reader r = pb_reader(x->protoset);

	pthread_mutex_lock(&x->lock);
	if (!x->built) {
		x->arena = arena_new(INDEX_CAP);
		x->files = hashmap_new();
		x->symbols = hashmap_new();
		while (pb_next(&r)) {
			if (r.field == SET_FILE && r.type == PB_BYTES)
				add_file(x, r.bytes);
		}
		x->built = true;
	}
	pthread_mutex_unlock(&x->lock);
}

struct rpc_reflection *
rpc_reflection_new(const struct rpc_registry *registry, struct slice protoset)
{
	struct rpc_reflection *x = calloc(1, sizeof(*x));

	if (x == NULL)
		panic("rpc: no memory");
	x->registry = registry;
	x->protoset = protoset;
	pthread_mutex_init(&x->lock, NULL);
	return x;
}

void
rpc_reflection_free(struct rpc_reflection *x)
{
	if (x == NULL)
		return;
	hashmap_free(x->files);
	hashmap_free(x->symbols);
	arena_free(x->arena);
	pthread_mutex_destroy(&x->lock);
	free(x);
}

/* ---- answers ---- */

static void
say_error(struct strbuf *out, enum status status, const char *text)
{
	struct strbuf e = STRBUF_INIT;

	pb_put_varint(&e, 1, (uint64_t)status);
	pb_put_bytes(&e, 2, slice_str(text));
	pb_put_bytes(out, SAY_ERROR, strbuf_slice(&e));
	strbuf_fini(&e);
}

static void
say_file(struct strbuf *out, const struct file *file, const char *otherwise)
{
	struct strbuf files = STRBUF_INIT;

	if (file == NULL) {
		say_error(out, STATUS_NOT_FOUND, otherwise);
		return;
	}
	pb_put_bytes(&files, 1, file->wire);
	pb_put_bytes(out, SAY_FILES, strbuf_slice(&files));
	strbuf_fini(&files);
}

static void
say_services(struct strbuf *out, const struct rpc_registry *registry)
{
	struct strbuf list = STRBUF_INIT, one = STRBUF_INIT;

	for (size_t i = 0; i < registry->nservices; i++) {
		strbuf_reset(&one);
		pb_put_bytes(&one, 1, slice_str(registry->services[i]));
		pb_put_bytes(&list, 1, strbuf_slice(&one));
	}
	pb_put_bytes(out, SAY_SERVICES, strbuf_slice(&list));
	strbuf_fini(&one);
	strbuf_fini(&list);
}

static void
say_extension(struct strbuf *out, const struct rpc_reflection *x, struct slice ask)
{
	struct pb_reader r = pb_reader(ask);
	struct slice type = SLICE_NONE;
	uint32_t number = 0;

	while (pb_next(&r)) {
		if (r.field == 1 && r.type == PB_BYTES)
			type = r.bytes;
		else if (r.field == 2 && r.type == PB_VARINT)
			number = (uint32_t)r.number;
	}
	const struct extension *e = x->extensions;
	while (e != NULL && !(e->number == number && slice_eq(e->extendee, type)))
		e = e->next;
	say_file(out, e != NULL ? e->file : NULL, "there is no such extension");
}

static void
say_numbers(struct strbuf *out, const struct rpc_reflection *x, struct slice type)
{
	struct strbuf answer = STRBUF_INIT;

	if (hashmap_get(x->symbols, type) == NULL) {
		say_error(out, STATUS_NOT_FOUND, "there is no such message type");
		return;
	}
	pb_put_bytes(&answer, 1, type);
	for (const struct extension *e = x->extensions; e != NULL; e = e->next) {
		if (slice_eq(e->extendee, type))
			pb_put_varint(&answer, 2, e->number);
	}
	pb_put_bytes(out, SAY_NUMBERS, strbuf_slice(&answer));
	strbuf_fini(&answer);
}

static void
answer(struct rpc_reflection *x, struct slice wire, struct strbuf *out)
{
	struct pb_reader r = pb_reader(wire);
	uint32_t asked = 0;
	struct slice what = SLICE_NONE;

	pb_put_bytes(out, SAY_REQUEST, wire);
	while (pb_next(&r)) {
		if (r.type != PB_BYTES || r.field < ASK_FILE)
			continue;
		asked = r.field;
		what = r.bytes;
	}
	build(x);
	switch (asked) {
	case ASK_FILE:
		say_file(out, hashmap_get(x->files, what), "there is no such file");
		break;
	case ASK_SYMBOL:
		say_file(out, hashmap_get(x->symbols, what), "there is no such symbol");
		break;
	case ASK_EXTENSION:
		say_extension(out, x, what);
		break;
	case ASK_NUMBERS:
		say_numbers(out, x, what);
		break;
	case ASK_SERVICES:
		say_services(out, x->registry);
		break;
	default:
		say_error(out, STATUS_INVALID_ARGUMENT, "the request asks nothing");
	}
}

static void
on_message(struct rpc_call *call, struct slice wire)
{
	struct strbuf out = STRBUF_INIT;
	struct err err;

	if (call->h2.queued > UNREAD_MAX) {
		err_init(&err);
		err_public(&err, STATUS_RESOURCE_EXHAUSTED, "too many answers wait to be read");
		rpc_inline_finish(call, STATUS_RESOURCE_EXHAUSTED, &err);
		return;
	}
	answer(call->io->server->reflection, wire, &out);
	rpc_inline_send(call, strbuf_slice(&out));
	strbuf_fini(&out);
}

static void
on_end(struct rpc_call *call)
{
	rpc_inline_finish(call, STATUS_OK, NULL);
}

const struct rpc_inline rpc_reflection_v1 = {
	.on_message = on_message,
	.on_end = on_end,
	.forever = true,
};
