/* SPDX-License-Identifier: Apache-2.0 */
/*
 * schema_cli.c - drives libcommon/schema from a script. Reads commands, each a line
 * "VERB MESSAGE LENGTH" and LENGTH bytes; answers "ok LENGTH" or "error LENGTH" and the bytes.
 *
 *	decode        JSON to protobuf          check     protobuf against limits and rules
 *	encode        protobuf to JSON          always    the same with default values
 *	openapi, markdown                       the documents
 */
#include <stdio.h>
#include <stdlib.h>

#include "libcommon/base/strbuf.h"
#include "libcommon/schema/schema.h"

static void
read_file(const char *path, struct strbuf *out)
{
	char buf[65536];
	size_t n;
	FILE *f = fopen(path, "rb");

	if (f == NULL)
		fatal("cannot open %s", path);
	while ((n = fread(buf, 1, sizeof(buf), f)) > 0)
		strbuf_add(out, buf, n);
	fclose(f);
}

static enum status
run(const struct schema *s, const char *verb, const char *name, struct slice in, struct strbuf *out,
    struct err *err)
{
	const struct schema_message *m = schema_message(s, slice_str(name));

	if (strcmp(verb, "openapi") == 0)
		return schema_openapi(s, "1.2.3", out), STATUS_OK;
	if (strcmp(verb, "markdown") == 0)
		return schema_api_markdown(s, out), STATUS_OK;
	if (m == NULL)
		fatal("no message %s", name);
	if (strcmp(verb, "decode") == 0)
		return schema_json_decode(m, in, NULL, out, err);
	if (strcmp(verb, "check") == 0)
		return schema_check(m, in, &schema_limits_default, err);
	if (strcmp(verb, "encode") != 0 && strcmp(verb, "always") != 0)
		fatal("no verb %s", verb);
	return schema_json_encode(m, in, strcmp(verb, "always") == 0, out, err);
}

static void
describe(const struct err *err, struct strbuf *out)
{
	strbuf_reset(out);
	strbuf_adds(out, err->nfields ? "" : err->text);
	for (unsigned i = 0; i < err->nfields; i++)
		strbuf_addf(out, "%s%s: %s", i ? "\n" : "", err->fields[i].path,
			    err->fields[i].text);
}

int
main(int argc, char **argv)
{
	struct strbuf set = STRBUF_INIT, in = STRBUF_INIT, out = STRBUF_INIT;
	struct schema *s;
	struct err err;
	char verb[16], name[128];
	size_t n;

	if (argc != 2)
		fatal("usage: schema_cli PROTOSET");
	read_file(argv[1], &set);
	err_init(&err);
	if (schema_load(strbuf_slice(&set), &s, &err) != STATUS_OK)
		fatal("%s", err.text);
	while (scanf("%15s %127s %zu", verb, name, &n) == 3 && getchar() == '\n') {
		strbuf_reset(&in);
		strbuf_reset(&out);
		strbuf_grow(&in, n);
		if (n > 0 && fread(in.buf, 1, n, stdin) != n)
			fatal("short input");
		in.len = n;
		err_init(&err);
		/* An exact copy, so that a sanitizer sees a read past the end. */
		char *copy = malloc(n ? n : 1);
		if (copy == NULL)
			fatal("out of memory");
		memcpy(copy, in.buf ? in.buf : "", n);
		enum status st = run(s, verb, name, slice_make(copy, n), &out, &err);
		free(copy);
		if (st != STATUS_OK)
			describe(&err, &out);
		printf("%s %zu\n", st == STATUS_OK ? "ok" : "error", out.len);
		fwrite(strbuf_cstr(&out), 1, out.len, stdout);
		fflush(stdout);
	}
	strbuf_fini(&set);
	strbuf_fini(&in);
	strbuf_fini(&out);
	schema_free(s);
	return 0;
}
