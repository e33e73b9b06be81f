/* SPDX-License-Identifier: Apache-2.0 */
/* The wire check: form, limits, and each rule of buf.validate. */
#include <google/protobuf/descriptor.pb-c.h>
#include <stdio.h>
#include <stdlib.h>

#include "libcommon/schema/wire.h"
#include "tests/unit/libcommon/schema/schema_test.h"

static enum status
check(const char *name, struct slice wire, struct err *err)
{
	err_init(err);
	return schema_check(message(name), wire, &schema_limits_default, err);
}

struct form {
	const char *bytes;
	size_t n;
	const char *want; /* part of the error; "" passes */
};
#define BYTES(s) (s), sizeof(s) - 1

static void
test_schema_check_form(void **state)
{
	/* Everything: int32_value 5, string_value 9, bytes_value 10, int32s 45, leaves 59,
	 * by_string 61, leaf 133 */
	static const struct form rows[] = {
		{ BYTES(""), "" },
		{ BYTES("\x28\x01"), "" },
		{ BYTES("\x28"), "cut off" },
		{ BYTES("\x28\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01"), "" },
		{ BYTES("\x28\x80\x80\x80\x80\x80\x80\x80\x80\x80\x02"), "cut off" },
		{ BYTES("\x28\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01"), "cut off" },
		{ BYTES("\x80\x80\x80\x80\x80\x01"), "cut off" },
		{ BYTES("\x00\x01"), "cut off" },
		{ BYTES("\x2b\x2c"), "cut off" },
		{ BYTES("\x2e"), "cut off" },
		{ BYTES("\x4a\x02"
			"a"),
		  "cut off" },
		{ BYTES("\x4a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"
			"a"),
		  "cut off" },
		{ BYTES("\x4a\x03"
			"a\xc3\xa9"),
		  "" },
		{ BYTES("\x4a\x02"
			"a\xff"),
		  "malformed protobuf in stringValue: a string is not UTF-8" },
		{ BYTES("\x4a\x03\xed\xa0\x80"), "not UTF-8" },
		{ BYTES("\x4a\x03"
			"a\0b"),
		  "malformed protobuf in stringValue: a string contains NUL" },
		{ BYTES("\x52\x03"
			"\xff\0b"),
		  "" },
		/* wire types */
		{ BYTES("\x2d\x01\x00\x00\x00"),
		  "malformed protobuf in int32Value: a field has another type" },
		{ BYTES("\x48\x01"), "another type" },
		{ BYTES("\xe8\x02\x01\xea\x02\x02\x02\x03"), "" },
		{ BYTES("\xea\x02\x01\x80"),
		  "malformed protobuf in int32s[0]: a packed field is cut off" },
		{ BYTES("\xed\x02\x01\x00\x00\x00"), "another type" },
		{ BYTES("\xdd\x03\x01\x00\x00\x00"), "another type" },
		/* nested */
		{ BYTES("\xda\x03\x02\x10\x01\xda\x03\x03\x0a\x01\xff"),
		  "malformed protobuf in leaves[1].name: a string is not UTF-8" },
		{ BYTES("\xaa\x08\x02\x0a\x05"), "malformed protobuf in leaf: it is cut off" },
		{ BYTES("\xea\x03\x06\x0a\x01"
			"k\x12\x01\xff"),
		  "malformed protobuf in byString[\"k\"]: a string is not UTF-8" },
		{ BYTES("\xea\x03\x03\x0a\x01\xff"), "not UTF-8" },
		{ BYTES("\xaa\x04\x0e\x09\x05\x00\x00\x00\x00\x00\x00\x00\x12\x03\x0a\x01\xff"),
		  "malformed protobuf in byFixed64[5].name: a string is not UTF-8" },
		/* what the check reads in pieces is checked in pieces */
		{ BYTES("\xaa\x08\x02\x10\x01\xaa\x08\x03\x0a\x01"
			"a"),
		  "" },
		{ BYTES("\xaa\x08\x03\x0a\x01\xff\xaa\x08\x03\x0a\x01"
			"a"),
		  "malformed protobuf in leaf.name: a string is not UTF-8" },
		/* unknown fields */
		{ BYTES("\xf8\xf0\x04\x01\xfa\xf0\x04\x01\xff"), "" },
		{ BYTES("\xfb\xf0\x04"), "cut off" },
	};
	(void)state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct err err;
		/* An exact copy: a sanitizer sees a read past the end. */
		char *copy = malloc(rows[i].n + !rows[i].n);
		assert_non_null(copy);
		memcpy(copy, rows[i].bytes, rows[i].n);
		enum status st = check("Everything", slice_make(copy, rows[i].n), &err);
		free(copy);
		if ((st == STATUS_OK) != (*rows[i].want == '\0') ||
		    strstr(err.text, rows[i].want) == NULL)
			fail_msg("row %zu: \"%s\", not \"%s\"", i, err.text, rows[i].want);
	}
}

