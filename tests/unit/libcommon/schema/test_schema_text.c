/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "tests/unit/libcommon/schema/schema_test.h"

struct param {
	const char *path, *text;
};

static void
encode(const char *name, const struct strbuf *wire, struct strbuf *out)
{
	struct err err;
	err_init(&err);
	strbuf_reset(out);
	if (schema_json_encode(message(name), strbuf_slice(wire), false, out, &err) != STATUS_OK)
		fail_msg("%s", err.text);
}

static void
test_schema_text_takes_parameters(void **state)
{
	static const struct param params[] = {
		{ "page_size", "20" },
		{ "pageToken", "a&\"\\b" },
		{ "filter.muscle", "quads" },
		{ "filter.tags", "a" },
		{ "filter.tags", "" },
		{ "filter.color", "GREEN" },
		{ "filter.since", "2026-01-31T18:05:00Z" },
		{ "filter.level", "3" },
		{ "filter.archived", "true" },
		{ "filter.weight", "62.5" },
	};
	struct strbuf wire = STRBUF_INIT, text = STRBUF_INIT;
	struct err err;
	(void)state;

	for (size_t i = 0; i < sizeof(params) / sizeof(params[0]); i++) {
		err_init(&err);
		if (schema_text_field(message("ListThingsRequest"), slice_str(params[i].path),
				      slice_str(params[i].text), &wire, &err) != STATUS_OK)
			fail_msg("%s: %s", params[i].path, error_text(&err));
	}
	encode("ListThingsRequest", &wire, &text);
	assert_string_equal(
		text.buf,
		"{\"pageSize\":20,\"pageToken\":\"a&\\\"\\\\b\",\"filter\":{\"muscle\":\"quads\","
		"\"tags\":[\"a\",\"\"],\"color\":\"GREEN\",\"since\":\"2026-01-31T18:05:00Z\","
		"\"level\":3,"
		"\"archived\":true,\"weight\":62.5}}");
	assert_int_equal(schema_check(message("ListThingsRequest"), strbuf_slice(&wire),
				      &schema_limits_default, &err),
			 STATUS_OK);
	/* An enum's number, a bool spelt out. */
	strbuf_reset(&wire);
	assert_int_equal(schema_text_field(message("ListThingsRequest"), SLICE_LIT("filter.color"),
					   SLICE_LIT("1"), &wire, &err),
			 STATUS_OK);
	encode("ListThingsRequest", &wire, &text);
	assert_string_equal(text.buf, "{\"filter\":{\"color\":\"RED\"}}");
	strbuf_fini(&wire);
	strbuf_fini(&text);
}

static void
test_schema_text_refuses(void **state)
{
	static const struct {
		const char *path, *text, *want;
		enum status status;
	} rows[] = {
		{ "nothing", "1", "nothing is not a parameter", STATUS_NOT_FOUND },
		{ "filter.nothing", "1", "filter.nothing is not a parameter", STATUS_NOT_FOUND },
		{ "page_size.x", "1", "is not a parameter", STATUS_NOT_FOUND },
		{ "", "1", "is not a parameter", STATUS_NOT_FOUND },
		{ "filter", "1", "filter: cannot be given as a parameter",
		  STATUS_INVALID_ARGUMENT },
		{ "page_size", "", "pageSize:  is not an integer", STATUS_INVALID_ARGUMENT },
		{ "page_size", " 1", "is not an integer", STATUS_INVALID_ARGUMENT },
		{ "page_size", "1,2", "pageSize: 1,2 is not an integer", STATUS_INVALID_ARGUMENT },
		{ "page_size", "1\"", "is not an integer", STATUS_INVALID_ARGUMENT },
		{ "page_token", "\xff", "pageToken: is not UTF-8", STATUS_INVALID_ARGUMENT },
		{ "filter.color", "PINK", "filter.color: \"PINK\" is not a name of the enum",
		  STATUS_INVALID_ARGUMENT },
		{ "filter.color", "1-2", "is not", STATUS_INVALID_ARGUMENT },
		{ "filter.since", "now", "filter.since: \"now\" is not a time",
		  STATUS_INVALID_ARGUMENT },
		{ "filter.archived", "yes", "filter.archived: is a string; expected true or false",
		  STATUS_INVALID_ARGUMENT },
		{ "filter.weight", "heavy", "filter.weight: heavy is not a finite number",
		  STATUS_INVALID_ARGUMENT },
	};
	(void)state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct strbuf wire = STRBUF_INIT;
		struct err err;
		err_init(&err);
		strbuf_adds(&wire, "before");
		assert_int_equal(schema_text_field(message("ListThingsRequest"),
						   slice_str(rows[i].path), slice_str(rows[i].text),
						   &wire, &err),
				 rows[i].status);
		assert_int_equal(err.status, rows[i].status);
		if (strstr(error_text(&err), rows[i].want) == NULL)
			fail_msg("%s=%s: %s", rows[i].path, rows[i].text, error_text(&err));
		assert_string_equal(wire.buf, "before");
		strbuf_fini(&wire);
	}
}

