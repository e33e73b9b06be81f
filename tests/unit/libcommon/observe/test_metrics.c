/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The exposition is checked twice: against fixed texts, and by a reader that applies the rules
 * of the format and of `promtool check metrics` (HELP and TYPE once, before the samples; one
 * family's lines together; counters in _total, whose names others do not use; no sample twice;
 * buckets ascending, cumulative, ending in +Inf, agreeing with _count).
 */
#include <ctype.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "libcommon/base/compiler.h"
#include "libcommon/base/hashmap.h"
#include "libcommon/base/strbuf.h"
#include "libcommon/observe/metrics.h"
#include "tests/support/testkit.h"

static struct metric requests =
	METRIC_COUNTER("test_requests_total", "Requests by \"route\".\nTwo \\.", "route", "code");
static struct metric depth = METRIC_GAUGE("test_queue_depth", "Jobs that wait.");
static struct metric latency =
	METRIC_HISTOGRAM("test_request_duration_seconds", "Latency.", "route");
static struct metric silent = METRIC_COUNTER("test_silent_total", "Never used.");
static const double size_bounds[] = { 1, 10, 1e6 };
static struct metric sizes = { .kind = METRIC_KIND_HISTOGRAM,
			       .name = "test_size_bytes",
			       .help = "Sizes.",
			       .bounds = size_bounds,
			       .nbounds = 3 };

static int
group_setup(void **state)
{
	(void)state;
	metric_register(&requests);
	metric_register(&depth);
	metric_register(&latency);
	metric_register(&silent);
	metric_register(&sizes);
	metric_register(&depth); /* again is harmless */
	return 0;
}

static char *
scrape(void)
{
	struct strbuf sb = STRBUF_INIT;

	metrics_write(&sb);
	return sb.buf;
}

/* ---- the reader ---- */

struct family {
	char name[100];
	char type[20];
	bool help;
	unsigned samples;
	/* of the histogram series being read */
	char labels[400];
	double last_le, last_n;
	bool in_buckets;
};

