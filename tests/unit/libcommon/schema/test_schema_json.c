/* SPDX-License-Identifier: Apache-2.0 */
/* The proto3 JSON mapping, rule by rule; thousands of whole messages are compared in
 * tests/integration/schema. */
#include <stdio.h>

#include "tests/unit/libcommon/schema/schema_test.h"

#define ANY "google.protobuf.Any has no JSON form here"

struct row {
	const char *message, *in, *out; /* out: the JSON that comes back, or what the error holds */
};

static void
check_taken(const struct row *rows, size_t n, bool always)
{
	for (size_t i = 0; i < n; i++) {
		struct strbuf wire = STRBUF_INIT, text = STRBUF_INIT;
		struct err err;
		const struct schema_message *m = message(rows[i].message);
		err_init(&err);
		if (schema_json_decode(m, slice_str(rows[i].in), NULL, &wire, &err) != STATUS_OK)
			fail_msg("%s: %s", rows[i].in, error_text(&err));
		assert_int_equal(schema_json_encode(m, strbuf_slice(&wire), always, &text, &err),
				 STATUS_OK);
		assert_string_equal(strbuf_cstr(&text), rows[i].out);
		strbuf_fini(&wire);
		strbuf_fini(&text);
	}
}

static void
test_schema_json_takes(void **state)
{
	static const struct row rows[] = {
		/* numbers in every spelling */
		{ "Leaf", "{\"count\":12}", "{\"count\":12}" },
		{ "Leaf", " { \"count\" : 1.2e1 } \r\n", "{\"count\":12}" },
		{ "Leaf", "{\"count\":\"-12\"}", "{\"count\":-12}" },
		{ "Leaf", "{\"count\":120.00e-1}", "{\"count\":12}" },
		{ "Leaf", "{\"count\":0}", "{}" },
		{ "Leaf", "{\"ratio\":0}", "{\"ratio\":0}" },
		{ "Leaf", "{\"ratio\":-0}", "{\"ratio\":-0.0}" },
		{ "Leaf", "{\"ratio\":\"2.5e-3\"}", "{\"ratio\":0.0025}" },
		{ "Leaf", "{\"ratio\":\"NaN\"}", "{\"ratio\":\"NaN\"}" },
		{ "Leaf", "{\"ratio\":\"-Infinity\"}", "{\"ratio\":\"-Infinity\"}" },
		{ "Everything", "{\"int64Value\":-9223372036854775808}",
		  "{\"int64Value\":\"-9223372036854775808\"}" },
		{ "Everything", "{\"uint64Value\":\"18446744073709551615\"}",
		  "{\"uint64Value\":\"18446744073709551615\"}" },
		{ "Everything", "{\"int64Value\":9007199254740993}",
		  "{\"int64Value\":\"9007199254740993\"}" },
		{ "Everything", "{\"floatValue\":3.4028235e38}", "{\"floatValue\":3.4028235e+38}" },
		{ "Everything", "{\"floatValue\":0.1}", "{\"floatValue\":0.1}" },
		/* names */
		{ "Everything", "{\"int32_value\":1,\"opt_int32\":0}",
		  "{\"int32Value\":1,\"optInt32\":0}" },
		{ "Everything", "{\"odd name\":\"x\"}", "{\"odd name\":\"x\"}" },
		{ "Everything", "{\"renamed\":\"x\"}", "{\"odd name\":\"x\"}" },
		{ "Everything", "{\"int32V\\u0061lue\":1}", "{\"int32Value\":1}" },
		{ "Everything", "{\"farAway\":1,\"boolValue\":true}",
		  "{\"boolValue\":true,\"farAway\":1}" },
		/* strings */
		{ "Leaf", "{\"name\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"}",
		  "{\"name\":\"\\\"\\\\/\\b\\f\\n\\r\\t\"}" },
		{ "Leaf", "{\"name\":\"\\u00e9\\ud83d\\ude00\\u0001\"}",
		  "{\"name\":\"\xc3\xa9\xf0\x9f\x98\x80\\u0001\"}" },
		{ "Leaf", "{\"name\":\"\xe6\x97\xa5\xe6\x9c\xac\"}",
		  "{\"name\":\"\xe6\x97\xa5\xe6\x9c\xac\"}" },
		/* bytes: both alphabets, padded or not, escaped */
		{ "Everything", "{\"bytesValue\":\"-_8=\"}", "{\"bytesValue\":\"+/8=\"}" },
		{ "Everything", "{\"bytesValue\":\"+\\/8\"}", "{\"bytesValue\":\"+/8=\"}" },
		{ "Everything", "{\"byteStrings\":[\"\",\"AQ\"]}",
		  "{\"byteStrings\":[\"\",\"AQ==\"]}" },
		/* enums */
		{ "Everything", "{\"color\":\"VERDE\"}", "{\"color\":\"GREEN\"}" },
		{ "Everything", "{\"color\":-7}", "{\"color\":\"NEGATIVE\"}" },
		{ "Everything", "{\"colors\":[0,99,\"RED\"]}",
		  "{\"colors\":[\"COLOR_UNSPECIFIED\",99,\"RED\"]}" },
		/* null is absent */
		{ "Everything",
		  "{\"int32Value\":null,\"leaf\":null,\"doubles\":null,\"byName\":null,"
		  "\"wrappedInt32\":null}",
		  "{}" },
		{ "Everything", "{\"value\":null}", "{\"value\":null}" },
		{ "Everything", "{\"choiceNull\":null}", "{\"choiceNull\":null}" },
		{ "Everything", "{\"choiceInt\":null,\"choiceBool\":false}",
		  "{\"choiceBool\":false}" },
		{ "Everything", "{\"values\":[null,1]}", "{\"values\":[null,1]}" },
		/* repeated, maps */
		{ "Everything", "{\"unpackedInt32s\":[1,2],\"int32s\":[],\"leaves\":[{}]}",
		  "{\"unpackedInt32s\":[1,2],\"leaves\":[{}]}" },
		{ "Everything", "{\"byBool\":{\"true\":{},\"false\":{\"count\":1}}}",
		  "{\"byBool\":{\"false\":{\"count\":1},\"true\":{}}}" },
		{ "Everything", "{\"bySint32\":{\"10\":\"RED\",\"-2\":0}}",
		  "{\"bySint32\":{\"-2\":\"COLOR_UNSPECIFIED\",\"10\":\"RED\"}}" },
		{ "Everything", "{\"byString\":{\"b\":\"\",\"\":\"x\",\"a\":\"y\"}}",
		  "{\"byString\":{\"\":\"x\",\"a\":\"y\",\"b\":\"\"}}" },
		/* well-known types */
		{ "Everything", "{\"timestamp\":\"2026-01-31T18:05:00+01:30\"}",
		  "{\"timestamp\":\"2026-01-31T16:35:00Z\"}" },
		{ "Everything", "{\"timestamp\":\"1969-12-31T23:59:59.5Z\"}",
		  "{\"timestamp\":\"1969-12-31T23:59:59.500Z\"}" },
		{ "Everything", "{\"duration\":\"-1.000001s\"}", "{\"duration\":\"-1.000001s\"}" },
		{ "Everything", "{\"duration\":\"0.5s\"}", "{\"duration\":\"0.500s\"}" },
		{ "Everything", "{\"fieldMask\":\"fooBar,a.bC\"}",
		  "{\"fieldMask\":\"fooBar,a.bC\"}" },
		{ "Everything", "{\"fieldMask\":\"\"}", "{\"fieldMask\":\"\"}" },
		{ "Everything", "{\"empty\":{}}", "{\"empty\":{}}" },
		{ "Everything", "{\"wrappedInt64\":5,\"wrappedBool\":false,\"wrappedString\":\"\"}",
		  "{\"wrappedInt64\":\"5\",\"wrappedBool\":false,\"wrappedString\":\"\"}" },
		{ "Everything",
		  "{\"structValue\":{\"z\":[1,\"x\",true,null,{}],\"a\":{\"b\":-0.5}}}",
		  "{\"structValue\":{\"a\":{\"b\":-0.5},\"z\":[1,\"x\",true,null,{}]}}" },
		{ "Everything", "{\"listValue\":[[],[[1]]]}", "{\"listValue\":[[],[[1]]]}" },
		{ "google.protobuf.Value", "\"x\"", "\"x\"" },
		{ "google.protobuf.Duration", "\"3s\"", "\"3s\"" },
		{ "google.protobuf.BoolValue", "true", "true" },
	};
	(void)state;
	check_taken(rows, sizeof(rows) / sizeof(rows[0]), false);
}

