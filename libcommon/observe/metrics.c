/* SPDX-License-Identifier: Apache-2.0 */
/*
 * metrics.c - series are found under one lock, and updated without any.
 *
 * A series is never freed or moved, so a caller keeps its pointer for ever. Its labels are
 * rendered once, when it is made, and serve as its key. Counters and histograms are integers
 * added to with relaxed order: a scrape may see a request's count before its duration, never
 * a torn number.
 */
#include "libcommon/observe/metrics.h"

#include <ctype.h>
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libcommon/base/codec.h"
#include "libcommon/base/compiler.h"
#include "libcommon/base/hashmap.h"
#include "libcommon/base/status.h"
#include "libcommon/base/strbuf.h"
#include "libcommon/observe/metrics_process.h"

static const double latency_bounds[] = { 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1,
					 0.25,  0.5,    1,     2.5,  5,     10 };

struct metric_series {
	struct metric_series *next;
	const struct metric *metric;
	char *labels;               /* "route=\"GetPlan\",code=\"200\"", without braces */
	_Atomic int64_t count;      /* counter */
	_Atomic double value;       /* gauge; histogram: the sum */
	_Atomic uint64_t buckets[]; /* histogram: nbounds + 1, not cumulative */
};

struct collector {
	metrics_collect_fn fn;
	void *arg;
};

/* Guards the list of metrics, every metric's list of series, and the collectors. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
/* Held while collectors run, so that one can be taken back safely. Taken before `lock`. */
static pthread_mutex_t collecting = PTHREAD_MUTEX_INITIALIZER;
static struct metric *first, **last_link = &first;
static struct collector collectors[METRIC_COLLECTORS_MAX];
static size_t ncollectors;

static bool
valid_name(const char *s, const char *more)
{
	if (!isalpha((unsigned char)s[0]) && s[0] != '_')
		return false;
	for (; *s != '\0'; s++) {
		if (!isalnum((unsigned char)*s) && *s != '_' && strchr(more, *s) == NULL)
			return false;
	}
	return true;
}

static bool
ends_with(const char *s, const char *end)
{
	size_t n = strlen(s), m = strlen(end);

	return n >= m && strcmp(s + n - m, end) == 0;
}

static void
check_metric(const struct metric *m)
{
	bool counter = m->kind == METRIC_KIND_COUNTER;

	if (!valid_name(m->name, ":") || m->help == NULL || m->help[0] == '\0')
		panic("metric \"%s\": bad name or no help", m->name);
	if (counter != ends_with(m->name, "_total"))
		panic("metric %s: counters, and only they, end in _total", m->name);
	for (const char *const *l = m->labels; *l != NULL; l++) {
		if (!valid_name(*l, "") || strncmp(*l, "__", 2) == 0 || strcmp(*l, "le") == 0)
			panic("metric %s: bad label \"%s\"", m->name, *l);
	}
	for (size_t i = 1; i < m->nbounds; i++) {
		if (!(m->bounds[i - 1] < m->bounds[i]))
			panic("metric %s: bounds do not ascend", m->name);
	}
}

/* Fills in what a static initialiser leaves out; under the lock. */
static void
prepare(struct metric *m)
{
	if (m->index != NULL)
		return;
	if (m->kind == METRIC_KIND_HISTOGRAM && m->bounds == NULL) {
		m->bounds = latency_bounds;
		m->nbounds = ARRAY_LEN(latency_bounds);
	}
	check_metric(m);
	m->index = hashmap_new();
}

void
metric_register(struct metric *metric)
{
	pthread_mutex_lock(&lock);
	prepare(metric);
	for (struct metric *m = first; m != NULL && !metric->registered; m = m->next) {
		if (strcmp(m->name, metric->name) == 0)
			panic("metric %s is declared twice", metric->name);
	}
	if (!metric->registered) {
		metric->registered = 1;
		*last_link = metric;
		last_link = &metric->next;
	}
	pthread_mutex_unlock(&lock);
}

/* Escapes as the text format asks; what is not UTF-8 becomes U+FFFD. */
static void
add_escaped(struct strbuf *out, struct slice s, bool quote)
{
	while (s.n > 0) {
		int step = codec_utf8_step(s.p, s.n);
		if (step < 0) {
			strbuf_adds(out, "\xef\xbf\xbd");
			step = -step;
		} else if (*s.p == '\n') {
			strbuf_adds(out, "\\n");
		} else {
			if (*s.p == '\\' || (quote && *s.p == '"'))
				strbuf_addch(out, '\\');
			strbuf_add(out, s.p, (size_t)step);
		}
		s.p += step;
		s.n -= (size_t)step;
	}
}

