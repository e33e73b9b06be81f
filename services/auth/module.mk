# SPDX-License-Identifier: Apache-2.0
$(eval $(call migrations,auth))
auth_DOMAIN := $(addprefix services/auth/,auth.c auth_config.c auth_copy.c auth_events.c auth_janitor.c auth_keys.c \
	auth_oidc.c auth_rpc.c auth_store_pg.c auth_token.c)
PROGRAMS += auth
auth_SRCS := services/auth/main.c $(auth_DOMAIN) $(auth_MIGRATIONS)
