/* SPDX-License-Identifier: Apache-2.0 */
/*
 * clickhouse_row.h - values of a row in RowBinary, one after the other in the order of the columns.
 *
 *	ch_put_uuid(&rows, &id);
 *	ch_put_u32(&rows, seconds);       DateTime, UInt32
 *	ch_put_text(&rows, name);
 *
 * Source: clickhouse.com/docs, "RowBinary": little-endian numbers; String: LEB128 length,
 * bytes; UUID: two UInt64, the more significant first.
 * Ownership: the strbuf is the caller's.
 * Threads:   one.
 */
#ifndef FIT_STORE_CLICKHOUSE_ROW_H
#define FIT_STORE_CLICKHOUSE_ROW_H

#include <stdint.h>
#include <string.h>

#include "libcommon/base/strbuf.h"
#include "libcommon/base/uuid.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "numbers are copied as they are");

static inline void
ch_put_u16(struct strbuf *row, uint16_t v)
{
	strbuf_add(row, &v, sizeof(v));
}

static inline void
ch_put_u32(struct strbuf *row, uint32_t v)
{
	strbuf_add(row, &v, sizeof(v));
}

static inline void
ch_put_u64(struct strbuf *row, uint64_t v)
{
	strbuf_add(row, &v, sizeof(v));
}

static inline void
ch_put_i64(struct strbuf *row, int64_t v)
{
	strbuf_add(row, &v, sizeof(v));
}

static inline void
ch_put_text(struct strbuf *row, struct slice s)
{
	size_t n = s.n;

	for (; n >= 0x80; n >>= 7)
		strbuf_addch(row, (char)(n | 0x80));
	strbuf_addch(row, (char)n);
	strbuf_add_slice(row, s);
}

static inline void
ch_put_uuid(struct strbuf *row, const struct uuid *id)
{
	char out[16];

	for (int i = 0; i < 8; i++) {
		out[i] = (char)id->b[7 - i];
		out[8 + i] = (char)id->b[15 - i];
	}
	strbuf_add(row, out, sizeof(out));
}

#endif
