/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "libcommon/base/compiler.h"
#include "libcommon/runtime/cpus.h"
#include "tests/support/testkit.h"

#define V1 "sys/fs/cgroup/cpu,cpuacct"

static const struct {
	const char *what;
	unsigned want;
	struct {
		const char *path, *text;
	} files[6];
} cases[] = {
	{ "no cgroups", 0, { { "tmp/x", "" } } },
	{ "v2, no limit",
	  0,
	  { { "proc/self/cgroup", "0::/svc\n" },
	    { "sys/fs/cgroup/svc/cpu.max", "max 100000\n" } } },
	{ "v2, two and a half",
	  3,
	  { { "proc/self/cgroup", "0::/svc\n" },
	    { "sys/fs/cgroup/svc/cpu.max", "250000 100000\n" } } },
	{ "v2, a fifth",
	  1,
	  { { "proc/self/cgroup", "0::/svc\n" },
	    { "sys/fs/cgroup/svc/cpu.max", "20000 100000\n" } } },
	{ "v2, a parent is tighter",
	  2,
	  { { "proc/self/cgroup", "0::/a/b/c\n" },
	    { "sys/fs/cgroup/a/cpu.max", "200000 100000\n" },
	    { "sys/fs/cgroup/a/b/cpu.max", "max 100000\n" },
	    { "sys/fs/cgroup/a/b/c/cpu.max", "600000 100000\n" } } },
	{ "v2, inside a container: the path is of the host",
	  4,
	  { { "proc/self/cgroup", "0::/kubepods/pod1/x\n" },
	    { "sys/fs/cgroup/cpu.max", "400000 100000\n" } } },
	{ "v2 at the root of a namespace",
	  2,
	  { { "proc/self/cgroup", "0::/\n" }, { "sys/fs/cgroup/cpu.max", "150000 100000\n" } } },
	{ "v1, no limit",
	  0,
	  { { "proc/self/cgroup", "4:cpu,cpuacct:/svc\n" },
	    { V1 "/svc/cpu.cfs_quota_us", "-1\n" },
	    { V1 "/svc/cpu.cfs_period_us", "100000\n" } } },
	{ "v1",
	  2,
	  { { "proc/self/cgroup", "5:memory:/m\n4:cpu,cpuacct:/svc\n1:name=systemd:/\n" },
	    { V1 "/svc/cpu.cfs_quota_us", "75000\n" },
	    { V1 "/svc/cpu.cfs_period_us", "50000\n" } } },
	{ "v1, another controller's limit is not ours",
	  0,
	  { { "proc/self/cgroup", "4:cpuset,cpuacct:/svc\n" },
	    { "sys/fs/cgroup/cpu/svc/cpu.cfs_quota_us", "75000\n" },
	    { "sys/fs/cgroup/cpu/svc/cpu.cfs_period_us", "50000\n" } } },
	{ "both: the tighter",
	  1,
	  { { "proc/self/cgroup", "1:cpu:/svc\n0::/u\n" },
	    { "sys/fs/cgroup/cpu/svc/cpu.cfs_quota_us", "300000\n" },
	    { "sys/fs/cgroup/cpu/svc/cpu.cfs_period_us", "100000\n" },
	    { "sys/fs/cgroup/unified/u/cpu.max", "90000 100000\n" } } },
	{ "nonsense is no limit",
	  0,
	  { { "proc/self/cgroup", "\n::\n0:\n0::relative\n0::/svc\n" },
	    { "sys/fs/cgroup/svc/cpu.max", "12\n" } } },
	{ "a period of zero",
	  0,
	  { { "proc/self/cgroup", "0::/svc\n" }, { "sys/fs/cgroup/svc/cpu.max", "5 0\n" } } },
};

static void
test_cpus_cgroup_quota(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char *root = testkit_temp_dir();
		for (size_t f = 0; f < ARRAY_LEN(cases[i].files) && cases[i].files[f].path; f++)
			free(testkit_write_file(root, cases[i].files[f].path,
						slice_str(cases[i].files[f].text)));
		unsigned got = cpus_cgroup_quota(root);
		testkit_remove_dir(root);
		if (got != cases[i].want)
			fail_msg("%s: %u, not %u", cases[i].what, got, cases[i].want);
	}
}

static void
test_cpus_available(void **state)
{
	(void)state;
	assert_in_range(cpus_available(), 1, 4096);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cpus_cgroup_quota),
		cmocka_unit_test(test_cpus_available),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
