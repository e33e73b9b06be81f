/* SPDX-License-Identifier: Apache-2.0 */
/*
 * workout_page_pg.h - a page of documents as SQL: it ends early where they get too large.
 *
 *	WORKOUT_PAGE_SQL("id, document",
 *	                 "SELECT *, octet_length(document::text) AS bytes FROM … LIMIT $7",
 *	                 "id", "$8")
 *
 * Neither the database's connection nor this process ever holds more than a page and a document.
 */
#ifndef FIT_WORKOUT_PAGE_PG_H
#define FIT_WORKOUT_PAGE_PG_H

/* Of a page's documents together, as JSON text. A reply has at most 4 MiB. */
#define WORKOUT_PAGE_BYTES (2 << 20)

/*
 * Around a statement whose rows have `bytes`, with a limit: the rows until the page is full, each
 * with how many the limit would have let through (`total`). `bytes_param` is the parameter that
 * carries WORKOUT_PAGE_BYTES, `order` the order of the inner statement.
 */
#define WORKOUT_PAGE_SQL(columns, inner, order, bytes_param)                                       \
	"SELECT " columns ", total FROM (SELECT *, count(*) OVER () AS total,"                     \
	" sum(bytes) OVER (ORDER BY " order " ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)"   \
	" AS before FROM (" inner ") AS limited) AS page"                                          \
	" WHERE coalesce(before, 0) < " bytes_param " ORDER BY " order

#endif
