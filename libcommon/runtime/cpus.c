/* SPDX-License-Identifier: Apache-2.0 */
#include "libcommon/runtime/cpus.h"

#include <limits.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Where the cpu controller may be mounted; all are tried, since a machine may have both kinds. */
static const char *const v1_mounts[] = {
	"/sys/fs/cgroup/cpu",
	"/sys/fs/cgroup/cpu,cpuacct",
	"/sys/fs/cgroup/cpuacct,cpu",
};
static const char *const v2_mounts[] = { "/sys/fs/cgroup", "/sys/fs/cgroup/unified" };

static bool
read_line(const char *dir, const char *file, char *buf, size_t size)
{
	char path[PATH_MAX];

	if ((size_t)snprintf(path, sizeof(path), "%s/%s", dir, file) >= sizeof(path))
		return false;
	FILE *f = fopen(path, "re");
	if (f == NULL)
		return false;
	bool ok = fgets(buf, (int)size, f) != NULL;
	fclose(f);
	return ok;
}

/* ceil(quota / period), 0 for "no limit". */
static unsigned
whole_cpus(long long quota, long long period)
{
	if (quota <= 0 || period <= 0)
		return 0;
	long long n = (quota + period - 1) / period;
	return n > INT_MAX ? 0 : (unsigned)n;
}

static unsigned
quota_v2(const char *dir)
{
	char line[64];
	long long quota, period;

	/* "max 100000" has no number in front. */
	if (!read_line(dir, "cpu.max", line, sizeof(line)) ||
	    sscanf(line, "%lld %lld", &quota, &period) != 2)
		return 0;
	return whole_cpus(quota, period);
}

static unsigned
quota_v1(const char *dir)
{
	char quota_text[64], period_text[64];
	long long quota, period;

	if (!read_line(dir, "cpu.cfs_quota_us", quota_text, sizeof(quota_text)) ||
	    !read_line(dir, "cpu.cfs_period_us", period_text, sizeof(period_text)) ||
	    sscanf(quota_text, "%lld", &quota) != 1 || sscanf(period_text, "%lld", &period) != 1)
		return 0;
	return whole_cpus(quota, period);
}

static unsigned
tighter(unsigned a, unsigned b)
{
	if (a == 0 || b == 0)
		return a + b;
	return a < b ? a : b;
}

/* The tightest quota from the group up to the mount; a container may see only the mount. */
static unsigned
walk_up(const char *root, const char *mount, const char *group, unsigned (*quota)(const char *))
{
	char dir[PATH_MAX];
	int n = snprintf(dir, sizeof(dir), "%s%s", root, mount);
	size_t mount_len = (size_t)n;
	unsigned best = 0;

	if (n < 0 || (size_t)n + strlen(group) >= sizeof(dir))
		return 0;
	strcpy(dir + mount_len, group);
	for (;;) {
		best = tighter(best, quota(dir));
		if (strlen(dir) <= mount_len)
			return best;
		*strrchr(dir, '/') = '\0';
	}
}

static bool
has_controller(const char *list, const char *name)
{
	size_t n = strlen(name);

	for (const char *p = list; p != NULL; p = strchr(p, ',')) {
		if (*p == ',')
			p++;
		if (strncmp(p, name, n) == 0 && (p[n] == ',' || p[n] == '\0'))
			return true;
	}
	return false;
}

unsigned
cpus_cgroup_quota(const char *root)
{
	char path[PATH_MAX], line[PATH_MAX];
	unsigned best = 0;

	if ((size_t)snprintf(path, sizeof(path), "%s/proc/self/cgroup", root) >= sizeof(path))
		return 0;
	FILE *f = fopen(path, "re");
	if (f == NULL)
		return 0;
	while (fgets(line, sizeof(line), f) != NULL) {
		/* "4:cpu,cpuacct:/group" (v1) or "0::/group" (v2) */
		line[strcspn(line, "\n")] = '\0';
		char *controllers = strchr(line, ':');
		char *group = controllers != NULL ? strchr(controllers + 1, ':') : NULL;
		if (group == NULL)
			continue;
		controllers++;
		*group++ = '\0';
		if (*group != '/')
			continue;
		if (*controllers == '\0') {
			for (size_t i = 0; i < sizeof(v2_mounts) / sizeof(v2_mounts[0]); i++)
				best = tighter(best, walk_up(root, v2_mounts[i], group, quota_v2));
		} else if (has_controller(controllers, "cpu")) {
			for (size_t i = 0; i < sizeof(v1_mounts) / sizeof(v1_mounts[0]); i++)
				best = tighter(best, walk_up(root, v1_mounts[i], group, quota_v1));
		}
	}
	fclose(f);
	return best;
}

unsigned
cpus_available(void)
{
	cpu_set_t set;
	long n = 0;

	/* Fails on machines with more than 1024 processors. */
	if (sched_getaffinity(0, sizeof(set), &set) == 0)
		n = CPU_COUNT(&set);
	else
		n = sysconf(_SC_NPROCESSORS_ONLN);
	if (n < 1)
		n = 1;
	return tighter((unsigned)n, cpus_cgroup_quota(""));
}
