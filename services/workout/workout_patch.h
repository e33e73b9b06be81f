/* SPDX-License-Identifier: Apache-2.0 */
/*
 * workout_patch.h - JSON Patch (RFC 6902) between two documents: made, and applied.
 *
 *	json_t *changeset = workout_patch_diff(old, new);        new reference; [] when they are equal
 *	st = workout_patch_apply(doc, changeset, &next, &err);   doc is left as it is
 *
 * A changeset uses add, remove and replace. It is made to be read by people: members are
 * compared by name; elements of an array are lined up by their longest common subsequence,
 * where objects with the same "entryId" are the same element, so inserting an exercise is one
 * "add" and changing a weight is one "replace" of that weight.
 *
 * Invariant: apply(a, diff(a, b)) equals b, for all documents.
 * Ownership: returns new references (json_decref). Threads: pure.
 * Errors:    apply: FAILED_PRECONDITION with the number of the operation that does not fit.
 * Limits:    the time of a diff is the product of two arrays' lengths (plans: at most 100 x 100).
 */
#ifndef FIT_WORKOUT_PATCH_H
#define FIT_WORKOUT_PATCH_H

#include <jansson.h>

#include "libcommon/base/status.h"

json_t *workout_patch_diff(const json_t *from, const json_t *to) __attribute__((returns_nonnull));
enum status workout_patch_apply(const json_t *doc, const json_t *changeset, json_t **ret_doc,
				struct err *err) MUST_CHECK;

#endif