static void
test_schema_json_prints_defaults(void **state)
{
	static const struct row rows[] = {
		{ "Leaf", "{}", "{\"name\":\"\",\"count\":0}" },
		{ "Leaf", "{\"count\":5}", "{\"name\":\"\",\"count\":5}" },
		{ "ListThingsResponse", "{}", "{\"things\":[],\"nextPageToken\":\"\"}" },
		{ "Thing", "{\"id\":\"a\",\"body\":{}}",
		  "{\"id\":\"a\",\"name\":\"\",\"notes\":\"\",\"body\":{\"weightKg\":0,\"hair\":"
		  "\"\"},\"leaves\":{}}" },
	};
	(void)state;
	check_taken(rows, sizeof(rows) / sizeof(rows[0]), true);
}

static void
test_schema_json_refuses(void **state)
{
	static const struct row rows[] = {
		{ "Leaf", "", "malformed JSON: it ends at byte 0" },
		{ "Leaf", "{\"count\":1", "malformed JSON: it ends at byte 10" },
		{ "Leaf", "{\"count\":1}x", "malformed JSON at byte 11: unexpected 'x'" },
		{ "Leaf", "{\"count\":1,}", "malformed JSON at byte 11" },
		{ "Leaf", "{\"count\" 1}", "malformed JSON at byte 9" },
		{ "Leaf", "{count:1}", "malformed JSON at byte 1" },
		{ "Leaf", "\xef\xbb\xbf{}", "malformed JSON at byte 0: unexpected byte 0xef" },
		{ "Leaf", "{\"count\":01}", "a leading zero" },
		{ "Leaf", "{\"count\":1.}", "ends in a point" },
		{ "Leaf", "{\"count\":-}", "without digits" },
		{ "Leaf", "{\"count\":1e}", "an empty exponent" },
		{ "Leaf", "{\"ratio\":NaN}", "malformed JSON at byte 9" },
		{ "Leaf", "{\"name\":\"a\nb\"}", "a control character" },
		{ "Leaf", "{\"name\":\"\\x\"}", "an unknown escape" },
		{ "Leaf", "{\"name\":\"\\ud800\"}", "half of a surrogate pair" },
		{ "Leaf", "{\"name\":\"\\udc00\\ud800\"}", "half of a surrogate pair" },
		{ "Leaf", "{\"name\":\"\\u12g4\"}", "four hex digits" },
		{ "Leaf", "{\"name\":\"\xff\"}", "not UTF-8" },
		{ "Leaf", "{\"name\":\"\xed\xa0\x80\"}", "not UTF-8" },
		{ "Leaf", "{\"name\":\"abc", "an unfinished string" },
		{ "Everything", "{\"boolValue\":tru}", "an unknown word" },
		{ "Leaf", "[]", "the body is an array; expected an object" },
		{ "Leaf", "null", "the body is null; expected an object" },
		/* each error names path, kind and what would be right */
		{ "Leaf", "{\"cuont\":1}", "cuont: is not a field of Leaf" },
		{ "Everything", "{\"leaves\":[{},{\"x\":1}]}",
		  "leaves[1].x: is not a field of Leaf" },
		{ "Everything", "{\"byName\":{\"a\":{\"leaf\":{\"count\":true}}}}",
		  "byName[\"a\"].leaf.count: is a boolean; expected an integer in "
		  "-2147483648..2147483647" },
		{ "Leaf", "{\"count\":2147483648}",
		  "count: 2147483648 is not an integer in -2147483648..2147483647" },
		{ "Leaf", "{\"count\":1.5}", "count: 1.5 is not an integer" },
		{ "Leaf", "{\"count\":\"1e2\"}", "count: 1e2 is not an integer" },
		{ "Leaf", "{\"count\":\" 1\"}", "is not an integer" },
		{ "Leaf", "{\"count\":\"\"}", "is not an integer" },
		{ "Everything", "{\"uint32Value\":-1}",
		  "uint32Value: -1 is not an integer in 0..4294967295" },
		{ "Everything", "{\"uint64Value\":18446744073709551616}",
		  "is not an integer in 0..18446744073709551615" },
		{ "Everything", "{\"doubleValue\":1e309}",
		  "doubleValue: 1e309 is not a finite number" },
		{ "Everything", "{\"floatValue\":3.5e38}",
		  "floatValue: 3.5e38 is not a number that a float holds" },
		{ "Everything", "{\"doubleValue\":\"inf\"}", "is not a finite number" },
		{ "Everything", "{\"doubleValue\":true}", "is a boolean; expected a number" },
		{ "Everything", "{\"boolValue\":1}",
		  "boolValue: is a number; expected true or false" },
		{ "Everything", "{\"boolValue\":\"true\"}", "is a string; expected true or false" },
		{ "Leaf", "{\"name\":5}", "name: is a number; expected a string" },
		{ "Everything", "{\"bytesValue\":\"a\"}", "bytesValue: is not base64" },
		{ "Everything", "{\"bytesValue\":\"a*bc\"}", "bytesValue: is not base64" },
		{ "Everything", "{\"color\":\"PURPLE\"}",
		  "color: \"PURPLE\" is not a name of the enum" },
		{ "Everything", "{\"leaf\":[]}", "leaf: is an array; expected an object" },
		{ "Everything", "{\"doubles\":1}", "doubles: is a number; expected an array" },
		{ "Everything", "{\"doubles\":[1,null]}",
		  "doubles[1]: is null; expected an element" },
		{ "Everything", "{\"byString\":[]}", "byString: is an array; expected an object" },
		{ "Everything", "{\"byString\":{\"a\":null}}",
		  "byString[\"a\"]: is null; expected a string" },
		{ "Everything", "{\"byInt32\":{\"x\":1}}",
		  "byInt32[\"x\"]: has a key that is not an integer" },
		{ "Everything", "{\"byBool\":{\"yes\":{}}}",
		  "has a key that is not true or false" },
		/* twice */
		{ "Leaf", "{\"count\":1,\"count\":1}", "count: is there twice" },
		{ "Everything", "{\"int32Value\":1,\"int32_value\":2}",
		  "int32Value: is there twice" },
		{ "Everything", "{\"byString\":{\"a\":\"\",\"\\u0061\":\"\"}}", "is there twice" },
		{ "Everything", "{\"structValue\":{\"a\":1,\"a\":2}}",
		  "structValue[\"a\"]: is there twice" },
		{ "Everything", "{\"choiceInt\":1,\"choiceString\":\"\"}",
		  "choiceString: is the second member of \"choice\"" },
		/* well-known types */
		{ "Everything", "{\"timestamp\":5}",
		  "timestamp: is a number; expected a time such as" },
		{ "Everything", "{\"timestamp\":\"2026-02-29T00:00:00Z\"}",
		  "\"2026-02-29T00:00:00Z\" is not a time" },
		{ "Everything", "{\"timestamp\":\"2026-01-31T24:00:00Z\"}", "is not a time" },
		{ "Everything", "{\"timestamp\":\"2026-01-31T00:00:00\"}", "is not a time" },
		{ "Everything", "{\"timestamp\":\"0001-01-01T00:00:00+00:01\"}", "is not a time" },
		{ "Everything", "{\"timestamp\":\"9999-12-31T23:59:59-00:01\"}", "is not a time" },
		{ "Everything", "{\"duration\":\"1\"}", "is not a duration" },
		{ "Everything", "{\"duration\":\"315576000001s\"}", "is not a duration" },
		{ "Everything", "{\"duration\":\"1.1234567890s\"}", "is not a duration" },
		{ "Everything", "{\"fieldMask\":\"foo_bar\"}",
		  "fieldMask: is not a list of paths" },
		{ "Everything", "{\"fieldMask\":\"a,\"}", "fieldMask: is not a list of paths" },
		{ "Everything", "{\"listValue\":{}}",
		  "listValue: is an object; expected an array" },
		{ "Everything", "{\"structValue\":[]}",
		  "structValue: is an array; expected an object" },
		{ "Everything", "{\"any\":{}}", "any: cannot be given: " ANY },
	};
	(void)state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct strbuf wire = STRBUF_INIT;
		struct err err;
		err_init(&err);
		strbuf_adds(&wire, "before");
		if (schema_json_decode(message(rows[i].message), slice_str(rows[i].in), NULL, &wire,
				       &err) == STATUS_OK)
			fail_msg("takes %s", rows[i].in);
		assert_int_equal(err.status, STATUS_INVALID_ARGUMENT);
		if (strstr(error_text(&err), rows[i].out) == NULL)
			fail_msg("%s: \"%s\" does not hold \"%s\"", rows[i].in, error_text(&err),
				 rows[i].out);
		assert_string_equal(wire.buf, "before"); /* nothing is left behind */
		/* Without a struct err it refuses as well. */
		assert_int_not_equal(schema_json_decode(message(rows[i].message),
							slice_str(rows[i].in), NULL, &wire, NULL),
				     STATUS_OK);
		strbuf_fini(&wire);
	}
}

