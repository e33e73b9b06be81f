# SPDX-License-Identifier: Apache-2.0
LIB_SRCS += $(addprefix libcommon/store/,lease.c pg_conn.c pg_connect.c pg_error.c pg_label.c pg_listen.c \
	pg_migrate.c pg_pool.c pg_stmt.c pg_trace.c pg_tx.c pg_value.c redis.c redis_async.c redis_queue.c \
	redis_script.c redis_sub.c redis_wire.c)
LIB_SRCS += $(addprefix libcommon/store/,clickhouse.c clickhouse_error.c clickhouse_migrate.c clickhouse_result.c \
	clickhouse_sql.c)

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
