# SPDX-License-Identifier: Apache-2.0
"""Private PostgreSQL and Redis instances and our own daemons: start, watch, stop. Nothing here knows the product.

    pg = Postgres(directory, port, durable=True)
    pg.create(superuser_password_file); pg.start(deadline_s=20); pg.stop()

Everything binds to 127.0.0.1. A process is known by its pid file and the program it runs, so that a recycled pid is
never signalled. `durable=False` is for throw-away test clusters: no fsync.
"""
import errno
import glob
import os
import shutil
import signal
import socket
import subprocess
import time


class StackError(Exception):
    """One sentence for the operator; names the log where there is one."""


def port_free(port):
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            s.bind(("127.0.0.1", port))
        except OSError as e:
            if e.errno == errno.EADDRINUSE:
                return False
            raise
    return True


def port_owner(port):
    """'pid 123 (name)' of the process that listens on a port, or '' when it cannot be told."""
    want = f"{port:04X}"
    inodes = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            with open(table) as f:
                rows = [line.split() for line in f][1:]
        except OSError:
            continue
        inodes |= {f"socket:[{r[9]}]" for r in rows if r[1].endswith(":" + want) and r[3] == "0A"}
    for fd in glob.glob("/proc/[0-9]*/fd/*"):
        try:
            if os.readlink(fd) in inodes:
                pid = fd.split("/")[2]
                with open(f"/proc/{pid}/comm") as f:
                    return f"pid {pid} ({f.read().strip()})"
        except OSError:
            continue
    return ""


def tail(path, lines=8):
    try:
        with open(path, errors="replace") as f:
            return "".join("    " + line for line in f.readlines()[-lines:]).rstrip()
    except OSError:
        return ""


class Daemon:
    """A process with a pid file and a log file."""

    stop_signal = signal.SIGTERM

    def __init__(self, name, run_dir, log_dir):
        self.name = name
        self.pid_file = f"{run_dir}/{name}.pid"
        self.log_file = f"{log_dir}/{name}.log"
        self.ready_file = f"{run_dir}/{name}.ready_ms"
        self._child = None

    def pid(self):
        """The running process' pid, or None."""
        try:
            with open(self.pid_file) as f:
                pid, started = (int(word) for word in f.read().split())
        except (OSError, ValueError):
            return None
        return pid if started and _start_time(pid) == started else None

    def spawn(self, argv, env, cwd=None):
        with open(self.log_file, "ab") as log:
            self._child = subprocess.Popen(argv, env=env, cwd=cwd, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                           start_new_session=True)
        self.started_at = time.monotonic()
        with open(self.pid_file, "w") as f:
            f.write(f"{self._child.pid} {_start_time(self._child.pid)}\n")

    def wait_ready(self, probe, seconds):
        """Polls probe() until it is true; raises when the process ends first or time is up."""
        end = self.started_at + seconds
        while True:
            if probe():
                with open(self.ready_file, "w") as f:
                    f.write(f"{(time.monotonic() - self.started_at) * 1000:.0f}\n")
                return
            if self._child.poll() is not None:
                self._forget()
                raise StackError(f"{self.name} ended at once (exit status {self._child.returncode}); see "
                                 f"{self.log_file}\n{tail(self.log_file)}")
            if time.monotonic() > end:
                self.stop()
                raise StackError(f"{self.name} was not ready after {seconds} s; see {self.log_file}\n"
                                 f"{tail(self.log_file)}")
            time.sleep(0.002)

    def stop(self, seconds=20):
        pid = self.pid()
        if pid is not None:
            os.kill(pid, self.stop_signal)
            if not self._wait_gone(pid, seconds):
                os.kill(pid, signal.SIGKILL)
                self._wait_gone(pid, 5)
        self._forget()
        return pid is not None

    def kill9(self):
        pid = self.pid()
        if pid is not None:
            os.kill(pid, signal.SIGKILL)
            self._wait_gone(pid, 5)
        self._forget()

    def _wait_gone(self, pid, seconds):
        end = time.monotonic() + seconds
        started = _start_time(pid)
        while started and _start_time(pid) == started:
            if self._child is not None:
                self._child.poll()
            if time.monotonic() > end:
                return False
            time.sleep(0.005)
        return True

    def _forget(self):
        for path in (self.pid_file, self.ready_file):
            try:
                os.unlink(path)
            except FileNotFoundError:
                pass


def _start_time(pid):
    """Start time in clock ticks (proc(5), field 22) of a live process; 0 for none or a zombie."""
    try:
        with open(f"/proc/{pid}/stat") as f:
            fields = f.read().rsplit(")", 1)[1].split()
    except OSError:
        return 0
    return 0 if fields[0] in "ZX" else int(fields[19])