#define RULE(cond, line)                                                                           \
	do {                                                                                       \
		if (!(cond))                                                                       \
			fail_msg("%s: broken by: %s", #cond, line);                                \
	} while (0)

/* Reads {a="b",…}; copies all labels but le, and le's value. Returns what follows. */
static const char *
read_labels(const char *p, char *rest, char *le, const char *line)
{
	*rest = *le = '\0';
	if (*p != '{')
		return p;
	p++;
	while (*p != '}') {
		const char *start = p;
		RULE(isalpha((unsigned char)*p) || *p == '_', line);
		while (isalnum((unsigned char)*p) || *p == '_')
			p++;
		size_t key = (size_t)(p - start);
		RULE(p[0] == '=' && p[1] == '"', line);
		const char *value = p += 2;
		for (; *p != '"'; p++) {
			RULE(*p != '\0' && *p != '\n', line);
			if (*p == '\\') {
				p++;
				RULE(*p == '\\' || *p == '"' || *p == 'n', line);
			}
		}
		if (key == 2 && memcmp(start, "le", 2) == 0)
			sprintf(le, "%.*s", (int)(p - value), value);
		else
			sprintf(rest + strlen(rest), "%.*s,", (int)(p + 1 - start), start);
		p++;
		RULE(*p == ',' || *p == '}', line);
		if (*p == ',') {
			p++;
			RULE(*p != '}', line);
		}
	}
	return p + 1;
}

static void
read_histogram_sample(struct family *f, const char *suffix, const char *labels, const char *le,
		      double v, const char *line)
{
	if (strcmp(suffix, "_bucket") == 0) {
		RULE(le[0] != '\0', line);
		if (!f->in_buckets) {
			f->in_buckets = true;
			strcpy(f->labels, labels);
			f->last_le = -INFINITY;
			f->last_n = 0;
		}
		RULE(strcmp(f->labels, labels) == 0, line);
		RULE(strtod(le, NULL) > f->last_le && v >= f->last_n, line);
		f->last_le = strtod(le, NULL);
		f->last_n = v;
		return;
	}
	RULE(le[0] == '\0' && isinf(f->last_le) && strcmp(f->labels, labels) == 0, line);
	if (strcmp(suffix, "_count") == 0) {
		RULE(v == f->last_n, line);
		f->in_buckets = false;
	} else {
		RULE(strcmp(suffix, "_sum") == 0, line);
	}
}

static void
read_sample(struct family *f, struct hashmap *seen, char *line)
{
	char labels[1000], le[100], *end;
	size_t n = strcspn(line, "{ ");
	size_t base = strlen(f->name);

	RULE(f->help && f->type[0] != '\0', line);
	RULE(strncmp(line, f->name, base) == 0, line);
	char suffix[100];
	sprintf(suffix, "%.*s", (int)(n - base), line + base);
	const char *p = read_labels(line + n, labels, le, line);
	RULE(*p == ' ', line);
	double v = strtod(p + 1, &end);
	RULE(end != p + 1 && *end == '\0', line);

	if (strcmp(f->type, "histogram") == 0)
		read_histogram_sample(f, suffix, labels, le, v, line);
	else
		RULE(suffix[0] == '\0' && le[0] == '\0', line);
	if (strcmp(f->type, "counter") == 0)
		RULE(v >= 0, line);
	size_t key = (size_t)(p - line);
	RULE(hashmap_put(seen, slice_make(line, key), line) == NULL, line);
	f->samples++;
}

static void
read_comment(struct family *f, struct hashmap *families, const char *line)
{
	char word[8], name[100];
	int at;

	RULE(sscanf(line, "# %7s %99s %n", word, name, &at) == 2, line);
	if (strcmp(word, "HELP") == 0) {
		RULE(f->name[0] == '\0' || f->samples > 0, line);
		*f = (struct family){ .help = true };
		strcpy(f->name, name);
		RULE(hashmap_put(families, slice_str(line), f) == NULL, line);
		RULE(line[at] != '\0', line);
		return;
	}
	RULE(strcmp(word, "TYPE") == 0 && strcmp(name, f->name) == 0 && f->type[0] == '\0', line);
	strcpy(f->type, line + at);
	size_t n = strlen(name);
	bool total = n > 6 && strcmp(name + n - 6, "_total") == 0;
	RULE(total == (strcmp(f->type, "counter") == 0), line);
	static const char *const not_base[] = { "_ms", "_milliseconds", "_minutes", "_kb",
						"_percent" };
	for (size_t i = 0; i < ARRAY_LEN(not_base); i++)
		RULE(strstr(name, not_base[i]) == NULL, line);
}

/* Leaves text in pieces. */
static void
check_format(char *text)
{
	struct hashmap *seen = hashmap_new(), *families = hashmap_new();
	struct family f = { .help = false };
	char *save;

	RULE(text[0] != '\0' && text[strlen(text) - 1] == '\n', "the end");
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		if (line[0] == '#')
			read_comment(&f, families, line);
		else
			read_sample(&f, seen, line);
	}
	RULE(f.samples > 0, "the end");
	hashmap_free(seen);
	hashmap_free(families);
}

/* ---- the tests ---- */

static void
test_metrics_counter_and_gauge(void **state)
{
	struct metric_series *a = metric_series(&requests, "GetPlan", "200");
	struct metric_series *odd = metric_series(&requests, "a\"b\\c\nd\xff", "500");

	(void)state;
	assert_ptr_equal(metric_series(&requests, "GetPlan", "200"), a);
	metric_add(a, 2);
	metric_add(a, 3);
	metric_add(odd, 1);
	metric_set(metric_single(&depth), 7.25);
	metric_add(metric_single(&depth), -2);
	assert_true(metric_value(a) == 5);
	assert_true(metric_value(metric_single(&depth)) == 5.25);

	char *text = scrape();
	ASSERT_CONTAINS(
		text,
		"# HELP test_requests_total Requests by \"route\".\\nTwo \\\\.\n"
		"# TYPE test_requests_total counter\n"
		"test_requests_total{route=\"GetPlan\",code=\"200\"} 5\n"
		"test_requests_total{route=\"a\\\"b\\\\c\\nd\xef\xbf\xbd\",code=\"500\"} 1\n");
	ASSERT_CONTAINS(text, "# TYPE test_queue_depth gauge\ntest_queue_depth 5.25\n");
	ASSERT_LACKS(text, "test_silent_total");
	check_format(text);
	free(text);
}

