/* SPDX-License-Identifier: Apache-2.0 */
/*
 * metrics.h - counters, gauges and histograms in Prometheus' text format 0.0.4.
 *
 *	static struct metric requests = METRIC_COUNTER(
 *		"http_requests_total", "Requests by route and code.", "route", "code");
 *	metric_register(&requests);                         at start
 *	s = metric_series(&requests, "GetPlan", "200");     keep it: the look-up takes a lock
 *	metric_add(s, 1);                                   relaxed atomic
 *
 * Ownership: a `struct metric` is static storage; series live for the process' life.
 * Threads:   any.
 * Limits:    METRIC_LABELS_MAX labels; METRIC_SERIES_MAX series a metric, further label sets go to
 *            one series whose labels are all "other" (cardinality bound). A metric without a
 *            series is not written.
 * Units:     base units (seconds, bytes); counters end in _total.
 */
#ifndef FIT_OBSERVE_METRICS_H
#define FIT_OBSERVE_METRICS_H

#include <stddef.h>
#include <stdint.h>

#define METRIC_LABELS_MAX 4
#define METRIC_SERIES_MAX 2000
#define METRIC_VALUE_MAX 128
#define METRIC_COLLECTORS_MAX 64

struct hashmap;
struct strbuf;
struct metric_series;

enum metric_kind { METRIC_KIND_COUNTER, METRIC_KIND_GAUGE, METRIC_KIND_HISTOGRAM };

struct metric {
	enum metric_kind kind;
	const char *name, *help;
	const char *labels[METRIC_LABELS_MAX + 1];
	const double *bounds; /* histogram: ascending upper bounds, NULL: 1 ms … 10 s */
	size_t nbounds;
	/* private */
	struct metric *next;
	struct metric_series *series, *last;
	struct hashmap *index;
	size_t nseries;
	int registered;
};

#define METRIC_COUNTER(n, h, ...)                                                                  \
	{                                                                                          \
		.kind = METRIC_KIND_COUNTER, .name = (n), .help = (h), .labels = { __VA_ARGS__ }   \
	}
#define METRIC_GAUGE(n, h, ...)                                                                    \
	{                                                                                          \
		.kind = METRIC_KIND_GAUGE, .name = (n), .help = (h), .labels = { __VA_ARGS__ }     \
	}
/* Latency in seconds with the default bounds 1 ms … 10 s. */
#define METRIC_HISTOGRAM(n, h, ...)                                                                \
	{                                                                                          \
		.kind = METRIC_KIND_HISTOGRAM, .name = (n), .help = (h), .labels = { __VA_ARGS__ } \
	}

/* Once per metric (again is harmless); two metrics of one name, or a bad name, are a panic. */
void metric_register(struct metric *metric);
/*
 * One value per label, in order, none NULL, each cut at METRIC_VALUE_MAX bytes; finds or makes.
 * Never NULL.
 */
struct metric_series *metric_series_get(struct metric *metric, const char *const *values);
#define metric_series(m, ...) metric_series_get((m), (const char *const[]){ __VA_ARGS__, NULL })
/* A metric without labels. */
struct metric_series *metric_single(struct metric *metric);

/* Counter: n >= 0. Gauge: any n. */
void metric_add(struct metric_series *series, int64_t n);
void metric_set(struct metric_series *series, double v);
void metric_observe(struct metric_series *series, double v);
/* For tests: a counter's or gauge's value, a histogram's number of observations. */
double metric_value(const struct metric_series *series);

/* A function that sets gauges just before a scrape. */
typedef void (*metrics_collect_fn)(void *arg);
void metrics_on_collect(metrics_collect_fn fn, void *arg);
/* Takes it back; after the return it does not run any more. Not from inside a collector. */
void metrics_off_collect(metrics_collect_fn fn, void *arg);

/* All registered metrics plus process_* and build_info. */
void metrics_write(struct strbuf *out);
void metrics_set_build(const char *service, const char *version);

#endif