static void
test_schema_check_limits(void **state)
{
	struct schema_limits limits = schema_limits_default;
	struct strbuf wire = STRBUF_INIT;
	struct err err;
	(void)state;

	add_wire("Everything", "{\"int32s\":[1,2,3],\"strings\":[\"a\",\"b\"],\"leaves\":[{},{}]}",
		 &wire);
	err_init(&err);
	limits.max_bytes = wire.len;
	assert_int_equal(schema_check(message("Everything"), strbuf_slice(&wire), &limits, &err),
			 STATUS_OK);
	limits.max_bytes = wire.len - 1;
	assert_int_not_equal(schema_check(message("Everything"), strbuf_slice(&wire), &limits,
					  &err),
			     STATUS_OK);
	assert_non_null(strstr(err.text, "bytes (at most"));
	limits = schema_limits_default;
	limits.max_elements = 8; /* a packed field and its 3 elements, 2 strings, 2 messages */
	assert_int_equal(schema_check(message("Everything"), strbuf_slice(&wire), &limits, &err),
			 STATUS_OK);
	limits.max_elements = 7;
	assert_int_not_equal(schema_check(message("Everything"), strbuf_slice(&wire), &limits,
					  &err),
			     STATUS_OK);
	assert_non_null(strstr(err.text, "more than 7 elements"));
	strbuf_fini(&wire);
}

static void
test_schema_check_depth(void **state)
{
	struct strbuf wire = STRBUF_INIT, outer = STRBUF_INIT;
	struct err err;
	(void)state;

	for (int depth = 1; depth <= 70; depth++) {
		enum status st = check("Everything", strbuf_slice(&wire), &err);
		assert_int_equal(st, depth <= 64 ? STATUS_OK : STATUS_INVALID_ARGUMENT);
		strbuf_reset(&outer);
		wire_put_bytes(&outer, 131, strbuf_slice(&wire));
		struct strbuf swap = wire;
		wire = outer;
		outer = swap;
	}
	assert_non_null(strstr(err.text, "nested too deeply"));
	/* The same below a oneof member that a later one replaces: protobuf-c would unpack it all
	 * the same. */
	strbuf_reset(&outer);
	wire_put_bytes(&outer, 85, strbuf_slice(&wire));
	wire_put_tag(&outer, 81, WIRE_VARINT);
	wire_put_varint(&outer, 1);
	wire_put_bytes(&outer, 85, SLICE_LIT(""));
	assert_int_not_equal(check("Everything", strbuf_slice(&outer), &err), STATUS_OK);
	assert_non_null(strstr(err.text, "nested too deeply"));
	strbuf_fini(&wire);
	strbuf_fini(&outer);
}

static size_t taken;

static void *
count_alloc(void *data, size_t n)
{
	(void)data;
	taken += (n + 15) & ~(size_t)15;
	return malloc(n);
}

static void
count_free(void *data, void *p)
{
	(void)data;
	free(p);
}

/* The real thing: the descriptor set itself, 30,000 elements in protobuf-c. */
static void
test_schema_check_estimates_memory(void **state)
{
	const struct schema_message *m =
		schema_message(schema_builtin(), SLICE_LIT("google.protobuf.FileDescriptorSet"));
	struct schema_limits limits = { 64 << 20, 64, 10000000, 1 << 30 };
	ProtobufCAllocator allocator = { count_alloc, count_free, NULL };
	struct slice set = schema_builtin_bytes();
	struct err err;
	(void)state;

	err_init(&err);
	ProtobufCMessage *unpacked =
		protobuf_c_message_unpack(&google__protobuf__file_descriptor_set__descriptor,
					  &allocator, set.n, (const uint8_t *)set.p);
	assert_non_null(unpacked);
	protobuf_c_message_free_unpacked(unpacked, &allocator);
	if (schema_check(m, set, &limits, &err) != STATUS_OK)
		fail_msg("%s", err.text);
	limits.max_unpacked_bytes = taken;
	assert_int_not_equal(schema_check(m, set, &limits, &err), STATUS_OK);
	assert_non_null(strstr(err.text, "unpacks to more than"));
	/* Not wild either. */
	limits.max_unpacked_bytes = taken * 4;
	assert_int_equal(schema_check(m, set, &limits, &err), STATUS_OK);
}

