/* SPDX-License-Identifier: Apache-2.0 */
/* workout_rebuild_test URL USER PLAN: throws a plan's rows away and makes them from its events. Run
 * by test_plans.py. */
#include <stdio.h>
#include <stdlib.h>

#include "services/workout/workout_plan_store.h"

int
main(int argc, char **argv)
{
	struct workout w = { 0 };
	struct workout_scope scope = { .deadline = deadline_in(20000) };
	struct uuid plan;
	struct err err;
	enum status st;

	if (argc != 4 || !uuid_parse_str(argv[2], &scope.owner) ||
	    !uuid_parse_str(argv[3], &plan)) {
		/* Among the unit tests, which run without arguments. */
		printf("skipped: needs a database\n");
		return 0;
	}
	err_init(&err);
	scope.arena = arena_new(16 << 20);
	st = pg_pool_open(&(struct pg_options){ .url = argv[1],
						.pool_size = 1,
						.prepared = true,
						.application = "rebuild" },
			  &w.pg, &err);
	if (st == STATUS_OK)
		st = workout_plan_rebuild(&w, &scope, &plan, &err);
	if (st != STATUS_OK)
		fprintf(stderr, "%s: %s\n", status_name(st), err.text);
	arena_free(scope.arena);
	pg_pool_close(w.pg);
	return st == STATUS_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}
