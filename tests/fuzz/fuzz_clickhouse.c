/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_clickhouse.c - texts as literals, and answers of a server.
 *
 * A literal has only bytes that the server's lexer takes for themselves, between its two quotes,
 * and reads back as the text. An answer in any bytes gives a rectangle of cells inside them, or
 * DATA_LOSS.
 */
#include <stdlib.h>
#include <string.h>

#include "libcommon/base/arena.h"
#include "libcommon/base/strbuf.h"
#include "libcommon/store/clickhouse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static int
digit(char c)
{
	return c <= '9' ? c - '0' : c - 'A' + 10;
}

static void
check_literal(struct slice in)
{
	struct strbuf sql = STRBUF_INIT, back = STRBUF_INIT;

	clickhouse_sql_bind(&sql, "SELECT $1", CLICKHOUSE_ARGS(ch_text(in)));
	const char *p = sql.buf + strlen("SELECT "), *end = sql.buf + sql.len - 1;
	if (*p++ != '\'' || *end != '\'')
		panic("no quotes");
	while (p < end) {
		if (*p == '\'' || *p < 0x20 || *p > 0x7e)
			panic("byte %02x in a literal", (unsigned char)*p);
		if (*p != '\\') {
			strbuf_addch(&back, *p++);
			continue;
		}
		if (end - p < 4 || p[1] != 'x')
			panic("an escape that is not \\xHH");
		strbuf_addch(&back, (char)(digit(p[2]) << 4 | digit(p[3])));
		p += 4;
	}
	if (!slice_eq(strbuf_slice(&back), in))
		panic("reads back as another text");
	strbuf_fini(&sql);
	strbuf_fini(&back);
}

static void
check_answer(const uint8_t *data, size_t n)
{
	struct arena *arena = arena_new((n + 64) * 32);
	char *body = malloc(n + 1); /* one byte behind its end, as from the client */
	struct clickhouse_result *res;
	struct err err;

	if (body == NULL)
		abort();
	memcpy(body, data, n);
	body[n] = '\0';
	err_init(&err);
	if (clickhouse_parse_tsv(body, n, arena, &res, &err) == STATUS_OK) {
		for (size_t i = 0; i < res->nrows; i++)
			for (size_t j = 0; j < res->ncolumns; j++) {
				struct slice cell = res->cells[i * res->ncolumns + j];

				if (cell.p < body || cell.p + cell.n > body + n ||
				    cell.p[cell.n] != '\0')
					panic("a cell outside of the answer");
				(void)clickhouse_int(res, i, j);
				(void)clickhouse_uint(res, i, j);
			}
	} else if (err.status != STATUS_DATA_LOSS) {
		panic("status %d", (int)err.status);
	}
	(void)clickhouse_code_status(clickhouse_error_code(slice_make(data, n)));
	free(body);
	arena_free(arena);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	check_literal(slice_make(data, n));
	check_answer(data, n);
	return 0;
}
