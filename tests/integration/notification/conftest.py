# SPDX-License-Identifier: Apache-2.0
"""One PostgreSQL, Redis and user service, and two replicas of the service, for all tests of this folder."""
import os
import shutil
import sys
import tempfile

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from notification_service import PORTS, Apply, Replica, stack, start_postgres  # noqa: E402
from user_service import Service as UserService  # noqa: E402


@pytest.fixture(scope="session")
def folder():
    path = tempfile.mkdtemp(prefix="fit-notification-")
    yield path
    if not os.environ.get("FIT_KEEP"):
        shutil.rmtree(path, ignore_errors=True)


@pytest.fixture(scope="session")
def pg(folder):
    server = start_postgres(f"{folder}/pg")
    yield server
    server.stop()


@pytest.fixture(scope="session")
def redis(folder):
    server = stack.start_redis(f"{folder}/redis", stack.free_port(*PORTS))
    yield server
    server.stop()


@pytest.fixture(scope="session")
def users(folder, pg):
    os.makedirs(f"{folder}/user")
    service = UserService(f"{folder}/user", pg).start()
    yield service
    assert service.stop() == 0


@pytest.fixture(scope="session")
def replicas(folder, pg, redis, users):
    made = [Replica(folder, pg, redis.url(), f"127.0.0.1:{users.port}", FIT_NOTIFICATION_POLL_MS="1000").start()
            for _ in range(2)]
    yield made
    for replica in made:
        replica.stop()


@pytest.fixture
def replica(replicas):
    return replicas[0]


@pytest.fixture(scope="session")
def apply(replicas, pg, redis, users):
    process = Apply(pg, redis.url(), f"127.0.0.1:{users.port}")
    yield process
    process.stop()


@pytest.fixture
def user(users):
    return users.new_user()
