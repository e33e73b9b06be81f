/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/testkit.h"

#include "libcommon/store/pg_internal.h"

static void
test_pg_label_names_type_and_table(void **state)
{
	static const struct {
		const char *sql, *type, *table;
	} cases[] = {
		{ "SELECT id FROM workout_plans WHERE id = $1", "select", "workout_plans" },
		{ "select 1", "select", "" },
		{ "SELECT * FROM (SELECT 1 FROM inner_t) AS x", "select", "inner_t" },
		{ "SELECT n FROM a JOIN b USING (id) FOR UPDATE SKIP LOCKED", "select", "a" },
		{ "SELECT n FROM a FOR NO KEY UPDATE OF a", "select", "a" },
		{ "INSERT INTO outbox (id) VALUES ($1) ON CONFLICT DO UPDATE SET a = 1", "insert",
		  "outbox" },
		{ "UPDATE users SET a = 1 FROM b WHERE x", "update", "users" },
		{ "DELETE FROM sessions WHERE a IN (SELECT a FROM c)", "delete", "sessions" },
		{ "WITH x AS (SELECT 1 FROM src) INSERT INTO dst SELECT * FROM x", "insert",
		  "dst" },
		{ "WITH x AS (DELETE FROM q RETURNING *) SELECT * FROM x", "delete", "q" },
		{ "WITH x AS (SELECT 1 FROM src) SELECT * FROM x", "select", "src" },
		{ "-- FROM comment\nSELECT 'FROM quoted' FROM real_t", "select", "real_t" },
		{ "SELECT a FROM fitness_core.users u", "select", "fitness_core.users" },
		{ "BEGIN READ ONLY", "begin", "" },
		{ "COMMIT", "commit", "" },
		{ "", "other", "" },
		{ "'unterminated", "other", "" },
		{ "SELECT a_name_that_is_far_longer_than_a_label_may_be_and_is_cut() FROM t",
		  "select", "t" },
	};
	char type[PG_LABEL_MAX], table[PG_LABEL_MAX];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		pg_label(cases[i].sql, type, table);
		assert_string_equal(cases[i].type, type);
		assert_string_equal(cases[i].table, table);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_pg_label_names_type_and_table) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