static void
test_schema_json_bounds_depth(void **state)
{
	struct strbuf text = STRBUF_INIT, wire = STRBUF_INIT;
	struct schema_json_opts opts = { 0 };
	struct err err;
	(void)state;

	/* Messages on the wire count: each level of "child" is one, each of a Struct is three. */
	for (unsigned depth = 63; depth <= 64; depth++) {
		strbuf_reset(&text);
		for (unsigned i = 0; i < depth; i++)
			strbuf_adds(&text, "{\"child\":");
		strbuf_adds(&text, "{}");
		for (unsigned i = 0; i < depth; i++)
			strbuf_adds(&text, "}");
		err_init(&err);
		enum status st = schema_json_decode(message("Everything"), strbuf_slice(&text),
						    NULL, &wire, &err);
		assert_int_equal(st, depth == 63 ? STATUS_OK : STATUS_INVALID_ARGUMENT);
		if (depth == 63)
			assert_int_equal(schema_check(message("Everything"), strbuf_slice(&wire),
						      &schema_limits_default, &err),
					 STATUS_OK);
	}
	assert_non_null(strstr(error_text(&err), "nested deeper than 64 messages"));
	opts.max_depth = 2;
	assert_int_not_equal(schema_json_decode(message("Everything"),
						SLICE_LIT("{\"child\":{\"child\":{}}}"), &opts,
						&wire, &err),
			     STATUS_OK);
	strbuf_reset(&text);
	for (int i = 0; i < 10000; i++)
		strbuf_adds(&text, "[");
	assert_int_not_equal(schema_json_decode(message("google.protobuf.Value"),
						strbuf_slice(&text), NULL, &wire, &err),
			     STATUS_OK);
	strbuf_fini(&text);
	strbuf_fini(&wire);
}

