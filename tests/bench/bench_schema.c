/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench_schema.c - ns per operation of libcommon/schema on a training session of 550 bytes of JSON,
 * single thread. Prints the median of RUNS runs.
 */
#include <stdio.h>
#include <stdlib.h>

#include "libcommon/base/clock.h"
#include "libcommon/base/strbuf.h"
#include "libcommon/schema/schema.h"

#define RUNS 15
#define LOOPS 20000

static const char json[] = "{\"id\":\"0190c2a2-7b5c-7c3a-8f6e-2f4f1d9b8c11\",\"planId\":\"0190c2a2-"
			   "7b5c-7c3a-8f6e-2f4f1d9b8c12\","
			   "\"startedAt\":\"2026-01-31T18:05:00Z\",\"completedAt\":\"2026-01-31T19:"
			   "02:30.250Z\",\"exercises\":[{\"entryId\":"
			   "\"0190c2a2-7b5c-7c3a-8f6e-2f4f1d9b8c13\",\"exerciseId\":\"0190c2a2-"
			   "7b5c-7c3a-8f6e-2f4f1d9b8c14\",\"sets\":[{"
			   "\"setNumber\":1,\"reps\":8,\"weight\":62.5,\"rpe\":7.5},{\"setNumber\":"
			   "2,\"reps\":8,\"weight\":65,\"rpe\":8},{"
			   "\"setNumber\":3,\"reps\":6,\"weight\":67.5,\"rpe\":9}]}],"
			   "\"userFeedback\":{\"difficulty\":6,\"enjoyment\":8,"
			   "\"energyLevel\":7,\"notes\":\"Felt strong today\"}}";

static int
by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return x < y ? -1 : x > y;
}

static void
report(const char *what, double *ns, size_t bytes)
{
	qsort(ns, RUNS, sizeof(*ns), by_value);
	printf("%-28s %7.0f ns (%.0f..%.0f), %.0f MB/s\n", what, ns[RUNS / 2], ns[0], ns[RUNS - 1],
	       (double)bytes / ns[RUNS / 2] * 1000);
}

int
main(void)
{
	int64_t before = clock_mono_ns();
	const struct schema *schema = schema_builtin();
	double loaded = (double)(clock_mono_ns() - before) / 1e6;
	const struct schema_message *m =
		schema_message(schema, SLICE_LIT("fit.workout.v1.Session"));
	struct strbuf wire = STRBUF_INIT, text = STRBUF_INIT;
	double decode[RUNS], check[RUNS], encode[RUNS];
	struct err err;

	err_init(&err);
	if (m == NULL || schema_json_decode(m, SLICE_LIT(json), NULL, &wire, &err) != STATUS_OK)
		fatal("%s: %s", err.nfields ? err.fields[0].path : "no message", err.text);
	for (int run = 0; run < RUNS; run++) {
		int64_t start = clock_mono_ns();
		for (int i = 0; i < LOOPS; i++) {
			strbuf_reset(&wire);
			if (schema_json_decode(m, SLICE_LIT(json), NULL, &wire, &err) != STATUS_OK)
				fatal("%s", err.text);
		}
		int64_t decoded = clock_mono_ns();
		for (int i = 0; i < LOOPS; i++) {
			/* The rules may refuse the sample; the walk is the same. */
			enum status st =
				schema_check(m, strbuf_slice(&wire), &schema_limits_default, &err);
			if (st != STATUS_OK)
				fatal("%s: %s", err.fields[0].path, err.text);
		}
		int64_t checked = clock_mono_ns();
		for (int i = 0; i < LOOPS; i++) {
			strbuf_reset(&text);
			if (schema_json_encode(m, strbuf_slice(&wire), false, &text, &err) !=
			    STATUS_OK)
				fatal("%s", err.text);
		}
		int64_t encoded = clock_mono_ns();
		decode[run] = (double)(decoded - start) / LOOPS;
		check[run] = (double)(checked - decoded) / LOOPS;
		encode[run] = (double)(encoded - checked) / LOOPS;
	}
	printf("loading %zu bytes of descriptors: %.2f ms\n", schema_builtin_bytes().n, loaded);
	printf("%zu bytes of JSON, %zu of protobuf\n", sizeof(json) - 1, wire.len);
	report("JSON to protobuf", decode, sizeof(json) - 1);
	report("check", check, wire.len);
	report("protobuf to JSON", encode, text.len);
	strbuf_fini(&wire);
	strbuf_fini(&text);
	return 0;
}
