/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "libcommon/schema/schema_impl.h"
#include "tests/unit/libcommon/schema/schema_test.h"

static const struct schema_method *
method(const char *name)
{
	char path[100];
	const struct schema_method *m;

	snprintf(path, sizeof(path), "/fit.testing.v1.ThingService/%s", name);
	m = schema_method(testing, slice_str(path));
	if (m == NULL)
		fail_msg("no method %s", path);
	return m;
}

static void
test_schema_load_methods(void **state)
{
	const struct schema_method *const *all;
	const struct schema_method *m = method("CreateThing");
	(void)state;

	assert_true(schema_methods(testing, &all) >= 7);
	assert_null(schema_method(testing, SLICE_LIT("/fit.testing.v1.ThingService/Nothing")));
	assert_string_equal(m->path, "/fit.testing.v1.ThingService/CreateThing");
	assert_string_equal(m->name, "CreateThing");
	assert_string_equal(m->service, "fit.testing.v1.ThingService");
	assert_string_equal(m->comment, "Makes one.");
	assert_ptr_equal(m->input, message("Thing"));
	assert_ptr_equal(m->output, message("Thing"));
	assert_false(m->server_streaming || m->client_streaming);
	assert_true(method("WatchThings")->server_streaming &&
		    !method("WatchThings")->client_streaming);
	assert_true(method("Internal")->server_streaming && method("Internal")->client_streaming);
	assert_string_equal(method("ListThings")->comment, "Lists them.\n\nIn two paragraphs.");
}

static void
test_schema_load_policy(void **state)
{
	const struct schema_policy *p = &method("CreateThing")->policy;
	(void)state;

	assert_true(method("CreateThing")->has_policy);
	assert_int_equal(p->audience, SCHEMA_USER);
	assert_int_equal(p->idempotency, SCHEMA_IDEM_KEY);
	assert_int_equal(p->success_status, 201);
	assert_string_equal(p->location, "/api/v1/things/{id}");
	assert_string_equal(p->permission, "things.write");
	assert_string_equal(p->concurrency, "slow");
	assert_string_equal(p->rate_class, "default");
	assert_int_equal(p->timeout_ms, 1500);
	assert_int_equal(p->max_body_bytes, 2000);
	assert_false(p->if_match || p->raw_json);
	/* Given in pieces. */
	p = &method("ListThings")->policy;
	assert_int_equal(p->audience, SCHEMA_PUBLIC);
	assert_string_equal(p->rate_class, "search");
	p = &method("UpdateThing")->policy;
	assert_true(p->if_match);
	assert_string_equal(p->update_mask, "update_mask");
	assert_int_equal(method("GetThing")->policy.cache_max_age_s, 60);
}

static void
test_schema_load_routes(void **state)
{
	const struct schema_method *m = method("GetThing");
	const struct schema_route *r;
	(void)state;

	assert_int_equal(m->nroutes, 2);
	r = &m->routes[0];
	assert_string_equal(r->verb, "GET");
	assert_string_equal(r->pattern, "/api/v1/things/{id}");
	assert_int_equal(r->nsegments, 4);
	assert_int_equal(r->segments[2].kind, SCHEMA_SEG_LITERAL);
	assert_true(slice_eq_str(r->segments[2].text, "things"));
	assert_int_equal(r->segments[3].kind, SCHEMA_SEG_FIELD);
	assert_true(slice_eq_str(r->segments[3].text, "id"));
	assert_string_equal(r->body, "");
	assert_ptr_equal(r->method, m);
	assert_string_equal(m->routes[1].pattern, "/api/v1/old-things/{id}");
	r = &method("UpdateThing")->routes[0];
	assert_string_equal(r->verb, "PATCH");
	assert_string_equal(r->body, "thing");
	assert_true(slice_eq_str(r->segments[3].text, "thing.id"));
	assert_int_equal(method("Internal")->nroutes, 0);
}

