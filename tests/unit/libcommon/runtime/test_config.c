/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "libcommon/base/compiler.h"
#include "libcommon/runtime/config.h"
#include "tests/support/testkit.h"

struct pg_part {
	int64_t pool_size;
	char *password;
};

struct whole {
	char *issuer;
	char *origins;
	char *optional;
	bool prepared;
	struct pg_part pg;
};

static const struct config_item main_items[] = {
	CONFIG_STRING("FIT_ISSUER", struct whole, issuer, NULL, CONFIG_REQUIRED, "The iss claim."),
	CONFIG_STRING_ALIAS("FIT_ORIGINS", "ALLOWED_ORIGINS", struct whole, origins,
			    "http://localhost:3000", CONFIG_RELOAD, "Origins, a | b."),
	CONFIG_STRING("FIT_OPTIONAL", struct whole, optional, NULL, 0, "Optional."),
	CONFIG_BOOL("FIT_PREPARED", struct whole, prepared, "true", 0, "Prepared statements."),
};
static const struct config_item pg_items[] = {
	CONFIG_INT("FIT_PG_POOL_SIZE", struct pg_part, pool_size, "8", 1, 200, 0, "Connections."),
	CONFIG_STRING("FIT_PG_PASSWORD", struct pg_part, password, NULL, CONFIG_SECRET,
		      "Of the role."),
};
static const struct config_table tables[] = {
	{ "Main", main_items, ARRAY_LEN(main_items), 0 },
	{ "PostgreSQL", pg_items, ARRAY_LEN(pg_items), offsetof(struct whole, pg) },
};

static struct whole cfg;
static struct err err;

static int
setup(void **state)
{
	(void)state;
	clearenv();
	setenv("PATH", "/bin", 1);
	setenv("FIT_ISSUER", "me", 1);
	memset(&cfg, 0, sizeof(cfg));
	err_init(&err);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	config_fini(tables, 2, &cfg);
	return 0;
}

static enum status
load(void)
{
	return config_load(tables, ARRAY_LEN(tables), &cfg, &err);
}

static void
test_config_defaults(void **state)
{
	(void)state;
	ASSERT_OK(load(), &err);
	assert_string_equal(cfg.issuer, "me");
	assert_string_equal(cfg.origins, "http://localhost:3000");
	assert_null(cfg.optional);
	assert_null(cfg.pg.password);
	assert_true(cfg.prepared);
	assert_int_equal(cfg.pg.pool_size, 8);
}

static void
test_config_environment(void **state)
{
	(void)state;
	setenv("FIT_PG_POOL_SIZE", "200", 1);
	setenv("FIT_PREPARED", "off", 1);
	setenv("FIT_OPTIONAL", "", 1);
	setenv("ALLOWED_ORIGINS", "https://a", 1);
	setenv("FIT_PG_PASSWORD", "s3cret", 1);
	setenv("FIT_CRASH_POINT", "x:1", 1);
	setenv("FITNESS", "not ours", 1);
	ASSERT_OK(load(), &err);
	assert_int_equal(cfg.pg.pool_size, 200);
	assert_false(cfg.prepared);
	assert_string_equal(cfg.optional, "");
	assert_string_equal(cfg.origins, "https://a");
	assert_string_equal(cfg.pg.password, "s3cret");
	config_fini(tables, 2, &cfg);
	assert_null(cfg.issuer);

	/* The project's own name wins over the alias. */
	setenv("FIT_ORIGINS", "https://b", 1);
	ASSERT_OK(load(), &err);
	assert_string_equal(cfg.origins, "https://b");
}

