/* SPDX-License-Identifier: Apache-2.0 */
/* A pool that is opened: what is waited for and what is refused at once. */
#include "tests/integration/store/store_test.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "libcommon/observe/log.h"

static struct err err;

static void
test_pg_bad_urls_show_at_once(void **state)
{
	static const struct {
		const char *url;
		enum status status;
	} cases[] = {
		{ NULL, STATUS_FAILED_PRECONDITION },
		{ "postgresql://nobody@127.0.0.1:1/x", STATUS_UNAVAILABLE },
		{ "nonsense", STATUS_UNAVAILABLE },
		{ "postgresql://[nobody", STATUS_FAILED_PRECONDITION },
	};
	struct pg_pool *none;

	(void)state;
	err_init(&err);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct pg_options opts = { .url = cases[i].url, .pool_size = 1, .open_ms = 1 };

		ASSERT_STATUS(cases[i].status, pg_pool_open(&opts, &none, &err), &err);
	}
	ASSERT_STATUS(STATUS_FAILED_PRECONDITION,
		      pg_pool_open(&(struct pg_options){ .url = "x", .pool_size = 201 }, &none,
				   &err),
		      &err);
}

/* ---- a server that is not there yet ---- */

/* Answers each connection with the next of its SQLSTATEs, the last one for ever. */
struct refuser {
	int fd, port;
	const char *const *states;
	unsigned accepted;
	pthread_t thread;
};

static void
refuse(int fd, const char *state)
{
	char in[1024], out[128];

	assert_true(read(fd, in, sizeof(in)) > 8); /* the startup message */
	size_t n = (size_t)snprintf(out + 5, sizeof(out) - 5, "SFATAL%cVFATAL%cC%s%cMnot now%c", 0,
				    0, state, 0, 0) +
		   1; /* the list ends with a NUL */
	out[0] = 'E';
	uint32_t length = htonl((uint32_t)(n + 4));
	memcpy(out + 1, &length, 4);
	assert_int_equal(write(fd, out, n + 5), n + 5);
}

static void *
refuser_main(void *arg)
{
	struct refuser *r = arg;
	int fd;

	while ((fd = accept(r->fd, NULL, NULL)) >= 0) {
		refuse(fd, r->states[0]);
		if (r->states[1] != NULL)
			r->states++;
		r->accepted++;
		close(fd);
	}
	return NULL;
}

static void
refuser_start(struct refuser *r, const char *const *states)
{
	struct sockaddr_in sa = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7f000001) };
	socklen_t n = sizeof(sa);

	*r = (struct refuser){ .fd = socket(AF_INET, SOCK_STREAM, 0), .states = states };
	assert_int_equal(bind(r->fd, (struct sockaddr *)&sa, n), 0);
	assert_int_equal(listen(r->fd, 8), 0);
	assert_int_equal(getsockname(r->fd, (struct sockaddr *)&sa, &n), 0);
	r->port = ntohs(sa.sin_port);
	assert_int_equal(pthread_create(&r->thread, NULL, refuser_main, r), 0);
}

static void
refuser_stop(struct refuser *r)
{
	shutdown(r->fd, SHUT_RDWR);
	pthread_join(r->thread, NULL);
	close(r->fd);
}

static void
test_pg_open_waits_only_for_what_passes(void **state)
{
	static const struct {
		const char *states[4];
		enum status status;
		unsigned tries;
	} cases[] = {
		{ { "57P03", "53300", "28P01", NULL }, STATUS_INTERNAL, 3 },
		{ { "28P01", NULL }, STATUS_INTERNAL, 1 },
		{ { "28000", NULL }, STATUS_INTERNAL, 1 },
		{ { "3D000", NULL }, STATUS_INTERNAL, 1 },
	};
	struct pg_pool *none;
	char url[64];

	(void)state;
	err_init(&err);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct pg_options opts = { .url = url, .pool_size = 1 };
		struct refuser refuser;

		refuser_start(&refuser, cases[i].states);
		snprintf(url, sizeof(url), "postgresql://x@127.0.0.1:%d/x?sslmode=disable",
			 refuser.port);
		ASSERT_STATUS(cases[i].status, pg_pool_open(&opts, &none, &err), &err);
		assert_non_null(strstr(err.text, "not now"));
		refuser_stop(&refuser);
		assert_int_equal(refuser.accepted, cases[i].tries);
	}
}

static void *
open_main(void *arg)
{
	struct pg_options opts = { .url = store_test_env("TEST_PG_URL"), .pool_size = 1 };

	(void)!pg_pool_open(&opts, arg, &err);
	return NULL;
}

static void
test_pg_open_waits_for_a_server_that_starts(void **state)
{
	struct pg_pool *late = NULL;
	char line[LOG_LINE_MAX];
	pthread_t thread;
	int log[2];

	(void)state;
	err_init(&err);
	assert_int_equal(pipe(log), 0);
	log_setup("store_test", LOG_LEVEL_WARN, log[1]);
	ask("stop postgres");
	assert_int_equal(pthread_create(&thread, NULL, open_main, &late), 0);
	/* It has tried, in vain. */
	ssize_t n = read(log[0], line, sizeof(line) - 1);
	assert_true(n > 0);
	line[n] = '\0';
	assert_non_null(strstr(line, "pg_waiting"));
	ask("start postgres");
	pthread_join(thread, NULL);
	assert_non_null(late);
	pg_pool_close(late);
	log_setup("store_test", LOG_LEVEL_WARN, STDERR_FILENO);
	close(log[0]);
	close(log[1]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pg_bad_urls_show_at_once),
		cmocka_unit_test(test_pg_open_waits_only_for_what_passes),
		cmocka_unit_test(test_pg_open_waits_for_a_server_that_starts),
	};

	store_test_env("TEST_PG_URL");
	return cmocka_run_group_tests_name("pg_open", tests, NULL, NULL);
}
