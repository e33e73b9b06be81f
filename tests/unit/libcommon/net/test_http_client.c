/* SPDX-License-Identifier: Apache-2.0 */
/* http_client: what is fetched, what is refused, and how it ends in time. */
#include "tests/support/testkit.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "libcommon/base/arena.h"
#include "libcommon/net/http_client.h"
#include "tests/unit/libcommon/net/http_stub.h"

static struct {
	struct http_stub *stub;
	struct arena *arena;
	struct http_response res;
	struct err err;
} t;

static int
setup(void **state)
{
	(void)state;
	t.stub = http_stub_start();
	t.arena = arena_new(1 << 20);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	http_stub_stop(t.stub);
	arena_free(t.arena);
	return 0;
}

static enum status
fetch(const char *url, size_t max_bytes)
{
	struct http_request req = { .url = url,
				    .deadline = deadline_in(5000),
				    .max_bytes = max_bytes };

	return http_client_fetch(&req, t.arena, &t.res, &t.err);
}

static void
test_http_client_gets(void **state)
{
	(void)state;
	http_stub_set(t.stub, "/x?y=1", 200, "public, max-age=77", "hello");
	ASSERT_OK(fetch(http_stub_url(t.stub, "/x?y=1"), 5), &t.err);
	assert_int_equal(t.res.status, 200);
	ASSERT_SLICE("hello", t.res.body);
	assert_int_equal(t.res.max_age_s, 77);

	http_stub_set(t.stub, "/x?y=1", 503, NULL, "");
	ASSERT_OK(fetch(http_stub_url(t.stub, "/x?y=1"), 5), &t.err);
	assert_int_equal(t.res.status, 503);
	ASSERT_SLICE("", t.res.body);
	assert_int_equal(t.res.max_age_s, -1);
}

static void
test_http_client_posts(void **state)
{
	static const char *const headers[] = { "Content-Type: text/plain" };
	struct http_request req = { .headers = headers,
				    .nheaders = 1,
				    .post = true,
				    .body = SLICE_LIT("a=1&b=2"),
				    .max_bytes = 100 };

	(void)state;
	http_stub_set(t.stub, "/post", 200, NULL, "done");
	req.url = http_stub_url(t.stub, "/post");
	req.deadline = deadline_in(5000);
	ASSERT_OK(http_client_fetch(&req, t.arena, &t.res, &t.err), &t.err);
	ASSERT_SLICE("done", t.res.body);
	assert_string_equal(http_stub_posted(t.stub), "a=1&b=2");
}

static void
test_http_client_does_not_follow_redirects(void **state)
{
	(void)state;
	http_stub_set(t.stub, "/there", 200, NULL, "secret");
	http_stub_set(t.stub, "/here", 302, NULL, http_stub_url(t.stub, "/there"));
	ASSERT_OK(fetch(http_stub_url(t.stub, "/here"), 1000), &t.err);
	assert_int_equal(t.res.status, 302);
	assert_int_equal(http_stub_hits(t.stub, "/there"), 0);
}

static void
test_http_client_caps_the_body(void **state)
{
	(void)state;
	http_stub_set(t.stub, "/big", 200, NULL, "123456");
	ASSERT_STATUS(STATUS_RESOURCE_EXHAUSTED, fetch(http_stub_url(t.stub, "/big"), 5), &t.err);
	ASSERT_OK(fetch(http_stub_url(t.stub, "/big"), 6), &t.err);
}

static void
test_http_client_peer_hangs_up(void **state)
{
	char url[64];

	(void)state;
	http_stub_set(t.stub, "/gone", 0, NULL, "");
	ASSERT_STATUS(STATUS_UNAVAILABLE, fetch(http_stub_url(t.stub, "/gone"), 5), &t.err);
	snprintf(url, sizeof(url), "http://127.0.0.1:%d/", testkit_free_port());
	ASSERT_STATUS(STATUS_UNAVAILABLE, fetch(url, 5), &t.err);
}

