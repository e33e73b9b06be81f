/* SPDX-License-Identifier: Apache-2.0 */
#include "libcommon/base/strbuf.h"
#include "libcommon/rpc/pb_wire.h"
#include "tests/support/testkit.h"

static void
test_pb_wire_round_trip(void **state)
{
	static const uint64_t numbers[] = { 0, 1, 127, 128, 300, UINT32_MAX, UINT64_MAX };
	struct strbuf out = STRBUF_INIT;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
		pb_put_varint(&out, (uint32_t)i + 1, numbers[i]);
	pb_put_bytes(&out, 536870911, SLICE_LIT("bytes\0inside"));
	pb_put_bytes(&out, 16, SLICE_NONE);
	struct pb_reader r = pb_reader(strbuf_slice(&out));
	for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
		assert_true(pb_next(&r));
		assert_int_equal(r.field, i + 1);
		assert_int_equal(r.type, PB_VARINT);
		assert_true(r.number == numbers[i]);
	}
	assert_true(pb_next(&r));
	assert_int_equal(r.field, 536870911);
	assert_true(slice_eq(r.bytes, SLICE_LIT("bytes\0inside")));
	assert_true(pb_next(&r));
	assert_int_equal(r.bytes.n, 0);
	assert_false(pb_next(&r));
	assert_false(r.broken);
	strbuf_fini(&out);
}

static void
test_pb_wire_fixed(void **state)
{
	struct pb_reader r = pb_reader(SLICE_LIT("\x0d\x01\x02\x03\x04\x11\x01\0\0\0\0\0\0\x80"));

	(void)state;
	assert_true(pb_next(&r));
	assert_int_equal(r.number, 0x04030201);
	assert_true(pb_next(&r));
	assert_true(r.number == 0x8000000000000001u);
	assert_false(pb_next(&r));
	assert_false(r.broken);
}

static void
test_pb_wire_broken(void **state)
{
	static const struct slice cases[] = {
		SLICE_LIT("\x0a\x05six"),                                      /* beyond the end */
		SLICE_LIT("\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"),     /* 2^64-1 bytes */
		SLICE_LIT("\x08"),                                             /* no value */
		SLICE_LIT("\x08\x80"),                                         /* varint cut */
		SLICE_LIT("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02"),     /* above 64 bits */
		SLICE_LIT("\x08\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01"), /* eleven bytes */
		SLICE_LIT("\x0d\x01\x02\x03"),                                 /* fixed32 cut */
		SLICE_LIT("\x09\x01"),                                         /* fixed64 cut */
		SLICE_LIT("\x0b\x0c"),                                         /* a group */
		SLICE_LIT("\x0e\x01"),                                         /* wire type 6 */
		SLICE_LIT("\x02\x01x"),                                        /* field 0 */
		SLICE_LIT("\x80\x80\x80\x80\x10\x01"), /* field above 2^29-1 */
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct pb_reader r = pb_reader(cases[i]);
		assert_false(pb_next(&r));
		assert_true(r.broken);
		assert_false(pb_next(&r));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pb_wire_round_trip),
		cmocka_unit_test(test_pb_wire_fixed),
		cmocka_unit_test(test_pb_wire_broken),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