/* Text that makes many times its own bytes stops where the limit is. */
static void
test_schema_json_bounds_output(void **state)
{
	static const struct {
		const char *message, *head, *item, *tail;
	} rows[] = {
		{ "Everything", "{\"doubles\":[1", ",1", "]}" },
		{ "google.protobuf.ListValue", "[1", ",1", "]" },
		{ "Everything", "{\"leaves\":[{}", ",{}", "]}" },
	};
	struct schema_json_opts opts = { .max_bytes = 4096 };
	(void)state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct strbuf text = STRBUF_INIT, wire = STRBUF_INIT;
		struct err err;

		strbuf_adds(&text, rows[i].head);
		for (int n = 0; n < 100000; n++)
			strbuf_adds(&text, rows[i].item);
		strbuf_adds(&text, rows[i].tail);
		err_init(&err);
		assert_int_equal(schema_json_decode(message(rows[i].message), strbuf_slice(&text),
						    NULL, &wire, &err),
				 STATUS_OK);
		assert_true(wire.len > opts.max_bytes);
		strbuf_fini(&wire);
		wire = STRBUF_INIT;
		assert_int_equal(schema_json_decode(message(rows[i].message), strbuf_slice(&text),
						    &opts, &wire, &err),
				 STATUS_INVALID_ARGUMENT);
		assert_non_null(strstr(error_text(&err), "holds too much"));
		assert_true(wire.cap < 4 * opts.max_bytes);
		strbuf_fini(&wire);
		strbuf_fini(&text);
	}
}

