/* SPDX-License-Identifier: Apache-2.0 */
/*
 * auth - signing in with OpenID providers, sessions, refresh tokens, access tokens and their
 * keys.
 */
#include "libcommon/service/service.h"
#include "services/auth/auth.h"
#include "services/auth/auth_config.h"
#include "services/auth/auth_keys.h"
#include "services/auth/auth_rpc.h"

extern const struct pg_migration auth_migration_list[];

static enum status
init(const void *config, void **ret_ctx, struct err *err)
{
	struct auth *auth;
	enum status st = auth_open(config, &auth, err);

	if (st == STATUS_OK)
		*ret_ctx = auth;
	return st;
}

static enum status
ready(void *ctx, struct deadline deadline, struct err *err)
{
	return auth_ready(ctx, deadline, err);
}

static enum status
reload(void *ctx, struct err *err)
{
	bool changed;

	return auth_keys_reload(auth_get_keys(ctx), &changed, err);
}

static void
fini(void *ctx)
{
	auth_close(ctx);
}

static const struct pg_migrations migrations = { .schema = "auth",
						 .app_role = "fit_auth",
						 .list = auth_migration_list };

static const struct service_def auth_service = {
	.name = "auth",
	.summary = "signs people in and keeps them signed in",
	.config_size = sizeof(struct auth_config),
	.tables = &auth_config_table,
	.ntables = 1,
	.services = auth_rpc_services,
	.nservices = AUTH_RPC_NSERVICES,
	.migrations = &migrations,
	.init = init,
	.ready = ready,
	.reload = reload,
	.fini = fini,
};

int
main(int argc, char **argv)
{
	return service_main(argc, argv, &auth_service);
}