static void
test_metrics_histogram(void **state)
{
	struct metric_series *s = metric_single(&sizes);
	static const double seen[] = { 0, 1, 1.5, 10, 11, 1e6, 2e6, -1, NAN };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(seen); i++)
		metric_observe(s, seen[i]);
	metric_observe(metric_series(&latency, "GetPlan"), 0.0032);
	metric_observe(metric_series(&latency, "SlowPlan"), 60);
	char *text = scrape();
	/* A bound belongs to its bucket; NaN is not counted. */
	ASSERT_CONTAINS(text, "# TYPE test_size_bytes histogram\n"
			      "test_size_bytes_bucket{le=\"1\"} 3\n"
			      "test_size_bytes_bucket{le=\"10\"} 5\n"
			      "test_size_bytes_bucket{le=\"1000000\"} 7\n"
			      "test_size_bytes_bucket{le=\"+Inf\"} 8\n"
			      "test_size_bytes_sum 3000022.5\n"
			      "test_size_bytes_count 8\n");
	ASSERT_CONTAINS(text, "{route=\"GetPlan\",le=\"0.0025\"} 0\n");
	ASSERT_CONTAINS(text, "{route=\"GetPlan\",le=\"0.005\"} 1\n");
	ASSERT_CONTAINS(text, "{route=\"SlowPlan\",le=\"10\"} 0\n");
	ASSERT_CONTAINS(text, "{route=\"SlowPlan\",le=\"+Inf\"} 1\n");
	assert_true(metric_value(s) == 8);
	check_format(text);
	free(text);
}

static double level;

static void
collect(void *arg)
{
	metric_set(metric_single(arg), ++level);
}

static void
test_metrics_collectors(void **state)
{
	static struct metric pulled = METRIC_GAUGE("test_pulled", "Set at each scrape.");

	(void)state;
	metric_register(&pulled);
	metrics_on_collect(collect, &pulled);
	free(scrape());
	char *text = scrape();
	ASSERT_CONTAINS(text, "\ntest_pulled 2\n");
	free(text);
	metrics_off_collect(collect, &pulled);
	text = scrape();
	ASSERT_CONTAINS(text, "\ntest_pulled 2\n");
	free(text);
}

static void
test_metrics_process_and_build(void **state)
{
	static const char *const names[] = {
		"process_cpu_seconds_total",
		"process_resident_memory_bytes",
		"process_virtual_memory_bytes",
		"process_open_fds",
		"process_max_fds",
		"process_start_time_seconds",
		"process_threads",
	};

	(void)state;
	metrics_set_build("workout", "1.2.3");
	char *text = scrape();
	ASSERT_CONTAINS(text, "\nbuild_info{service=\"workout\",version=\"1.2.3\"} 1\n");
	double v[ARRAY_LEN(names)];
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		char line[64];
		snprintf(line, sizeof(line), "\n%s ", names[i]);
		ASSERT_CONTAINS(text, line);
		v[i] = strtod(strstr(text, line) + strlen(line), NULL);
	}
	assert_true(v[1] > 100e3 && v[1] < v[2]);
	assert_true(v[3] >= 3 && v[3] < 50);
	/* It started at most a minute ago, and not in the future. */
	assert_true(v[5] <= (double)time(NULL) + 1 && v[5] > (double)time(NULL) - 60);
	check_format(text);
	free(text);
}

/* Labels that grow without bound end in one series; long values are cut at a character. */
static void
test_metrics_cardinality_is_bounded(void **state)
{
	static struct metric wild = METRIC_COUNTER("test_wild_total", "Anything.", "path");
	char value[400];

	(void)state;
	metric_register(&wild);
	for (int i = 0; i < METRIC_SERIES_MAX + 50; i++) {
		snprintf(value, sizeof(value), "/%d", i);
		metric_add(metric_series(&wild, value), 1);
	}
	assert_true(metric_value(metric_series(&wild, "/7")) == 1);
	assert_true(metric_value(metric_series(&wild, "other")) == 50);
	assert_ptr_equal(metric_series(&wild, "new"), metric_series(&wild, "other"));
	char *text = scrape();
	check_format(text);
	free(text);

	static struct metric longish = METRIC_COUNTER("test_long_total", "Long.", "v");
	metric_register(&longish);
	memset(value, 'x', METRIC_VALUE_MAX - 1);
	strcpy(value + METRIC_VALUE_MAX - 1, "\xe2\x82\xac");
	metric_add(metric_series(&longish, value), 1);
	text = scrape();
	ASSERT_CONTAINS(text, "xxx\"} 1\n");
	check_format(text);
	free(text);
}

