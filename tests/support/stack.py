# SPDX-License-Identifier: Apache-2.0
"""Private servers for tests: PostgreSQL and Redis in a folder and on a port of the test's own.

    pg = start_postgres("/tmp/x/pg", free_port(17150, 17199))
    pg.url("fit_workout", schema="workout")      postgresql://fit_workout@127.0.0.1:17150/fitness?options=…
    pg.sql("SELECT 1")                           as superuser, through psql
    pg.kill9(); pg.restart(); pg.stop()

Both work as root (PostgreSQL then runs in a user namespace of its own, where it is not root) and as a normal
user. A server ends with .stop(), at the end of the Python process, and, should that be killed, by the
kernel's parent-death signal. The data folder stays (kill9 and restart need it); the test owns and removes it.
"""
import atexit
import ctypes
import os
import shutil
import signal
import socket
import subprocess
import time
import urllib.parse

HOST = "127.0.0.1"
DATABASE = "fitness"
OWNER = "fit_owner"
APP_ROLES = ("fit_auth", "fit_user", "fit_workout")
_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


def free_port(first, last):
    """A port of first..last that nobody listens on now."""
    for port in range(first, last + 1):
        with socket.socket() as s:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                s.bind((HOST, port))
            except OSError:
                continue
            return port
    raise RuntimeError(f"no free port in {first}..{last}")


def wait_until(what, done, seconds, process=None, log=None):
    """Polls done() until it is true; an error that shows the log's end when it is not in time."""
    end = time.monotonic() + seconds
    while not done():
        dead = process is not None and process.poll() is not None
        if dead or time.monotonic() > end:
            tail = ""
            if log and os.path.exists(log):
                with open(log, encoding="utf-8", errors="replace") as f:
                    tail = "\n" + f.read()[-2000:]
            raise RuntimeError(f"{what}: {'ended' if dead else 'not in ' + str(seconds) + ' s'}{tail}")
        time.sleep(0.02)


def _spawn(argv, log, death_signal, env=None):
    def die_with_parent():
        _libc.prctl(_PR_SET_PDEATHSIG, death_signal)

    with open(log, "ab") as out:
        return subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=env,
                                preexec_fn=die_with_parent)


def children(pid):
    """Pids of a process' children."""
    found = []
    for task in os.listdir("/proc"):
        if task.isdigit():
            try:
                with open(f"/proc/{task}/stat", encoding="ascii", errors="replace") as f:
                    if int(f.read().rsplit(")", 1)[1].split()[1]) == pid:
                        found.append(int(task))
            except (OSError, IndexError):
                pass
    return found


