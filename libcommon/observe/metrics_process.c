/* SPDX-License-Identifier: Apache-2.0 */
#include "libcommon/observe/metrics_process.h"

#include <dirent.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "libcommon/base/strbuf.h"
#include "libcommon/observe/log.h"

static void
put(struct strbuf *out, const char *name, const char *kind, const char *help, double v)
{
	strbuf_addf(out, "# HELP %s %s\n# TYPE %s %s\n%s %.15g\n", name, help, name, kind, name, v);
}

static void
put_cpu(struct strbuf *out)
{
	struct rusage ru;

	if (getrusage(RUSAGE_SELF, &ru) != 0)
		return;
	double s = (double)(ru.ru_utime.tv_sec + ru.ru_stime.tv_sec) +
		   (double)(ru.ru_utime.tv_usec + ru.ru_stime.tv_usec) / 1e6;
	put(out, "process_cpu_seconds_total", "counter",
	    "Total user and system CPU time spent in seconds.", s);
}

static void
put_memory(struct strbuf *out)
{
	long long pages, resident;
	FILE *f = fopen("/proc/self/statm", "re");

	if (f == NULL)
		return;
	bool ok = fscanf(f, "%lld %lld", &pages, &resident) == 2;
	fclose(f);
	if (!ok)
		return;
	double page = (double)sysconf(_SC_PAGESIZE);
	put(out, "process_virtual_memory_bytes", "gauge", "Virtual memory size in bytes.",
	    (double)pages * page);
	put(out, "process_resident_memory_bytes", "gauge", "Resident memory size in bytes.",
	    (double)resident * page);
}

static void
put_fds(struct strbuf *out)
{
	struct rlimit lim;
	DIR *dir = opendir("/proc/self/fd");
	int n = 0;

	if (dir != NULL) {
		while (readdir(dir) != NULL)
			n++;
		closedir(dir);
		/* Without ".", ".." and the directory's own descriptor. */
		put(out, "process_open_fds", "gauge", "Number of open file descriptors.", n - 3);
	}
	if (getrlimit(RLIMIT_NOFILE, &lim) == 0)
		put(out, "process_max_fds", "gauge", "Maximum number of open file descriptors.",
		    (double)lim.rlim_cur);
}

/* Start time and threads; the command's name in field 2 may hold spaces and brackets. */
static void
put_stat(struct strbuf *out)
{
	char line[1024];
	long threads;
	unsigned long long start;
	struct timespec wall, boot;
	FILE *f = fopen("/proc/self/stat", "re");

	if (f == NULL)
		return;
	const char *p = fgets(line, sizeof(line), f);
	fclose(f);
	if (p == NULL || (p = strrchr(line, ')')) == NULL ||
	    sscanf(p + 1,
		   " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u" /* 3..15 */
		   " %*d %*d %*d %*d %ld %*d %llu",                       /* 16..22 */
		   &threads, &start) != 2)
		return;
	clock_gettime(CLOCK_REALTIME, &wall);
	clock_gettime(CLOCK_BOOTTIME, &boot);
	double since_boot = (double)start / (double)sysconf(_SC_CLK_TCK);
	double now = (double)wall.tv_sec + (double)wall.tv_nsec / 1e9;
	double up = (double)boot.tv_sec + (double)boot.tv_nsec / 1e9;
	/* Reckoned once: a start time that moved with each reading would look like restarts. */
	static _Atomic double started;
	double none = 0;
	atomic_compare_exchange_strong(&started, &none, now - up + since_boot);
	strbuf_addf(out,
		    "# HELP %1$s Start time of the process since unix epoch in seconds.\n"
		    "# TYPE %1$s gauge\n%1$s %2$.2f\n",
		    "process_start_time_seconds", atomic_load(&started));
	put(out, "process_threads", "gauge", "Number of threads.", (double)threads);
}

void
metrics_process_write(struct strbuf *out)
{
	put_cpu(out);
	put_memory(out);
	put_fds(out);
	put_stat(out);
	put(out, "log_lines_dropped_total", "counter",
	    "Log lines that could not be written at once.", (double)log_lost());
}
