# SPDX-License-Identifier: Apache-2.0
$(eval $(call migrations,analytics))

# All but main.c: tests link these too.
ANALYTICS_SRCS := $(filter-out services/analytics/main.c,$(sort $(wildcard services/analytics/*.c)))
PROGRAMS += analytics
analytics_SRCS := services/analytics/main.c $(ANALYTICS_SRCS) $(analytics_MIGRATIONS)
fuzz_analytics_event_SRCS := services/analytics/analytics_event.c
