# SPDX-License-Identifier: Apache-2.0
"""service_main as its users see it: options, settings, signals, exit codes, admin port, memory.

    make integration-bins; pytest tests/integration/service
"""
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request

import grpc
import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

ROOT = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "tests" / "support"))
import stack  # noqa: E402  (found by the line before)

BUILD = pathlib.Path(os.environ["FIT_BUILD"])
PROGRAM = BUILD / "test" / "service_test_program"
PORTS = tuple(int(p) for p in os.environ.get("FIT_TEST_PORTS", "17150-17199").split("-"))

_pool = descriptor_pool.DescriptorPool()
for _file in descriptor_pb2.FileDescriptorSet.FromString((BUILD / "gen" / "fit.protoset").read_bytes()).file:
    _pool.Add(_file)
_factory = message_factory.MessageFactory(_pool)
Request = _factory.GetPrototype(_pool.FindMessageTypeByName("fit.user.v1.GetUserAccessRequest"))
Response = _factory.GetPrototype(_pool.FindMessageTypeByName("fit.user.v1.GetUserAccessResponse"))


def environment(**settings):
    env = {k: v for k, v in os.environ.items() if not k.startswith("FIT_") and k not in ("ENVIRONMENT", "DATABASE_URL")}
    env.update({k: str(v) for k, v in settings.items()})
    return env


def run(*arguments, **settings):
    return subprocess.run([str(PROGRAM), *arguments], env=environment(**settings), text=True, check=False,
                          capture_output=True, timeout=60)


class Service:
    """The program serving; a context manager that ends it."""

    def __init__(self, program=(str(PROGRAM),), **settings):
        self.port = stack.free_port(*PORTS)
        self.admin = stack.free_port(self.port + 1, PORTS[1])
        settings = {"FIT_LISTEN": f"127.0.0.1:{self.port}", "FIT_ADMIN_LISTEN": f"127.0.0.1:{self.admin}",
                    **settings}
        self.log = tempfile.NamedTemporaryFile(mode="w+", prefix="fit-service-", suffix=".log")
        self.started = time.monotonic()
        self.process = subprocess.Popen(list(program), env=environment(**settings), stderr=self.log,
                                        stdout=self.log)
        try:
            stack.wait_until("the service", lambda: self.get("/health")[0] == 200, 30, self.process,
                             self.log.name)
        except BaseException:
            self.process.kill()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.log.close()

    def get(self, path):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.admin}{path}", timeout=10) as reply:
                return reply.status, reply.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError:
            return 0, ""

    def call(self, ms, timeout=30):
        with grpc.insecure_channel(f"127.0.0.1:{self.port}") as channel:
            method = channel.unary_unary("/fit.user.v1.UserService/GetUserAccess",
                                         request_serializer=lambda m: m.SerializeToString(),
                                         response_deserializer=Response.FromString)
            return method(Request(user_id=f"00000000-0000-0000-0000-{ms:012}"), timeout=timeout)

    def events(self):
        with open(self.log.name, encoding="utf-8") as f:
            return [json.loads(line) for line in f if line.startswith("{")]

    def saw(self, event):
        return any(e.get("event") == event for e in self.events())

    def wait_event(self, event):
        stack.wait_until(f"event {event}", lambda: self.saw(event), 30, None, self.log.name)


def in_background(function, *args):
    """Runs a function on a thread; [result or exception] when it has ended."""
    box = []

    def body():
        try:
            box.append(function(*args))
        except grpc.RpcError as error:
            box.append(error)

    thread = threading.Thread(target=body)
    thread.start()
    return thread, box


# ---- options and settings ----

def test_version_and_help():
    version = run("--version")
    assert version.returncode == 0 and version.stdout == f"fit-test {(ROOT / 'VERSION').read_text().strip()}\n"
    text = run("--help").stdout
    for part in ("--migrate", "FIT_LISTEN", "FIT_TEST_SECRET, FIT_TEST_SECRET_FILE", "a service of the tests"):
        assert part in text
    markdown = run("--print-config-markdown").stdout
    assert "| `FIT_DRAIN_MS` |" in markdown and "### test" in markdown


