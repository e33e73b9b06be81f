/* SPDX-License-Identifier: Apache-2.0 */
#include "services/user/user_access.h"

#include <string.h>

#include "libcommon/base/compiler.h"

static char users_read[] = "users.read_all", users_manage[] = "users.manage";
static char exercises_manage[] = "exercises.manage", analytics_read[] = "analytics.read_all";
static char athletes_read[] = "athletes.read", athletes_plan[] = "athletes.plan";

static char *const coach[] = { athletes_read, athletes_plan };
static char *const admin[] = { users_read, users_manage, exercises_manage, analytics_read };

static const struct {
	const char *role;
	char *const *permissions;
	size_t n;
} roles[] = {
	{ "user", NULL, 0 },
	{ "coach", coach, ARRAY_LEN(coach) },
	{ "admin", admin, ARRAY_LEN(admin) },
};

bool
user_role_known(const char *role)
{
	for (size_t i = 0; i < ARRAY_LEN(roles); i++) {
		if (strcmp(roles[i].role, role) == 0)
			return true;
	}
	return false;
}

char *const *
user_role_permissions(const char *role, size_t *ret_n)
{
	for (size_t i = 0; i < ARRAY_LEN(roles); i++) {
		if (strcmp(roles[i].role, role) == 0) {
			*ret_n = roles[i].n;
			return roles[i].permissions;
		}
	}
	*ret_n = 0;
	return NULL;
}
