# SPDX-License-Identifier: Apache-2.0
$(eval $(call migrations,notification))

# All but main.c: tests link these too.
NOTIFICATION_SRCS := $(filter-out services/notification/main.c,$(sort $(wildcard services/notification/*.c)))
PROGRAMS += notification
notification_SRCS := services/notification/main.c $(NOTIFICATION_SRCS) $(notification_MIGRATIONS)
