/* SPDX-License-Identifier: Apache-2.0 */
/*
 * routes.h - every route of the schema, with its policy compiled for the pipeline, and the
 * router over them.
 *
 * A route is a row of a .proto file (google.api.http), or one of the few pages that the gateway
 * itself serves.
 *
 * Ownership:  routes_free frees all; schema, config and pages are borrowed.
 * Threads:    immutable but for metric pointers, which are atomic: shared by the loops.
 * Errors:     INVALID_ARGUMENT: a route that cannot be served; those of router_add.
 */
#ifndef FIT_GATEWAY_ROUTES_H
#define FIT_GATEWAY_ROUTES_H

#include <stdatomic.h>

#include "gateway/router.h"
#include "libcommon/schema/schema.h"

#define ROUTE_CODES 40

struct call;
struct config_rate;
struct gateway_config;
struct metric_series;
struct routes;

struct route {
	const struct schema_route *rule;  /* NULL for a page */
	void (*serve)(struct call *call); /* a page's, else NULL */
	const char *label;                /* pattern, for logs and metrics */
	const char *verb;
	const struct config_rate *rate;
	size_t body_max;
	int64_t timeout_ms;
	struct metric_series *duration;
	_Atomic(struct metric_series *) codes[ROUTE_CODES];
};

struct page {
	const char *path;
	void (*serve)(struct call *call);
};

enum status routes_new(const struct schema *schema, const struct gateway_config *config,
		       const struct page *pages, size_t npages, struct routes **ret_routes,
		       struct err *err) MUST_CHECK;
void routes_free(struct routes *routes);
const struct router *routes_router(const struct routes *routes);
/* One request of a route answered; route NULL: none was found. */
void routes_observe(struct routes *routes, struct route *route, unsigned status,
		    int64_t duration_ns);

#endif
