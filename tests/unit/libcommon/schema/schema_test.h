/* SPDX-License-Identifier: Apache-2.0 */
/*
 * schema_test.h - the test messages' schema, and JSON as the way to write wire bytes down.
 */
#ifndef FIT_TESTS_SCHEMA_TEST_H
#define FIT_TESTS_SCHEMA_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "libcommon/base/strbuf.h"
#include "libcommon/schema/schema.h"

extern const char fit_testing_protoset[], fit_testing_protoset_end[];

static struct schema *testing;

static inline int
setup_schema(void **state)
{
	struct err err;

	(void)state;
	err_init(&err);
	struct slice bytes = slice_make(fit_testing_protoset,
					(size_t)(fit_testing_protoset_end - fit_testing_protoset));
	if (schema_load(bytes, &testing, &err) != STATUS_OK)
		fail_msg("%s", err.text);
	return 0;
}

static inline int
teardown_schema(void **state)
{
	(void)state;
	schema_free(testing);
	return 0;
}

static inline const struct schema_message *
message(const char *name)
{
	const struct schema_message *m;
	char full[128];

	snprintf(full, sizeof(full), strchr(name, '.') ? "%s" : "fit.testing.v1.%s", name);
	m = schema_message(testing, slice_str(full));
	if (m == NULL)
		fail_msg("no message %s", full);
	return m;
}

/* Appends the bytes of a message given as JSON. */
static inline void
add_wire(const char *name, const char *json, struct strbuf *out)
{
	struct err err;

	err_init(&err);
	if (schema_json_decode(message(name), slice_str(json), NULL, out, &err) != STATUS_OK)
		fail_msg("%s: %s", json, err.text);
}

/* "path: text" of the first violation, else the text; "" for none. */
static inline const char *
error_text(const struct err *err)
{
	static char buf[400];

	if (err->status == STATUS_OK)
		return "";
	if (err->nfields > 0)
		snprintf(buf, sizeof(buf), "%s: %s", err->fields[0].path, err->fields[0].text);
	else
		snprintf(buf, sizeof(buf), "%s", err->text);
	return buf;
}

#endif