@pytest.mark.parametrize("arguments", [("--nonsense",), ("--help", "more"), ("serve",)])
def test_unknown_argument(arguments):
    result = run(*arguments)
    assert result.returncode == 2 and "unknown argument" in result.stderr


LISTEN = {"FIT_LISTEN": "127.0.0.1:1", "FIT_ADMIN_LISTEN": "127.0.0.1:2"}


def test_check_config():
    assert run("--check-config", **LISTEN, ENVIRONMENT="staging").returncode == 0


@pytest.mark.parametrize("settings, name, core", [({}, "production", "0"), ({"ENVIRONMENT": "staging"}, "staging", "0"),
                                                  ({"FIT_ENVIRONMENT": "development"}, "development", "unlimited")])
def test_what_nobody_set_is_production(settings, name, core):
    limited = ("sh", "-c", f"ulimit -c unlimited; exec {PROGRAM}")
    with Service(limited, **stack.core_limit_kept(), **settings) as service:
        assert [e["environment"] for e in service.events() if e["event"] == "started"] == [name]
        with open(f"/proc/{service.process.pid}/limits") as f:
            limit = next(line for line in f if line.startswith("Max core file size"))
        assert limit.split()[4] == core


@pytest.mark.parametrize("settings, text", [
    ({}, "FIT_LISTEN: is not set"),
    ({**LISTEN, "FIT_LISTN": "x"}, "FIT_LISTN: is not a setting"),
    ({**LISTEN, "FIT_PG_POOL_SIZE": "lots"}, 'FIT_PG_POOL_SIZE: "lots" is not a number (1..200)'),
    ({**LISTEN, "FIT_PG_POOL_SIZE": "201"}, "out of range (1..200)"),
    ({**LISTEN, "FIT_LOG_LEVEL": "loud"}, '"loud" is not debug, info, warn or error'),
    ({**LISTEN, "ENVIRONMENT": "moon"}, '"moon" is not development, staging or production'),
    ({**LISTEN, "FIT_TEST_SECRET_FILE": "/nonexistent"}, "FIT_TEST_SECRET_FILE"),
])
def test_bad_configuration(settings, text):
    for arguments in (("--check-config",), ()):
        result = run(*arguments, **settings)
        assert result.returncode == 2
        assert text in result.stderr


def test_failed_start():
    result = run(**LISTEN, FIT_TEST_FAIL_INIT="true")
    assert result.returncode == 1 and "init fails as asked" in result.stderr and "fini" not in result.stderr
    with Service() as service:  # a port in use
        result = run(FIT_LISTEN=f"127.0.0.1:{stack.free_port(*PORTS)}", FIT_ADMIN_LISTEN=f"127.0.0.1:{service.admin}")
        assert result.returncode == 1
        assert f"127.0.0.1:{service.admin}" in result.stderr and '"fini"' in result.stderr
    result = run(FIT_LISTEN="0.0.0.0:0", FIT_ADMIN_LISTEN="127.0.0.1:0")  # beyond loopback without TLS
    assert result.returncode in (1, 2) and "start_failed" in result.stderr


# ---- serving ----

def test_serves_and_reports():
    with Service(APP_VERSION="9.8.7") as service:
        took = time.monotonic() - service.started
        assert service.get("/ready") == (200, '{"status":"ready"}\n')
        reply = service.call(0)
        assert reply.active and reply.role == "the context"
        metrics = service.get("/metrics")[1]
        for part in ('version="9.8.7"', 'workpool_jobs_total{outcome="done"} 1', 'workpool_workers{state="busy"} 0',
                     "workpool_queued 0"):
            assert part in metrics
        with open(f"/proc/{service.process.pid}/status", encoding="ascii") as f:
            rss_kb = next(int(line.split()[1]) for line in f if line.startswith("VmRSS"))
        print(f"start to healthy {took * 1000:.0f} ms, resident {rss_kb} kB")
        if "address" not in str(BUILD) and "thread" not in str(BUILD):
            assert rss_kb < 20 * 1024


def test_ready_says_why_not():
    with tempfile.NamedTemporaryFile() as file, Service(FIT_TEST_NOT_READY_PATH=file.name) as service:
        status, body = service.get("/ready")
        assert status == 503 and "the file is there" in body
        assert service.get("/health")[0] == 200


