/* SPDX-License-Identifier: Apache-2.0 */
/*
 * workout_library.h - loads data/exercises.json, which is linked into the binary, into the
 * exercises table.
 *
 * Runs at each start: one look-up when the file's SHA-256 is the one loaded last. Otherwise, in one
 * transaction: new entries are added, changed ones updated, missing ones get a tombstone (plans and
 * sessions may refer to them); each is noted for synchronisation under the nil user, which stands
 * for everybody. Replicas that start together do it once.
 *
 * An exercise's id is the UUIDv5 of its slug in WORKOUT_LIBRARY_NAMESPACE: the same in every
 * installation, for ever.
 *
 * Ownership: `json` is borrowed for the call. Threads: any; the service calls it at start.
 * Errors:    INVALID_ARGUMENT when the file is not a library (a bug of the build); those of
 *            pg.h.
 */
#ifndef FIT_WORKOUT_LIBRARY_H
#define FIT_WORKOUT_LIBRARY_H

#include "libcommon/base/slice.h"
#include "services/workout/workout.h"

/* 1d4b7d6e-58a1-5f0e-9c3e-0b6f1f0c8a52 */
extern const struct uuid WORKOUT_LIBRARY_NAMESPACE;

struct slice workout_library_builtin(void);
/* *ret_changed: entries written, 0 when all was as the file says. */
enum status workout_library_load(struct workout *w, struct slice json, struct deadline deadline,
				 size_t *ret_changed, struct err *err) MUST_CHECK;

#endif