/* ---- rules ---- */

struct rule {
	const char *message, *json, *want; /* "" passes */
};

static const struct rule numbers[] = {
	{ "Numbers", "{}", "" },
	{ "Numbers", "{\"reps\":1000}", "" },
	{ "Numbers", "{\"reps\":1200}", "reps: 1200 is not in 0..1000" },
	{ "Numbers", "{\"reps\":-1}", "reps: -1 is not in 0..1000" },
	{ "Numbers", "{\"big\":-4}", "" },
	{ "Numbers", "{\"big\":5}", "big: 5 is not more than -5 and less than 5" },
	{ "Numbers", "{\"big\":-5}", "big: -5 is not" },
	{ "Numbers", "{\"small\":11}", "small: 11 is not at most 10" },
	{ "Numbers", "{\"huge\":\"18446744073709551614\"}", "" },
	{ "Numbers", "{\"huge\":\"18446744073709551615\"}",
	  "huge: 18446744073709551615 is not less than" },
	{ "Numbers", "{\"single\":1.5}", "" },
	{ "Numbers", "{\"single\":1.6}", "single: 1.6 is not in -1.5..1.5" },
	{ "Numbers", "{\"single\":\"NaN\"}", "single: NaN is not" },
	{ "Numbers", "{\"kg\":1999.5}", "" },
	{ "Numbers", "{\"kg\":2000}", "kg: 2000 is not at least 0 and less than 2000" },
	{ "Numbers", "{\"kg\":\"Infinity\"}", "kg: Infinity is not a finite number" },
	{ "Numbers", "{\"kg\":\"NaN\"}", "kg: NaN is not a finite number" },
	{ "Numbers", "{\"chosen\":3}", "" },
	{ "Numbers", "{\"chosen\":0}", "chosen: 0 is not one of the allowed values" },
	{ "Numbers", "{\"outside\":4}", "" },
	{ "Numbers", "{\"outside\":11}", "" },
	{ "Numbers", "{\"outside\":7}", "outside: 7 is not more than 10 or less than 5" },
	{ "Numbers", "{\"must\":true}", "" },
	{ "Numbers", "{\"must\":false}", "must: false is not the only value allowed, true" },
	{ "Numbers", "{\"seven\":8}", "seven: 8 is not the only value allowed, 7" },
	{ "Numbers", "{\"finite\":\"-Infinity\"}", "finite: -Infinity is not a finite number" },
	{ "Numbers", "{\"color\":2}", "" },
	{ "Numbers", "{\"color\":3}", "color: 3 is not a value of the enum" },
	{ "Numbers", "{\"notRed\":\"GREEN\"}", "" },
	{ "Numbers", "{\"notRed\":\"RED\"}", "notRed: RED is not allowed here" },
	{ "Numbers", "{\"redOrGreen\":\"FAR\"}",
	  "redOrGreen: FAR is not one of the allowed values" },
	{ "Numbers", "{\"redOrGreen\":0}", "redOrGreen: COLOR_UNSPECIFIED is not one of" },
};

