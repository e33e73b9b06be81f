/* SPDX-License-Identifier: Apache-2.0 */
/*
 * service_test_program.c - a service with one method, which takes as long as its argument says.
 *
 * GetUserAccess naps for the milliseconds that the last group of user_id says in decimal, then
 * answers.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "fit/user/v1/user.pb-c.h"

#include "libcommon/base/compiler.h"
#include "libcommon/observe/log.h"
#include "libcommon/service/service.h"

struct test_config {
	struct service_config service;
	char *secret, *not_ready_path;
	bool fail_init;
};

static const struct config_item items[] = {
	CONFIG_STRING("FIT_TEST_SECRET", struct test_config, secret, NULL, CONFIG_SECRET,
		      "A secret."),
	CONFIG_STRING("FIT_TEST_NOT_READY_PATH", struct test_config, not_ready_path, NULL, 0,
		      "Not ready while this file is there."),
	CONFIG_BOOL("FIT_TEST_FAIL_INIT", struct test_config, fail_init, "false", 0,
		    "Makes init fail."),
};
static const struct config_table tables[] = { { "test", items, ARRAY_LEN(items), 0 } };

static const struct pg_migration list[] = {
	{ "0001_init.sql", "CREATE TABLE t (n int)" },
	{ NULL, NULL },
};
static const struct pg_migrations migrations = { .schema = "service_test", .list = list };

static enum status
on_get_user_access(struct rpc_call *call, const void *request, void *reply, struct err *err)
{
	const Fit__User__V1__GetUserAccessRequest *req = request;
	Fit__User__V1__GetUserAccessResponse *res = reply;
	long ms = strtol(strrchr(req->user_id, '-') + 1, NULL, 10);
	struct timespec ts = { ms / 1000, ms % 1000 * 1000000 };

	(void)call;
	(void)err;
	log_debug("napping", LOG_INT("ms", ms));
	nanosleep(&ts, NULL);
	res->active = true;
	res->role = (char *)rpc_call_service(call);
	return STATUS_OK;
}

static const struct rpc_method methods[] = { { "GetUserAccess", on_get_user_access } };
static const struct rpc_service service = { &fit__user__v1__user_service__descriptor, methods,
					    ARRAY_LEN(methods) };
static const struct rpc_service *const services[] = { &service };

static const struct test_config *config;

static enum status
init(const void *cfg, void **ret_ctx, struct err *err)
{
	config = cfg;
	if (config->fail_init)
		return err_set(err, STATUS_UNAVAILABLE, "init fails as asked");
	*ret_ctx = strdup("the context");
	return STATUS_OK;
}

static enum status
ready(void *ctx, struct deadline deadline, struct err *err)
{
	(void)ctx;
	(void)deadline;
	if (config->not_ready_path != NULL && access(config->not_ready_path, F_OK) == 0)
		return err_set(err, STATUS_UNAVAILABLE, "the file is there");
	return STATUS_OK;
}

static void
fini(void *ctx)
{
	free(ctx);
	log_info("fini");
}

int
main(int argc, char **argv)
{
	static const struct service_def def = {
		.name = "test",
		.summary = "a service of the tests",
		.config_size = sizeof(struct test_config),
		.tables = tables,
		.ntables = ARRAY_LEN(tables),
		.services = services,
		.nservices = ARRAY_LEN(services),
		.migrations = &migrations,
		.init = init,
		.ready = ready,
		.fini = fini,
	};

	return service_main(argc, argv, &def);
}