static void
test_schema_json_collects_mask(void **state)
{
	static const struct row rows[] = {
		{ "Thing", "{}", "" },
		{ "Thing", "{\"name\":null,\"notes\":\"x\"}", "name,notes" },
		{ "Thing", "{\"body\":{\"weightKg\":1,\"hair\":null}}",
		  "body.weight_kg,body.hair" },
		{ "Thing", "{\"body\":null,\"createdAt\":\"2026-01-01T00:00:00Z\"}",
		  "body,created_at" },
		{ "Thing", "{\"body\":{\"leaf\":{\"name\":\"x\"}}}", "body.leaf" },
		{ "Thing", "{\"leaves\":{\"a\":{\"name\":\"x\"}}}", "leaves" },
		{ "Everything", "{\"leaves\":[{\"name\":\"x\"}],\"structValue\":{\"a\":{\"b\":1}}}",
		  "leaves,struct_value" },
	};
	(void)state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct strbuf wire = STRBUF_INIT, mask = STRBUF_INIT;
		struct schema_json_opts opts = { .mask_paths = &mask };
		struct err err;
		err_init(&err);
		assert_int_equal(schema_json_decode(message(rows[i].message), slice_str(rows[i].in),
						    &opts, &wire, &err),
				 STATUS_OK);
		assert_string_equal(strbuf_cstr(&mask), rows[i].out);
		strbuf_fini(&wire);
		strbuf_fini(&mask);
	}
}

