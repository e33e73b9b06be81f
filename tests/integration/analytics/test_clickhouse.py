# SPDX-License-Identifier: Apache-2.0
"""Runs the programs (C) that talk to a ClickHouse."""
import os
import subprocess

import pytest
from analytics_service import BUILD, PASSWORD


@pytest.mark.parametrize("name", ["clickhouse_test", "analytics_consume_test"])
def test_program(clickhouse, name):
    done = subprocess.run([f"{BUILD}/test/{name}"], text=True, check=False, timeout=300, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT,
                          env=os.environ | {"TEST_CLICKHOUSE_URL": clickhouse.url, "TEST_CLICKHOUSE_PASSWORD": PASSWORD})
    assert done.returncode == 0, done.stdout[-6000:]
    assert "skipped" not in done.stdout