static void
test_schema_load_classes(void **state)
{
	static const struct {
		const char *path;
		enum schema_data_class want;
	} rows[] = {
		{ "name", SCHEMA_PII },
		{ "notes", SCHEMA_FREE_TEXT },
		{ "body", SCHEMA_HEALTH },
		{ "body.weightKg", SCHEMA_HEALTH },
		{ "body.leaf.name", SCHEMA_HEALTH },
		{ "id", SCHEMA_PLAIN },
		{ "createdAt", SCHEMA_PLAIN },
		{ "nothing", SCHEMA_PLAIN },
		{ "leaves[\"a\"].name", SCHEMA_PLAIN },
		{ "", SCHEMA_PLAIN },
	};
	(void)state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(schema_field_class(message("Thing"), slice_str(rows[i].path)),
				 rows[i].want);
	assert_int_equal(schema_field_class(message("ListThingsResponse"),
					    SLICE_LIT("things[3].name")),
			 SCHEMA_PII);
}

static void
test_schema_load_tables(void **state)
{
	const struct schema_message *const *all;
	const struct schema_message *m = message("Everything");
	const struct schema_enum *color = schema_field_by_number(m, 12)->enumeration;
	(void)state;

	assert_true(schema_messages(testing, &all) > 20);
	assert_string_equal(schema_message_name(m), "fit.testing.v1.Everything");
	assert_true(slice_eq_str(schema_field_by_number(m, 100000)->name, "far_away"));
	assert_null(schema_field_by_number(m, 0));
	assert_null(schema_field_by_number(m, 99));
	assert_null(schema_field_by_number(m, 536870911));
	for (uint32_t i = 0; i < m->nfields; i++) {
		assert_ptr_equal(schema_field_by_number(m, m->fields[i].number), &m->fields[i]);
		assert_ptr_equal(schema_field_by_name(m, m->fields[i].name), &m->fields[i]);
		assert_ptr_equal(schema_field_by_name(m, m->fields[i].json_name), &m->fields[i]);
	}
	assert_true(slice_eq_str(schema_enum_by_number(color, 2)->name, "GREEN"));
	assert_int_equal(schema_enum_by_name(color, SLICE_LIT("VERDE"))->number, 2);
	assert_int_equal(schema_enum_by_name(color, SLICE_LIT("NEGATIVE"))->number, -7);
	assert_null(schema_enum_by_number(color, 3));
	assert_string_equal(message("Thing")->comment, "One thing.");
	assert_string_equal(schema_field_by_name(message("Thing"), SLICE_LIT("name"))->comment,
			    "What it is called.");
	assert_string_equal(schema_field_by_number(m, 100000)->comment, "Beyond the dense table.");
}

static void
test_schema_load_builtin(void **state)
{
	const struct schema *s = schema_builtin();
	const struct schema_method *m = schema_method(s, SLICE_LIT("/grpc.health.v1.Health/Watch"));
	(void)state;

	assert_non_null(m);
	assert_true(m->server_streaming);
	assert_int_equal(schema_reason_http_status(s, "ETAG_MISMATCH"), 412);
	assert_int_equal(schema_reason_http_status(s, "REASON_UNSPECIFIED"), 0);
	assert_int_equal(schema_reason_http_status(s, "NOTHING"), 0);
	assert_int_equal(schema_reason_http_status(s, NULL), 0);
	assert_null(schema_message(
		s, SLICE_LIT("fit.testing.v1.Everything"))); /* test messages stay out */
	assert_true(schema_builtin_bytes().n > 1000);
}

/* ---- sets that are refused: one file with a message M {string id = 1; M m = 2;} and a method with
 * these options ---- */

static void
put_text(struct strbuf *out, uint32_t number, const char *s)
{
	wire_put_bytes(out, number, slice_str(s));
}

static void
put_number(struct strbuf *out, uint32_t number, uint64_t v)
{
	wire_put_tag(out, number, WIRE_VARINT);
	wire_put_varint(out, v);
}

