# SPDX-License-Identifier: Apache-2.0
"""clickhouse: BENCH_ROWS (1,000,000) events through the analytics service's handler into ClickHouse, in batches as the bus
hands them over, beside a bare RowBinary insert of the same rows; batch by batch in turn
(tests/integration/analytics/analytics_bench.c)."""
import os
import re
import subprocess

from kit import BUILD, Row, fail

EVENTS = os.environ.get("BENCH_ROWS", "1000000")


def clickhouse(world):
    server = world.stack.clickhouse
    done = subprocess.run([f"{BUILD}/test/analytics_bench", EVENTS], text=True, capture_output=True,
                          env=os.environ | {"TEST_CLICKHOUSE_URL": f"http://127.0.0.1:{server.port}",
                                            "TEST_CLICKHOUSE_PASSWORD": server.password})
    m = re.search(r"^(\d+) events, (\d+) bytes a row: handler ([\d.]+) s \(([\d.]+) us CPU .* bare insert .* ([\d.]+) s, ratio",
                  done.stdout, re.M)
    if done.returncode != 0 or not m:
        fail(f"analytics_bench said: {done.stdout[-2000:]}{done.stderr[-2000:]}")
    n, handler, bare = int(m[1]), float(m[3]), float(m[5])
    return [Row(f"clickhouse: {n:,} events through analytics", rate=n / handler, cpu={"handler": float(m[4])},
                also=f"{handler:.1f} s, {handler / bare:.2f} times as long as the bare insert ({bare:.1f} s)",
                gate="1.5 times", ok=handler <= 1.5 * bare)]
