/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_json.c - JSON text of any message. What decodes must encode, and its text must decode to the
 * same message.
 *
 * First byte: the message. The rest: the text.
 */
#include <stdlib.h>

#include "libcommon/base/strbuf.h"
#include "libcommon/schema/schema.h"

extern const char fit_testing_protoset[], fit_testing_protoset_end[];

static const char *const names[] = {
	"fit.testing.v1.Everything",
	"fit.testing.v1.Rules",
	"google.protobuf.Struct",
	"google.protobuf.Value",
	"google.protobuf.Timestamp",
	"google.protobuf.Duration",
	"google.protobuf.FieldMask",
	"google.protobuf.DoubleValue",
	"google.protobuf.FloatValue",
	"google.protobuf.BytesValue",
	"fit.testing.v1.UpdateThingRequest",
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static struct schema *s;
	struct strbuf wire = STRBUF_INIT, text = STRBUF_INIT, wire2 = STRBUF_INIT,
		      text2 = STRBUF_INIT, mask = STRBUF_INIT;
	struct schema_json_opts opts = { .mask_paths = &mask };
	struct err err;

	if (n == 0)
		return 0;
	err_init(&err);
	if (s == NULL &&
	    schema_load(slice_make(fit_testing_protoset,
				   (size_t)(fit_testing_protoset_end - fit_testing_protoset)),
			&s, &err) != STATUS_OK)
		abort();
	const struct schema_message *m =
		schema_message(s, slice_str(names[data[0] % ARRAY_LEN(names)]));
	if (schema_json_decode(m, slice_make(data + 1, n - 1), &opts, &wire, &err) == STATUS_OK) {
		(void)schema_check(m, strbuf_slice(&wire), &schema_limits_default, &err);
		if (schema_json_encode(m, strbuf_slice(&wire), false, &text, &err) != STATUS_OK)
			panic("does not encode: %s", err.text);
		if (schema_json_decode(m, strbuf_slice(&text), NULL, &wire2, &err) != STATUS_OK)
			panic("does not decode again: %s", err.text);
		if (schema_json_encode(m, strbuf_slice(&wire2), false, &text2, &err) != STATUS_OK ||
		    !slice_eq(strbuf_slice(&text), strbuf_slice(&text2)))
			panic("is not the same: %s and %s", strbuf_cstr(&text),
			      strbuf_cstr(&text2));
	}
	strbuf_fini(&wire);
	strbuf_fini(&text);
	strbuf_fini(&wire2);
	strbuf_fini(&text2);
	strbuf_fini(&mask);
	return 0;
}