/* values == NULL: all "other". */
static void
render_labels(struct strbuf *out, const struct metric *m, const char *const *values)
{
	for (size_t i = 0; m->labels[i] != NULL; i++) {
		const char *v = values != NULL ? values[i] : "other";
		if (v == NULL)
			panic("metric %s: no value for label %s", m->name, m->labels[i]);
		size_t n = strnlen(v, METRIC_VALUE_MAX + 1);
		if (n > METRIC_VALUE_MAX) {
			n = METRIC_VALUE_MAX;
			while (n > 0 && ((unsigned char)v[n] & 0xc0) == 0x80)
				n--;
		}
		strbuf_addf(out, "%s%s=\"", i > 0 ? "," : "", m->labels[i]);
		add_escaped(out, slice_make(v, n), true);
		strbuf_addch(out, '"');
	}
}

static struct metric_series *
series_new(struct metric *m, struct slice labels)
{
	size_t nbuckets = m->kind == METRIC_KIND_HISTOGRAM ? m->nbounds + 1 : 0;
	struct metric_series *s = calloc(1, sizeof(*s) + nbuckets * sizeof(s->buckets[0]));
	char *copy = malloc(labels.n + 1);

	if (s == NULL || copy == NULL)
		panic("metric %s: no memory for a series", m->name);
	if (labels.n > 0)
		memcpy(copy, labels.p, labels.n);
	copy[labels.n] = '\0';
	s->metric = m;
	s->labels = copy;
	if (m->last != NULL)
		m->last->next = s;
	else
		m->series = s;
	m->last = s;
	m->nseries++;
	hashmap_put(m->index, slice_make(copy, labels.n), s);
	return s;
}

struct metric_series *
metric_series_get(struct metric *m, const char *const *values)
{
	struct strbuf labels = STRBUF_INIT;

	pthread_mutex_lock(&lock);
	prepare(m);
	render_labels(&labels, m, values);
	struct metric_series *s = hashmap_get(m->index, strbuf_slice(&labels));
	if (s == NULL && m->nseries >= METRIC_SERIES_MAX) {
		strbuf_reset(&labels);
		render_labels(&labels, m, NULL);
		s = hashmap_get(m->index, strbuf_slice(&labels));
	}
	if (s == NULL)
		s = series_new(m, strbuf_slice(&labels));
	pthread_mutex_unlock(&lock);
	strbuf_fini(&labels);
	return s;
}

struct metric_series *
metric_single(struct metric *metric)
{
	if (metric->labels[0] != NULL)
		panic("metric %s has labels", metric->name);
	return metric_series_get(metric, NULL);
}

static void
add_double(_Atomic double *p, double v)
{
	double old = atomic_load_explicit(p, memory_order_relaxed);

	while (!atomic_compare_exchange_weak_explicit(p, &old, old + v, memory_order_relaxed,
						      memory_order_relaxed))
		;
}

void
metric_add(struct metric_series *s, int64_t n)
{
	if (s->metric->kind == METRIC_KIND_COUNTER && n >= 0)
		atomic_fetch_add_explicit(&s->count, n, memory_order_relaxed);
	else if (s->metric->kind == METRIC_KIND_GAUGE)
		add_double(&s->value, (double)n);
	else
		panic("metric %s: cannot add %lld", s->metric->name, (long long)n);
}

void
metric_set(struct metric_series *s, double v)
{
	if (s->metric->kind != METRIC_KIND_GAUGE)
		panic("metric %s is not a gauge", s->metric->name);
	atomic_store_explicit(&s->value, v, memory_order_relaxed);
}

void
metric_observe(struct metric_series *s, double v)
{
	const struct metric *m = s->metric;
	size_t i = 0;

	if (m->kind != METRIC_KIND_HISTOGRAM)
		panic("metric %s is not a histogram", m->name);
	if (isnan(v))
		return;
	while (i < m->nbounds && v > m->bounds[i])
		i++;
	atomic_fetch_add_explicit(&s->buckets[i], 1, memory_order_relaxed);
	add_double(&s->value, v);
}

static uint64_t
observations(const struct metric_series *s)
{
	uint64_t n = 0;

	for (size_t i = 0; i <= s->metric->nbounds; i++)
		n += atomic_load_explicit(&s->buckets[i], memory_order_relaxed);
	return n;
}

double
metric_value(const struct metric_series *s)
{
	switch (s->metric->kind) {
	case METRIC_KIND_COUNTER:
		return (double)atomic_load_explicit(&s->count, memory_order_relaxed);
	case METRIC_KIND_GAUGE:
		return atomic_load_explicit(&s->value, memory_order_relaxed);
	case METRIC_KIND_HISTOGRAM:
		return (double)observations(s);
	}
	return NAN;
}

void
metrics_on_collect(metrics_collect_fn fn, void *arg)
{
	pthread_mutex_lock(&lock);
	if (ncollectors == METRIC_COLLECTORS_MAX)
		panic("metrics: more than %d collectors", METRIC_COLLECTORS_MAX);
	collectors[ncollectors++] = (struct collector){ fn, arg };
	pthread_mutex_unlock(&lock);
}

