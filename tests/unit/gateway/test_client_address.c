/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/client_address.h"

#include "gateway/exchange.h"
#include "libcommon/base/compiler.h"
#include "tests/support/testkit.h"

static void
test_net_set(void **state)
{
	static const struct {
		const char *net, *address;
		bool has;
	} cases[] = {
		{ "10.0.0.0/8", "10.255.0.1", true },
		{ "10.0.0.0/8", "11.0.0.1", false },
		{ "10.1.2.3/8", "10.9.9.9", true },
		{ "192.0.2.128/25", "192.0.2.127", false },
		{ "192.0.2.128/25", "192.0.2.255", true },
		{ "192.0.2.7", "192.0.2.7", true },
		{ "192.0.2.7", "192.0.2.6", false },
		{ "192.0.2.7", "::ffff:192.0.2.7", true },
		{ "0.0.0.0/0", "203.0.113.1", true },
		{ "0.0.0.0/0", "2001:db8::1", false },
		{ "2001:db8::/32", "2001:db8:ffff::1", true },
		{ "2001:db8::/33", "2001:db8:8000::1", false },
		{ "::1", "::1", true },
		{ "::ffff:10.0.0.0/104", "10.1.1.1", true },
		{ "10.0.0.0/8", "", false },
		{ "10.0.0.0/8", "10.0.0", false },
	};
	static const char *const bad[] = {
		"",         "10.0.0.0/33", "10.0.0.0/",    "10.0.0.0/-1",
		"10.0.0/8", "::/129",      "example.com",  "10.0.0.0/8/8",
		"1.2.3.4 ", "::/0128",     "10.0.0.0/0x8", "/8"
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct net_set set = { 0 };

		assert_true(net_set_add(&set, slice_str(cases[i].net)));
		if (net_set_has(&set, slice_str(cases[i].address)) != cases[i].has)
			fail_msg("%s in %s", cases[i].address, cases[i].net);
	}
	struct net_set set = { 0 };
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		if (net_set_add(&set, slice_str(bad[i])))
			fail_msg("\"%s\" is taken", bad[i]);
	}
	for (size_t i = 0; i < NET_SET_MAX; i++)
		assert_true(net_set_add(&set, SLICE_LIT("10.0.0.0/8")));
	assert_false(net_set_add(&set, SLICE_LIT("10.0.0.0/8")));
}

static void
test_client_address_find(void **state)
{
	/* 10/8 and 2001:db8:5::/48 are trusted; two fields are one list. */
	static const struct {
		const char *peer, *first, *second, *client;
	} cases[] = {
		{ "10.0.0.1", NULL, NULL, "10.0.0.1" },
		{ "10.0.0.1", "192.0.2.7", NULL, "192.0.2.7" },
		{ "192.0.2.9", "192.0.2.7", NULL, "192.0.2.9" },
		{ "10.0.0.1", "198.51.100.1, 192.0.2.7", NULL, "192.0.2.7" },
		{ "10.0.0.1", "198.51.100.1", "192.0.2.7", "192.0.2.7" },
		{ "10.0.0.1", "198.51.100.1, 192.0.2.7 , 10.0.0.2", NULL, "192.0.2.7" },
		{ "10.0.0.1", "192.0.2.7", "10.0.0.3,10.0.0.2", "192.0.2.7" },
		{ "10.0.0.1", "10.0.0.4, 10.0.0.3", NULL, "10.0.0.4" },
		{ "10.0.0.1", "10.0.0.4, unknown, 10.0.0.3", NULL, "10.0.0.3" },
		{ "10.0.0.1", "evil", NULL, "10.0.0.1" },
		{ "10.0.0.1", "", NULL, "10.0.0.1" },
		{ "10.0.0.1", "192.0.2.7,", NULL, "10.0.0.1" },
		{ "10.0.0.1", "192.0.2.7:4711", NULL, "192.0.2.7" },
		{ "10.0.0.1", "[2001:DB8::0:1]:4711", NULL, "2001:db8::1" },
		{ "10.0.0.1", "[2001:db8::1]", NULL, "2001:db8::1" },
		{ "10.0.0.1", "[2001:db8::1", NULL, "10.0.0.1" },
		{ "2001:db8:5::1", "2001:db8::7", NULL, "2001:db8::7" },
		{ "2001:db8:6::1", "2001:db8::7", NULL, "2001:db8:6::1" },
		{ "10.0.0.1", "::ffff:192.0.2.7", NULL, "192.0.2.7" },
		{ "", "192.0.2.7", NULL, "" },
	};
	struct net_set trusted = { 0 }, none = { 0 };
	char client[CLIENT_ADDRESS_SIZE];

	(void)state;
	assert_true(net_set_add(&trusted, SLICE_LIT("10.0.0.0/8")));
	assert_true(net_set_add(&trusted, SLICE_LIT("2001:db8:5::/48")));
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct exchange_field fields[3] = { { SLICE_LIT("Host"), SLICE_LIT("x") } };
		unsigned n = 1;

		if (cases[i].first != NULL)
			fields[n++] = (struct exchange_field){ SLICE_LIT("X-Forwarded-For"),
							       slice_str(cases[i].first) };
		if (cases[i].second != NULL)
			fields[n++] = (struct exchange_field){ SLICE_LIT("x-forwarded-for"),
							       slice_str(cases[i].second) };
		client_address_find(&trusted, cases[i].peer, fields, n, client);
		assert_string_equal(client, cases[i].client);
		client_address_find(&none, cases[i].peer, fields, n, client);
		assert_string_equal(client, cases[i].peer);
	}
}

static void
test_client_address_key(void **state)
{
	static const char *const cases[][2] = {
		{ "192.0.2.7", "192.0.2.7" },
		{ "2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64" },
		{ "2001:db8:1:2::", "2001:db8:1:2::/64" },
		{ "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "ffff:ffff:ffff:ffff::/64" },
		{ "::1", "::/64" },
		{ "", "" },
	};
	char key[CLIENT_ADDRESS_SIZE];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		client_address_key(cases[i][0], key);
		assert_string_equal(key, cases[i][1]);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_net_set),
		cmocka_unit_test(test_client_address_find),
		cmocka_unit_test(test_client_address_key),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
