/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_wire_check.c - bytes of any message. What passes the check must unpack in protobuf-c within
 * the estimate of memory, and print as JSON that decodes.
 *
 * First byte: the message. The rest: the bytes.
 */
#include <google/protobuf/descriptor.pb-c.h>
#include <google/protobuf/struct.pb-c.h>
#include <google/rpc/error_details.pb-c.h>
#include <stdlib.h>

#include "libcommon/base/strbuf.h"
#include "libcommon/schema/schema.h"

extern const char fit_testing_protoset[], fit_testing_protoset_end[];

static const struct {
	const char *name;
	const ProtobufCMessageDescriptor *unpack;
} kinds[] = {
	{ "fit.testing.v1.Everything", NULL },
	{ "fit.testing.v1.Rules", NULL },
	{ "google.protobuf.FileDescriptorProto",
	  &google__protobuf__file_descriptor_proto__descriptor },
	{ "google.protobuf.Struct", &google__protobuf__struct__descriptor },
	{ "google.rpc.ErrorInfo", &google__rpc__error_info__descriptor },
	{ "google.rpc.BadRequest", &google__rpc__bad_request__descriptor },
};

/* A bump allocator: freed memory is not given back, as in the arena of a call. */
static char pool[8 << 20];
static size_t used;

static void *
take(void *data, size_t n)
{
	(void)data;
	n = (n + 15) & ~(size_t)15;
	if (n > sizeof(pool) - used)
		panic("protobuf-c takes more than %zu bytes", sizeof(pool));
	used += n;
	return pool + used - n;
}

static void
drop(void *data, void *p)
{
	(void)data;
	(void)p;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void
check_one(const struct schema_message *m, const ProtobufCMessageDescriptor *unpack,
	  struct slice wire)
{
	struct strbuf text = STRBUF_INIT, again = STRBUF_INIT;
	struct schema_limits limits = schema_limits_default;
	ProtobufCAllocator allocator = { take, drop, NULL };
	struct err err;

	err_init(&err);
	if (schema_check(m, wire, &limits, &err) == STATUS_OK && unpack != NULL) {
		used = 0;
		(void)protobuf_c_message_unpack(unpack, &allocator, wire.n,
						(const uint8_t *)wire.p);
		/* Whatever it took: the check with that as its limit must not pass with less. */
		limits.max_unpacked_bytes = used > 0 ? used - 1 : 0;
		if (used > 0 && schema_check(m, wire, &limits, &err) == STATUS_OK)
			panic("protobuf-c took %zu bytes, more than was estimated", used);
	}
	if (schema_json_encode(m, wire, false, &text, &err) == STATUS_OK &&
	    schema_json_decode(m, strbuf_slice(&text), NULL, &again, &err) != STATUS_OK)
		panic("prints what does not decode: %s",
		      err.nfields ? err.fields[0].text : err.text);
	strbuf_fini(&text);
	strbuf_fini(&again);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static struct schema *s;
	struct err err;

	if (n == 0)
		return 0;
	err_init(&err);
	if (s == NULL &&
	    schema_load(slice_make(fit_testing_protoset,
				   (size_t)(fit_testing_protoset_end - fit_testing_protoset)),
			&s, &err) != STATUS_OK)
		abort();
	size_t kind = data[0] % ARRAY_LEN(kinds);
	const struct schema_message *m = schema_message(kinds[kind].unpack ? schema_builtin() : s,
							slice_str(kinds[kind].name));
	check_one(m, kinds[kind].unpack, slice_make(data + 1, n - 1));
	return 0;
}
