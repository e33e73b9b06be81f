# SPDX-License-Identifier: Apache-2.0
TESTS += test_analytics_behaviour test_analytics_summary
test_analytics_behaviour_MAIN := tests/unit/services/analytics/test_analytics_behaviour.c
test_analytics_behaviour_SRCS := services/analytics/analytics_behaviour.c services/analytics/analytics_event.c
test_analytics_summary_MAIN := tests/unit/services/analytics/test_analytics_summary.c
test_analytics_summary_SRCS := services/analytics/analytics_summary.c
