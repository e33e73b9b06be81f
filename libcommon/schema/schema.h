/* SPDX-License-Identifier: Apache-2.0 */
/*
 * schema.h - everything the .proto files say, compiled for use at run time.
 *
 *	const struct schema *s = schema_builtin();      the protoset linked into this binary
 *	m = schema_method(s, SLICE_LIT("/fit.workout.v1.PlanService/GetPlan"));
 *	st = schema_json_decode(m->input, json, &opts, &wire, &err);    JSON to protobuf bytes
 *	st = schema_check(m->input, wire, &limits, &err);       form, limits, field rules
 *	st = schema_json_encode(m->output, wire, true, &out, &err);     protobuf bytes to JSON
 *
 * Messages are described by tables compiled from a FileDescriptorSet; no per-message code, no
 * DOM, no allocation per field. JSON follows the proto3 JSON mapping (protobuf.dev, "ProtoJSON
 * format"); google.protobuf.Any has no form here.
 *
 * Field rules (buf.validate) mean what protovalidate says: they apply to a field with presence
 * (message, `optional`, member of a oneof, wrapper) when it is set, to one without presence
 * always, zero included, unless `ignore: IGNORE_IF_ZERO_VALUE`.
 *
 * Ownership: a schema owns everything it returns. Threads: immutable after load, free to share.
 * Errors:    STATUS_INVALID_ARGUMENT with field violations (JSON paths, lowerCamelCase). The
 *            functions set up the `struct err` themselves; it may be NULL.
 * Limits:    a message has at most 256 fields and 32 oneofs, values nest at most 64 deep: messages
 *            on the wire count, so each level of a Struct is three.
 */
#ifndef FIT_SCHEMA_SCHEMA_H
#define FIT_SCHEMA_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "libcommon/base/slice.h"
#include "libcommon/base/status.h"

struct schema;
struct schema_message;
struct strbuf;

/* ---- access policy: fit.api.v1.method ---- */

enum schema_audience { SCHEMA_AUDIENCE_UNSPECIFIED, SCHEMA_PUBLIC, SCHEMA_USER, SCHEMA_INTERNAL };
enum schema_idempotency { SCHEMA_IDEM_NONE, SCHEMA_IDEM_KEY, SCHEMA_IDEM_NATURAL };

#define SCHEMA_CALLERS_MAX 4

struct schema_policy {
	enum schema_audience audience;
	const char *permission; /* required permission, "" for none */
	const char *rate_class; /* "default", "auth", … */
	enum schema_idempotency idempotency;
	const char *concurrency;  /* workpool class name, "" for default */
	uint32_t timeout_ms;      /* budget of a call; 0: the process' default */
	uint32_t success_status;  /* HTTP status of success; 0: 200 */
	const char *location;     /* template "/api/v1/x/{plan.id}" over the reply, "" for none */
	uint32_t max_body_bytes;  /* 0: the process' default */
	bool if_match;            /* If-Match is required (428) */
	const char *update_mask;  /* field path of the FieldMask filled from a merge patch, "" */
	uint32_t cache_max_age_s; /* Cache-Control of a 200; 0: no-store */
	bool raw_json;            /* reply's field `json` (bytes) is the HTTP body itself */
	/* Programs that may call it, beside the gateway when it is not INTERNAL. */
	const char *callers[SCHEMA_CALLERS_MAX];
	size_t ncallers;
};

/* ---- HTTP rules: google.api.http ---- */

enum schema_segment_kind { SCHEMA_SEG_LITERAL, SCHEMA_SEG_FIELD };

struct schema_segment {
	enum schema_segment_kind kind;
	struct slice text; /* literal, or the bound field path ("plan_id") */
};

struct schema_route {
	const char *verb;    /* "GET" … */
	const char *pattern; /* as written: "/api/v1/workouts/plans/{plan_id}" */
	const struct schema_segment *segments;
	size_t nsegments;
	const char *body; /* "*", a field's name, or "" for none */
	const struct schema_method *method;
};

struct schema_method {
	const char *path;    /* "/pkg.Service/Method": the gRPC :path */
	const char *name;    /* "Method" */
	const char *service; /* "pkg.Service" */
	const char *comment;
	const struct schema_message *input, *output;
	bool client_streaming, server_streaming;
	bool has_policy;
	struct schema_policy policy;
	const struct schema_route *routes; /* first rule and additional_bindings */
	size_t nroutes;
};

enum status schema_load(struct slice protoset, struct schema **ret_schema,
			struct err *err) MUST_CHECK;
void schema_free(struct schema *schema);
/* The FileDescriptorSet linked into the binary; loaded on first use, panics if it is broken. */
const struct schema *schema_builtin(void);
/* Its bytes (for reflection). */
struct slice schema_builtin_bytes(void);

