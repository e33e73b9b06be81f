# SPDX-License-Identifier: Apache-2.0
"""One ClickHouse, one bus and one process of the service for all tests of this folder; each test has users of its own."""
import os
import shutil
import sys
import tempfile
import uuid

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from analytics_service import Clickhouse, Service, stack, start_postgres  # noqa: E402


@pytest.fixture(scope="session")
def folder():
    path = tempfile.mkdtemp(prefix="fit-analytics-")
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture(scope="session")
def clickhouse(folder):
    server = Clickhouse(f"{folder}/clickhouse", stack.free_port())
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def pg(folder):
    server = start_postgres(f"{folder}/pg")
    yield server
    server.stop()


@pytest.fixture(scope="session")
def service(folder, pg, clickhouse):
    service = Service(f"{folder}/service", pg, clickhouse).start()
    yield service
    service.stop()


@pytest.fixture
def ana():
    return str(uuid.uuid4())
