/* SPDX-License-Identifier: Apache-2.0 */
/*
 * clickhouse_result.c - an answer in TabSeparated: cells parted by tabs, rows ended by newlines,
 * both and the backslash escaped inside a cell.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "libcommon/base/arena.h"
#include "libcommon/store/clickhouse.h"

static char
unescaped(char c)
{
	static const char from[] = "bfnrt0", to[] = "\b\f\n\r\t"; /* and the NUL that ends it */
	const char *p = c != '\0' ? strchr(from, c) : NULL;

	return p != NULL ? to[p - from] : c;
}

/* The cell that begins at p: unescaped in place and ended by a NUL. Returns what follows its end.
 */
static char *
take_cell(char *p, const char *end, struct slice *ret_cell, bool *ret_last)
{
	char *start = p, *out = p;

	while (p < end && *p != '\t' && *p != '\n') {
		if (*p == '\\' && p + 1 < end)
			*out++ = unescaped(*++p);
		else
			*out++ = *p;
		p++;
	}
	*ret_last = p >= end || *p == '\n';
	*ret_cell = slice_make(start, (size_t)(out - start));
	*out = '\0'; /* on the tab or newline, or before it; the body has one byte behind its end */
	return p + 1;
}

enum status
clickhouse_parse_tsv(char *body, size_t n, struct arena *arena,
		     struct clickhouse_result **ret_result, struct err *err)
{
	struct clickhouse_result *res = ARENA_NEW(arena, struct clickhouse_result);
	char *end = body + n, *p = body;
	size_t cells = 0, column = 0;

	for (size_t i = 0; i < n; i++)
		cells += body[i] == '\t' || body[i] == '\n';
	if (n > 0 && body[n - 1] != '\n')
		return err_set(err, STATUS_DATA_LOSS, "clickhouse: an answer is cut short");
	res->cells = ARENA_ARRAY(arena, struct slice, cells + 1);
	cells = 0;
	while (p < end) {
		bool last;

		p = take_cell(p, end, &res->cells[cells++], &last);
		column++;
		if (!last)
			continue;
		if (res->nrows++ == 0)
			res->ncolumns = column;
		if (column != res->ncolumns)
			return err_set(err, STATUS_DATA_LOSS,
				       "clickhouse: row %zu has %zu cells, not %zu", res->nrows,
				       column, res->ncolumns);
		column = 0;
	}
	*ret_result = res;
	return STATUS_OK;
}

const char *
clickhouse_text(const struct clickhouse_result *res, size_t row, size_t column)
{
	if (row >= res->nrows || column >= res->ncolumns)
		panic("clickhouse: cell %zu,%zu of %zux%zu", row, column, res->nrows,
		      res->ncolumns);
	return res->cells[row * res->ncolumns + column].p;
}

uint64_t
clickhouse_uint(struct clickhouse_result *res, size_t row, size_t column)
{
	const char *text = clickhouse_text(res, row, column);
	char *end;

	errno = 0;
	unsigned long long v = strtoull(text, &end, 10);
	if (errno == 0 && *text >= '0' && *text <= '9' && *end == '\0')
		return v;
	res->bad = true;
	return 0;
}

int64_t
clickhouse_int(struct clickhouse_result *res, size_t row, size_t column)
{
	const char *text = clickhouse_text(res, row, column);
	char *end;

	errno = 0;
	long long v = strtoll(text, &end, 10);
	if (errno == 0 && (*text == '-' || (*text >= '0' && *text <= '9')) && *end == '\0')
		return v;
	res->bad = true;
	return 0;
}
