/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <jansson.h>

#include "libcommon/base/clock.h"
#include "libcommon/base/compiler.h"
#include "libcommon/base/strbuf.h"
#include "libcommon/observe/log.h"
#include "tests/support/testkit.h"

static char *dir, *path;
static int fd;

static int
setup(void **state)
{
	dir = testkit_temp_dir();
	path = testkit_write_file(dir, "log", SLICE_NONE);
	fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
	assert_true(fd >= 0);
	log_context_clear();
	log_setup("workout", LOG_LEVEL_INFO, fd);
	return testkit_clock_setup(state);
}

static int
teardown(void **state)
{
	log_setup("", LOG_LEVEL_INFO, STDERR_FILENO);
	close(fd);
	free(path);
	testkit_remove_dir(dir);
	return testkit_clock_teardown(state);
}

/* What was written since the last call. */
static char *
written(void)
{
	char *text = testkit_read_file(path);

	assert_int_equal(truncate(path, 0), 0);
	return text;
}

static void
expect(const char *want)
{
	char *text = written();

	assert_string_equal(text, want);
	free(text);
}

#define HEAD "{\"ts\":\"2026-11-24T07:23:20.123Z\",\"level\":\"info\",\"svc\":\"workout\","

static void
test_log_line(void **state)
{
	(void)state;
	log_info("ready");
	expect(HEAD "\"event\":\"ready\"}\n");
	log_info("plan_created", LOG_STR("planId", "p1"), LOG_INT("version", -3),
		 LOG_BOOL("public", true), LOG_DOUBLE("load", 82.5), LOG_DOUBLE("nan", NAN),
		 LOG_STR("null", NULL), LOG_SLICE("cut", slice_make("abcdef", 2)));
	expect(HEAD "\"event\":\"plan_created\",\"planId\":\"p1\",\"version\":-3,\"public\":true,"
		    "\"load\":82.5,\"nan\":null,\"null\":null,\"cut\":\"ab\"}\n");
	log_info("odd", LOG_STR("a\"b", "line\nbreak \x01 \xff"));
	expect(HEAD "\"event\":\"odd\",\"a\\\"b\":\"line\\nbreak \\u0001 \xef\xbf\xbd\"}\n");
	/* Whole seconds keep their milliseconds. */
	clock_fake_set(0, 1000);
	log_info("ready");
	expect("{\"ts\":\"1970-01-01T00:00:01.000Z\",\"level\":\"info\",\"svc\":\"workout\","
	       "\"event\":\"ready\"}\n");
}

static void
test_log_redacts_by_class(void **state)
{
	(void)state;
	log_info("x", LOG_CLASSED("email", LOG_PII, "a@example.org"),
		 LOG_CLASSED("injury", LOG_HEALTH, "knee"), LOG_CLASSED("token", LOG_SECRET, "s3"),
		 LOG_CLASSED("note", LOG_FREE_TEXT, "hello"), LOG_CLASSED("id", LOG_PLAIN, "7"),
		 LOG_CLASSED("new", (enum log_class)9, "?"));
	expect(HEAD "\"event\":\"x\",\"email\":\"[pii]\",\"injury\":\"[health]\","
		    "\"token\":\"[secret]\",\"note\":\"[free_text]\",\"id\":\"7\","
		    "\"new\":\"[redacted]\"}\n");
}

