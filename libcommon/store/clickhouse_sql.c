/* SPDX-License-Identifier: Apache-2.0 */
#include "libcommon/store/clickhouse_sql.h"

#include <string.h>

#include "libcommon/base/status.h"
#include "libcommon/base/strbuf.h"

/* Letters, digits and these stand for themselves. */
static const char plain[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789 _-.,:/+@";

void
clickhouse_sql_text(struct strbuf *out, struct slice text)
{
	static const char hex[] = "0123456789ABCDEF";

	strbuf_addch(out, '\'');
	for (size_t i = 0; i < text.n; i++) {
		unsigned char c = (unsigned char)text.p[i];

		if (c != '\0' && strchr(plain, c) != NULL)
			strbuf_addch(out, (char)c);
		else
			strbuf_add(out, (char[]){ '\\', 'x', hex[c >> 4], hex[c & 15] }, 4);
	}
	strbuf_addch(out, '\'');
}

static void
add_number(struct strbuf *out, const char *function, int64_t number, int64_t max)
{
	strbuf_adds(out, function);
	strbuf_addch(out, '(');
	strbuf_add_i64(out, number < 0 ? 0 : number > max ? max : number);
	strbuf_addch(out, ')');
}

static void
add_arg(struct strbuf *out, const struct clickhouse_arg *arg)
{
	char uuid[UUID_TEXT_SIZE];

	switch (arg->kind) {
	case CLICKHOUSE_ARG_INT:
		/* "a -$1" with a bare -1 would begin a comment; LIMIT takes no brackets. */
		strbuf_adds(out, arg->number < 0 ? "(" : "");
		strbuf_add_i64(out, arg->number);
		strbuf_adds(out, arg->number < 0 ? ")" : "");
		return;
	case CLICKHOUSE_ARG_TEXT:
		clickhouse_sql_text(out, arg->text);
		return;
	case CLICKHOUSE_ARG_UUID:
		uuid_format(&arg->uuid, uuid);
		strbuf_adds(out, "toUUID('");
		strbuf_adds(out, uuid);
		strbuf_adds(out, "')");
		return;
	case CLICKHOUSE_ARG_TIME:
		add_number(out, "toDateTime", arg->number, UINT32_MAX);
		return;
	case CLICKHOUSE_ARG_DAY:
		/* A number of 65536 and more would be taken for seconds. */
		add_number(out, "toDate", arg->number, 49709);
		return;
	}
	panic("clickhouse: argument of kind %d", arg->kind);
}

void
clickhouse_sql_bind(struct strbuf *out, const char *sql, const struct clickhouse_arg *args,
		    size_t nargs)
{
	bool quoted = false;

	for (const char *p = sql; *p != '\0'; p++) {
		size_t n = 0;

		if (*p == '\'')
			quoted = !quoted;
		if (*p != '$') {
			strbuf_addch(out, *p);
			continue;
		}
		while (p[1] >= '0' && p[1] <= '9' && n <= CLICKHOUSE_ARGS_MAX)
			n = n * 10 + (size_t)(*++p - '0');
		if (quoted || n == 0 || n > nargs || n > CLICKHOUSE_ARGS_MAX)
			panic("clickhouse: bad parameter $%zu of %zu in: %s", n, nargs, sql);
		add_arg(out, &args[n - 1]);
	}
}