@pytest.mark.parametrize("signo", [signal.SIGTERM, signal.SIGINT])
def test_drain(signo):
    """A call in flight ends well; new ones are refused; then exit 0."""
    with Service(FIT_LOG_LEVEL="debug") as service:
        thread, box = in_background(service.call, 1500)
        service.wait_event("napping")
        service.process.send_signal(signo)
        service.wait_event("draining")
        status, body = service.get("/ready")
        assert (status, body) == (503, '{"status":"draining"}\n')
        with pytest.raises(grpc.RpcError) as refused:
            service.call(0, timeout=5)
        assert refused.value.code() in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED)
        thread.join()
        assert box[0].active
        assert service.process.wait(30) == 0
        assert [e["event"] for e in service.events()][-2:] == ["fini", "stopped"]


def test_drain_timeout():
    with Service(FIT_LOG_LEVEL="debug", FIT_DRAIN_MS=200) as service:
        thread, _ = in_background(service.call, 20000, 25)
        service.wait_event("napping")
        service.process.send_signal(signal.SIGTERM)
        assert service.process.wait(15) == 1
        assert service.saw("drain_timeout") and not service.saw("fini")
        thread.join()


def test_second_signal_ends_at_once():
    with Service(FIT_LOG_LEVEL="debug", FIT_DRAIN_MS=60000) as service:
        thread, _ = in_background(service.call, 20000, 25)
        service.wait_event("napping")
        service.process.send_signal(signal.SIGTERM)
        service.wait_event("draining")
        service.process.send_signal(signal.SIGTERM)
        assert service.process.wait(10) == 1
        thread.join()


def test_hangup_reads_the_log_level():
    with tempfile.NamedTemporaryFile(mode="w") as file, Service(FIT_LOG_LEVEL_PATH=file.name) as service:
        service.call(0)
        assert not service.saw("napping")
        file.write("debug\n")
        file.flush()
        service.process.send_signal(signal.SIGHUP)
        service.wait_event("reloaded")
        service.call(0)
        assert service.saw("napping")
        file.seek(0)
        file.write("noise\n")
        file.flush()
        service.process.send_signal(signal.SIGHUP)
        service.wait_event("reload_failed")
        assert service.process.poll() is None


def test_production_is_not_dumpable(tmp_path):
    """The kernel gives /proc files of a process that is not dumpable to root."""
    argv = []
    if os.geteuid() == 0:
        argv = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"]
        shutil.copy(PROGRAM, tmp_path / "program")
        for folder in (tmp_path, *tmp_path.parents[:-2]):
            folder.chmod(0o755)
    program = tmp_path / "program" if argv else PROGRAM
    for environment_name, dumpable in (("production", False), ("development", True)):
        with Service(program=[*argv, str(program)], ENVIRONMENT=environment_name) as service:
            owner = os.stat(f"/proc/{service.process.pid}/environ").st_uid
            assert (owner != 0) == dumpable


# ---- migrations ----

@pytest.fixture(scope="module", name="postgres")
def fixture_postgres():
    folder = tempfile.mkdtemp(prefix="fit-service-pg-")
    server = None
    try:
        server = stack.start_postgres(folder, stack.free_port(*PORTS))
        yield server
    finally:
        if server is not None:
            server.stop()
        shutil.rmtree(folder, ignore_errors=True)


def test_migrate(postgres):
    result = run("--migrate", FIT_PG_OWNER_URL=postgres.url())
    assert result.returncode == 0 and "migrated" in result.stderr
    assert postgres.sql("SELECT count(*) FROM service_test.t") == "0"
    result = run("--migrate")
    assert result.returncode == 1 and "FIT_PG_OWNER_URL" in result.stderr


def test_migrate_at_start(postgres):
    postgres.sql("DROP SCHEMA IF EXISTS service_test CASCADE")
    with Service(FIT_MIGRATE_AT_START="true", FIT_PG_OWNER_URL=postgres.url()) as service:
        assert service.saw("migrated")
        assert postgres.sql("SELECT count(*) FROM service_test.t") == "0"
    result = run(**LISTEN, FIT_MIGRATE_AT_START="true", FIT_PG_OWNER_URL=postgres.url("nobody"))
    assert result.returncode == 1 and "migrate_failed" in result.stderr