static void
test_log_err_and_context(void **state)
{
	struct err err;
	char long_id[200];

	(void)state;
	err_set(&err, STATUS_UNAVAILABLE, "connection refused");
	err_reason(&err, "DB_DOWN");
	log_context_set("req-1", "4bf92f3577b34da6a3ce929d0e0e4736");
	log_error_err("pg_connect_failed", &err, LOG_STR("host", "db"));
	expect("{\"ts\":\"2026-11-24T07:23:20.123Z\",\"level\":\"error\",\"svc\":\"workout\","
	       "\"event\":\"pg_connect_failed\",\"requestId\":\"req-1\","
	       "\"traceId\":\"4bf92f3577b34da6a3ce929d0e0e4736\",\"status\":\"UNAVAILABLE\","
	       "\"reason\":\"DB_DOWN\",\"error\":\"connection refused\",\"host\":\"db\"}\n");
	log_context_set(NULL, "");
	log_info("x");
	expect(HEAD "\"event\":\"x\"}\n");
	memset(long_id, 'i', sizeof(long_id) - 1);
	long_id[sizeof(long_id) - 1] = '\0';
	log_context_set(long_id, long_id);
	log_info("x");
	long_id[64] = '\0';
	char *text = written();
	json_t *line = json_loads(text, 0, NULL);
	assert_string_equal(json_string_value(json_object_get(line, "requestId")), long_id);
	assert_int_equal(json_string_length(json_object_get(line, "traceId")), 32);
	json_decref(line);
	free(text);
	log_context_clear();
}

static int evaluated;

static int
count(void)
{
	return ++evaluated;
}

static void
test_log_levels(void **state)
{
	enum log_level level;

	(void)state;
	log_debug("hidden", LOG_INT("n", count()));
	assert_int_equal(evaluated, 0); /* arguments cost nothing when the level is off */
	expect("");
	log_set_level(LOG_LEVEL_DEBUG);
	log_debug("shown", LOG_INT("n", count()));
	char *text = written();
	ASSERT_CONTAINS(text, "\"level\":\"debug\"");
	free(text);
	log_set_level(LOG_LEVEL_ERROR);
	log_warn("hidden");
	expect("");
	assert_false(log_enabled(LOG_LEVEL_WARN));
	assert_true(log_enabled(LOG_LEVEL_ERROR));

	assert_true(log_level_parse("warn", &level));
	assert_int_equal(level, LOG_LEVEL_WARN);
	assert_false(log_level_parse("WARN", &level));
	assert_false(log_level_parse("", &level));
}

/* Lines of all lengths around the bound: each is one JSON object and within it. */
static void
test_log_line_is_bounded(void **state)
{
	static const char *const units[] = { "x", "\n", "\x01", "\xe2\x82\xac", "\xff" };
	static char value[8192 * 3 + 1];

	(void)state;
	for (size_t u = 0; u < ARRAY_LEN(units); u++) {
		for (size_t n = 400; n < 8192; n = n < 4200 ? n + 37 : n * 2) {
			size_t unit = strlen(units[u]);
			for (size_t i = 0; i < n; i++)
				memcpy(value + i * unit, units[u], unit);
			value[n * unit] = '\0';
			log_info("big", LOG_STR("v", value), LOG_STR("after", "y"));
			char *text = written();
			size_t len = strlen(text);
			assert_in_range(len, 1, LOG_LINE_MAX);
			assert_int_equal(text[len - 1], '\n');
			json_t *line = json_loads(text, 0, NULL);
			assert_non_null(line);
			bool cut = json_is_true(json_object_get(line, "cut"));
			bool whole = json_object_get(line, "after") != NULL;
			assert_int_equal(cut, !whole);
			if (cut)
				assert_true(len > LOG_LINE_MAX / 3); /* most of the room is used */
			/* The cut falls between characters. */
			if (units[u][0] != '\xff')
				ASSERT_LACKS(text, "\xef\xbf\xbd");
			json_decref(line);
			free(text);
		}
	}
}

static void
test_log_many_fields_are_bounded(void **state)
{
	struct log_field fields[500];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(fields); i++)
		fields[i] = LOG_INT("number", i);
	log_write(LOG_LEVEL_INFO, "many", NULL, fields, ARRAY_LEN(fields));
	char *text = written();
	assert_in_range(strlen(text), LOG_LINE_MAX - 40, LOG_LINE_MAX);
	ASSERT_CONTAINS(text, ",\"cut\":true}\n");
	free(text);
}

