# SPDX-License-Identifier: Apache-2.0
"""Runs the store's integration programs (C) against a PostgreSQL and a Redis of their own.

    make integration-bins; pytest tests/integration/store

A program asks on stdout ("ask: restart postgres") for what it cannot do itself, and gets "done" on stdin.
"""
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "tests" / "support"))
import stack  # noqa: E402  (found by the line before)

BUILD = pathlib.Path(os.environ["FIT_BUILD"])
PORTS = tuple(int(p) for p in os.environ.get("FIT_TEST_PORTS", "17150-17199").split("-"))
SCHEMA = "store_test"
PROGRAM_SECONDS = 300


@pytest.fixture(scope="module", name="servers")
def fixture_servers():
    folder = tempfile.mkdtemp(prefix="fit-store-")
    postgres = redis = None
    try:
        postgres = stack.start_postgres(os.path.join(folder, "pg"), stack.free_port(*PORTS))
        redis = stack.start_redis(os.path.join(folder, "redis"), stack.free_port(postgres.port + 1, PORTS[1]),
                                  password="pw")
        yield Servers(postgres, redis)
    finally:
        for server in (postgres, redis):
            if server is not None:
                server.stop()
        shutil.rmtree(folder, ignore_errors=True)


class Servers:
    """Does what a program asks for."""

    def __init__(self, postgres, redis):
        self.postgres = postgres
        self.redis = redis

    def prepare(self):
        self.postgres.sql(f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE")

    def environment(self):
        env = {k: v for k, v in os.environ.items() if not k.startswith("FIT_")}
        env.update({"TEST_PG_URL": self.postgres.url("fit_workout", SCHEMA),
                    "TEST_PG_OWNER_URL": self.postgres.url("fit_owner"),
                    "TEST_REDIS_URL": self.redis.url(),
                    "TEST_REDIS_PORT": str(self.redis.port)})
        return env

    def do(self, what):
        verb, _, rest = what.partition(" ")
        if verb == "sql":
            self.postgres.sql(f"SET search_path TO {SCHEMA}, public; SET ROLE fit_owner; " + rest)
        elif what == "kill a backend in 300 ms":
            threading.Timer(0.3, self._kill_a_backend).start()
        elif what == "wait for postgres":
            stack.wait_until("postgres", self._postgres_answers, 30)
        elif verb in ("freeze", "thaw"):
            self._signal(rest, signal.SIGSTOP if verb == "freeze" else signal.SIGCONT)
        elif verb in ("start", "stop", "restart", "kill9"):
            getattr(getattr(self, rest), verb)()
        else:
            raise ValueError(what)

    def _kill_a_backend(self):
        pid = self.postgres.sql("SELECT pid FROM pg_stat_activity WHERE application_name = 'store_test' AND"
                                " state = 'active' LIMIT 1")
        # Its number in the server's namespace is ours too: only the user is mapped.
        os.kill(int(pid), signal.SIGKILL)

    def _postgres_answers(self):
        try:
            return self.postgres.sql("SELECT 1") == "1"
        except RuntimeError:
            return False

    def _signal(self, name, signo):
        server = getattr(self, name)
        for pid in [server.pid()] + stack.children(server.pid()):
            os.kill(pid, signo)


def run_program(name, servers, arguments=()):
    """Runs a program to its end, serving its questions; its output is shown when it fails."""
    program = BUILD / "test" / name
    assert program.exists(), f"{program} is not built"
    lines = []
    with subprocess.Popen([str(program), *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, env=servers.environment()) as process:
        watchdog = threading.Timer(PROGRAM_SECONDS, process.kill)
        watchdog.start()
        try:
            for line in process.stdout:
                lines.append(f"{time.strftime('%H:%M:%S')} {line}")
                if line.startswith("ask: "):
                    servers.do(line[5:].strip())
                    process.stdin.write("done\n")
                    process.stdin.flush()
        except BaseException:
            process.kill()
            print("".join(lines))
            raise
        finally:
            watchdog.cancel()
        code = process.wait()
    text = "".join(lines)
    print(text)
    assert code == 0, f"{name} ended with {code}\n{text[-6000:]}"
    assert "skipped" not in text, f"{name} was skipped"
    return text


@pytest.mark.parametrize("name", ["pg_migrate_test", "pg_open_test", "pg_query_test", "pg_tx_test"])
def test_postgres(servers, name):
    servers.prepare()
    run_program(name, servers)


def test_redis(servers):
    run_program("redis_test", servers)
