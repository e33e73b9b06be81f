/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/routes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/gateway_config.h"
#include "libcommon/observe/metrics.h"

struct routes {
	struct router *router;
	struct route *routes;
	size_t n;
	struct route unrouted;
};

static struct metric m_requests =
	METRIC_COUNTER("http_requests_total", "Requests by route, method and status.", "route",
		       "method", "code");
static struct metric m_duration =
	METRIC_HISTOGRAM("http_request_duration_seconds", "From head to reply.", "route");

/* Where a status has its counter; the last slot is for all others. */
static unsigned
code_slot(unsigned status)
{
	static const uint16_t known[ROUTE_CODES - 1] = { 200, 201, 202, 204, 304, 400, 401, 403,
							 404, 405, 406, 409, 412, 413, 415, 422,
							 428, 429, 499, 500, 501, 502, 503, 504 };
	for (unsigned i = 0; i < ROUTE_CODES - 1 && known[i] != 0; i++) {
		if (known[i] == status)
			return i;
	}
	return ROUTE_CODES - 1;
}

void
routes_observe(struct routes *routes, struct route *route, unsigned status, int64_t duration_ns)
{
	if (route == NULL)
		route = &routes->unrouted;
	unsigned slot = code_slot(status);
	struct metric_series *series =
		atomic_load_explicit(&route->codes[slot], memory_order_acquire);
	if (series == NULL) {
		char code[8];
		snprintf(code, sizeof(code), "%u", slot == ROUTE_CODES - 1 ? 0 : status);
		series = metric_series(&m_requests, route->label, route->verb, code);
		atomic_store_explicit(&route->codes[slot], series, memory_order_release);
	}
	metric_add(series, 1);
	metric_observe(route->duration, (double)duration_ns / 1e9);
}

static void
finish_route(struct route *route, const struct gateway_config *config)
{
	const struct schema_policy *policy =
		route->rule != NULL ? &route->rule->method->policy : NULL;
	const char *class_name =
		policy != NULL && policy->rate_class[0] != '\0' ? policy->rate_class : "default";

	route->rate = gateway_config_rate(config, slice_str(class_name));
	route->body_max = policy != NULL && policy->max_body_bytes > 0 ? policy->max_body_bytes
								       : (size_t)config->body_max;
	route->timeout_ms = policy != NULL && policy->timeout_ms > 0 ? policy->timeout_ms
								     : config->call_timeout_ms;
	if (route->rule != NULL && route->rule->method->server_streaming && policy->timeout_ms == 0)
		route->timeout_ms = config->stream_timeout_ms;
	route->duration = metric_series(&m_duration, route->label);
}

static enum status
add_rule(struct routes *routes, struct route *route, struct err *err)
{
	const struct schema_route *rule = route->rule;
	struct router_segment segments[ROUTER_SEGMENTS_MAX];
	enum http_method method;

	if (!http_method_parse(slice_str(rule->verb), &method) ||
	    rule->nsegments > ROUTER_SEGMENTS_MAX)
		return err_set(err, STATUS_INVALID_ARGUMENT,
			       "%s %s: not a route that can be served", rule->verb, rule->pattern);
	for (size_t i = 0; i < rule->nsegments; i++)
		segments[i] = (struct router_segment){ rule->segments[i].kind == SCHEMA_SEG_FIELD,
						       rule->segments[i].text };
	enum status st = router_add(routes->router, method, segments, rule->nsegments, route, err);
	return st == STATUS_OK ? st : err_context(err, "%s %s", rule->verb, rule->pattern);
}

static enum status
add_page(struct routes *routes, struct route *route, struct err *err)
{
	struct router_segment segments[ROUTER_SEGMENTS_MAX];
	const char *p = route->label;
	size_t n = 0;

	while (*p == '/') {
		size_t len = strcspn(++p, "/");
		segments[n++] = (struct router_segment){ false, slice_make(p, len) };
		p += len;
	}
	return router_add(routes->router, HTTP_GET, segments, n, route, err);
}

static size_t
count_rules(const struct schema_method *const *methods, size_t nmethods)
{
	size_t n = 0;

	for (size_t i = 0; i < nmethods; i++)
		n += methods[i]->nroutes;
	return n;
}

/* Only what clients may call has a place in the router, whatever HTTP rule it may carry. */
static bool
is_public(const struct schema_method *m)
{
	return m->has_policy &&
	       (m->policy.audience == SCHEMA_PUBLIC || m->policy.audience == SCHEMA_USER);
}

enum status
routes_new(const struct schema *schema, const struct gateway_config *config,
	   const struct page *pages, size_t npages, struct routes **ret_routes, struct err *err)
{
	const struct schema_method *const *methods;
	size_t nmethods = schema_methods(schema, &methods);
	struct routes *routes = calloc(1, sizeof(*routes));
	enum status st = STATUS_OK;

	if (routes != NULL)
		routes->routes =
			calloc(count_rules(methods, nmethods) + npages, sizeof(*routes->routes));
	if (routes == NULL || routes->routes == NULL)
		panic("routes: no memory");
	routes->router = router_new();
	metric_register(&m_requests);
	metric_register(&m_duration);
	routes->unrouted.label = "";
	routes->unrouted.verb = "";
	finish_route(&routes->unrouted, config);
	for (size_t i = 0; i < nmethods && st == STATUS_OK; i++) {
		for (size_t k = 0;
		     k < methods[i]->nroutes && is_public(methods[i]) && st == STATUS_OK; k++) {
			struct route *route = &routes->routes[routes->n++];
			route->rule = &methods[i]->routes[k];
			route->label = route->rule->pattern;
			route->verb = route->rule->verb;
			finish_route(route, config);
			st = add_rule(routes, route, err);
		}
	}
	for (size_t i = 0; i < npages && st == STATUS_OK; i++) {
		struct route *route = &routes->routes[routes->n++];
		route->serve = pages[i].serve;
		route->label = pages[i].path;
		route->verb = "GET";
		finish_route(route, config);
		st = add_page(routes, route, err);
	}
	if (st != STATUS_OK) {
		routes_free(routes);
		return st;
	}
	*ret_routes = routes;
	return STATUS_OK;
}

void
routes_free(struct routes *routes)
{
	if (routes == NULL)
		return;
	router_free(routes->router);
	free(routes->routes);
	free(routes);
}

const struct router *
routes_router(const struct routes *routes)
{
	return routes->router;
}
