/* SPDX-License-Identifier: Apache-2.0 */
/* The generated documents. tests/integration/schema checks the OpenAPI document against its
 * specification too. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/unit/libcommon/schema/schema_test.h"

/* A value by a path of keys separated by '>'; NULL when a step is missing. */
static const json_t *
at(const json_t *j, const char *path)
{
	char key[100];

	while (j != NULL && *path != '\0') {
		size_t n = strcspn(path, ">");
		snprintf(key, sizeof(key), "%.*s", (int)n, path);
		j = json_is_array(j) ? json_array_get(j, (size_t)atoi(key))
				     : json_object_get(j, key);
		path += n + (path[n] == '>');
	}
	return j;
}

static void
check_value(const json_t *doc, const char *path, const char *want)
{
	const json_t *j = at(doc, path);
	char *text;

	if (j == NULL)
		fail_msg("nothing at %s", path);
	text = json_dumps(j, JSON_ENCODE_ANY | JSON_COMPACT);
	if (strcmp(text, want) != 0)
		fail_msg("%s is %s, not %s", path, text, want);
	free(text);
}

static json_t *
openapi(const struct schema *s)
{
	struct strbuf out = STRBUF_INIT;
	json_error_t error;

	schema_openapi(s, "1.2.3", &out);
	json_t *doc = json_loadb(out.buf, out.len, JSON_REJECT_DUPLICATES, &error);
	if (doc == NULL)
		fail_msg("byte %d: %s", error.position, error.text);
	strbuf_fini(&out);
	return doc;
}

/* Each "$ref" leads somewhere. */
static void
check_refs(const json_t *doc, const json_t *j)
{
	const char *key;
	const json_t *value;
	size_t i;

	if (json_is_array(j)) {
		json_array_foreach(j, i, value) check_refs(doc, value);
	}
	if (!json_is_object(j))
		return;
	json_object_foreach((json_t *)(uintptr_t)j, key, value)
	{
		if (strcmp(key, "$ref") != 0 || !json_is_string(value)) {
			check_refs(doc, value);
			continue;
		}
		char path[200];
		const char *ref = json_string_value(value);
		assert_int_equal(strncmp(ref, "#/", 2), 0);
		snprintf(path, sizeof(path), "%s", ref + 2);
		for (char *p = path; *p != '\0'; p++)
			*p = *p == '/' ? '>' : *p;
		if (at(doc, path) == NULL)
			fail_msg("%s leads nowhere", ref);
	}
}

