/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rpc_registry.c - the table of methods: path to handler, descriptors, policy, metrics. Built once,
 * then read only.
 */
#include "libcommon/rpc/rpc_server_private.h"

#include <stdio.h>
#include <stdlib.h>

#include "libcommon/base/hashmap.h"
#include "libcommon/observe/log.h"
#include "libcommon/observe/metrics.h"
#include "libcommon/runtime/workpool.h"

static struct metric requests_total =
	METRIC_COUNTER("rpc_server_requests_total", "Calls answered, by method and status.",
		       "method", "code");
static struct metric duration_seconds =
	METRIC_HISTOGRAM("rpc_server_duration_seconds", "From the request's head to its outcome.",
			 "method");

static const struct {
	const char *path;
	const struct rpc_inline *inlined;
} builtin[] = {
	{ "/grpc.health.v1.Health/Check", &rpc_health_check },
	{ "/grpc.health.v1.Health/Watch", &rpc_health_watch },
	{ "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", &rpc_reflection_v1 },
	{ "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", &rpc_reflection_v1 },
};
/* Described here too, so that a schema without them (a test's) can serve them. */
static const struct schema_method builtin_schema[] = {
	{ .path = "/grpc.health.v1.Health/Check",
	  .service = "grpc.health.v1.Health",
	  .name = "Check" },
	{ .path = "/grpc.health.v1.Health/Watch",
	  .service = "grpc.health.v1.Health",
	  .name = "Watch",
	  .server_streaming = true },
	{ .path = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
	  .service = "grpc.reflection.v1.ServerReflection",
	  .name = "ServerReflectionInfo",
	  .client_streaming = true,
	  .server_streaming = true },
	{ .path = "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
	  .service = "grpc.reflection.v1alpha.ServerReflection",
	  .name = "ServerReflectionInfo",
	  .client_streaming = true,
	  .server_streaming = true },
};

static rpc_handler_fn
find_handler(const struct rpc_service *service, const char *name)
{
	for (size_t i = 0; i < service->nmethods; i++) {
		if (strcmp(service->methods[i].name, name) == 0)
			return service->methods[i].handler;
	}
	return NULL;
}

/* A row for a method that the descriptor does not have is a typing error worth stopping for. */
static enum status
check_rows(const struct rpc_service *service, struct err *err)
{
	for (size_t i = 0; i < service->nmethods; i++) {
		const char *name = service->methods[i].name;
		if (protobuf_c_service_descriptor_get_method_by_name(service->descriptor, name) ==
		    NULL)
			return err_set(err, STATUS_INTERNAL, "method table: %s has no method %s",
				       service->descriptor->name, name);
	}
	return STATUS_OK;
}

static void
add_entry(struct rpc_registry *r, struct rpc_entry *e)
{
	e->duration = metric_series(&duration_seconds, e->schema->path);
	hashmap_put(r->by_path, slice_str(e->schema->path), e);
	r->nentries++;
}

static enum status
add_service(struct rpc_registry *r, const struct rpc_server_options *opts,
	    const struct rpc_service *service, struct err *err)
{
	const ProtobufCServiceDescriptor *d = service->descriptor;
	char path[256];

	enum status st = check_rows(service, err);
	for (unsigned i = 0; st == STATUS_OK && i < d->n_methods; i++) {
		const ProtobufCMethodDescriptor *m = &d->methods[i];
		struct rpc_entry *e = &r->entries[r->nentries];
		snprintf(path, sizeof(path), "/%s/%s", d->name, m->name);
		e->schema = schema_method(opts->schema, slice_str(path));
		if (e->schema == NULL)
			return err_set(err, STATUS_INTERNAL, "the schema has no method %s", path);
		/* Deny by default: without a policy nobody said who may call it. */
		if (!e->schema->has_policy)
			return err_set(err, STATUS_INTERNAL, "method %s has no access policy",
				       path);
		e->input = m->input;
		e->output = m->output;
		e->handler = find_handler(service, m->name);
		e->work_class = workpool_class_find(opts->workpool, e->schema->policy.concurrency);
		if (e->handler == NULL)
			log_info("rpc_method_unimplemented", LOG_STR("method", path));
		add_entry(r, e);
	}
	r->services[r->nservices++] = d->name;
	return st;
}

static void
add_builtin(struct rpc_registry *r)
{
	for (size_t i = 0; i < ARRAY_LEN(builtin); i++) {
		struct rpc_entry *e = &r->entries[r->nentries];
		e->schema = &builtin_schema[i];
		e->inlined = builtin[i].inlined;
		add_entry(r, e);
		if (i == 0 || strcmp(e->schema->service, builtin_schema[i - 1].service) != 0)
			r->services[r->nservices++] = e->schema->service;
	}
}

enum status
rpc_registry_init(struct rpc_registry *r, const struct rpc_server_options *opts,
		  const struct rpc_service *const *services, size_t nservices, struct err *err)
{
	static const struct schema_method unknown = { .path = "unknown" };
	size_t n = ARRAY_LEN(builtin);

	metric_register(&requests_total);
	metric_register(&duration_seconds);
	for (size_t i = 0; i < nservices; i++)
		n += services[i]->descriptor->n_methods;
	r->by_path = hashmap_new();
	r->entries = calloc(n, sizeof(*r->entries));
	r->services = calloc(nservices + ARRAY_LEN(builtin), sizeof(*r->services));
	if (r->entries == NULL || r->services == NULL)
		panic("rpc: no memory");
	r->unknown.schema = &unknown;
	r->unknown.duration = metric_series(&duration_seconds, unknown.path);
	for (size_t i = 0; i < nservices; i++) {
		enum status st = add_service(r, opts, services[i], err);
		if (st != STATUS_OK)
			return st;
	}
	add_builtin(r);
	return STATUS_OK;
}

void
rpc_registry_fini(struct rpc_registry *r)
{
	hashmap_free(r->by_path);
	free(r->entries);
	free(r->services);
}

bool
rpc_registry_has_service(const struct rpc_registry *r, struct slice name)
{
	for (size_t i = 0; i < r->nservices; i++) {
		if (slice_eq_str(name, r->services[i]))
			return true;
	}
	return false;
}

void
rpc_entry_account(struct rpc_entry *e, enum status status, int64_t ns)
{
	unsigned i = (unsigned)status < STATUS_COUNT ? (unsigned)status : STATUS_UNKNOWN;
	struct metric_series *s = atomic_load_explicit(&e->requests[i], memory_order_acquire);

	if (s == NULL) {
		/* Two threads find the same series. */
		s = metric_series(&requests_total, e->schema->path, status_name(status));
		atomic_store_explicit(&e->requests[i], s, memory_order_release);
	}
	metric_add(s, 1);
	metric_observe(e->duration, (double)ns / 1e9);
}