/* What a newer version stored. */
static void
test_schema_json_passes_over_unknown_members(void **state)
{
	static const struct row rows[] = {
		{ "Leaf", "{\"new\":1,\"count\":2}", "{\"count\":2}" },
		{ "Leaf", "{\"count\":2,\"new\":{\"a\":[1,\"]}\",null,{}],\"b\":true}}",
		  "{\"count\":2}" },
		{ "Everything", "{\"leaves\":[{\"x\":\"\\u00e9\"},{\"count\":1}]}",
		  "{\"leaves\":[{},{\"count\":1}]}" },
		/* still malformed */
		{ "Leaf", "{\"new\":{\"a\":1}", NULL },
		{ "Leaf", "{\"new\":[1,]}", NULL },
		{ "Leaf", "{\"new\":{1:2}}", NULL },
		{ "Leaf", "{\"new\"}", NULL },
		{ "Leaf", "{\"new\":tru}", NULL },
		{ "Leaf", "{\"new\":[[[[[[[[[[]]]]]]]]]]}", NULL },
		{ "Leaf", "{\"count\":\"x\"}", NULL },
	};
	struct schema_json_opts opts = { .ignore_unknown = true, .max_depth = 10 };
	(void)state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct strbuf wire = STRBUF_INIT, text = STRBUF_INIT;
		struct err err;
		err_init(&err);
		enum status st = schema_json_decode(message(rows[i].message), slice_str(rows[i].in),
						    &opts, &wire, &err);
		if ((st == STATUS_OK) != (rows[i].out != NULL))
			fail_msg("%s: %s", rows[i].in, error_text(&err));
		if (st == STATUS_OK) {
			assert_int_equal(schema_json_encode(message(rows[i].message),
							    strbuf_slice(&wire), false, &text,
							    &err),
					 STATUS_OK);
			assert_string_equal(text.buf, rows[i].out);
		}
		strbuf_fini(&wire);
		strbuf_fini(&text);
	}
}

struct wire_row {
	const char *hex, *json;
};

static void
from_hex(const char *hex, struct strbuf *out)
{
	for (const char *p = hex; *p != '\0';) {
		unsigned b;
		if (*p == ' ') {
			p++;
			continue;
		}
		assert_int_equal(sscanf(p, "%2x", &b), 1);
		strbuf_addch(out, (char)b);
		p += 2;
	}
}