class Postgres(Daemon):
    stop_signal = signal.SIGINT  # "fast" shutdown

    def __init__(self, directory, port, durable=True, name="postgres"):
        for sub in ("run", "log"):
            os.makedirs(f"{directory}/{sub}", exist_ok=True)
        super().__init__(name, f"{directory}/run", f"{directory}/log")
        self.data = f"{directory}/{name}"
        self.port = port
        self.durable = durable

    @staticmethod
    def bindir():
        found = sorted(glob.glob("/usr/lib/postgresql/*/bin/postgres"))
        if not found:
            raise StackError("PostgreSQL's server is not installed (Debian package postgresql)")
        return os.path.dirname(found[-1])

    def _as_user(self):
        """PostgreSQL refuses to run as root. A user namespace in which we are somebody else serves in place, also below
        a folder that only root may enter."""
        if os.geteuid() != 0:
            return []
        inside = ["unshare", "--user", "--map-user=1000", "--map-group=1000"]
        if subprocess.run(inside + ["true"], capture_output=True).returncode == 0:
            return inside
        raise StackError("PostgreSQL does not run as root, and user namespaces are not allowed here; run make as an "
                         "ordinary user")

    def created(self):
        return os.path.exists(f"{self.data}/PG_VERSION")

    def create(self, password_file):
        half = self.data + ".new"
        shutil.rmtree(half, ignore_errors=True)
        cmd = self._as_user() + [f"{self.bindir()}/initdb", "-D", half, "-U", "postgres", "-E", "UTF8",
                                 "--locale=C.UTF-8", "-A", "scram-sha-256", f"--pwfile={password_file}"]
        if not self.durable:
            cmd.append("--no-sync")
        with open(self.log_file, "ab") as log:
            if subprocess.run(cmd, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=clean_env()).returncode != 0:
                raise StackError(f"initdb failed; see {self.log_file}\n{tail(self.log_file)}")
        with open(f"{half}/postgresql.conf", "a") as f:
            f.write("listen_addresses = '127.0.0.1'\nunix_socket_directories = ''\nmax_connections = 100\n"
                    "shared_buffers = 64MB\nlog_timezone = 'UTC'\ntimezone = 'UTC'\n")
            if not self.durable:
                f.write("fsync = off\nsynchronous_commit = off\nfull_page_writes = off\n")
        os.rename(half, self.data)

    def start(self, seconds=30):
        self.spawn(self._as_user() + [f"{self.bindir()}/postgres", "-D", self.data, "-p", str(self.port)], clean_env())
        self.wait_ready(self.accepts, seconds)

    def accepts(self):
        return subprocess.run([f"{self.bindir()}/pg_isready", "-q", "-h", "127.0.0.1", "-p", str(self.port)],
                              env=clean_env()).returncode == 0

    def psql(self, sql, password_file, user="postgres", database="postgres"):
        """Runs SQL text; returns stdout (unaligned). The password travels in a file, the SQL on standard input."""
        with open(password_file) as f:
            password = f.read().strip()
        pgpass = f"{self.data}.pgpass.{os.getpid()}"
        with open(os.open(pgpass, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as f:
            f.write(f"127.0.0.1:{self.port}:*:{user}:{password}\n")
        try:
            done = subprocess.run([f"{self.bindir()}/psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-h",
                                   "127.0.0.1", "-p", str(self.port), "-U", user, "-d", database, "-f", "-"],
                                  input=sql, text=True, capture_output=True, env=clean_env() | {"PGPASSFILE": pgpass})
        finally:
            os.unlink(pgpass)
        if done.returncode != 0:
            raise StackError(f"psql: {done.stderr.strip()}")
        return done.stdout


class Redis(Daemon):
    def __init__(self, directory, port, durable=True, password="", name="redis"):
        for sub in ("run", "log", name):
            os.makedirs(f"{directory}/{sub}", exist_ok=True)
        super().__init__(name, f"{directory}/run", f"{directory}/log")
        self.data = f"{directory}/{name}"
        self.port = port
        self.durable = durable
        self.password = password

    def start(self, seconds=20):
        conf = f"{self.data}/redis.conf"
        with open(os.open(conf, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as f:
            f.write(f"bind 127.0.0.1\nport {self.port}\ndir {self.data}\nmaxmemory-policy noeviction\nsave \"\"\n"
                    f"appendonly {'yes' if self.durable else 'no'}\nappendfsync everysec\n")
            if self.password:
                f.write(f"requirepass {self.password}\n")
        self.spawn(["redis-server", conf], clean_env())
        self.wait_ready(self.accepts, seconds)

    def accepts(self):
        try:
            with socket.create_connection(("127.0.0.1", self.port), 0.2) as s:
                if self.password:
                    s.sendall(f"AUTH {self.password}\r\n".encode())
                    s.recv(64)
                s.sendall(b"PING\r\n")
                return s.recv(64).startswith(b"+PONG")
        except OSError:
            return False


class Program(Daemon):
    """One of our executables: ready when its admin (or given) address answers 200 at a path."""

    def __init__(self, name, binary, directory, env, ready_port, ready_path="/ready"):
        for sub in ("run", "log"):
            os.makedirs(f"{directory}/{sub}", exist_ok=True)
        super().__init__(name, f"{directory}/run", f"{directory}/log")
        self.binary = binary
        self.env = env
        self.ready_port = ready_port
        self.ready_path = ready_path

    def start(self, seconds=20):
        self.spawn([self.binary], clean_env() | self.env)
        self.wait_ready(self.ready, seconds)

    def ready(self):
        return http_status(self.ready_port, self.ready_path) == 200

    def migrate(self, owner_env):
        with open(self.log_file, "ab") as log:
            done = subprocess.run([self.binary, "--migrate"], env=clean_env() | self.env | owner_env,
                                  stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        if done.returncode != 0:
            raise StackError(f"migrations of {self.name} failed; see {self.log_file}\n{tail(self.log_file)}")


def http_status(port, path):
    try:
        with socket.create_connection(("127.0.0.1", port), 0.5) as s:
            s.settimeout(2)
            s.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".encode())
            head = s.recv(256).split(b" ", 2)
            return int(head[1]) if len(head) > 2 and head[0].startswith(b"HTTP/") else None
    except (OSError, ValueError):
        return None


def clean_env():
    """Our environment without FIT_… and PG… variables that would leak into what we start."""
    return {k: v for k, v in os.environ.items() if not k.startswith(("FIT_", "PG")) and k != "DATABASE_URL"}
