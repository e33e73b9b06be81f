# SPDX-License-Identifier: Apache-2.0
"""One PostgreSQL and one process of the service for all tests of this folder; each test has athletes of its own."""
import os
import shutil
import subprocess
import sys
import tempfile

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from workout_service import BUILD, PORTS, Athlete, Service, stack  # noqa: E402


@pytest.fixture(scope="session")
def folder():
    path = tempfile.mkdtemp(prefix="fit-workout-")
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture(scope="session")
def pg(folder):
    server = stack.start_postgres(f"{folder}/pg", stack.free_port(*PORTS))
    yield server
    server.stop()


@pytest.fixture(scope="session")
def service(folder, pg):
    service = Service(f"{folder}/service", pg).start()
    yield service
    code = service.stop()
    with open(service.log, encoding="utf-8", errors="replace") as f:
        log = f.read()
    assert code == 0, log[-8000:]
    for word in ("ERROR: AddressSanitizer", "LeakSanitizer", "runtime error:", "WARNING: ThreadSanitizer"):
        assert word not in log, log[-8000:]


@pytest.fixture
def ana(service):
    return Athlete(service)


@pytest.fixture
def ben(service):
    return Athlete(service)


@pytest.fixture
def rebuild(pg):
    """Rebuilds a plan's rows from its events: rebuild(user_id, plan_id)."""
    def run(user_id, plan_id):
        done = subprocess.run([f"{BUILD}/test/workout_rebuild_test", pg.url("fit_workout", schema="workout"), user_id, plan_id],
                              check=False, capture_output=True, text=True)
        assert done.returncode == 0 and "skipped" not in done.stdout, done.stderr
    return run