static void
test_schema_openapi_describes_routes(void **state)
{
	static const struct {
		const char *path, *want;
	} rows[] = {
		{ "openapi", "\"3.1.0\"" },
		{ "info>version", "\"1.2.3\"" },
		{ "security", "[{\"bearer\":[]}]" },
		{ "components>securitySchemes>bearer>scheme", "\"bearer\"" },
		{ "tags>0", "{\"name\":\"ThingService\",\"description\":\"Things, for tests.\"}" },
		/* two methods whose variables have other names are one path item */
		{ "paths>/api/v1/things/{id}>get>operationId", "\"ThingService_GetThing\"" },
		{ "paths>/api/v1/things/{id}>patch>parameters>0>name", "\"id\"" },
		{ "paths>/api/v1/things/{id}>patch>parameters>0>required", "true" },
		{ "paths>/api/v1/things/{id}>patch>parameters>0>schema",
		  "{\"type\":\"string\",\"format\":\"uuid\"}" },
		{ "paths>/api/v1/things/{id}>patch>parameters>1>name", "\"If-Match\"" },
		{ "paths>/api/v1/old-things/{id}>get>operationId", "\"ThingService_GetThing_2\"" },
		{ "paths>/api/v1/things>get>summary", "\"Lists them\"" },
		{ "paths>/api/v1/things>get>description",
		  "\"Lists them.\\n\\nIn two paragraphs.\"" },
		{ "paths>/api/v1/things>get>security", "[]" },
		{ "paths>/api/v1/things>get>parameters>0",
		  "{\"name\":\"pageSize\",\"in\":\"query\",\"schema\":{\"type\":\"integer\","
		  "\"format\":\"int32\",\"minimum\":0,"
		  "\"maximum\":200}}" },
		{ "paths>/api/v1/things>get>parameters>2>name", "\"filter.muscle\"" },
		{ "paths>/api/v1/things>post>requestBody>content>application/json>schema",
		  "{\"$ref\":\"#/components/schemas/Thing\"}" },
		{ "paths>/api/v1/things>post>responses>201>headers>Location>schema>type",
		  "\"string\"" },
		{ "paths>/api/v1/things>post>responses>403",
		  "{\"$ref\":\"#/components/responses/Problem\"}" },
		{ "paths>/api/v1/things>post>parameters>0>name", "\"Idempotency-Key\"" },
		{ "paths>/api/v1/things>post>x-permission", "\"things.write\"" },
		{ "paths>/api/v1/things/{id}>patch>requestBody>content>application/"
		  "merge-patch+json>schema>type",
		  "\"object\"" },
		{ "paths>/api/v1/things/{id}>delete>responses>204", "{\"description\":\"Done\"}" },
		{ "paths>/api/v1/things:watch>get>responses>200>content>text/"
		  "event-stream>schema>type",
		  "\"string\"" },
		{ "components>schemas>Thing>description", "\"One thing.\"" },
		{ "components>schemas>Thing>properties>name",
		  "{\"description\":\"What it is "
		  "called.\",\"type\":\"string\",\"minLength\":1,\"maxLength\":40,"
		  "\"x-data-class\":\"pii\"}" },
		{ "components>schemas>Thing>properties>body",
		  "{\"$ref\":\"#/components/schemas/Body\",\"x-data-class\":\"health\"}" },
		{ "components>schemas>Thing>properties>leaves",
		  "{\"type\":\"object\",\"additionalProperties\":{\"$ref\":\"#/components/schemas/"
		  "Leaf\"}}" },
		{ "components>schemas>Thing>properties>createdAt>format", "\"date-time\"" },
	};
	json_t *doc = openapi(testing);
	(void)state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		check_value(doc, rows[i].path, rows[i].want);
	assert_null(at(doc, "components>schemas>Rules")); /* nobody's request or reply */
	assert_null(at(doc, "paths>/api/v1/things/{id}>get>requestBody"));
	check_refs(doc, doc);
	json_decref(doc);
}

static void
test_schema_openapi_of_the_product_is_sound(void **state)
{
	json_t *doc = openapi(schema_builtin());
	(void)state;

	check_refs(doc, doc);
	json_decref(doc);
}

static void
test_schema_markdown_names_everything(void **state)
{
	static const char *const parts[] = {
		"## fit.testing.v1.ThingService\n\nThings, for tests.\n",
		"### UpdateThing\n\n`PATCH /api/v1/things/{thing.id}`",
		"Body: a merge patch of [Thing](#thing).",
		"Answers 201: [Thing](#thing). For signed-in users with permission `things.write`.",
		"`Idempotency-Key` is honoured",
		"Open to anybody.",
		"### Thing\n\nOne thing.\n",
		"| `name` | string, 1..40 characters | What it is called. |\n",
		"| `leaves` | map of [Leaf](#leaf) |",
	};
	struct strbuf out = STRBUF_INIT;
	(void)state;

	schema_api_markdown(testing, &out);
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		if (strstr(out.buf, parts[i]) == NULL)
			fail_msg("does not hold: %s", parts[i]);
	}
	strbuf_fini(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_schema_openapi_describes_routes),
		cmocka_unit_test(test_schema_openapi_of_the_product_is_sound),
		cmocka_unit_test(test_schema_markdown_names_everything),
	};
	return cmocka_run_group_tests(tests, setup_schema, teardown_schema);
}