static void
test_config_refusals(void **state)
{
	static const struct {
		const char *key, *value, *text;
	} cases[] = {
		{ "FIT_PG_POOL_SIZE", "lots",
		  "FIT_PG_POOL_SIZE: \"lots\" is not a number (1..200)" },
		{ "FIT_PG_POOL_SIZE", "", "FIT_PG_POOL_SIZE: \"\" is not a number (1..200)" },
		{ "FIT_PG_POOL_SIZE", "8 ", "FIT_PG_POOL_SIZE: \"8 \" is not a number (1..200)" },
		{ "FIT_PG_POOL_SIZE", "+8", "FIT_PG_POOL_SIZE: \"+8\" is not a number (1..200)" },
		{ "FIT_PG_POOL_SIZE", "0x8", "FIT_PG_POOL_SIZE: \"0x8\" is not a number (1..200)" },
		{ "FIT_PG_POOL_SIZE", "8.5", "FIT_PG_POOL_SIZE: \"8.5\" is not a number (1..200)" },
		{ "FIT_PG_POOL_SIZE", "1-", "FIT_PG_POOL_SIZE: \"1-\" is not a number (1..200)" },
		{ "FIT_PG_POOL_SIZE", "0", "FIT_PG_POOL_SIZE: 0 is out of range (1..200)" },
		{ "FIT_PG_POOL_SIZE", "-1", "FIT_PG_POOL_SIZE: -1 is out of range (1..200)" },
		{ "FIT_PG_POOL_SIZE", "201", "FIT_PG_POOL_SIZE: 201 is out of range (1..200)" },
		{ "FIT_PG_POOL_SIZE", "99999999999999999999",
		  "FIT_PG_POOL_SIZE: \"99999999999999999999\" is not a number (1..200)" },
		{ "FIT_PREPARED", "maybe", "FIT_PREPARED: \"maybe\" is not true or false" },
		{ "FIT_ISSUER", "", "FIT_ISSUER: is empty" },
		{ "FIT_ISSUER", NULL, "FIT_ISSUER: is not set (The iss claim.)" },
		{ "FIT_PG_POOLSIZE", "8",
		  "FIT_PG_POOLSIZE: is not a setting of this program (see --help)" },
		{ "FIT_PG_POOL_SIZE_FILE", "/x",
		  "FIT_PG_POOL_SIZE_FILE: is not a setting of this program (see --help)" },
		{ "FIT_", "8", "FIT_: is not a setting of this program (see --help)" },
		{ "FIT_CRASH_POINTS", "8",
		  "FIT_CRASH_POINTS: is not a setting of this program (see --help)" },
		{ "FIT_PG_PASSWORD_FILE", "/nonexistent/x",
		  "FIT_PG_PASSWORD_FILE: cannot read \"/nonexistent/x\": No such file or "
		  "directory" },
		{ "FIT_PG_PASSWORD_FILE", "/dev/null",
		  "FIT_PG_PASSWORD_FILE: \"/dev/null\" is not a regular file" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		setup(NULL);
		if (cases[i].value != NULL)
			setenv(cases[i].key, cases[i].value, 1);
		else
			unsetenv(cases[i].key);
		ASSERT_STATUS(STATUS_INVALID_ARGUMENT, load(), &err);
		assert_string_equal(err.text, cases[i].text);
		/* Nothing is left of a load that failed. */
		assert_null(cfg.issuer);
		assert_null(cfg.origins);
	}
}

/* One run names all that is wrong, under the names that were used. */
static void
test_config_names_everything(void **state)
{
	(void)state;
	unsetenv("FIT_ISSUER");
	setenv("FIT_PG_POOL_SIZE", "x", 1);
	setenv("FIT_WHAT", "x", 1);
	ASSERT_STATUS(STATUS_INVALID_ARGUMENT, load(), &err);
	assert_string_equal(err.text, "FIT_WHAT: is not a setting of this program (see --help); "
				      "FIT_ISSUER: is not set (The iss claim.); "
				      "FIT_PG_POOL_SIZE: \"x\" is not a number (1..200)");
}

static void
test_config_secret_files(void **state)
{
	static const struct {
		struct slice bytes;
		mode_t mode;
		const char *value; /* NULL: refused with `text` in the error */
		const char *text;
	} cases[] = {
		{ SLICE_LIT("s3cret\n"), 0600, "s3cret", NULL },
		{ SLICE_LIT("s3cret"), 0440, "s3cret", NULL },
		{ SLICE_LIT("s3cret\r\n"), 0600, "s3cret", NULL },
		{ SLICE_LIT(" two\nlines \n\n"), 0600, " two\nlines \n", NULL },
		{ SLICE_LIT(""), 0600, "", NULL },
		{ SLICE_LIT("s3cret\n"), 0604, NULL, "is open to others (mode 0604" },
		{ SLICE_LIT("s3cret\n"), 0602, NULL, "is open to others (mode 0602" },
		{ SLICE_LIT("s3\0cret\n"), 0600, NULL, "has a NUL byte in it" },
	};
	char *dir = testkit_temp_dir();

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char *path = testkit_write_file(dir, "secret", cases[i].bytes);
		assert_int_equal(chmod(path, cases[i].mode), 0);
		setenv("FIT_PG_PASSWORD_FILE", path, 1);
		if (cases[i].value != NULL) {
			ASSERT_OK(load(), &err);
			assert_string_equal(cfg.pg.password, cases[i].value);
			config_fini(tables, 2, &cfg);
		} else {
			ASSERT_STATUS(STATUS_INVALID_ARGUMENT, load(), &err);
			ASSERT_CONTAINS(err.text, cases[i].text);
			ASSERT_LACKS(err.text, "cret\n");
		}
		assert_int_equal(remove(path), 0);
		free(path);
	}

	char *big = calloc(1, 65537);
	memset(big, 'x', 65536);
	char *path = testkit_write_file(dir, "big", slice_str(big));
	setenv("FIT_PG_PASSWORD_FILE", path, 1);
	ASSERT_OK(load(), &err);
	assert_string_equal(cfg.pg.password, big);
	config_fini(tables, 2, &cfg);
	free(path);
	memset(big, 'x', 65537);
	path = testkit_write_file(dir, "big", slice_make(big, 65537));
	ASSERT_STATUS(STATUS_INVALID_ARGUMENT, load(), &err);
	ASSERT_CONTAINS(err.text, "is longer than 65536 bytes");
	free(path);
	free(big);

	setenv("FIT_PG_PASSWORD", "also", 1);
	ASSERT_STATUS(STATUS_INVALID_ARGUMENT, load(), &err);
	assert_string_equal(err.text, "FIT_PG_PASSWORD: set it or FIT_PG_PASSWORD_FILE, not both");
	testkit_remove_dir(dir);
}

