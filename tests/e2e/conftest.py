# SPDX-License-Identifier: Apache-2.0
"""One stack for all end-to-end tests, on free ports, torn down also after a failure."""
import os
import shutil
import sys
import tempfile

import pytest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path[:0] = [f"{ROOT}/deploy/local", f"{ROOT}/tests/support"]
from api import Api  # noqa: E402
from localstack import Stack, free_ports  # noqa: E402

BUILD = os.environ["FIT_BUILD"]
# Tests of everything but the limiter want it out of their way.
ROOMY = {"gateway": {"FIT_RATE_CLASSES": "default=1000000/900,auth=1000000/900"},
         "auth": {"FIT_AUTH_RECHECK_S": "1"}}  # a closed account is noticed within a test's patience


@pytest.fixture(scope="session")
def stack():
    directory = tempfile.mkdtemp(prefix="fit-e2e-")
    stack = Stack(directory, BUILD, durable=False, ports=free_ports(), overrides=ROOMY)
    try:
        stack.up(say=lambda text: None)
        yield stack
        problems = sanitizer_reports(stack)
        assert not problems, "\n".join(problems)
    finally:
        stack.down(say=lambda text: None)
        shutil.rmtree(directory, ignore_errors=True)


def sanitizer_reports(stack):
    """Lines of ASan, UBSan or TSan in any log."""
    found = []
    for name in stack.programs:
        with open(f"{stack.dir}/log/{name}.log", errors="replace") as log:
            found += [f"{name}: {line.rstrip()}" for line in log
                      if "ERROR: AddressSanitizer" in line or "runtime error:" in line or "WARNING: ThreadSanitizer" in line
                      or "LeakSanitizer" in line]
    return found


@pytest.fixture
def api(stack):
    """A client that is nobody yet; api.sign_in() makes somebody."""
    client = Api("127.0.0.1", stack.ports["gateway"], stack.ports["devidp"])
    yield client
    client.close()


@pytest.fixture
def ana(api):
    client = api.sign_in()
    yield client
    client.close()


@pytest.fixture
def ben(api):
    client = api.sign_in()
    yield client
    client.close()