static void
test_log_unwritable_is_counted(void **state)
{
	unsigned long long before = log_lost();

	(void)state;
	log_setup("workout", LOG_LEVEL_INFO, -1);
	errno = ERANGE;
	log_info("x");
	assert_int_equal(errno, ERANGE);
	assert_int_equal(log_lost(), before + 1);
}

/* Each makes the two ends of a log that somebody should read. */
static void
make_pipe(int ret_ends[2])
{
	assert_int_equal(pipe2(ret_ends, O_CLOEXEC), 0);
	log_setup("workout", LOG_LEVEL_INFO, ret_ends[1]);
}

/* A pipe cannot be opened anew while nobody reads it. */
static void
make_pipe_to_ask(int ret_ends[2])
{
	char reader[32];

	assert_int_equal(pipe2(ret_ends, O_CLOEXEC), 0);
	close(ret_ends[0]);
	log_setup("workout", LOG_LEVEL_INFO, ret_ends[1]);
	snprintf(reader, sizeof(reader), "/proc/self/fd/%d", ret_ends[1]);
	ret_ends[0] = open(reader, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	assert_true(ret_ends[0] >= 0);
}

static void
make_socket(int ret_ends[2])
{
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ret_ends), 0);
	log_setup("workout", LOG_LEVEL_INFO, ret_ends[1]);
}

/* What there is to read now; each line is whole. Returns how many. */
static unsigned
read_lines(int reader, char **ret_text)
{
	struct strbuf sb = STRBUF_INIT;
	unsigned n = 0;
	char buf[4096];
	ssize_t rc;

	assert_int_equal(fcntl(reader, F_SETFL, O_NONBLOCK), 0);
	while ((rc = read(reader, buf, sizeof(buf))) > 0)
		strbuf_add(&sb, buf, (size_t)rc);
	assert_true(sb.len > 0 && sb.buf[sb.len - 1] == '\n');
	for (char *p = sb.buf, *end; (end = strchr(p, '\n')) != NULL; p = end + 1, n++) {
		json_t *line = json_loadb(p, (size_t)(end - p), 0, NULL);
		assert_non_null(line);
		json_decref(line);
	}
	*ret_text = sb.buf;
	return n;
}

static void
check_never_waits(void (*make)(int ret_ends[2]))
{
	static const char batch[] = "{\"a\":1}\n{\"a\":2}\n{\"a\":3}\n";
	unsigned long long before, lost;
	unsigned sent = 0;
	char *text, want[160];
	int ends[2];

	make(ends);
	/* The losses of other tests are told first. */
	log_info("begin");
	before = log_lost();
	while ((lost = log_lost() - before) < 10) {
		log_info("x", LOG_INT("i", sent++));
		assert_true(sent < 100000);
	}
	log_write_lines(SLICE_LIT(batch));
	assert_int_equal(log_lost() - before, lost + 3);
	assert_int_equal(fcntl(ends[1], F_GETFL) & O_NONBLOCK, 0);
	assert_in_range(read_lines(ends[0], &text), sent - lost + 1, sent - lost + 2);
	free(text);
	log_write_lines(SLICE_LIT(batch));
	log_info("again");
	assert_int_equal(read_lines(ends[0], &text), 5);
	snprintf(
		want, sizeof(want),
		"\"level\":\"warn\",\"svc\":\"workout\",\"event\":\"log_lines_lost\",\"lines\":%llu}\n"
		"{\"a\":1}\n",
		lost + 3);
	ASSERT_CONTAINS(text, want);
	free(text);
	log_setup("", LOG_LEVEL_INFO, STDERR_FILENO);
	close(ends[0]);
	close(ends[1]);
}

static void
test_log_never_waits_for_its_reader(void **state)
{
	(void)state;
	alarm(30); /* where it does wait */
	check_never_waits(make_pipe);
	check_never_waits(make_pipe_to_ask);
	check_never_waits(make_socket);
	alarm(0);
}

