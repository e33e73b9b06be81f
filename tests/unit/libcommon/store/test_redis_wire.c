/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/testkit.h"

#include <string.h>

#include <hiredis/hiredis.h>

#include "libcommon/store/redis_wire.h"

static void
test_redis_wire_urls(void **state)
{
	static const struct {
		const char *url, *host, *port, *user, *password;
		int db;
	} cases[] = {
		{ "redis://127.0.0.1:7379", "127.0.0.1", "7379", NULL, NULL, 0 },
		{ "redis://localhost", "localhost", "6379", NULL, NULL, 0 },
		{ "redis://localhost/", "localhost", "6379", NULL, NULL, 0 },
		{ "redis://:pw@h:1/15", "h", "1", NULL, "pw", 15 },
		{ "redis://me:p%40%3Aw%2f@h:65535/1", "h", "65535", "me", "p@:w/", 1 },
		{ "redis://me:p@w@h", "h", "6379", "me", "p@w", 0 },
		{ "redis://[::1]:7379/2", "::1", "7379", NULL, NULL, 2 },
		{ "redis://[::1]", "::1", "6379", NULL, NULL, 0 },
		{ "redis://:@h", "h", "6379", NULL, "", 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct redis_target t;
		struct err err;

		err_init(&err);
		ASSERT_OK(redis_target_parse(cases[i].url, &t, &err), &err);
		assert_string_equal(cases[i].host, t.host);
		assert_string_equal(cases[i].port, t.port);
		assert_int_equal(cases[i].db, t.db);
		assert_int_equal(cases[i].user == NULL, t.user == NULL);
		assert_int_equal(cases[i].password == NULL, t.password == NULL);
		if (t.user != NULL)
			assert_string_equal(cases[i].user, t.user);
		if (t.password != NULL)
			assert_string_equal(cases[i].password, t.password);
		redis_target_fini(&t);
	}
}

static void
test_redis_wire_bad_urls(void **state)
{
	static const char *const cases[] = {
		NULL,
		"",
		"redis://",
		"redis:///1",
		"rediss://h",
		"http://h",
		"redis://h:",
		"redis://h:0",
		"redis://h:65536",
		"redis://h:12a",
		"redis://h:123456",
		"redis://h/x",
		"redis://h/-1",
		"redis://h/99999",
		"redis://:s3cret%4@h",
		"redis://:s3cret%zz@h",
		"redis://:s3cret%00@h",
		"redis://@",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct redis_target t;
		struct err err;

		err_init(&err);
		ASSERT_STATUS(STATUS_FAILED_PRECONDITION, redis_target_parse(cases[i], &t, &err),
			      &err);
		ASSERT_LACKS(err.text, "s3cret");
	}
}

static void
test_redis_wire_commands(void **state)
{
	const char *argv[] = { "SET", "k", "a\0b" };
	const size_t lens[] = { 3, 1, 3 };
	struct strbuf sb = STRBUF_INIT;
	struct redis_target t = { .user = (char[]){ "u" }, .password = (char[]){ "p" }, .db = 3 };

	(void)state;
	redis_wire_add(&sb, &(struct redis_cmd){ .argc = 3, .argv = argv, .argvlen = lens });
	assert_true(slice_eq(SLICE_LIT("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$3\r\na\0b\r\n"),
			     strbuf_slice(&sb)));
	strbuf_reset(&sb);
	assert_int_equal(3, redis_wire_add_hello(&sb, &t));
	assert_string_equal("*3\r\n$4\r\nAUTH\r\n$1\r\nu\r\n$1\r\np\r\n*2\r\n$6\r\nSELECT\r\n$"
			    "1\r\n3\r\n*1\r\n$4\r\nPING\r\n",
			    sb.buf);
	strbuf_reset(&sb);
	assert_int_equal(1, redis_wire_add_hello(&sb, &(struct redis_target){ 0 }));
	strbuf_fini(&sb);
}

static const struct redis_value *
parse(redisReader *reader, const char *bytes, size_t n)
{
	void *reply = NULL;

	/* Byte by byte: a reply may come in any pieces. */
	for (size_t i = 0; i < n; i++) {
		assert_null(reply);
		assert_int_equal(REDIS_OK, redisReaderFeed(reader, bytes + i, 1));
		if (redisReaderGetReply(reader, &reply) != REDIS_OK)
			return NULL;
	}
	return reply;
}

static void
test_redis_wire_replies(void **state)
{
	struct arena *arena = arena_new(1 << 16), *small = arena_new(64);
	redisReader *reader = redis_wire_reader_new();
	const struct redis_value *v;
	struct err err;

#define PARSE(text) parse(reader, text, sizeof(text) - 1)
	(void)state;
	redis_wire_reader_arena(reader, arena);
	v = PARSE("*3\r\n:-5\r\n*2\r\n$3\r\na\0b\r\n$-1\r\n-ERR bad\r\n");
	assert_non_null(v);
	assert_int_equal(3, v->nitems);
	assert_int_equal(-5, v->items[0].num);
	assert_true(slice_eq(slice_make("a\0b", 3), v->items[1].items[0].str));
	assert_int_equal(REDIS_NIL, v->items[1].items[1].type);
	assert_true(redis_is_error(&v->items[2]));
	v = PARSE("+-not an error by type\r\n");
	assert_int_equal(REDIS_STATUS, v->type);
	v = PARSE("-LOADING Redis is loading\r\n");
	assert_int_equal(STATUS_UNAVAILABLE, redis_error(v, &err));
	assert_string_equal("redis: LOADING Redis is loading", err.text);
	v = PARSE("-WRONGTYPE x\r\n");
	assert_int_equal(STATUS_INTERNAL, redis_error(v, &err));
	v = PARSE("*-1\r\n");
	assert_int_equal(REDIS_NIL, v->type);
	/* What an arena cannot hold is an error of the parser, not of the process. */
	redis_wire_reader_arena(reader, small);
	assert_null(PARSE("*9000\r\n:1\r\n"));
	assert_int_equal(REDIS_ERR_OOM, reader->err);
	redisReaderFree(reader);
	reader = redis_wire_reader_new();
	redis_wire_reader_arena(reader, arena);
	assert_null(PARSE("HTTP/1.1 200 OK\r\n"));
	assert_int_equal(REDIS_ERR_PROTOCOL, reader->err);
	redisReaderFree(reader);
	arena_free(arena);
	arena_free(small);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_redis_wire_urls),
		cmocka_unit_test(test_redis_wire_bad_urls),
		cmocka_unit_test(test_redis_wire_commands),
		cmocka_unit_test(test_redis_wire_replies),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
