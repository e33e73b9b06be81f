# SPDX-License-Identifier: Apache-2.0
"""The stack itself: harmless to start twice, one clear error when it cannot start, nothing half-started; and the demo."""
import os
import signal
import subprocess
import threading

import pytest
import servers
from localstack import Stack, free_ports
from servers import StackError

from conftest import BUILD, ROOT


@pytest.fixture
def another(tmp_path):
    made = []

    def make(**overrides):
        stack = Stack(str(tmp_path / "stack"), BUILD, durable=False, ports=free_ports(), overrides=overrides)
        made.append(stack)
        return stack
    yield make
    for stack in made:
        stack.down(say=lambda text: None)


def quiet(text):
    del text


def running(stack):
    return [d.name for d in stack.daemons() if d.pid() is not None]


def test_up_twice_changes_nothing(stack):
    before = {d.name: d.pid() for d in stack.daemons()}
    stack.up(say=quiet)
    assert {d.name: d.pid() for d in stack.daemons()} == before


def test_a_port_in_use_is_named_and_nothing_runs(another):
    import socket
    stack = another()
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.bind(("127.0.0.1", stack.ports["workout"]))
        s.listen()
        with pytest.raises(StackError, match=rf"port {stack.ports['workout']} \(workout\) is in use.*FIT_PORT_WORKOUT"):
            stack.up(say=quiet)
    assert running(stack) == []


def test_a_service_that_cannot_start_names_its_log_and_nothing_runs(another):
    stack = another(workout={"FIT_PG_POOL_SIZE": "lots"})
    with pytest.raises(StackError, match=r"workout.*log/workout\.log"):
        stack.up(say=quiet)
    assert running(stack) == []
    with open(f"{stack.dir}/log/workout.log") as log:
        assert 'FIT_PG_POOL_SIZE: "lots" is not a number (1..200)' in log.read()


def test_a_failed_migration_names_its_log_and_nothing_runs(another):
    stack = another()
    stack.up(say=quiet)
    stack.down(say=quiet)
    stack.postgres.start()
    stack.postgres.psql("UPDATE workout.schema_migration SET sha256 = '\\x00'", stack._secret_path("pg_super"),
                        database="fitness")
    stack.postgres.stop()
    with pytest.raises(StackError, match=r"migrations of workout failed.*log/workout\.log"):
        stack.up(say=quiet)
    assert running(stack) == []


def test_what_was_built_or_set_differently_is_started_anew(another, tmp_path):
    stack = another()
    stack.up(say=quiet)
    before = {d.name: d.pid() for d in stack.daemons()}
    said = []
    again = Stack(stack.dir, BUILD, durable=False, ports=stack.ports, overrides={"user": {"FIT_LOG_LEVEL": "debug"}})
    os.utime(stack.programs["devidp"].pid_file, (0, 0))  # as if its executable were newer
    again.up(say=said.append)
    after = {d.name: d.pid() for d in again.daemons()}
    assert {name for name in before if before[name] != after[name]} == {"devidp", "user"}
    assert "  stopping devidp: its executable is newer" in said and "  stopping user: its settings changed" in said


def test_one_at_a_time(another):
    stack = another()
    inside, go_on = threading.Event(), threading.Event()

    def say(text):
        del text
        inside.set()
        go_on.wait(60)

    up = threading.Thread(target=stack.up, args=(say,))
    up.start()
    try:
        assert inside.wait(60)
        for act in (stack.up, stack.down):
            with pytest.raises(StackError, match=rf"another make is .*pid {os.getpid()}"):
                act(say=quiet)
    finally:
        go_on.set()
        up.join()


@pytest.mark.parametrize("step", ["starting redis", "creating the database cluster", "starting postgres",
                                  "migrating workout", "starting gateway"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_it_leaves_nothing(another, step, number):
    stack = another()
    env = os.environ | {"FIT_PORT_" + name.upper(): str(port) for name, port in stack.ports.items()}
    with subprocess.Popen([f"{ROOT}/deploy/local/stack", "--dir", stack.dir, "--build", BUILD, "--throwaway", "up"], env=env,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as up:
        for line in up.stdout:
            if line.strip() == step:
                up.send_signal(number)
                break
        rest = up.stdout.read()
        assert up.wait() == 128 + number, rest
    assert "interrupted: what was started has been stopped" in rest
    assert running(stack) == []
    with open("/proc/net/tcp") as f:
        listening = {int(row.split()[1].split(":")[1], 16) for row in list(f)[1:] if row.split()[3] == "0A"}
    assert not listening & set(stack.ports.values())


def test_a_recycled_pid_is_left_alone(another):
    stack = another()
    os.makedirs(f"{stack.dir}/run")
    with subprocess.Popen(["sleep", "60"]) as stranger:
        with open(stack.redis.pid_file, "w") as f:
            f.write(f"{stranger.pid} 1\n")
        stack.down(say=quiet)
        assert stranger.poll() is None
        stranger.kill()


def test_down_and_up_again_keeps_the_data(another):
    from api import Api
    stack = another()
    stack.up(say=quiet)
    api = Api("127.0.0.1", stack.ports["gateway"], stack.ports["devidp"])
    me = api.sign_in("stay@example.com")
    made = me.post("/api/v1/workouts/plans", {"name": "kept"}).ok(201)
    me.close()
    stack.down(say=quiet)
    assert running(stack) == []
    assert all(servers.port_free(p) for p in stack.ports.values())
    stack.up(say=quiet)
    assert me.get(f"/api/v1/workouts/plans/{made['id']}").ok()["name"] == "kept", "still signed in, still there"


def test_secrets_are_for_the_owner_only(stack):
    for folder, _, files in os.walk(stack.dir):
        for file in files:
            if "/secrets" in folder or "/keys" in folder:
                assert os.stat(f"{folder}/{file}").st_mode & 0o077 == 0, f"{folder}/{file}"
    with open(f"{stack.dir}/secrets/pg_fit_user") as f:
        password = f.read().strip()
    for daemon in stack.daemons():
        for what in ("cmdline", "environ"):
            with open(f"/proc/{daemon.pid()}/{what}", "rb") as f:
                assert password.encode() not in f.read(), f"{daemon.name}: {what}"
    for name in os.listdir(f"{stack.dir}/log"):
        with open(f"{stack.dir}/log/{name}", errors="replace") as f:
            assert password not in f.read(), name


def test_the_demo_runs(stack):
    done = subprocess.run([f"{ROOT}/deploy/local/demo"], capture_output=True, text=True, timeout=120,
                          env=os.environ | {"FIT_STACK_DIR": stack.dir})
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr
    assert '"kind": "weight_4_6"' in done.stdout and '"value": 105' in done.stdout


def test_fitctl_status_and_login(stack):
    fitctl = f"{BUILD}/bin/fitctl"
    status = subprocess.run([fitctl, "status", "--dir", stack.dir], capture_output=True, text=True, timeout=30)
    assert status.returncode == 0, status.stdout + status.stderr
    for daemon in stack.daemons():
        assert f"{daemon.pid()}" in status.stdout, daemon.name
    login = subprocess.run([fitctl, "login", "--email", "op@example.com", "--role", "admin", "--dir", stack.dir], capture_output=True, text=True, timeout=30)
    assert login.returncode == 0 and login.stdout.count(".") == 2, login.stdout + login.stderr
