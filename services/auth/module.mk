# SPDX-License-Identifier: Apache-2.0
$(eval $(call migrations,auth))
auth_PARTS := $(addprefix services/auth/,auth.c auth_config.c auth_copy.c auth_events.c auth_janitor.c \
	auth_keys.c auth_oidc.c auth_provider.c auth_refresh.c auth_rpc.c auth_sign_in.c auth_store_pg.c \
	auth_token.c)
PROGRAMS += auth
auth_SRCS := services/auth/main.c $(auth_PARTS) $(auth_MIGRATIONS)
