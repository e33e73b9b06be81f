/* SPDX-License-Identifier: Apache-2.0 */
/*
 * workout_page.h - page tokens: where the next page begins, opaque to clients.
 *
 *	struct workout_page page;
 *	st = workout_page_open(&page, req->page_size, req->page_token, filter, err);
 *	…WHERE (started_at, id) < (page.key, page.id)…, limit page.limit + 1…
 *	res->next_page_token = workout_page_next(&page, arena, key, &id);
 *
 * A token holds the sort key and id of the page's last row and a check over the list's filter. It
 * is not secret and grants nothing (every statement names the owner); one that is damaged, or made
 * for another filter, is INVALID_ARGUMENT. The size is bounded by the .proto (200).
 *
 * Ownership: a page is a plain value; a token lives in the arena. Pure functions; any thread.
 */
#ifndef FIT_WORKOUT_PAGE_H
#define FIT_WORKOUT_PAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "libcommon/base/arena.h"
#include "libcommon/base/slice.h"
#include "libcommon/base/status.h"
#include "libcommon/base/uuid.h"

#define WORKOUT_PAGE_SIZE 50

struct workout_page {
	bool first;  /* no token: from the beginning */
	int64_t key; /* of the last row seen */
	struct uuid id;
	unsigned limit;
	uint64_t filter; /* check of what the list was asked for */
};

/* `filter`: bytes that say which list this is, name and parameters. size 0: WORKOUT_PAGE_SIZE. */
enum status workout_page_open(struct workout_page *page, unsigned size, const char *token,
			      struct slice filter, struct err *err) MUST_CHECK;
char *workout_page_next(const struct workout_page *page, struct arena *arena, int64_t key,
			const struct uuid *id) __attribute__((returns_nonnull));

#endif