static void
test_schema_wire_text_finds_values(void **state)
{
	static const struct param rows[] = {
		{ "int32Value", "-5" },    { "int64_value", "9007199254740993" },
		{ "boolValue", "true" },   { "color", "GREEN" },
		{ "stringValue", "a\"b" }, { "leaf.name", "last" },
		{ "strings", "first" },    { "timestamp", "2026-01-31T18:05:00Z" },
		{ "wrappedInt32", "7" },   { "doubleValue", "62.5" },
		{ "leaf", NULL },          { "leaf.ratio", NULL },
		{ "choice_int", NULL },    { "nothing", NULL },
		{ "byString", NULL },
	};
	struct strbuf wire = STRBUF_INIT, text = STRBUF_INIT;
	(void)state;

	add_wire("Everything",
		 "{\"int32Value\":-5,\"int64Value\":9007199254740993,\"boolValue\":true,\"color\":"
		 "2,\"stringValue\":\"a\\\"b\","
		 "\"leaf\":{\"name\":\"first\"},\"strings\":[\"first\",\"second\"],\"timestamp\":"
		 "\"2026-01-31T18:05:00Z\","
		 "\"wrappedInt32\":7,\"doubleValue\":62.5,\"byString\":{\"a\":\"b\"}}",
		 &wire);
	add_wire("Everything", "{\"leaf\":{\"name\":\"last\"}}", &wire);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		strbuf_reset(&text);
		strbuf_adds(&text, "/");
		bool found = schema_wire_text(message("Everything"), strbuf_slice(&wire),
					      slice_str(rows[i].path), &text);
		if (found != (rows[i].text != NULL) ||
		    strcmp(text.buf + 1, rows[i].text ? rows[i].text : "") != 0)
			fail_msg("%s: %s", rows[i].path, text.buf);
	}
	strbuf_fini(&wire);
	strbuf_fini(&text);
}

static void
test_schema_wrap_field_builds_requests(void **state)
{
	struct strbuf body = STRBUF_INIT, mask = STRBUF_INIT, paths = STRBUF_INIT,
		      wire = STRBUF_INIT, text = STRBUF_INIT;
	struct schema_json_opts opts = { .mask_paths = &paths };
	const struct schema_message *m = message("UpdateThingRequest");
	struct err err;
	(void)state;

	/* What a gateway does with PATCH /things/{thing.id} and a merge patch. */
	err_init(&err);
	assert_ptr_equal(schema_field_message(m, SLICE_LIT("thing")), message("Thing"));
	assert_null(schema_field_message(message("Thing"), SLICE_LIT("name")));
	assert_int_equal(schema_json_decode(schema_field_message(m, SLICE_LIT("thing")),
					    SLICE_LIT("{\"name\":\"x\",\"body\":{\"hair\":null}}"),
					    &opts, &body, &err),
			 STATUS_OK);
	schema_mask_wire(strbuf_slice(&paths), &mask);
	assert_int_equal(schema_wrap_field(m, SLICE_LIT("thing"), strbuf_slice(&body), &wire, &err),
			 STATUS_OK);
	assert_int_equal(schema_wrap_field(m, SLICE_LIT("update_mask"), strbuf_slice(&mask), &wire,
					   &err),
			 STATUS_OK);
	assert_int_equal(schema_text_field(m, SLICE_LIT("thing.id"),
					   SLICE_LIT("0190c2a2-7b5c-7c3a-8f6e-2f4f1d9b8c11"), &wire,
					   &err),
			 STATUS_OK);
	if (schema_check(m, strbuf_slice(&wire), &schema_limits_default, &err) != STATUS_OK)
		fail_msg("%s", error_text(&err));
	encode("UpdateThingRequest", &wire, &text);
	assert_string_equal(text.buf, "{\"thing\":{\"id\":\"0190c2a2-7b5c-7c3a-8f6e-2f4f1d9b8c11\","
				      "\"name\":\"x\",\"body\":{}},"
				      "\"updateMask\":\"name,body.hair\"}");
	/* A path into a message. */
	strbuf_reset(&wire);
	assert_int_equal(schema_wrap_field(m, SLICE_LIT("thing.body"), SLICE_LIT("\x12\x01x"),
					   &wire, &err),
			 STATUS_OK);
	encode("UpdateThingRequest", &wire, &text);
	assert_string_equal(text.buf, "{\"thing\":{\"body\":{\"hair\":\"x\"}}}");
	assert_int_equal(schema_wrap_field(m, SLICE_LIT("nothing"), SLICE_LIT(""), &wire, &err),
			 STATUS_INTERNAL);
	strbuf_fini(&body);
	strbuf_fini(&mask);
	strbuf_fini(&paths);
	strbuf_fini(&wire);
	strbuf_fini(&text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_schema_text_takes_parameters),
		cmocka_unit_test(test_schema_text_refuses),
		cmocka_unit_test(test_schema_wire_text_finds_values),
		cmocka_unit_test(test_schema_wrap_field_builds_requests),
	};
	return cmocka_run_group_tests(tests, setup_schema, teardown_schema);
}
