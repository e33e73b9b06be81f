/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/router.h"

#include <stdlib.h>
#include <string.h>

struct node {
	struct slice literal;   /* owned copy */
	struct node **children; /* literals */
	size_t nchildren;
	struct node *field;
	void *targets[HTTP_METHOD_COUNT];
	unsigned allowed;
};

struct router {
	struct node root;
};

struct search {
	struct slice segments[ROUTER_SEGMENTS_MAX];
	size_t n;
	enum http_method method;
	struct router_match *match;
	bool found_path;
};

struct router *
router_new(void)
{
	struct router *router = calloc(1, sizeof(*router));

	if (router == NULL)
		panic("router: no memory");
	return router;
}

static void
node_fini(struct node *node)
{
	for (size_t i = 0; i < node->nchildren; i++) {
		node_fini(node->children[i]);
		free((void *)(uintptr_t)node->children[i]->literal.p);
		free(node->children[i]);
	}
	if (node->field != NULL) {
		node_fini(node->field);
		free(node->field);
	}
	free(node->children);
}

void
router_free(struct router *router)
{
	if (router == NULL)
		return;
	node_fini(&router->root);
	free(router);
}

static struct node *
find_literal(const struct node *node, struct slice text)
{
	for (size_t i = 0; i < node->nchildren; i++) {
		if (slice_eq(node->children[i]->literal, text))
			return node->children[i];
	}
	return NULL;
}

static struct node *
node_new(void)
{
	struct node *node = calloc(1, sizeof(*node));

	if (node == NULL)
		panic("router: no memory");
	return node;
}

static struct node *
step(struct node *node, const struct router_segment *segment)
{
	if (segment->is_field) {
		if (node->field == NULL)
			node->field = node_new();
		return node->field;
	}
	struct node *child = find_literal(node, segment->literal);
	if (child != NULL)
		return child;
	child = node_new();
	char *copy = strndup(segment->literal.p, segment->literal.n);
	node->children = realloc(node->children, (node->nchildren + 1) * sizeof(struct node *));
	if (copy == NULL || node->children == NULL)
		panic("router: no memory");
	child->literal = slice_make(copy, segment->literal.n);
	node->children[node->nchildren++] = child;
	return child;
}

enum status
router_add(struct router *router, enum http_method method, const struct router_segment *segments,
	   size_t nsegments, void *target, struct err *err)
{
	struct node *node = &router->root;
	unsigned nfields = 0;

	for (size_t i = 0; i < nsegments; i++)
		nfields += segments[i].is_field;
	if (nsegments > ROUTER_SEGMENTS_MAX || nfields > ROUTER_PARAMS_MAX)
		return err_set(err, STATUS_INVALID_ARGUMENT, "a route has too many segments");
	for (size_t i = 0; i < nsegments; i++)
		node = step(node, &segments[i]);
	if (node->targets[method] != NULL)
		return err_set(err, STATUS_ALREADY_EXISTS, "two routes answer the same %s",
			       http_method_name(method));
	node->targets[method] = target;
	node->allowed |= 1u << method;
	return STATUS_OK;
}

static bool
split(struct slice path, struct search *search)
{
	if (path.n == 0 || path.p[0] != '/')
		return false;
	path = slice_make(path.p + 1, path.n - 1);
	while (path.n > 0 || search->n > 0) {
		const char *bar = path.n > 0 ? memchr(path.p, '/', path.n) : NULL;
		size_t n = bar != NULL ? (size_t)(bar - path.p) : path.n;

		/* No pattern has an empty segment, a trailing slash included. */
		if (n == 0 || search->n == ROUTER_SEGMENTS_MAX)
			return false;
		search->segments[search->n++] = slice_make(path.p, n);
		if (bar == NULL)
			break;
		path = slice_make(bar + 1, path.n - n - 1);
	}
	return true;
}

/* The targets at the end of the path, if the method is among them. */
static bool
arrive(const struct node *node, struct search *search)
{
	enum http_method method = search->method;

	if (node->allowed == 0)
		return false;
	search->found_path = true;
	search->match->allowed |= node->allowed;
	if (node->targets[method] == NULL && method == HTTP_HEAD)
		method = HTTP_GET;
	search->match->target = node->targets[method];
	return search->match->target != NULL;
}

/* Depth is bounded by the segments; at most two ways on from each node, so patterns bound the work.
 */
static bool
walk(const struct node *node, struct search *search, size_t depth)
{
	if (depth == search->n)
		return arrive(node, search);
	const struct node *child = find_literal(node, search->segments[depth]);
	if (child != NULL && walk(child, search, depth + 1))
		return true;
	if (node->field == NULL)
		return false;
	unsigned at = search->match->nparams;
	search->match->params[at] = search->segments[depth];
	search->match->nparams = at + 1;
	if (walk(node->field, search, depth + 1))
		return true;
	search->match->nparams = at;
	return false;
}

enum router_result
router_find(const struct router *router, enum http_method method, struct slice path,
	    struct router_match *ret_match)
{
	struct search search = { .method = method, .match = ret_match };

	ret_match->target = NULL;
	ret_match->nparams = ret_match->allowed = 0;
	if (!split(path, &search))
		return ROUTER_NO_PATH;
	if (walk(&router->root, &search, 0))
		return ROUTER_FOUND;
	if (ret_match->allowed & 1u << HTTP_GET)
		ret_match->allowed |= 1u << HTTP_HEAD;
	return search.found_path ? ROUTER_NO_METHOD : ROUTER_NO_PATH;
}
