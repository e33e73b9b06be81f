/* SPDX-License-Identifier: Apache-2.0 */
/*
 * transcode.h - an HTTP request becomes the protobuf bytes of its method's input, checked.
 *
 *	st = transcode_request(route, params, ex, &wire, &err);
 *
 * Sources, later ones winning: query parameters, the body (JSON, merge patch, or form of a flat
 * message) as the route's `body` says, the field mask of a merge patch, path parameters. What
 * the method's message has no place for is refused. The result has passed the same check of
 * field rules that the service makes.
 *
 * Ownership:  `wire` is the caller's. Threads: any. Errors: INVALID_ARGUMENT with field
 *             violations; a wrong media type is INVALID_ARGUMENT with TRANSCODE_MEDIA_TYPE as
 *             reason (415, no fit.api.v1.Reason).
 * Source:     google.api.http (google/api/http.proto), RFC 7396 (merge patch), WHATWG URL
 *             (urlencoded).
 */
#ifndef FIT_GATEWAY_TRANSCODE_H
#define FIT_GATEWAY_TRANSCODE_H

#include "gateway/exchange.h"
#include "libcommon/base/status.h"
#include "libcommon/schema/schema.h"

#define TRANSCODE_MEDIA_TYPE "MEDIA_TYPE"

/* params: the raw (percent-encoded) path segments of the route's fields, in order. */
enum status transcode_request(const struct schema_route *route, const struct slice *params,
			      const struct exchange *ex, struct strbuf *wire,
			      struct err *err) MUST_CHECK;

/* Location of what was made: the policy's template with {fields} of the reply filled in; false when
 * one is missing. */
bool transcode_location(const struct schema_method *method, struct slice reply, struct strbuf *out);

/* The body of a raw_json method's reply: its one field. */
struct slice transcode_raw_json(struct slice reply);

#endif
