/* SPDX-License-Identifier: Apache-2.0 */
/*
 * router.h - from method and path to the route that the .proto files declare.
 *
 *	router_add(router, HTTP_GET, segments, n, target, &err);
 *	switch (router_find(router, method, path, &match)) {
 *	case ROUTER_FOUND:     match.target; match.params[i], raw (percent-encoded) segments
 *	case ROUTER_NO_METHOD: match.allowed is a set of bits (1 << HTTP_GET …) for Allow
 *	case ROUTER_NO_PATH:
 *
 * A trie over path segments. A literal segment is preferred to a field, with going back:
 * /plans/next and /plans/{id}/sets do not get in each other's way. HEAD is found where GET is.
 *
 * Ownership:  the router borrows targets and copies patterns. Threads: immutable once built,
 *             free to share.
 * Errors:     ALREADY_EXISTS when two routes have the same method and shape.
 * Limits:     ROUTER_PARAMS_MAX fields in a pattern, ROUTER_SEGMENTS_MAX segments in a path
 *             (more: not found).
 */
#ifndef FIT_GATEWAY_ROUTER_H
#define FIT_GATEWAY_ROUTER_H

#include <stdint.h>

#include "gateway/http.h"
#include "libcommon/base/slice.h"
#include "libcommon/base/status.h"

#define ROUTER_PARAMS_MAX 8
#define ROUTER_SEGMENTS_MAX 24

struct router;

struct router_segment {
	bool is_field;
	struct slice literal;
};

struct router_match {
	void *target;
	struct slice params[ROUTER_PARAMS_MAX];
	unsigned nparams;
	unsigned allowed;
};

enum router_result { ROUTER_FOUND, ROUTER_NO_METHOD, ROUTER_NO_PATH };

struct router *router_new(void);
void router_free(struct router *router);
enum status router_add(struct router *router, enum http_method method,
		       const struct router_segment *segments, size_t nsegments, void *target,
		       struct err *err) MUST_CHECK;
enum router_result router_find(const struct router *router, enum http_method method,
			       struct slice path, struct router_match *ret_match);

#endif
