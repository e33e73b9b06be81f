/* SPDX-License-Identifier: Apache-2.0 */
/*
 * workout_plan_store.h - plans in PostgreSQL: events are appended, the plan rows are their
 * projection.
 *
 * A write appends one event and projects it, with outbox and sync rows, in one transaction that
 * also keeps the call's idempotency key. workout_plan_rebuild throws a plan's projected rows away
 * and makes them from its events; they come out the same, which a test holds.
 *
 * Ownership: results live in scope->arena. ret_plan is a message of the caller's (the reply),
 *            overwritten.
 * Threads:   any.
 * Errors:    NOT_FOUND for what is not the owner's; ALREADY_EXISTS with ID_TAKEN;
 *            FAILED_PRECONDITION with ETAG_MISMATCH, QUOTA_EXCEEDED; those of pg.h.
 */
#ifndef FIT_WORKOUT_PLAN_STORE_H
#define FIT_WORKOUT_PLAN_STORE_H

#include "services/workout/workout.h"
#include "services/workout/workout_page.h"
#include "services/workout/workout_plan.h"

/* Plans of one user that are not deleted. */
#define WORKOUT_PLANS_MAX 500
/* Versions of all plans of one user, of deleted ones too: their events stay. */
#define WORKOUT_PLAN_EVENTS_MAX 20000

typedef Fit__Workout__V1__PlanVersion plan_version;

enum status workout_plan_find(struct workout *w, const struct workout_scope *scope,
			      const struct uuid *id, plan_doc **ret_plan,
			      struct err *err) MUST_CHECK;
enum status workout_plan_list(struct workout *w, const struct workout_scope *scope,
			      bool include_archived, const struct workout_page *page,
			      plan_doc ***ret_list, size_t *ret_n, char **ret_next,
			      struct err *err) MUST_CHECK;
/* `plan` is checked and derived. The same document under the same id is already there: that plan.
 */
enum status workout_plan_create(struct workout *w, const struct workout_scope *scope,
				const struct uuid *id, const plan_doc *plan, plan_doc *ret_plan,
				struct err *err) MUST_CHECK;

struct workout_plan_change {
	const char *type; /* updated, restored, archived */
	bool versioned;   /* only if the current version is `version` */
	int64_t version;
	const char *changes_description;
	const char *created_by;
	/* Makes the next document out of the current one; the plan belongs to the function. */
	enum status (*fn)(void *arg, plan_doc *plan, struct err *err);
	void *arg;
};
/* A change that leaves the document as it was makes no version. */
enum status workout_plan_change(struct workout *w, const struct workout_scope *scope,
				const struct uuid *id, const struct workout_plan_change *change,
				plan_doc *ret_plan, struct err *err) MUST_CHECK;
enum status workout_plan_delete(struct workout *w, const struct workout_scope *scope,
				const struct uuid *id, struct err *err) MUST_CHECK;

/* Newest first, without the documents. */
enum status workout_plan_versions(struct workout *w, const struct workout_scope *scope,
				  const struct uuid *id, const struct workout_page *page,
				  plan_version ***ret_list, size_t *ret_n, char **ret_next,
				  struct err *err) MUST_CHECK;
/* With the document. */
enum status workout_plan_version(struct workout *w, const struct workout_scope *scope,
				 const struct uuid *id, int64_t number, plan_version **ret_version,
				 struct err *err) MUST_CHECK;
/* As JSON, for diffs. */
enum status workout_plan_document(struct workout *w, const struct workout_scope *scope,
				  const struct uuid *id, int64_t number, json_t **ret_doc,
				  struct err *err) MUST_CHECK;

/* The note on a plan, which makes no version; "" clears it. */
enum status workout_plan_set_note(struct workout *w, const struct workout_scope *scope,
				  const struct uuid *id, const char *text,
				  Fit__Workout__V1__PlanNote *ret_note, struct err *err) MUST_CHECK;
enum status workout_plan_get_note(struct workout *w, const struct workout_scope *scope,
				  const struct uuid *id, Fit__Workout__V1__PlanNote *ret_note,
				  struct err *err) MUST_CHECK;

enum status workout_plan_rebuild(struct workout *w, const struct workout_scope *scope,
				 const struct uuid *id, struct err *err) MUST_CHECK;

#endif