/* A peer that accepts and says nothing. */
static void
test_http_client_keeps_its_deadline(void **state)
{
	struct sockaddr_in addr = { .sin_family = AF_INET,
				    .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct http_request req = { .max_bytes = 100 };
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	socklen_t n = sizeof(addr);
	char url[64];
	int64_t begin;

	(void)state;
	assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	assert_int_equal(listen(fd, 1), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&addr, &n), 0);
	snprintf(url, sizeof(url), "http://127.0.0.1:%d/", ntohs(addr.sin_port));
	begin = clock_mono_ms();
	req.url = url;
	req.deadline = deadline_in(150);
	ASSERT_STATUS(STATUS_DEADLINE_EXCEEDED, http_client_fetch(&req, t.arena, &t.res, &t.err),
		      &t.err);
	assert_true(clock_mono_ms() - begin < 4000);
	req.deadline = deadline_in(0);
	ASSERT_STATUS(STATUS_DEADLINE_EXCEEDED, http_client_fetch(&req, t.arena, &t.res, &t.err),
		      &t.err);
	close(fd);
}

static void
test_http_client_urls(void **state)
{
	static const struct {
		const char *url;
		bool allowed;
	} cases[] = {
		{ "https://accounts.google.com/x?y", true },
		{ "https://[2001:db8::1]/", true },
		{ "http://127.0.0.1:7900/x", true },
		{ "http://127.8.9.1/", true },
		{ "http://localhost:1/", true },
		{ "http://[::1]:80/", true },
		{ "HTTP://LOCALHOST/", true },
		{ "http://example.org/", false },
		{ "http://127.0.0.1.example.org/", false },
		{ "http://127.example/", false },
		{ "http://localhost.example/", false },
		{ "http://user@127.0.0.1/", false },
		{ "https://user:password@example.org/", false },
		{ "file:///etc/passwd", false },
		{ "gopher://127.0.0.1/", false },
		{ "ftp://127.0.0.1/", false },
		{ "//example.org/", false },
		{ "example.org", false },
		{ "https://", false },
		{ "", false },
	};
	char *longest = calloc(1, HTTP_URL_MAX + 2);

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		print_message("%s\n", cases[i].url);
		assert_int_equal(http_url_allowed(cases[i].url), cases[i].allowed);
		if (!cases[i].allowed)
			ASSERT_STATUS(STATUS_INVALID_ARGUMENT, fetch(cases[i].url, 1), &t.err);
	}
	memset(longest, 'a', HTTP_URL_MAX + 1);
	memcpy(longest, "https://", 8);
	assert_false(http_url_allowed(longest));
	longest[HTTP_URL_MAX] = '\0';
	assert_true(http_url_allowed(longest));
	free(longest);
}

static void
test_http_client_max_age(void **state)
{
	static const struct {
		const char *text;
		int64_t seconds;
	} cases[] = {
		{ "", -1 },
		{ "public", -1 },
		{ "max-age=0", 0 },
		{ "max-age=300", 300 },
		{ "public, max-age=20000, must-revalidate, no-transform", 20000 },
		{ "Max-Age=5", 5 },
		{ "s-maxage=9", -1 },
		{ "max-age", -1 },
		{ "max-age=", -1 },
		{ "max-age=x", -1 },
		{ "max-age=-1", -1 },
		{ "max-age=5, no-store", 0 },
		{ "no-cache", 0 },
		{ "max-age=99999999999999999999", 31536000 },
		{ ",,, ,max-age=7", 7 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_int_equal(http_max_age(cases[i].text), cases[i].seconds);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_http_client_gets, setup, teardown),
		cmocka_unit_test_setup_teardown(test_http_client_posts, setup, teardown),
		cmocka_unit_test_setup_teardown(test_http_client_does_not_follow_redirects, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_http_client_caps_the_body, setup, teardown),
		cmocka_unit_test_setup_teardown(test_http_client_peer_hangs_up, setup, teardown),
		cmocka_unit_test_setup_teardown(test_http_client_keeps_its_deadline, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_http_client_urls, setup, teardown),
		cmocka_unit_test_setup_teardown(test_http_client_max_age, setup, teardown),
	};

	return cmocka_run_group_tests_name("http_client", tests, NULL, NULL);
}
