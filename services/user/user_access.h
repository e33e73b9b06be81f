/* SPDX-License-Identifier: Apache-2.0 */
/*
 * user_access.h - what a role may do beyond one's own things.
 *
 *	names = user_role_permissions("admin", &n);
 *
 * Permissions are the names that methods require in the .proto files; one's own data needs none.
 *
 * Ownership: static. Threads: any.
 */
#ifndef FIT_USER_ACCESS_H
#define FIT_USER_ACCESS_H

#include <stdbool.h>
#include <stddef.h>

bool user_role_known(const char *role);
/* An unknown role has none. */
char *const *user_role_permissions(const char *role, size_t *ret_n);

#endif