static void
put_field(struct strbuf *out, const char *name, unsigned number, unsigned type,
	  const char *type_name, struct slice options)
{
	size_t mark = wire_open(out, 2);
	put_text(out, 1, name);
	put_number(out, 3, number);
	put_number(out, 4, 1);
	put_number(out, 5, type);
	if (type_name != NULL)
		put_text(out, 6, type_name);
	wire_put_bytes(out, 8, options);
	put_text(out, 10, name);
	wire_close(out, mark);
}

/* `rule`: bytes of an HttpRule; `policy`: of a MethodPolicy; `field`: options of M.id; `type`: type
 * name of M.m. */
static void
build_set(struct strbuf *out, struct slice rule, struct slice policy, struct slice field,
	  const char *type)
{
	size_t file = wire_open(out, 1);
	put_text(out, 1, "x.proto");
	put_text(out, 2, "x");
	size_t m = wire_open(out, 4);
	put_text(out, 1, "M");
	put_field(out, "id", 1, FT_STRING, NULL, field);
	put_field(out, "m", 2, FT_MESSAGE, type, SLICE_LIT(""));
	wire_close(out, m);
	size_t service = wire_open(out, 6);
	put_text(out, 1, "S");
	size_t method_mark = wire_open(out, 2);
	put_text(out, 1, "Do");
	put_text(out, 2, ".x.M");
	put_text(out, 3, ".x.M");
	size_t options = wire_open(out, 4);
	if (rule.n > 0)
		wire_put_bytes(out, 72295728, rule);
	wire_put_bytes(out, 50100, policy);
	wire_close(out, options);
	wire_close(out, method_mark);
	wire_close(out, service);
	put_text(out, 12, "proto3");
	wire_close(out, file);
}

static void
load_set(const struct strbuf *set, const char *want)
{
	struct schema *s = NULL;
	struct err err;

	err_init(&err);
	enum status st = schema_load(strbuf_slice(set), &s, &err);
	assert_int_equal(st, *want ? STATUS_INVALID_ARGUMENT : STATUS_OK);
	if (strstr(err.text, want) == NULL)
		fail_msg("\"%s\", not \"%s\"", err.text, want);
	schema_free(s);
}

static void
test_schema_load_refuses_patterns(void **state)
{
	static const struct {
		const char *pattern, *body, *want;
	} rows[] = {
		{ "/a/{id}", "", "" },
		{ "/a:do", "*", "" },
		{ "/a/{m.id}/b-c_d~1.x", "m", "" },
		{ "a", "", "does not begin with /" },
		{ "/", "", "does not begin with / and a segment" },
		{ "/a//b", "", "an empty segment" },
		{ "/a/", "", "an empty segment" },
		{ "/a/*", "", "wildcards" },
		{ "/a/**", "", "wildcards" },
		{ "/a/{id=*}", "", "wildcards" },
		{ "/a/{id=b}", "", "sub-patterns" },
		{ "/a/{id}:do", "", "a variable is a whole segment" },
		{ "/a/x{id}", "", "a character that a path cannot hold" },
		{ "/a b", "", "a character that a path cannot hold" },
		{ "/a?b", "", "a character that a path cannot hold" },
		{ "/a/{}", "", "a variable is a whole segment" },
		{ "/a/{nothing}", "", "does not name a scalar field" },
		{ "/a/{m}", "", "does not name a scalar field" },
		{ "/a", "nothing", "body does not name a message field" },
		{ "/a", "id", "body does not name a message field" },
		{ "/a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/p/q", "", "too many segments" },
	};
	(void)state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct strbuf rule = STRBUF_INIT, set = STRBUF_INIT;
		put_text(&rule, 4, rows[i].pattern);
		put_text(&rule, 7, rows[i].body);
		build_set(&set, strbuf_slice(&rule), SLICE_LIT(""), SLICE_LIT(""), ".x.M");
		load_set(&set, rows[i].want);
		strbuf_fini(&rule);
		strbuf_fini(&set);
	}
}

