/* SPDX-License-Identifier: Apache-2.0 */
/*
 * user_store_impl.h - what the files of the store share.
 *
 * Ownership: a store borrows pool and vault; rows live in the arena.
 * Threads:   any worker; user_row_write the transaction's.
 * Errors:    DATA_LOSS: a sealed column does not open; those of pg.h.
 */
#ifndef FIT_USER_STORE_IMPL_H
#define FIT_USER_STORE_IMPL_H

#include "libcommon/store/pg.h"
#include "services/user/user_store.h"

struct user_store {
	struct pg_pool *pool;
	struct user_vault *vault;
};

/* In the order that user_row_read expects. */
#define USER_COLUMNS                                                                               \
	" id, email, email_bidx, display_name, profile_image_url, fitness_level,"                  \
	" jsonb_build_object('goals', goals, 'limitations', limitations), preferences,"            \
	" role, subscription_tier, is_active, google_bidx, deletion_requested_at,"                 \
	" created_at, updated_at, version, preferences_version, wrapped_key "

/* Row `i` of a result with USER_COLUMNS. */
enum status user_row_read(struct user_store *store, const struct pg_result *result, int i,
			  struct arena *arena, struct user_row **ret_row,
			  struct err *err) MUST_CHECK;
/* Writes what an edit changed, with its traces; the row gets its new version and time. */
enum status user_row_write(struct user_store *store, struct pg_tx *tx, struct user_row *row,
			   const struct user_edit *edit, const char *traceparent,
			   struct err *err) MUST_CHECK;

#endif
