/* SPDX-License-Identifier: Apache-2.0 */
#include "services/user/user_mask.h"

#include <string.h>

/* `path` names a group that `leaf` is in. */
static bool
is_group_of(const char *path, const char *leaf)
{
	size_t n = strlen(path);

	return strncmp(path, leaf, n) == 0 && leaf[n] == '.';
}

static bool
names_member(const Google__Protobuf__FieldMask *mask, const char *group)
{
	for (size_t i = 0; i < mask->n_paths; i++) {
		if (is_group_of(group, mask->paths[i]))
			return true;
	}
	return false;
}

bool
user_mask_covers(const Google__Protobuf__FieldMask *mask, const char *leaf)
{
	for (size_t i = 0; mask != NULL && i < mask->n_paths; i++) {
		const char *path = mask->paths[i];

		if (strcmp(path, leaf) == 0 ||
		    (is_group_of(path, leaf) && !names_member(mask, path)))
			return true;
	}
	return false;
}

enum status
user_mask_check(const Google__Protobuf__FieldMask *mask, const char *const *leaves, size_t nleaves,
		struct err *err)
{
	for (size_t i = 0; mask != NULL && i < mask->n_paths; i++) {
		bool known = false;

		for (size_t k = 0; k < nleaves && !known; k++)
			known = strcmp(mask->paths[i], leaves[k]) == 0 ||
				is_group_of(mask->paths[i], leaves[k]);
		if (!known)
			return err_add_field(err, "updateMask",
					     "\"%.60s\" is not a field of the resource",
					     mask->paths[i]);
	}
	return STATUS_OK;
}
