# SPDX-License-Identifier: Apache-2.0
"""The test messages as Python classes, and the schema library behind a pipe."""
import importlib
import os
import random
import subprocess
import sys
import time

import pytest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
BUILD = os.environ["FIT_BUILD"]
PACKAGE = "fit.testing.v1"


class Schema:
    """schema_cli: one process, a request after the other."""

    def __init__(self):
        self.process = subprocess.Popen([f"{BUILD}/test/schema_cli", f"{BUILD}/gen/testing.protoset"],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def call(self, verb, message, data):
        """(True, bytes) or (False, text of the error)."""
        data = data.encode("utf-8", "surrogatepass") if isinstance(data, str) else data
        self.process.stdin.write(f"{verb} {message} {len(data)}\n".encode() + data)
        self.process.stdin.flush()
        head = self.process.stdout.readline().split()
        assert head, f"schema_cli died on {verb} {message} {data!r}"
        answer = self.process.stdout.read(int(head[1]))
        return (True, answer) if head[0] == b"ok" else (False, answer.decode("utf-8", "replace"))

    def close(self):
        self.process.stdin.close()
        assert self.process.wait(timeout=10) == 0


@pytest.fixture(scope="session")
def schema():
    s = Schema()
    yield s
    s.close()


@pytest.fixture(scope="session")
def messages(tmp_path_factory):
    """The module with the classes of everything.proto."""
    out = tmp_path_factory.mktemp("py")
    subprocess.run(["protoc", "-Iproto/tests", f"--python_out={out}", "proto/tests/fit/testing/v1/everything.proto"],
                   cwd=ROOT, check=True)
    sys.path.insert(0, str(out))
    try:
        return importlib.import_module("fit.testing.v1.everything_pb2")
    finally:
        sys.path.remove(str(out))


@pytest.fixture
def rng():
    seed = int(os.environ.get("SEED", time.time_ns() % 1000000))
    print(f"SEED={seed}")  # pytest shows it when the test fails
    return random.Random(seed)