static const struct rule texts[] = {
	{ "Texts", "{}", "name: has 0 characters (at least 2)" },
	{ "Texts", "{\"name\":\"ab\"}", "" },
	{ "Texts", "{\"name\":\"\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\"}", "" },
	{ "Texts", "{\"name\":\"abcde\"}", "name: has 5 characters (at most 4)" },
	{ "Texts", "{\"name\":\"ab\",\"five\":\"abcd\"}", "five: has 4 characters (at least 5)" },
	{ "Texts", "{\"name\":\"ab\",\"bytes\":\"\xc3\xa9\xc3\xa9\xc3\xa9\"}",
	  "bytes: has 6 bytes (at most 4)" },
	{ "Texts", "{\"name\":\"ab\",\"bytes\":\"x\"}", "bytes: has 1 bytes (at least 2)" },
	{ "Texts", "{\"name\":\"ab\",\"prefix\":\"fit\"}", "prefix: does not begin with \"fit-\"" },
	{ "Texts", "{\"name\":\"ab\",\"prefix\":\"fit-x\"}", "" },
	{ "Texts", "{\"name\":\"ab\",\"chosen\":\"kg\"}", "" },
	{ "Texts", "{\"name\":\"ab\",\"chosen\":\"stone\"}", "chosen: is not one of kg, lb" },
	{ "Texts", "{\"name\":\"ab\",\"banned\":\"root\"}",
	  "banned: is a value that is not allowed here" },
	{ "Texts", "{\"name\":\"ab\",\"banned\":\"me\"}", "" },
	{ "Texts", "{\"name\":\"ab\",\"constant\":\"no\"}", "constant: is not \"yes\"" },
	{ "Texts", "{\"name\":\"ab\",\"blob\":\"\"}", "blob: must not be empty" },
	{ "Texts", "{\"name\":\"ab\",\"blob\":\"AAAAAA==\"}", "blob: has 4 bytes (at most 3)" },
	{ "Texts", "{\"name\":\"ab\",\"exact\":\"AA==\"}", "exact: has 1 bytes (at least 2)" },
	{ "Texts", "{\"name\":\"ab\",\"uuid\":\"0190c2a2-7b5c-7c3a-8f6e-2f4f1d9b8c11\"}", "" },
	{ "Texts", "{\"name\":\"ab\",\"uuid\":\"\"}", "uuid: is not a UUID" },
	{ "Texts", "{\"name\":\"ab\",\"uuid\":\"0190c2a27b5c7c3a8f6e2f4f1d9b8c11\"}",
	  "uuid: is not a UUID" },
	{ "Texts", "{\"name\":\"ab\",\"maybe\":\"\"}", "" },
	{ "Texts", "{\"name\":\"ab\",\"maybe\":\"x\"}", "maybe: is not a UUID" },
	{ "Texts", "{\"name\":\"ab\",\"email\":\"a.b+c@example.com\"}", "" },
	{ "Texts", "{\"name\":\"ab\",\"email\":\"a@localhost\"}", "" },
	{ "Texts", "{\"name\":\"ab\",\"email\":\"a\"}", "email: is not an e-mail address" },
	{ "Texts", "{\"name\":\"ab\",\"email\":\"@b\"}", "email: is not" },
	{ "Texts", "{\"name\":\"ab\",\"email\":\"a@\"}", "email: is not" },
	{ "Texts", "{\"name\":\"ab\",\"email\":\"a b@c\"}", "email: is not" },
	{ "Texts", "{\"name\":\"ab\",\"email\":\"a@b..c\"}", "email: is not" },
	{ "Texts", "{\"name\":\"ab\",\"email\":\"a@-b.c\"}", "email: is not" },
	{ "Texts", "{\"name\":\"ab\",\"email\":\"Ann <a@b.c>\"}", "email: is not" },
	{ "Texts", "{\"name\":\"ab\",\"uri\":\"https://example.com:8080/a?b=c#d\"}", "" },
	{ "Texts", "{\"name\":\"ab\",\"uri\":\"https://[::1]/\"}", "" },
	{ "Texts", "{\"name\":\"ab\",\"uri\":\"urn:isbn:1\"}", "" },
	{ "Texts", "{\"name\":\"ab\",\"uri\":\"/a/b\"}", "uri: is not an absolute URI" },
	{ "Texts", "{\"name\":\"ab\",\"uri\":\"1http://a\"}", "uri: is not" },
	{ "Texts", "{\"name\":\"ab\",\"uri\":\"http://a b\"}", "uri: is not" },
	{ "Texts", "{\"name\":\"ab\",\"uri\":\"http://a/%g0\"}", "uri: is not" },
	{ "Texts", "{\"name\":\"ab\",\"uri\":\"http://a/<b>\"}", "uri: is not" },
};