void
metrics_off_collect(metrics_collect_fn fn, void *arg)
{
	pthread_mutex_lock(&collecting);
	pthread_mutex_lock(&lock);
	for (size_t i = 0; i < ncollectors; i++) {
		if (collectors[i].fn == fn && collectors[i].arg == arg) {
			collectors[i] = collectors[--ncollectors];
			break;
		}
	}
	pthread_mutex_unlock(&lock);
	pthread_mutex_unlock(&collecting);
}

/* Without `lock`, which a collector takes to find its series. */
static void
run_collectors(void)
{
	struct collector now[METRIC_COLLECTORS_MAX];

	pthread_mutex_lock(&collecting);
	pthread_mutex_lock(&lock);
	size_t n = ncollectors;
	memcpy(now, collectors, n * sizeof(now[0]));
	pthread_mutex_unlock(&lock);
	for (size_t i = 0; i < n; i++)
		now[i].fn(now[i].arg);
	pthread_mutex_unlock(&collecting);
}

/* The shortest decimal that reads back as v. */
static void
add_number(struct strbuf *out, double v)
{
	char buf[32];

	if (isnan(v)) {
		strbuf_adds(out, "NaN");
		return;
	}
	if (isinf(v)) {
		strbuf_adds(out, v > 0 ? "+Inf" : "-Inf");
		return;
	}
	for (int digits = 15; digits <= 17; digits++) {
		snprintf(buf, sizeof(buf), "%.*g", digits, v);
		if (strtod(buf, NULL) == v)
			break;
	}
	strbuf_adds(out, buf);
}

/* name_suffix{labels,extra} and a space */
static void
add_sample(struct strbuf *out, const struct metric_series *s, const char *suffix, const char *le)
{
	bool labels = s->labels[0] != '\0';

	strbuf_addf(out, "%s%s", s->metric->name, suffix);
	if (labels || le != NULL) {
		strbuf_addch(out, '{');
		strbuf_adds(out, s->labels);
		if (le != NULL)
			strbuf_addf(out, "%sle=\"%s\"", labels ? "," : "", le);
		strbuf_addch(out, '}');
	}
	strbuf_addch(out, ' ');
}

/* The count is the sum of the buckets that were read, so the two agree in every scrape. */
static void
write_histogram(struct strbuf *out, const struct metric_series *s)
{
	const struct metric *m = s->metric;
	struct strbuf le = STRBUF_INIT;
	uint64_t n = 0;

	for (size_t i = 0; i <= m->nbounds; i++) {
		n += atomic_load_explicit(&s->buckets[i], memory_order_relaxed);
		strbuf_reset(&le);
		add_number(&le, i < m->nbounds ? m->bounds[i] : INFINITY);
		add_sample(out, s, "_bucket", strbuf_cstr(&le));
		strbuf_add_u64(out, n);
		strbuf_addch(out, '\n');
	}
	strbuf_fini(&le);
	add_sample(out, s, "_sum", NULL);
	add_number(out, atomic_load_explicit(&s->value, memory_order_relaxed));
	strbuf_addch(out, '\n');
	add_sample(out, s, "_count", NULL);
	strbuf_add_u64(out, n);
	strbuf_addch(out, '\n');
}

static void
write_series(struct strbuf *out, const struct metric_series *s)
{
	if (s->metric->kind == METRIC_KIND_HISTOGRAM) {
		write_histogram(out, s);
		return;
	}
	add_sample(out, s, "", NULL);
	if (s->metric->kind == METRIC_KIND_COUNTER)
		strbuf_add_i64(out, atomic_load_explicit(&s->count, memory_order_relaxed));
	else
		add_number(out, atomic_load_explicit(&s->value, memory_order_relaxed));
	strbuf_addch(out, '\n');
}

static void
write_metric(struct strbuf *out, const struct metric *m)
{
	static const char *const kinds[] = { "counter", "gauge", "histogram" };

	/* A family without samples is noise. */
	if (m->series == NULL)
		return;
	strbuf_addf(out, "# HELP %s ", m->name);
	add_escaped(out, slice_str(m->help), false);
	strbuf_addf(out, "\n# TYPE %s %s\n", m->name, kinds[m->kind]);
	for (const struct metric_series *s = m->series; s != NULL; s = s->next)
		write_series(out, s);
}

void
metrics_write(struct strbuf *out)
{
	run_collectors();
	pthread_mutex_lock(&lock);
	for (const struct metric *m = first; m != NULL; m = m->next)
		write_metric(out, m);
	pthread_mutex_unlock(&lock);
	metrics_process_write(out);
}

void
metrics_set_build(const char *service, const char *version)
{
	static struct metric build =
		METRIC_GAUGE("build_info", "Always 1; the labels say what runs.", "service",
			     "version");

	metric_register(&build);
	metric_set(metric_series(&build, service, version), 1);
}