/* A batch goes in pieces that a pipe takes whole. */
static void
test_log_batches_keep_lines_whole(void **state)
{
	struct strbuf sb = STRBUF_INIT;
	char *text;
	int ends[2];

	(void)state;
	make_pipe(ends);
	log_info("begin");
	read_lines(ends[0], &text);
	free(text);
	for (int i = 0; sb.len < 5 * LOG_LINE_MAX; i++)
		strbuf_addf(&sb, "{\"number\":%d,\"filler\":\"%0*d\"}\n", i, i % 700 + 1, i);
	log_write_lines(strbuf_slice(&sb));
	read_lines(ends[0], &text);
	assert_string_equal(text, sb.buf);
	free(text);
	strbuf_fini(&sb);
	log_setup("", LOG_LEVEL_INFO, STDERR_FILENO);
	close(ends[0]);
	close(ends[1]);
}

static void
child_fatal(void *arg)
{
	log_setup("auth", LOG_LEVEL_ERROR, STDERR_FILENO);
	if (arg == NULL)
		fatal("port %d is in use", 7101);
	panic("a bug");
}

static void
test_log_takes_last_words(void **state)
{
	char *text;
	int x;

	(void)state;
	assert_true(WIFEXITED(testkit_fork(child_fatal, NULL, &text)));
	ASSERT_CONTAINS(text, "\"level\":\"error\",\"svc\":\"auth\",\"event\":\"fatal\","
			      "\"error\":\"port 7101 is in use\"}\n");
	free(text);
	assert_true(WIFSIGNALED(testkit_fork(child_fatal, &x, &text)));
	ASSERT_CONTAINS(text, "\"event\":\"panic\",\"error\":\"a bug\"}\n");
	free(text);
}

enum { THREADS = 4, LINES = 500 };

static void *
write_lines(void *arg)
{
	const char *id = arg;

	log_context_set(id, NULL);
	for (int i = 0; i < LINES; i++)
		log_info("line", LOG_INT("i", i), LOG_STR("id", id));
	return NULL;
}

/* Every line comes out whole, with its own thread's context, in order. */
static void
test_log_threads(void **state)
{
	static const char *const ids[THREADS] = { "alpha", "beta", "gamma", "delta" };
	pthread_t threads[THREADS];
	int next[THREADS] = { 0 };

	(void)state;
	for (int t = 0; t < THREADS; t++)
		pthread_create(&threads[t], NULL, write_lines, (void *)(uintptr_t)ids[t]);
	for (int t = 0; t < THREADS; t++)
		pthread_join(threads[t], NULL);
	char *text = written(), *save;
	for (char *s = strtok_r(text, "\n", &save); s != NULL; s = strtok_r(NULL, "\n", &save)) {
		json_t *line = json_loads(s, 0, NULL);
		assert_non_null(line);
		const char *id = json_string_value(json_object_get(line, "id"));
		assert_string_equal(json_string_value(json_object_get(line, "requestId")), id);
		for (int t = 0; t < THREADS; t++) {
			if (strcmp(id, ids[t]) == 0)
				assert_int_equal(json_integer_value(json_object_get(line, "i")),
						 next[t]++);
		}
		json_decref(line);
	}
	for (int t = 0; t < THREADS; t++)
		assert_int_equal(next[t], LINES);
	free(text);
}

#define LOG_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		LOG_TEST(test_log_line),
		LOG_TEST(test_log_redacts_by_class),
		LOG_TEST(test_log_err_and_context),
		LOG_TEST(test_log_levels),
		LOG_TEST(test_log_line_is_bounded),
		LOG_TEST(test_log_many_fields_are_bounded),
		LOG_TEST(test_log_unwritable_is_counted),
		LOG_TEST(test_log_never_waits_for_its_reader),
		LOG_TEST(test_log_batches_keep_lines_whole),
		LOG_TEST(test_log_takes_last_words),
		LOG_TEST(test_log_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
