# SPDX-License-Identifier: Apache-2.0
"""One PostgreSQL and Redis, and one process of each service, for all tests of this folder; each test has a user of its own."""
import os
import shutil
import sys
import tempfile

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from coach_service import PORTS, Service, Trainee, stack, start_postgres  # noqa: E402
from user_service import Service as UserService  # noqa: E402
from workout_service import Athlete  # noqa: E402
from workout_service import Service as WorkoutService  # noqa: E402


@pytest.fixture(scope="session")
def folder():
    path = tempfile.mkdtemp(prefix="fit-coach-")
    yield path
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
def workouts(folder, pg):
    service = WorkoutService(f"{folder}/workout", pg).start()
    yield service
    assert service.stop() == 0


@pytest.fixture(scope="session")
def service(folder, pg, redis, users, workouts):
    service = Service(f"{folder}/coach", pg, redis.url(), f"127.0.0.1:{users.port}", f"127.0.0.1:{workouts.port}").start()
    yield service
    code = service.stop()
    with open(service.log, encoding="utf-8", errors="replace") as f:
        log = f.read()
    assert code == 0, log[-8000:]
    for word in ("ERROR: AddressSanitizer", "LeakSanitizer", "runtime error:", "WARNING: ThreadSanitizer"):
        assert word not in log, log[-8000:]


@pytest.fixture
def ana(service, users, workouts):
    return Trainee(service, users, Athlete(workouts))


@pytest.fixture
def ben(service, users, workouts):
    return Trainee(service, users, Athlete(workouts))
