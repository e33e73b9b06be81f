/* SPDX-License-Identifier: Apache-2.0 */
/*
 * metrics_process.h - the process_* metrics that every Prometheus client has, from /proc/self.
 *
 * Names and meanings: Prometheus, "Writing client libraries", section "Standard and runtime
 * collectors". A figure that cannot be read is left out. Beside them log_lines_dropped_total,
 * for the log lies below the metrics.
 *
 * Threads: any.
 */
#ifndef FIT_OBSERVE_METRICS_PROCESS_H
#define FIT_OBSERVE_METRICS_PROCESS_H

struct strbuf;

void metrics_process_write(struct strbuf *out);

#endif
