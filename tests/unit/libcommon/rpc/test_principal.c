/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>

#include "libcommon/base/strbuf.h"
#include "libcommon/rpc/pb_wire.h"
#include "libcommon/rpc/principal.h"
#include "tests/support/testkit.h"

#define USER "0193e1b0-0000-7000-8000-000000000001"

static struct principal
sample(void)
{
	struct principal p = { .present = true, .role = "coach", .tier = "pro", .npermissions = 2 };

	p.user_id = uuid_v7();
	p.session_id = uuid_v4();
	p.acting_for = uuid_v7();
	snprintf(p.permissions[0], sizeof(p.permissions[0]), "users.read_all");
	snprintf(p.permissions[1], sizeof(p.permissions[1]), "plans.write");
	return p;
}

static void
test_principal_round_trip(void **state)
{
	struct principal p = sample(), back;
	struct strbuf wire = STRBUF_INIT;

	(void)state;
	principal_encode(&p, &wire);
	assert_true(principal_decode(strbuf_slice(&wire), &back));
	assert_true(back.present);
	assert_true(uuid_eq(&p.user_id, &back.user_id));
	assert_true(uuid_eq(&p.session_id, &back.session_id));
	assert_true(uuid_eq(&p.acting_for, &back.acting_for));
	assert_string_equal(back.role, "coach");
	assert_string_equal(back.tier, "pro");
	assert_true(principal_may(&back, "users.read_all"));
	assert_true(principal_may(&back, "plans.write"));
	assert_false(principal_may(&back, "plans.writ"));
	assert_false(principal_may(&back, "plans.write2"));
	assert_false(principal_may(&back, ""));
	strbuf_fini(&wire);
}

static void
test_principal_absent_is_nobody(void **state)
{
	struct principal none = { .present = false }, back;
	struct strbuf wire = STRBUF_INIT;

	(void)state;
	principal_encode(&none, &wire);
	assert_int_equal(wire.len, 0);
	assert_false(principal_decode(SLICE_NONE, &back));
	assert_false(back.present);
	snprintf(none.permissions[0], sizeof(none.permissions[0]), "x");
	none.npermissions = 1;
	assert_false(principal_may(&none, "x"));
}

static void
put(struct strbuf *out, uint32_t field, const char *text)
{
	pb_put_bytes(out, field, slice_str(text));
}

static void
test_principal_refuses(void **state)
{
	static const struct {
		uint32_t field;
		const char *text;
		bool ok;
	} cases[] = {
		{ 2, "coach", true },
		{ 2, "sixteen letters!", false }, /* does not fit: never cut */
		{ 3, "0123456789012345", false },
		{ 4, "fifty characters of a permission are too many, yes", false },
		{ 5, "not-a-uuid", false },
		{ 6, "", false },
		{ 1, "00000000-0000-0000-0000-000000000000", false },
		{ 7, "an area that this build does not know", true },
		{ 99, "of a newer gateway", true },
	};
	struct principal back;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct strbuf wire = STRBUF_INIT;
		put(&wire, 1, USER);
		put(&wire, cases[i].field, cases[i].text);
		assert_int_equal(principal_decode(strbuf_slice(&wire), &back), cases[i].ok);
		strbuf_fini(&wire);
	}
	/* Without a subject nobody is named. */
	struct strbuf wire = STRBUF_INIT;
	put(&wire, 2, "admin");
	assert_false(principal_decode(strbuf_slice(&wire), &back));
	strbuf_fini(&wire);
}

static void
test_principal_permissions_are_bounded(void **state)
{
	struct principal back;
	struct strbuf wire = STRBUF_INIT;

	(void)state;
	put(&wire, 1, USER);
	for (int i = 0; i < PRINCIPAL_PERMISSIONS_MAX; i++)
		put(&wire, 4, "p");
	assert_true(principal_decode(strbuf_slice(&wire), &back));
	assert_int_equal(back.npermissions, PRINCIPAL_PERMISSIONS_MAX);
	put(&wire, 4, "p");
	assert_false(principal_decode(strbuf_slice(&wire), &back));
	strbuf_fini(&wire);
}

static void
test_principal_cut_short(void **state)
{
	struct principal p = sample(), back;
	struct strbuf wire = STRBUF_INIT;
	unsigned taken = 0;

	(void)state;
	principal_encode(&p, &wire);
	for (size_t n = 0; n < wire.len; n++) {
		char *cut = malloc(n + 1);
		memcpy(cut, wire.buf, n);
		taken += principal_decode(slice_make(cut, n), &back);
		free(cut);
	}
	/* Only a cut between two fields leaves a whole message: after subject, role, tier, 2
	 * permissions, session. */
	assert_int_equal(taken, 6);
	strbuf_fini(&wire);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_principal_round_trip),
		cmocka_unit_test(test_principal_absent_is_nobody),
		cmocka_unit_test(test_principal_refuses),
		cmocka_unit_test(test_principal_permissions_are_bounded),
		cmocka_unit_test(test_principal_cut_short),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