/* A secret that is a number is not shown by the error either. */
static void
test_config_errors_do_not_show_secrets(void **state)
{
	static const struct config_item items[] = {
		CONFIG_INT("FIT_PIN", struct pg_part, pool_size, NULL, 1, 9, CONFIG_SECRET,
			   "A pin."),
	};
	static const struct config_table one = { "One", items, 1, 0 };
	struct pg_part part = { 0 };

	(void)state;
	unsetenv("FIT_ISSUER");
	setenv("FIT_PIN", "4711", 1);
	ASSERT_STATUS(STATUS_INVALID_ARGUMENT, config_load(&one, 1, &part, &err), &err);
	assert_string_equal(err.text, "FIT_PIN: (secret) is out of range (1..9)");
}

static char *
printed(void (*print)(FILE *, const struct config_table *, size_t))
{
	char *text = NULL;
	size_t n;
	FILE *f = open_memstream(&text, &n);

	print(f, tables, ARRAY_LEN(tables));
	fclose(f);
	return text;
}

static void
test_config_help_and_markdown(void **state)
{
	(void)state;
	char *text = printed(config_print_help);
	assert_string_equal(
		text,
		"Main:\n"
		"  FIT_ISSUER  (text, required)\n"
		"      The iss claim.\n"
		"  FIT_ORIGINS, ALLOWED_ORIGINS  (text, reloads, default http://localhost:3000)\n"
		"      Origins, a | b.\n"
		"  FIT_OPTIONAL  (text)\n"
		"      Optional.\n"
		"  FIT_PREPARED  (true or false, default true)\n"
		"      Prepared statements.\n"
		"\n"
		"PostgreSQL:\n"
		"  FIT_PG_POOL_SIZE  (number 1..200, default 8)\n"
		"      Connections.\n"
		"  FIT_PG_PASSWORD, FIT_PG_PASSWORD_FILE  (text, secret)\n"
		"      Of the role.\n");
	free(text);
	text = printed(config_print_markdown);
	assert_string_equal(
		text,
		"### Main\n\n"
		"| variable | value | default | meaning |\n"
		"| --- | --- | --- | --- |\n"
		"| `FIT_ISSUER` | text, required |  | The iss claim. |\n"
		"| `FIT_ORIGINS`, `ALLOWED_ORIGINS` | text, reloads | `http://localhost:3000` | "
		"Origins, a \\| b. |\n"
		"| `FIT_OPTIONAL` | text |  | Optional. |\n"
		"| `FIT_PREPARED` | true or false | `true` | Prepared statements. |\n"
		"\n### PostgreSQL\n\n"
		"| variable | value | default | meaning |\n"
		"| --- | --- | --- | --- |\n"
		"| `FIT_PG_POOL_SIZE` | number 1..200 | `8` | Connections. |\n"
		"| `FIT_PG_PASSWORD`, `FIT_PG_PASSWORD_FILE` | text, secret |  | Of the role. |\n");
	free(text);
}

static void
child_bad_table(void *arg)
{
	static const struct config_item bad_default[] = {
		CONFIG_INT("FIT_N", struct pg_part, pool_size, "10", 1, 9, 0, "N."),
	};
	static const struct config_item twice[] = {
		CONFIG_INT("FIT_N", struct pg_part, pool_size, "1", 1, 9, 0, "N."),
		CONFIG_INT("FIT_N", struct pg_part, pool_size, "1", 1, 9, 0, "N."),
	};
	struct config_table table = { "Bad", arg == NULL ? bad_default : twice, arg == NULL ? 1 : 2,
				      0 };
	struct pg_part part = { 0 };

	clearenv();
	if (config_load(&table, 1, &part, NULL) == STATUS_OK)
		return;
}

static void
test_config_bad_table_panics(void **state)
{
	char *text;
	int x;

	(void)state;
	assert_true(WIFSIGNALED(testkit_fork(child_bad_table, NULL, &text)));
	ASSERT_CONTAINS(text, "default of a table: FIT_N: 10 is out of range (1..9)");
	free(text);
	assert_true(WIFSIGNALED(testkit_fork(child_bad_table, &x, &text)));
	ASSERT_CONTAINS(text, "FIT_N is in the tables twice");
	free(text);
}

#define CONFIG_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CONFIG_TEST(test_config_defaults),
		CONFIG_TEST(test_config_environment),
		CONFIG_TEST(test_config_refusals),
		CONFIG_TEST(test_config_names_everything),
		CONFIG_TEST(test_config_secret_files),
		CONFIG_TEST(test_config_errors_do_not_show_secrets),
		CONFIG_TEST(test_config_help_and_markdown),
		CONFIG_TEST(test_config_bad_table_panics),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