def _gone(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as f:
            return f.read().rsplit(")", 1)[1].split()[0] == "Z"
    except OSError:
        return True


class Server:
    """What both have in common: a process, a log, a folder."""

    def __init__(self, folder, port):
        self.folder = os.path.abspath(folder)
        self.port = port
        self.log = os.path.join(self.folder, "server.log")
        self.process = None
        os.makedirs(self.folder, exist_ok=True)
        atexit.register(self.stop)

    def _start_process(self):
        raise NotImplementedError

    def _ready(self):
        raise NotImplementedError

    def start(self):
        self._start_process()
        try:
            wait_until(f"{type(self).__name__} on port {self.port}", self._ready, 30, self.process, self.log)
        except BaseException:
            self.kill9()
            raise
        return self

    @property
    def pid(self):
        return self.process.pid

    def stop(self):
        """A clean shut-down; harmless when it does not run."""
        if self.process is None:
            return
        self.process.send_signal(self.stop_signal)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.kill9()
        self.process = None

    def kill9(self):
        """As if the power failed: the process and its children, at once."""
        if self.process is None:
            return
        pids = children(self.process.pid)
        self.process.kill()
        for pid in pids:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.process.wait()
        wait_until("children end", lambda: all(_gone(pid) for pid in pids), 10)
        self.process = None

    def restart(self):
        self.stop()
        return self.start()


class Postgres(Server):
    stop_signal = signal.SIGINT  # fast shut-down

    def __init__(self, folder, port, durable=False):
        super().__init__(folder, port)
        self.durable = durable
        self.data = os.path.join(self.folder, "data")
        self.bin = _postgres_bin()

    def _as_user(self, argv):
        if os.geteuid() != 0:
            return argv
        return ["unshare", "--user", "--map-user=1000", "--map-group=1000"] + argv

    def _start_process(self):
        if not os.path.exists(os.path.join(self.data, "PG_VERSION")):
            shutil.rmtree(self.data, ignore_errors=True)
            subprocess.run(self._as_user([os.path.join(self.bin, "initdb"), "-D", self.data, "-A", "trust",
                                          "-U", "postgres", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"]),
                           check=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        settings = {"port": self.port, "listen_addresses": HOST, "unix_socket_directories": "",
                    "max_connections": 200, "shared_buffers": "32MB", "deadlock_timeout": "100ms"}
        if not self.durable:
            settings.update({"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"})
        argv = [os.path.join(self.bin, "postgres"), "-D", self.data]
        for key, value in settings.items():
            argv += ["-c", f"{key}={value}"]
        pidfile = os.path.join(self.data, "postmaster.pid")
        if os.path.exists(pidfile):  # of one that was killed
            os.unlink(pidfile)
        self.process = _spawn(self._as_user(argv), self.log, signal.SIGQUIT)

    def _ready(self):
        return subprocess.run([os.path.join(self.bin, "pg_isready"), "-q", "-h", HOST, "-p", str(self.port)],
                              check=False).returncode == 0

    def url(self, role=OWNER, schema=None, database=DATABASE):
        query = "?options=" + urllib.parse.quote(f"-csearch_path={schema}") if schema else ""
        return f"postgresql://{role}@{HOST}:{self.port}/{database}{query}"

    def sql(self, text, role="postgres", database=DATABASE):
        """Runs SQL and returns its rows as text, columns parted by '|'."""
        run = subprocess.run(["psql", "-XqAt", "-v", "ON_ERROR_STOP=1", "-d",
                              self.url(role, database=database)], input=text, text=True, check=False,
                             capture_output=True)
        if run.returncode != 0:
            raise RuntimeError(f"psql: {run.stderr.strip()}")
        return run.stdout.strip()

    def create_roles(self):
        """The database, the owner role and the services' roles, as a deployment has them."""
        if self.sql(f"SELECT count(*) FROM pg_database WHERE datname = '{DATABASE}'", database="postgres") != "0":
            return
        for role in (OWNER,) + APP_ROLES:
            self.sql(f"CREATE ROLE {role} LOGIN", database="postgres")
        self.sql(f"CREATE DATABASE {DATABASE} OWNER {OWNER}", database="postgres")


class Redis(Server):
    stop_signal = signal.SIGTERM

    def __init__(self, folder, port, password=None, persistent=False):
        super().__init__(folder, port)
        self.password = password
        self.persistent = persistent

    def _start_process(self):
        argv = ["redis-server", "--port", str(self.port), "--bind", HOST, "--dir", self.folder, "--save", "",
                "--appendonly", "yes" if self.persistent else "no", "--daemonize", "no"]
        if self.password:
            argv += ["--requirepass", self.password]
        self.process = _spawn(argv, self.log, signal.SIGTERM)

    def _ready(self):
        try:
            with socket.create_connection((HOST, self.port), 1) as s:
                s.sendall(b"PING\r\n")
                return s.recv(64).startswith((b"+PONG", b"-NOAUTH"))
        except OSError:
            return False

    def url(self, database=0):
        auth = f":{self.password}@" if self.password else ""
        return f"redis://{auth}{HOST}:{self.port}/{database}"

    def cli(self, *args):
        argv = ["redis-cli", "-h", HOST, "-p", str(self.port)]
        if self.password:
            argv += ["--no-auth-warning", "-a", self.password]
        return subprocess.run(argv + list(args), text=True, check=True, capture_output=True).stdout.strip()


def _postgres_bin():
    base = "/usr/lib/postgresql"
    versions = sorted((v for v in os.listdir(base) if v.isdigit()), key=int, reverse=True)
    for version in versions:
        if os.path.exists(f"{base}/{version}/bin/postgres"):
            return f"{base}/{version}/bin"
    raise RuntimeError(f"no PostgreSQL server under {base}")


def start_postgres(folder, port, durable=False):
    """A running server with database `fitness`, role fit_owner and the services' roles. Harmless to repeat."""
    server = Postgres(folder, port, durable).start()
    try:
        server.create_roles()
    except BaseException:
        server.stop()
        raise
    return server


def start_redis(folder, port, password=None, persistent=False):
    return Redis(folder, port, password, persistent).start()
