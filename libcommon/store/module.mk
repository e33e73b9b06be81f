# SPDX-License-Identifier: Apache-2.0
LIB_SRCS += libcommon/store/lease.c libcommon/store/pg_conn.c libcommon/store/pg_error.c libcommon/store/pg_label.c \
	libcommon/store/pg_migrate.c libcommon/store/pg_pool.c libcommon/store/pg_stmt.c libcommon/store/pg_trace.c libcommon/store/pg_tx.c \
	libcommon/store/pg_value.c \
	libcommon/store/redis.c libcommon/store/redis_async.c libcommon/store/redis_wire.c

# $(eval $(call migrations,NAME,FOLDER)): FOLDER/*.sql as NAME_migration_list, in the source $(NAME_MIGRATIONS).
# A service says $(eval $(call migrations,auth)) and adds $(auth_MIGRATIONS) to its sources.
define migrations
$(1)_MIGRATIONS_DIR := $(or $(2),services/$(1)/migrations)
$(1)_MIGRATIONS := $(GEN)/$(or $(2),services/$(1)/migrations).c
$(GEN)/$(or $(2),services/$(1)/migrations).c: tools/build/embed-migrations $(or $(2),services/$(1)/migrations) \
		$(wildcard $(or $(2),services/$(1)/migrations)/*.sql)
	@mkdir -p $$(@D)
	$$(Q)$$(PYTHON) tools/build/embed-migrations $(1) $(or $(2),services/$(1)/migrations) $$@
endef
$(eval $(call migrations,pg_common,libcommon/store/tables))
LIB_SRCS += $(pg_common_MIGRATIONS)
