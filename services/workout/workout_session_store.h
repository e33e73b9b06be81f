/* SPDX-License-Identifier: Apache-2.0 */
/*
 * workout_session_store.h - where session documents live: one vtable, one driver per database.
 *
 *	struct workout_session_change change = { .apply = on_apply, .reply = on_reply, .arg = &ctx };
 *	st = workout_session_change(store, &scope, &id, &change, err);
 *
 * A driver takes a change of a document and its events together: whoever sees the one will see
 * the other. A driver hands the current document to `apply`, which changes it and collects
 * events (rules only, no I/O), writes what it says, and then lets `reply` fill the call's
 * reply, which is kept under the idempotency key. A driver may call `apply` more than once
 * with fresh documents (a lost race, a serialization failure); so apply and reply touch
 * nothing but their arguments and the call's memory.
 *
 * What follows from documents (the sets table, records) is kept by workout_derived, in the
 * same transaction where the driver can, else when its relay moves the events.
 *
 * tests/integration/workout holds a driver to all this (conformance through the service).
 *
 * Ownership: results live in scope->arena; a store is opened once and shared. Threads: any.
 * Errors:    NOT_FOUND for what is not the owner's; ALREADY_EXISTS, ID_TAKEN for an id of
 *            somebody else's; what `apply` says.
 */
#ifndef FIT_WORKOUT_SESSION_STORE_H
#define FIT_WORKOUT_SESSION_STORE_H

#include "services/workout/workout.h"
#include "services/workout/workout_events.h"
#include "services/workout/workout_page.h"
#include "services/workout/workout_session.h"

/* What `apply` decided. */
enum workout_session_verdict {
	WORKOUT_SESSION_KEEP,   /* nothing to write: it is so already */
	WORKOUT_SESSION_WRITE,  /* write `session` as the next version */
	WORKOUT_SESSION_DELETE, /* leave a tombstone */
};

/* A record that a set holds after the change. */
struct workout_held_record {
	struct uuid set_id;
	const char *kind;
};

struct workout_session_outcome {
	const session_doc *session; /* as stored */
	const struct workout_held_record
		*records; /* of the exercises that the change touched, in this session */
	size_t nrecords;
};

struct workout_session_change {
	bool create; /* `apply` also runs when there is no document: *session is NULL and it makes
			one */
	bool versioned; /* only if the current version is `version` */
	int64_t version;
	enum status (*apply)(void *arg, session_doc **session, struct workout_events *events,
			     enum workout_session_verdict *ret_verdict, struct err *err);
	void (*reply)(void *arg, const struct workout_session_outcome *outcome); /* or NULL */
	void *arg;
};

struct workout_session_filter {
	bool has_from, has_to;
	int64_t from_ms, to_ms;  /* started in [from, to) */
	const char *status;      /* "" for any */
	const char *exercise_id; /* "" for any */
};

struct workout_session_store;
struct workout_session_driver {
	const char *name;
	enum status (*change)(struct workout_session_store *store,
			      const struct workout_scope *scope, const struct uuid *id,
			      const struct workout_session_change *change, struct err *err);
	enum status (*find)(struct workout_session_store *store, const struct workout_scope *scope,
			    const struct uuid *id, session_doc **ret_session, struct err *err);
	/* A page, newest start first; may end early when the documents are large. */
	enum status (*list)(struct workout_session_store *store, const struct workout_scope *scope,
			    const struct workout_session_filter *filter,
			    const struct workout_page *page, session_doc ***ret_list, size_t *ret_n,
			    char **ret_next, struct err *err);
	void (*close)(struct workout_session_store *store);
};
/* First member of every driver's own struct. */
struct workout_session_store {
	const struct workout_session_driver *driver;
};

/* The PostgreSQL driver: JSONB documents beside everything else. The pool is borrowed. */
struct workout_session_store *workout_session_store_pg_open(struct pg_pool *pool);

static inline enum status
workout_session_change(struct workout_session_store *store, const struct workout_scope *scope,
		       const struct uuid *id, const struct workout_session_change *change,
		       struct err *err)
{
	return store->driver->change(store, scope, id, change, err);
}

static inline enum status
workout_session_find(struct workout_session_store *store, const struct workout_scope *scope,
		     const struct uuid *id, session_doc **ret_session, struct err *err)
{
	return store->driver->find(store, scope, id, ret_session, err);
}

static inline enum status
workout_session_list(struct workout_session_store *store, const struct workout_scope *scope,
		     const struct workout_session_filter *filter, const struct workout_page *page,
		     session_doc ***ret_list, size_t *ret_n, char **ret_next, struct err *err)
{
	return store->driver->list(store, scope, filter, page, ret_list, ret_n, ret_next, err);
}

static inline void
workout_session_store_close(struct workout_session_store *store)
{
	if (store != NULL)
		store->driver->close(store);
}

#endif