static void
test_schema_load_refuses_what_it_does_not_enforce(void **state)
{
	static const struct {
		struct slice rule, policy, field;
		const char *type, *want;
	} rows[] = {
#define S(x) { x, sizeof(x) - 1 }
		{ S(""), S(""), S(""), ".x.M", "" },
		{ S(""), S(""), S(""), ".x.Missing", "type .x.Missing is not in the set" },
		{ S("\x42\x00"), S(""), S(""), ".x.M", "custom is not supported" },
		{ S("\x22\x02/a\x62\x01m"), S(""), S(""), ".x.M",
		  "response_body is not supported" },
		{ S("\x3a\x01*"), S(""), S(""), ".x.M", "without a pattern" },
		{ S("\x22\x02/a\x5a\x04\x22\x02/a"), S(""), S(""), ".x.M",
		  "have the same route POST /a" },
		{ S("\x22\x02/a\x5a\x04\x22\x02/b"), S(""), S(""), ".x.M", "" },
		{ S(""), S("\x08\x07"), S(""), ".x.M", "unknown audience" },
		{ S(""), S("\x42\x04/{x}"), S(""), ".x.M", "names a field that x.M does not have" },
		{ S(""), S("\x42\x07/{m.id}"), S(""), ".x.M", "" },
		{ S(""), S("\x5a\x01m"), S(""), ".x.M", "does not name a FieldMask" },
		/* rules (1159 = ba48): string.max_len; string.pattern, which is not enforced; int32
		   rules; cel */
		{ S(""), S(""), S("\xba\x48\x04\x72\x02\x18\x05"), ".x.M", "" },
		{ S(""), S(""), S("\xba\x48\x04\x72\x02\x32\x00"), ".x.M",
		  "rule 6 of kind 14 is not supported" },
		{ S(""), S(""), S("\xba\x48\x04\x1a\x02\x18\x05"), ".x.M", "do not fit its type" },
		{ S(""), S(""), S("\xba\x48\x03\xba\x01\x00"), ".x.M", "is not supported" },
		{ S(""), S(""), S("\xba\x48\x05\x92\x01\x02\x18\x01"), ".x.M",
		  "do not fit its type" },
	};
	(void)state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct strbuf set = STRBUF_INIT;
		build_set(&set, rows[i].rule, rows[i].policy, rows[i].field, rows[i].type);
		load_set(&set, rows[i].want);
		strbuf_fini(&set);
	}
}

/* No cut or flipped byte of a set does harm; ASan watches. */
static void
test_schema_load_survives_damage(void **state)
{
	struct slice good = slice_make(fit_testing_protoset,
				       (size_t)(fit_testing_protoset_end - fit_testing_protoset));
	struct strbuf set = STRBUF_INIT;
	struct schema *s;
	struct err err;
	uint32_t x = 12345;
	(void)state;

	for (size_t n = 0; n < good.n; n += 97) {
		err_init(&err);
		if (schema_load(slice_make(good.p, n), &s, &err) == STATUS_OK)
			schema_free(s);
	}
	for (int i = 0; i < 400; i++) {
		strbuf_reset(&set);
		strbuf_add_slice(&set, good);
		for (int k = 0; k < 3; k++) {
			x = x * 1664525 + 1013904223;
			set.buf[x % set.len] = (char)(x >> 24);
		}
		err_init(&err);
		if (schema_load(strbuf_slice(&set), &s, &err) == STATUS_OK)
			schema_free(s);
	}
	strbuf_fini(&set);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_schema_load_methods),
		cmocka_unit_test(test_schema_load_policy),
		cmocka_unit_test(test_schema_load_routes),
		cmocka_unit_test(test_schema_load_classes),
		cmocka_unit_test(test_schema_load_tables),
		cmocka_unit_test(test_schema_load_builtin),
		cmocka_unit_test(test_schema_load_refuses_patterns),
		cmocka_unit_test(test_schema_load_refuses_what_it_does_not_enforce),
		cmocka_unit_test(test_schema_load_survives_damage),
	};
	return cmocka_run_group_tests(tests, setup_schema, teardown_schema);
}
