# SPDX-License-Identifier: Apache-2.0
"""One ClickHouse, bus and user service and one process of the service for all tests of this folder; each test has users of
its own, who have behaviour analytics switched on."""
import os
import shutil
import sys
import tempfile

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from analytics_service import Clickhouse, Service, stack, start_postgres  # noqa: E402
from user_service import Service as UserService  # noqa: E402


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
def users(folder, pg):
    os.makedirs(f"{folder}/user")
    service = UserService(f"{folder}/user", pg).start()
    yield service
    assert service.stop() == 0


@pytest.fixture(scope="session")
def service(folder, pg, clickhouse, users):
    service = Service(f"{folder}/service", pg, clickhouse, f"127.0.0.1:{users.port}").start()
    yield service
    service.stop()


@pytest.fixture(scope="session")
def new_user(users):
    def made():
        user = users.new_user()
        users.call("UpdatePreferences", {"preferences": {"privacy": {"behaviourAnalytics": True}},
                                         "updateMask": "privacy.behaviourAnalytics"}, user)
        return user
    return made


@pytest.fixture
def ana(new_user):
    return new_user()
