/* SPDX-License-Identifier: Apache-2.0 */
/*
 * api_markdown.c - prints the interface, as the linked descriptor set has it, as Markdown; for
 * `make docs`.
 */
#include <stdio.h>

#include "libcommon/base/strbuf.h"
#include "libcommon/schema/schema.h"

int
main(void)
{
	struct strbuf out = STRBUF_INIT;

	schema_api_markdown(schema_builtin(), &out);
	size_t written = fwrite(out.buf, 1, out.len, stdout);
	int failed = written != out.len || fflush(stdout) != 0;
	strbuf_fini(&out);
	return failed;
}
