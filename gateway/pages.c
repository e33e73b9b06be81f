/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/pages.h"

#include <string.h>

#include "gateway/call.h"
#include "gateway/gateway_config.h"
#include "gateway/gateway_loop.h"
#include "libcommon/base/compiler.h"

/*
 * web/docs.html and web/docs.js, from the source tree into .rodata.
 */
#define EMBED(name, file)                                                                          \
	__asm__(".section .rodata\n" #name ": .incbin \"" file "\"\n" #name                        \
		"_end: .byte 0\n.previous\n");                                                     \
	extern const char name[], name##_end[]

EMBED(page_docs_html, "gateway/web/docs.html");
EMBED(page_docs_js, "gateway/web/docs.js");

bool
pages_ready(struct gateway *gateway, const char **ret_why)
{
	*ret_why = NULL;
	if (atomic_load(&gateway->draining))
		*ret_why = "draining";
	else if (atomic_load(&gateway->loops_ready) < (unsigned)gateway->config->threads)
		*ret_why = "no keys from auth yet";
	return *ret_why == NULL;
}

/* Two symbols of one object, which the C of pointers does not know. */
static struct slice
embedded(const char *start, const char *end)
{
	return slice_make(start, (uintptr_t)end - (uintptr_t)start);
}

static void
serve_health(struct call *call)
{
	strbuf_adds(&call->extra, "Cache-Control: no-store\r\n");
	call_reply(call, 200, "application/json", SLICE_LIT("{\"status\":\"ok\"}\n"));
}

static void
serve_ready(struct call *call)
{
	const char *why;

	if (!pages_ready(call->gl->gateway, &why)) {
		call_problem(call, 503, NULL, why, NULL);
		return;
	}
	strbuf_adds(&call->extra, "Cache-Control: no-store\r\n");
	call_reply(call, 200, "application/json", SLICE_LIT("{\"status\":\"ready\"}\n"));
}

static void
serve_document(struct call *call, const char *type, struct slice body)
{
	strbuf_adds(&call->extra, "Cache-Control: public, max-age=300\r\n");
	call_reply(call, 200, type, body);
}

static void
serve_openapi(struct call *call)
{
	serve_document(call, "application/json", strbuf_slice(&call->gl->gateway->openapi));
}

static void
serve_docs(struct call *call)
{
	serve_document(call, "text/html; charset=utf-8",
		       embedded(page_docs_html, page_docs_html_end));
}

static void
serve_docs_js(struct call *call)
{
	serve_document(call, "text/javascript; charset=utf-8",
		       embedded(page_docs_js, page_docs_js_end));
}

/* The versions that have routes, as their patterns say: /api/v<digits>/… */
static unsigned
find_versions(const struct schema *schema)
{
	const struct schema_method *const *methods;
	size_t n = schema_methods(schema, &methods);
	unsigned found = 0;

	for (size_t i = 0; i < n; i++) {
		for (size_t k = 0; k < methods[i]->nroutes; k++) {
			const char *p = methods[i]->routes[k].pattern;
			if (strncmp(p, "/api/v", 6) == 0 && p[6] >= '1' && p[6] <= '9' &&
			    p[7] == '/')
				found |= 1u << (p[6] - '0');
		}
	}
	return found;
}

static void
serve_versions(struct call *call)
{
	struct gateway *gateway = call->gl->gateway;
	unsigned found = find_versions(gateway->schema);
	struct strbuf sb = STRBUF_ARENA(call->ex->arena);
	const char *sep = "";

	strbuf_adds(&sb, "{\"version\":");
	strbuf_add_json_string(&sb, slice_str(gateway->config->version));
	strbuf_adds(&sb, ",\"apis\":[");
	for (unsigned v = 1; v <= 9; v++) {
		if (found & 1u << v) {
			strbuf_addf(&sb, "%s{\"version\":\"v%u\",\"path\":\"/api/v%u\"}", sep, v,
				    v);
			sep = ",";
		}
	}
	strbuf_adds(&sb, "],\"openapi\":\"/openapi.json\",\"docs\":\"/docs\"}\n");
	serve_document(call, "application/json", strbuf_slice(&sb));
}

const struct page pages[] = {
	{ "/health", serve_health },        { "/ready", serve_ready },
	{ "/openapi.json", serve_openapi }, { "/docs", serve_docs },
	{ "/docs/docs.js", serve_docs_js }, { "/api/versions", serve_versions },
};
const size_t pages_count = ARRAY_LEN(pages);