static struct metric bad[] = {
	METRIC_COUNTER("test_requests", "No _total."),
	METRIC_GAUGE("test_gauge_total", "A gauge in _total."),
	METRIC_GAUGE("9lives", "Begins with a digit."),
	METRIC_GAUGE("test-gauge", "A dash."),
	METRIC_GAUGE("test_no_help", ""),
	METRIC_GAUGE("test_label", "Reserved label.", "__name__"),
	METRIC_GAUGE("test_label", "Label with a dash.", "a-b"),
	METRIC_HISTOGRAM("test_le_seconds", "Histogram's own label.", "le"),
	METRIC_GAUGE("test_queue_depth", "A second one of that name."),
};

static void
child_register(void *arg)
{
	metric_register(arg);
}

static void
child_misuse(void *arg)
{
	switch (*(int *)arg) {
	case 0:
		metric_add(metric_series(&requests, "a", "b"), -1);
		break;
	case 1:
		metric_set(metric_series(&requests, "a", "b"), 1);
		break;
	case 2:
		metric_observe(metric_single(&depth), 1);
		break;
	case 3:
		metric_add(metric_series(&latency, "a"), 1);
		break;
	case 4:
		metric_single(&requests);
		break;
	case 5:
		metric_series(&requests, "one value");
		break;
	}
}

static void
test_metrics_misuse_panics(void **state)
{
	char *text;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		int status = testkit_fork(child_register, &bad[i], &text);
		if (!WIFSIGNALED(status) || strstr(text, "panic: metric") == NULL)
			fail_msg("%s: %s", bad[i].name, text);
		free(text);
	}
	for (int i = 0; i < 6; i++) {
		int status = testkit_fork(child_misuse, &i, &text);
		if (!WIFSIGNALED(status) || strstr(text, "panic: metric") == NULL)
			fail_msg("misuse %d: %s", i, text);
		free(text);
	}
}

enum { THREADS = 4, ADDS = 20000 };
static struct metric shared = METRIC_COUNTER("test_shared_total", "From threads.", "thread");
static struct metric shared_h = METRIC_HISTOGRAM("test_shared_seconds", "From threads.");

static void *
hammer(void *arg)
{
	struct metric_series *mine = metric_series(&shared, (const char *)arg);
	struct metric_series *all = metric_series(&shared, "all");
	struct metric_series *h = metric_single(&shared_h);

	for (int i = 0; i < ADDS; i++) {
		metric_add(mine, 1);
		metric_add(all, 1);
		metric_observe(h, 0.5);
	}
	return NULL;
}

/* No addition is lost, and each scrape meanwhile keeps the rules. */
static void
test_metrics_threads(void **state)
{
	static const char *const names[THREADS] = { "a", "b", "c", "d" };
	pthread_t threads[THREADS];

	(void)state;
	metric_register(&shared);
	metric_register(&shared_h);
	for (int t = 0; t < THREADS; t++)
		pthread_create(&threads[t], NULL, hammer, (void *)(uintptr_t)names[t]);
	for (int i = 0; i < 20; i++) {
		char *text = scrape();
		check_format(text);
		free(text);
	}
	for (int t = 0; t < THREADS; t++)
		pthread_join(threads[t], NULL);
	assert_true(metric_value(metric_series(&shared, "all")) == THREADS * ADDS);
	assert_true(metric_value(metric_series(&shared, "c")) == ADDS);
	assert_true(metric_value(metric_single(&shared_h)) == THREADS * ADDS);
	char *text = scrape();
	ASSERT_CONTAINS(text, "test_shared_seconds_sum 40000\n");
	free(text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_metrics_counter_and_gauge),
		cmocka_unit_test(test_metrics_histogram),
		cmocka_unit_test(test_metrics_collectors),
		cmocka_unit_test(test_metrics_process_and_build),
		cmocka_unit_test(test_metrics_cardinality_is_bounded),
		cmocka_unit_test(test_metrics_misuse_panics),
		cmocka_unit_test(test_metrics_threads),
	};

	return cmocka_run_group_tests(tests, group_setup, NULL);
}
