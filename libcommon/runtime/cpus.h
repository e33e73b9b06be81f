/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cpus.h - how many processors this process may use.
 *
 * The cgroup's CPU quota (v2 cpu.max, v1 cpu.cfs_quota_us; the tightest from the process' own
 * group up to the root), rounded up, and at most the affinity mask; at least 1.
 * Source: Linux, Documentation/admin-guide/cgroup-v2.rst and scheduler/sched-bwc.rst.
 *
 * Threads: any. Files are read at each call: ask at start.
 */
#ifndef FIT_RUNTIME_CPUS_H
#define FIT_RUNTIME_CPUS_H

unsigned cpus_available(void);
/* The quota under another root ("" is the real one; tests build a tree); 0 when there is none. */
unsigned cpus_cgroup_quota(const char *root);

#endif
