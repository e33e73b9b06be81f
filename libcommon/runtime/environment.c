/* SPDX-License-Identifier: Apache-2.0 */
#include "libcommon/runtime/environment.h"

#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "libcommon/base/compiler.h"

enum status
environment_check(const char *environment, struct err *err)
{
	static const char *const known[] = { "development", "staging", "production" };

	for (size_t i = 0; i < ARRAY_LEN(known); i++) {
		if (strcmp(environment, known[i]) == 0)
			return STATUS_OK;
	}
	return err_set(err, STATUS_INVALID_ARGUMENT,
		       "FIT_ENVIRONMENT: \"%s\" is not development, staging or production",
		       environment);
}

void
environment_protect(const char *environment)
{
	const struct rlimit none = { 0, 0 };

	if (strcmp(environment, "development") == 0)
		return;
	/* Both: a kernel.core_pattern that is a pipe disregards the limit. */
	(void)setrlimit(RLIMIT_CORE, &none);
	(void)prctl(PR_SET_DUMPABLE, 0);
}
