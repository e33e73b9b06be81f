/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/testkit.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "libcommon/base/compiler.h"
#include "libcommon/base/strbuf.h"
#include "libcommon/observe/metrics.h"
#include "libcommon/service/admin.h"

static struct admin *admin;
static atomic_int asked;
static atomic_bool ready;

static enum status
on_ready(void *arg, struct deadline deadline, struct err *err)
{
	assert_ptr_equal(&ready, arg);
	if (deadline_left_ms(deadline) > 1000)
		abort();
	atomic_fetch_add(&asked, 1);
	return atomic_load(&ready) ? STATUS_OK
				   : err_set(err, STATUS_UNAVAILABLE, "the \"store\" is away");
}

static int
setup(void **state)
{
	struct err err;

	(void)state;
	err_init(&err);
	testkit_clock_setup(state);
	atomic_store(&asked, 0);
	atomic_store(&ready, true);
	ASSERT_OK(admin_open("127.0.0.1:0", on_ready, &ready, &admin, &err), &err);
	return 0;
}

static int
teardown(void **state)
{
	admin_close(admin);
	return testkit_clock_teardown(state);
}

/* Sends a request and reads to the end of the connection. The caller frees. */
static char *
request(const char *text)
{
	struct sockaddr_in addr = { .sin_family = AF_INET,
				    .sin_port = htons((uint16_t)admin_port(admin)),
				    .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct strbuf sb = STRBUF_INIT;
	char buf[4096];
	ssize_t n;
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_int_equal(0, connect(fd, (struct sockaddr *)&addr, sizeof(addr)));
	assert_int_equal(strlen(text), write(fd, text, strlen(text)));
	while ((n = read(fd, buf, sizeof(buf))) > 0)
		strbuf_add(&sb, buf, (size_t)n);
	close(fd);
	assert_non_null(sb.buf);
	return sb.buf;
}

static void
expect(const char *method, const char *path, const char *status, const char *part)
{
	char text[256];

	snprintf(text, sizeof(text), "%s %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
		 method, path);
	char *reply = request(text);
	ASSERT_CONTAINS(reply, status);
	ASSERT_CONTAINS(reply, part);
	free(reply);
}

static void
test_admin_answers(void **state)
{
	static struct metric metric = METRIC_COUNTER("test_admin_total", "A test.", NULL);

	(void)state;
	metric_register(&metric);
	metric_add(metric_single(&metric), 3);
	expect("GET", "/health", "HTTP/1.1 200 ", "{\"status\":\"ok\"}");
	expect("GET", "/ready", "HTTP/1.1 200 ", "{\"status\":\"ready\"}");
	expect("GET", "/metrics", "text/plain; version=0.0.4", "test_admin_total 3\n");
	expect("GET", "/nothing", "HTTP/1.1 404 ", "not found");
	expect("HEAD", "/health", "HTTP/1.1 200 ", "Content-Length: 16");
	char *reply = request("HEAD /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
	ASSERT_LACKS(reply, "ok\"");
	free(reply);
	reply = request("POST /health HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nConnection: "
			"close\r\n\r\n");
	ASSERT_LACKS(reply, " 200 ");
	free(reply);
}

/* The answer is kept for a second, whatever many ask. */
static void
test_admin_ready_is_cached(void **state)
{
	(void)state;
	for (int i = 0; i < 5; i++)
		expect("GET", "/ready", " 200 ", "ready");
	assert_int_equal(1, atomic_load(&asked));
	atomic_store(&ready, false);
	clock_fake_advance(999);
	expect("GET", "/ready", " 200 ", "ready");
	clock_fake_advance(1);
	expect("GET", "/ready", " 503 ",
	       "{\"status\":\"not ready\",\"reason\":\"the \\\"store\\\" is away\"}");
	atomic_store(&ready, true);
	clock_fake_advance(1000);
	expect("GET", "/ready", " 200 ", "ready");
	assert_int_equal(3, atomic_load(&asked));
	expect("GET", "/health", " 200 ", "ok");
}

static void
test_admin_draining(void **state)
{
	(void)state;
	admin_set_draining(admin);
	expect("GET", "/ready", " 503 ", "{\"status\":\"draining\"}");
	expect("GET", "/health", " 200 ", "ok");
	assert_int_equal(0, atomic_load(&asked));
}

static void
test_admin_bad_addresses(void **state)
{
	static const struct {
		const char *address;
		enum status status;
	} cases[] = {
		{ "", STATUS_INVALID_ARGUMENT },
		{ "127.0.0.1", STATUS_INVALID_ARGUMENT },
		{ ":80", STATUS_INVALID_ARGUMENT },
		{ "127.0.0.1:", STATUS_INVALID_ARGUMENT },
		{ "127.0.0.1:-1", STATUS_INVALID_ARGUMENT },
		{ "127.0.0.1:65536", STATUS_INVALID_ARGUMENT },
		{ "127.0.0.1:1x", STATUS_INVALID_ARGUMENT },
		{ "[]:1", STATUS_INVALID_ARGUMENT },
	};
	struct admin *other;
	struct err err;
	char taken[32];

	(void)state;
	err_init(&err);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		ASSERT_STATUS(cases[i].status,
			      admin_open(cases[i].address, NULL, NULL, &other, &err), &err);
	snprintf(taken, sizeof(taken), "127.0.0.1:%d", admin_port(admin));
	ASSERT_STATUS(STATUS_UNAVAILABLE, admin_open(taken, NULL, NULL, &other, &err), &err);
	ASSERT_CONTAINS(err.text, taken);
	admin_close(NULL);
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_admin_answers),
		T(test_admin_ready_is_cached),
		T(test_admin_draining),
		T(test_admin_bad_addresses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