const struct schema_message *schema_message(const struct schema *schema, struct slice full_name);
const char *schema_message_name(const struct schema_message *message);
/* All messages, map entries too, in the order of the files. */
size_t schema_messages(const struct schema *schema,
		       const struct schema_message *const **ret_messages);
const struct schema_method *schema_method(const struct schema *schema, struct slice path);
size_t schema_methods(const struct schema *schema, const struct schema_method *const **ret_methods);

/* HTTP status of a value of fit.api.v1.Reason; 0 when the reason is unknown or has none. */
uint32_t schema_reason_http_status(const struct schema *schema, const char *reason);

/* fit.api.v1.DataClass: what a field holds. */
enum schema_data_class { SCHEMA_PLAIN, SCHEMA_PII, SCHEMA_HEALTH, SCHEMA_SECRET, SCHEMA_FREE_TEXT };
/* Class of the field at a path, either spelling, "[2]" and map keys allowed; a class on the way
 * covers what is below. SCHEMA_PLAIN when there is no such field. */
enum schema_data_class schema_field_class(const struct schema_message *message, struct slice path);

/* ---- wire check ---- */

struct schema_limits {
	size_t max_bytes;
	unsigned max_depth;        /* <= 64 */
	size_t max_elements;       /* fields and repeated elements in the whole message */
	size_t max_unpacked_bytes; /* what protobuf-c would allocate: 2 MB can become 60 */
};
extern const struct schema_limits schema_limits_default;

/* Walks wire bytes: well-formed, UTF-8, no NUL in strings, within limits, field rules hold. A
 * message given in several pieces (path, query and body of a request) is judged as a whole. */
enum status schema_check(const struct schema_message *message, struct slice wire,
			 const struct schema_limits *limits, struct err *err) MUST_CHECK;

/* ---- JSON ---- */

struct schema_json_opts {
	/* When set, gets the paths of what a merge patch replaces: members present at the top two
	 * levels, null or not, snake_case, comma-separated ("name,preferences.units"). A message
	 * given as an object is named by its members only, given as null by itself; lists, maps and
	 * well-known types are named as a whole. schema_mask_wire makes a FieldMask of it. */
	struct strbuf *mask_paths;
	unsigned max_depth; /* 0: 64 */
	/* For what was stored, maybe by a newer version: an unknown member is passed over. */
	bool ignore_unknown;
	/* 0: no limit. The bytes can be several times the text: "1," makes eight of a double. */
	size_t max_bytes;
};

/* Appends protobuf bytes to `out`. Unknown member, wrong type, out of range: error naming the path
 * and the value's kind; malformed JSON: the byte offset. Accepts lowerCamelCase and the .proto's
 * own names. */
enum status schema_json_decode(const struct schema_message *message, struct slice json,
			       const struct schema_json_opts *opts, struct strbuf *out,
			       struct err *err) MUST_CHECK;
/* Appends JSON to `out`. Fields without presence and with default value are left out, except that
 * `always` prints scalars and empty repeated fields too (what our REST replies do). */
enum status schema_json_encode(const struct schema_message *message, struct slice wire, bool always,
			       struct strbuf *out, struct err *err) MUST_CHECK;

/* Appends one field given as text (path or query parameter, form member): field path in snake or
 * camel case, "page_size", "filter.muscle". Repeated fields may be given many times.
 * STATUS_NOT_FOUND in err->status when there is no such field. */
enum status schema_text_field(const struct schema_message *message, struct slice path,
			      struct slice text, struct strbuf *out, struct err *err) MUST_CHECK;

/* The value at a field path of wire bytes, as text (string, integer, bool, enum name, time …), for
 * Location: the last of a singular field, the first of a repeated one. False when there is none. */
bool schema_wire_text(const struct schema_message *message, struct slice wire, struct slice path,
		      struct strbuf *out);
/* Appends message, bytes or string field `name`, which may be a path, as tag + length + bytes: the
 * body's field, the update mask. */
enum status schema_wrap_field(const struct schema_message *message, struct slice name,
			      struct slice bytes, struct strbuf *out, struct err *err) MUST_CHECK;
/* The message type of a field (an entry type for a map), NULL when it is none. */
const struct schema_message *schema_field_message(const struct schema_message *message,
						  struct slice name);
/* Appends the bytes of a google.protobuf.FieldMask made of comma-separated paths (what `mask_paths`
 * collects). */
void schema_mask_wire(struct slice paths, struct strbuf *out);

/* ---- generated documents ---- */
/* OpenAPI 3.1 of all routes, descriptions from the comments. `version` is the product's. */
void schema_openapi(const struct schema *schema, const char *version, struct strbuf *out);
/* docs/api.md in Markdown. */
void schema_api_markdown(const struct schema *schema, struct strbuf *out);

#endif