static void
test_schema_json_reads_any_wire_order(void **state)
{
	/* leaf is 133 (aa08), int32_value 5, choice_int 81 (8805), choice_leaf 83 (9a05), by_string
	 * 61 (ea03) */
	static const struct wire_row rows[] = {
		{ "2801 2802", "{\"int32Value\":2}" },
		{ "2801 2800", "{}" },
		{ "aa0803 0a0161 aa0802 1005", "{\"leaf\":{\"name\":\"a\",\"count\":5}}" },
		{ "aa0802 1005 2801", "{\"int32Value\":1,\"leaf\":{\"count\":5}}" },
		{ "880501 9a0502 1005", "{\"choiceLeaf\":{\"count\":5}}" },
		{ "9a0502 1005 880501 9a0503 0a0161", "{\"choiceLeaf\":{\"name\":\"a\"}}" },
		{ "9a0502 1005 9a0503 0a0161", "{\"choiceLeaf\":{\"name\":\"a\",\"count\":5}}" },
		{ "9a0502 1005 880507", "{\"choiceInt\":7}" },
		{ "ea0306 0a0161 120178 ea0303 0a0161", "{\"byString\":{\"a\":\"\"}}" },
		{ "ea0306 120178 0a0161", "{\"byString\":{\"a\":\"x\"}}" },
		{ "ea0303 0a0162 f8f0 0401 ea0303 0a0161",
		  "{\"byString\":{\"a\":\"\",\"b\":\"\"}}" },
		{ "e80201 ea0202 0203 e80204", "{\"int32s\":[1,2,3,4]}" },
		{ "ca0301 05 c80306", "{\"unpackedInt32s\":[5,6]}" },
		{ "ea0200", "{}" },
		{ "2880808080f8ffffffff01", "{\"int32Value\":-2147483648}" },
		{ "408002", "{\"boolValue\":true}" },
	};
	(void)state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct strbuf wire = STRBUF_INIT, text = STRBUF_INIT;
		struct err err;
		err_init(&err);
		from_hex(rows[i].hex, &wire);
		if (schema_json_encode(message("Everything"), strbuf_slice(&wire), false, &text,
				       &err) != STATUS_OK)
			fail_msg("%s: %s", rows[i].hex, err.text);
		assert_string_equal(text.buf, rows[i].json);
		strbuf_fini(&wire);
		strbuf_fini(&text);
	}
}

static void
test_schema_json_does_not_print_what_it_cannot(void **state)
{
	/* timestamp 101 (aa06), duration 102 (b206), value 104 (c206), field_mask 106 (d206), any
	 * 118 (b207), string 9 */
	static const struct wire_row rows[] = {
		{ "28", "malformed" },
		{ "2d00000000", "malformed" },
		{ "4a0161 4a05", "malformed" },
		{ "4a01ff", "not UTF-8" },
		{ "aa0607 08ffffffffff7f", "out of range" },
		{ "b20602 1081", "malformed" },
		{ "b2060d 0801 10ffffffffffffffffff01", "out of range" },
		{ "c20609 11000000000000f07f", "not finite" },
		{ "d20603 0a0141", "no lowerCamelCase form" },
		{ "b20700", "no JSON form" },
		{ "0b 0c", "malformed" },
	};
	(void)state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct strbuf wire = STRBUF_INIT, text = STRBUF_INIT;
		struct err err;
		err_init(&err);
		from_hex(rows[i].hex, &wire);
		strbuf_adds(&text, "before");
		assert_int_not_equal(schema_json_encode(message("Everything"), strbuf_slice(&wire),
							false, &text, &err),
				     STATUS_OK);
		if (strstr(err.text, rows[i].json) == NULL)
			fail_msg("%s: %s", rows[i].hex, err.text);
		assert_string_equal(text.buf, "before");
		strbuf_fini(&wire);
		strbuf_fini(&text);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_schema_json_takes),
		cmocka_unit_test(test_schema_json_prints_defaults),
		cmocka_unit_test(test_schema_json_refuses),
		cmocka_unit_test(test_schema_json_bounds_depth),
		cmocka_unit_test(test_schema_json_bounds_output),
		cmocka_unit_test(test_schema_json_collects_mask),
		cmocka_unit_test(test_schema_json_passes_over_unknown_members),
		cmocka_unit_test(test_schema_json_reads_any_wire_order),
		cmocka_unit_test(test_schema_json_does_not_print_what_it_cannot),
	};
	return cmocka_run_group_tests(tests, setup_schema, teardown_schema);
}
