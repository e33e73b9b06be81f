# SPDX-License-Identifier: Apache-2.0
# Run by tests/integration/analytics/test_clickhouse.py, which starts a ClickHouse; by themselves they say "skipped".
TESTS += clickhouse_test analytics_consume_test
clickhouse_test_MAIN := tests/integration/analytics/clickhouse_test.c
clickhouse_test_SRCS := tests/integration/analytics/clickhouse_server.c
analytics_consume_test_MAIN := tests/integration/analytics/analytics_consume_test.c
analytics_consume_test_SRCS := tests/integration/analytics/clickhouse_server.c \
	$(ANALYTICS_SRCS) $(analytics_MIGRATIONS)

# A measurement: `analytics_bench [events]`.
TESTS += analytics_bench
analytics_bench_MAIN := tests/integration/analytics/analytics_bench.c
analytics_bench_SRCS := $(analytics_consume_test_SRCS)