static const struct rule others[] = {
	{ "Containers", "{}", "numbers: must not be empty" },
	{ "Containers", "{\"numbers\":[1,2,3]}", "" },
	{ "Containers", "{\"numbers\":[1,2,3,4]}", "numbers: has 4 elements (at most 3)" },
	{ "Containers", "{\"numbers\":[1,-2]}", "numbers[1]: -2 is not at least 0" },
	{ "Containers", "{\"numbers\":[1],\"tags\":[\"a\",\"b\"]}", "" },
	{ "Containers", "{\"numbers\":[1],\"tags\":[\"a\",\"b\",\"a\"]}",
	  "tags[2]: is there twice" },
	{ "Containers", "{\"numbers\":[1],\"tags\":[\"\"]}", "tags[0]: must not be empty" },
	{ "Containers", "{\"numbers\":[1],\"tags\":[\"a\",\"abcd\"]}",
	  "tags[1]: has 4 characters (at most 3)" },
	{ "Containers", "{\"numbers\":[1],\"scores\":{\"a\":1,\"b\":2}}", "" },
	{ "Containers", "{\"numbers\":[1],\"scores\":{\"a\":1,\"b\":2,\"c\":3}}",
	  "scores: has 3 entries (at most 2)" },
	{ "Containers", "{\"numbers\":[1],\"scores\":{\"a\":10}}",
	  "scores[\"a\"]: 10 is not at most 9" },
	{ "Containers", "{\"numbers\":[1],\"scores\":{\"\":1}}",
	  "scores[\"\"]: must not be empty" },
	{ "Containers", "{\"numbers\":[1],\"sets\":[{},{},{\"reps\":1200}]}",
	  "sets[2].reps: 1200 is not in 0..1000" },
	{ "Containers", "{\"numbers\":[1],\"named\":{\"k\":{\"reps\":-1}}}",
	  "named[\"k\"].reps: -1 is not in 0..1000" },
	{ "Containers", "{\"numbers\":[1],\"once\":[1,2,1]}", "once[2]: is there twice" },
	{ "Containers", "{\"numbers\":[1],\"once\":[0,1,2,3,4,5,6,7,8,9]}", "" },
	{ "Presence", "{\"id\":\"x\",\"leaf\":{},\"number\":0,\"some\":[1],\"a\":0}", "" },
	{ "Presence", "{\"leaf\":{},\"number\":0,\"some\":[1],\"a\":0}", "id: is required" },
	{ "Presence", "{\"id\":\"x\",\"number\":0,\"some\":[1],\"a\":0}", "leaf: is required" },
	{ "Presence", "{\"id\":\"x\",\"leaf\":{},\"some\":[1],\"a\":0}", "number: is required" },
	{ "Presence", "{\"id\":\"x\",\"leaf\":{},\"number\":0,\"a\":0}", "some: is required" },
	{ "Presence", "{\"id\":\"x\",\"leaf\":{},\"number\":0,\"some\":[1]}",
	  "choice: one of its members is required" },
	{ "Presence", "{\"id\":\"x\",\"leaf\":{},\"number\":0,\"some\":[1],\"b\":\"\"}",
	  "b: has 0 characters (at least 2)" },
	{ "Times", "{}", "" },
	{ "Times", "{\"after2000\":\"2000-01-01T00:00:00Z\",\"rest\":\"3600s\"}", "" },
	{ "Times", "{\"after2000\":\"1999-12-31T23:59:59.9Z\"}",
	  "after2000: 1999-12-31T23:59:59.900Z is not at least 2000-01-01T00:00:00Z" },
	{ "Times", "{\"rest\":\"3600.000000001s\"}", "rest: 3600.000000001s is not in 0s..3600s" },
	{ "Times", "{\"rest\":\"-0.1s\"}", "rest: -0.100s is not in" },
	{ "Times", "{\"wrapped\":5,\"text\":\"abc\"}", "" },
	{ "Times", "{\"wrapped\":0}", "wrapped: 0 is not in 1..5" },
	{ "Times", "{\"text\":\"abcd\"}", "text: has 4 characters (at most 3)" },
	{ "Rules", "{\"times\":{\"wrapped\":6}}", "times.wrapped: 6 is not in 1..5" },
};

static void
check_rules(const struct rule *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct strbuf wire = STRBUF_INIT;
		struct err err;
		add_wire(rows[i].message, rows[i].json, &wire);
		enum status st = check(rows[i].message, strbuf_slice(&wire), &err);
		assert_int_equal(st, *rows[i].want ? STATUS_INVALID_ARGUMENT : STATUS_OK);
		if (strstr(error_text(&err), rows[i].want) == NULL ||
		    (st == STATUS_OK && err.nfields > 0))
			fail_msg("%s: \"%s\", not \"%s\"", rows[i].json, error_text(&err),
				 rows[i].want);
		/* The same without anybody listening. */
		assert_int_equal(schema_check(message(rows[i].message), strbuf_slice(&wire),
					      &schema_limits_default, NULL),
				 st);
		strbuf_fini(&wire);
	}
}

static void
test_schema_check_rules(void **state)
{
	(void)state;
	check_rules(numbers, sizeof(numbers) / sizeof(numbers[0]));
	check_rules(texts, sizeof(texts) / sizeof(texts[0]));
	check_rules(others, sizeof(others) / sizeof(others[0]));
}

