# SPDX-License-Identifier: Apache-2.0
"""One PostgreSQL and one process of the service for all tests of this folder."""
import os
import shutil
import sys
import tempfile

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from user_service import PORTS, Service, stack  # noqa: E402


@pytest.fixture(scope="session")
def folder():
    path = tempfile.mkdtemp(prefix="fit-user-")
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture(scope="session")
def pg(folder):
    server = stack.start_postgres(f"{folder}/pg", stack.free_port(*PORTS))
    yield server
    server.stop()


@pytest.fixture(scope="session")
def shared(folder, pg):
    os.makedirs(f"{folder}/service")
    service = Service(f"{folder}/service", pg).start()
    yield service
    code = service.stop()
    with open(service.log, encoding="utf-8", errors="replace") as f:
        log = f.read()
    assert code == 0, log[-4000:]
    for word in ("ERROR: AddressSanitizer", "LeakSanitizer", "runtime error:", "WARNING: ThreadSanitizer"):
        assert word not in log, log[-8000:]


@pytest.fixture
def service(shared):
    return shared


@pytest.fixture
def second(service, folder, pg):
    """Makes further processes on the same data, with the same keys unless told otherwise; stopped after the test."""
    made = []

    def make(**settings):
        kek_dir = settings.pop("kek_dir", service.kek_dir)
        path = tempfile.mkdtemp(dir=folder)
        shutil.copy(service.index_key, f"{path}/index_key")
        os.chmod(f"{path}/index_key", 0o600)
        made.append(Service(path, pg, kek_dir, **settings).start())
        return made[-1]

    yield make
    for other in made:
        other.stop()
