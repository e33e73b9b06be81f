# SPDX-License-Identifier: Apache-2.0
$(eval $(call migrations,user))

# All but main.c: the unit tests link these too.
USER_SRCS := $(filter-out services/user/main.c,$(sort $(wildcard services/user/*.c)))
PROGRAMS += user
user_SRCS := services/user/main.c $(USER_SRCS) $(user_MIGRATIONS)