static void
test_schema_check_names_all_violations(void **state)
{
	struct strbuf wire = STRBUF_INIT;
	struct err err;
	(void)state;

	add_wire("Containers", "{\"numbers\":[-1,-2,-3],\"scores\":{\"\":10}}", &wire);
	assert_int_equal(check("Containers", strbuf_slice(&wire), &err), STATUS_INVALID_ARGUMENT);
	assert_int_equal(err.nfields, 5);
	assert_string_equal(err.fields[2].path, "numbers[2]");
	strbuf_reset(&wire);
	strbuf_adds(&wire, "");
	for (int i = 0; i < 100; i++)
		add_wire("Containers", "{\"sets\":[{\"reps\":-1}]}", &wire);
	assert_int_equal(check("Containers", strbuf_slice(&wire), &err), STATUS_INVALID_ARGUMENT);
	assert_int_equal(err.nfields, ERR_FIELDS_MAX);
	assert_true(err.nfields_lost > 0);
	strbuf_fini(&wire);
}

/* A request put together from path, query and body gives a message in pieces: the rules are for the
 * whole. */
static void
test_schema_check_merges_pieces(void **state)
{
	struct strbuf wire = STRBUF_INIT;
	struct err err;
	(void)state;

	add_wire("Rules", "{\"presence\":{\"leaf\":{},\"number\":0,\"a\":1}}", &wire);
	assert_int_equal(check("Rules", strbuf_slice(&wire), &err), STATUS_INVALID_ARGUMENT);
	assert_int_equal(err.nfields, 2);
	add_wire("Rules", "{\"presence\":{\"id\":\"x\",\"some\":[1]}}", &wire);
	assert_int_equal(check("Rules", strbuf_slice(&wire), &err), STATUS_OK);
	/* What each piece keeps and the whole breaks. */
	strbuf_reset(&wire);
	add_wire("Rules", "{\"containers\":{\"numbers\":[1,2]}}", &wire);
	assert_int_equal(check("Rules", strbuf_slice(&wire), &err), STATUS_OK);
	add_wire("Rules", "{\"containers\":{\"numbers\":[3,4]}}", &wire);
	assert_int_equal(check("Rules", strbuf_slice(&wire), &err), STATUS_INVALID_ARGUMENT);
	assert_string_equal(error_text(&err), "containers.numbers: has 4 elements (at most 3)");
	/* The last value counts. */
	strbuf_reset(&wire);
	strbuf_add(&wire, "\x0a\x01x\x0a\x00", 5);
	assert_int_equal(check("Presence", strbuf_slice(&wire), &err), STATUS_INVALID_ARGUMENT);
	assert_string_equal(error_text(&err), "id: is required");
	strbuf_fini(&wire);
}

/* Pieces of pieces: each level of merging keeps a copy, so copies count as memory. */
static void
test_schema_check_bounds_merging(void **state)
{
	struct schema_limits limits = schema_limits_default;
	struct strbuf wire = STRBUF_INIT, outer = STRBUF_INIT;
	char text[10000];
	struct err err;
	(void)state;

	memset(text, 'x', sizeof(text));
	wire_put_bytes(&wire, 9, slice_make(text, sizeof(text)));
	for (int i = 0; i < 30; i++) {
		strbuf_reset(&outer);
		wire_put_bytes(&outer, 131, SLICE_LIT(""));
		wire_put_bytes(&outer, 131, strbuf_slice(&wire));
		struct strbuf swap = wire;
		wire = outer;
		outer = swap;
	}
	limits.max_unpacked_bytes = 500000;
	assert_int_equal(schema_check(message("Everything"), strbuf_slice(&wire), &limits, &err),
			 STATUS_OK);
	limits.max_unpacked_bytes = 300000;
	assert_int_not_equal(schema_check(message("Everything"), strbuf_slice(&wire), &limits,
					  &err),
			     STATUS_OK);
	assert_non_null(strstr(err.text, "unpacks to more than"));
	strbuf_fini(&wire);
	strbuf_fini(&outer);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_schema_check_form),
		cmocka_unit_test(test_schema_check_limits),
		cmocka_unit_test(test_schema_check_depth),
		cmocka_unit_test(test_schema_check_estimates_memory),
		cmocka_unit_test(test_schema_check_rules),
		cmocka_unit_test(test_schema_check_names_all_violations),
		cmocka_unit_test(test_schema_check_merges_pieces),
		cmocka_unit_test(test_schema_check_bounds_merging),
	};
	return cmocka_run_group_tests(tests, setup_schema, teardown_schema);
}
