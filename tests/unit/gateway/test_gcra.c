/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/gcra.h"

#include "tests/support/testkit.h"

static const struct gcra_rate rate = { 100, 900 }; /* one in nine seconds, a burst of a hundred */

static void
test_gcra_burst_then_refusal(void **state)
{
	int64_t tat = 0, now = 1000000000000;
	struct gcra_result r;

	(void)state;
	for (int i = 0; i < 100; i++) {
		r = gcra_take(&rate, &tat, now);
		assert_true(r.allowed);
		assert_int_equal(r.remaining, 99 - i);
		assert_int_equal(r.reset_us, (i + 1) * 9000000);
	}
	r = gcra_take(&rate, &tat, now);
	assert_false(r.allowed);
	assert_int_equal(r.retry_us, 9000000);
	assert_int_equal(r.reset_us, 900000000);
	/* Refusals cost nothing: the state is unchanged. */
	assert_int_equal(tat, now + 900000000);
}

static void
test_gcra_conforms_exactly_when_promised(void **state)
{
	int64_t tat = 0, now = 5000000;

	(void)state;
	for (int i = 0; i < 100; i++)
		assert_true(gcra_take(&rate, &tat, now).allowed);
	struct gcra_result r = gcra_take(&rate, &tat, now);
	assert_false(gcra_take(&rate, &tat, now + r.retry_us - 1).allowed);
	assert_true(gcra_take(&rate, &tat, now + r.retry_us).allowed);
	assert_false(gcra_take(&rate, &tat, now + r.retry_us).allowed);
}

static void
test_gcra_sustained_rate_is_never_refused(void **state)
{
	int64_t tat = 0, now = 0;

	(void)state;
	for (int i = 0; i < 10000; i++, now += 9000000) {
		struct gcra_result r = gcra_take(&rate, &tat, now);
		assert_true(r.allowed);
		assert_int_equal(r.remaining, 99);
	}
}

static void
test_gcra_parses_rates(void **state)
{
	struct gcra_rate r;

	(void)state;
	assert_true(gcra_rate_parse(SLICE_LIT("100/900"), &r));
	assert_int_equal(r.limit, 100);
	assert_int_equal(r.window_s, 900);
	static const char *const bad[] = {
		"",     "100",     "/",   "100/",  "/900", "0/900",        "100/0",
		"-1/9", "1/90000", "a/b", "1/2/3", "1 /2", "99999999999/1"
	};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(gcra_rate_parse(slice_str(bad[i]), &r));
	/* Faster than a microsecond each is as fast as the arithmetic goes. */
	assert_int_equal(gcra_interval_us(&(struct gcra_rate){ 1000000000, 1 }), 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_gcra_burst_then_refusal),
		cmocka_unit_test(test_gcra_conforms_exactly_when_promised),
		cmocka_unit_test(test_gcra_sustained_rate_is_never_refused),
		cmocka_unit_test(test_gcra_parses_rates),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
