# SPDX-License-Identifier: Apache-2.0
$(eval $(call migrations,fit_bus,libcommon/bus/migrations))
LIB_SRCS += $(addprefix libcommon/bus/,bus.c bus_pg.c bus_group_pg.c bus_member_pg.c bus_fetch_pg.c bus_settle_pg.c \
	bus_admin_pg.c consumer.c consumer_seen_pg.c relay.c relay_store_pg.c) $(fit_bus_MIGRATIONS)
