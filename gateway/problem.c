/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/problem.h"

#include "gateway/http.h"
#include "libcommon/base/strbuf.h"

unsigned
problem_http_status(enum status status)
{
	static const uint16_t map[STATUS_COUNT] = {
		[STATUS_OK] = 200,
		[STATUS_CANCELLED] = 499,
		[STATUS_UNKNOWN] = 500,
		[STATUS_INVALID_ARGUMENT] = 400,
		[STATUS_DEADLINE_EXCEEDED] = 504,
		[STATUS_NOT_FOUND] = 404,
		[STATUS_ALREADY_EXISTS] = 409,
		[STATUS_PERMISSION_DENIED] = 403,
		[STATUS_RESOURCE_EXHAUSTED] = 429,
		[STATUS_FAILED_PRECONDITION] = 400,
		[STATUS_ABORTED] = 409,
		[STATUS_OUT_OF_RANGE] = 400,
		[STATUS_UNIMPLEMENTED] = 501,
		[STATUS_INTERNAL] = 500,
		[STATUS_UNAVAILABLE] = 503,
		[STATUS_DATA_LOSS] = 500,
		[STATUS_UNAUTHENTICATED] = 401,
	};
	return (unsigned)status < STATUS_COUNT ? map[status] : 500;
}

static void
add_member(struct strbuf *out, const char *key, struct slice value)
{
	strbuf_adds(out, ",\"");
	strbuf_adds(out, key);
	strbuf_adds(out, "\":");
	strbuf_add_json_string(out, value);
}

/* A reason has a type of its own: urn:fit:problem:etag-mismatch. */
static void
add_type(struct strbuf *out, const char *reason)
{
	strbuf_adds(out, "{\"type\":\"");
	if (reason == NULL) {
		strbuf_adds(out, "about:blank");
	} else {
		strbuf_adds(out, "urn:fit:problem:");
		for (; *reason != '\0'; reason++) {
			char c = *reason;
			strbuf_addch(out, c == '_'               ? '-'
					  : c >= 'A' && c <= 'Z' ? (char)(c | 0x20)
								 : c);
		}
	}
	strbuf_addch(out, '"');
}

void
problem_write(const struct problem *problem, struct strbuf *out)
{
	add_type(out, problem->reason);
	add_member(out, "title", slice_str(http_reason(problem->status)));
	strbuf_adds(out, ",\"status\":");
	strbuf_add_u64(out, problem->status);
	if (problem->detail != NULL && *problem->detail != '\0')
		add_member(out, "detail", slice_str(problem->detail));
	if (problem->instance.n > 0)
		add_member(out, "instance", problem->instance);
	if (problem->request_id.n > 0)
		add_member(out, "requestId", problem->request_id);
	if (problem->reason != NULL)
		add_member(out, "reason", slice_str(problem->reason));
	if (problem->status == 429)
		add_member(out, "error", SLICE_LIT("Too many requests"));
	if (problem->retry_at_s > 0) {
		strbuf_adds(out, ",\"retryAfter\":");
		strbuf_add_i64(out, problem->retry_at_s);
	}
	if (problem->err != NULL && problem->err->nfields > 0) {
		strbuf_adds(out, ",\"errors\":[");
		for (unsigned i = 0; i < problem->err->nfields; i++) {
			strbuf_adds(out, i > 0 ? ",{\"field\":" : "{\"field\":");
			strbuf_add_json_string(out, slice_str(problem->err->fields[i].path));
			add_member(out, "message", slice_str(problem->err->fields[i].text));
			strbuf_addch(out, '}');
		}
		strbuf_addch(out, ']');
	}
	strbuf_addch(out, '}');
}
