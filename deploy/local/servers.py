# SPDX-License-Identifier: Apache-2.0
"""Private PostgreSQL and Redis instances and our own daemons: start, watch, stop. Nothing here knows the product.

    pg = Postgres(directory, port, durable=True)
    pg.create(superuser_password_file); pg.start(); pg.stop()

Everything binds to 127.0.0.1. A process is known by its pid and start time, so that a recycled pid is never signalled.
`durable=False` is for throw-away test clusters: no fsync. `dies_with_parent`: the kernel ends the process when the thread
that started it ends, whatever way; for tests.
"""
import errno
import fcntl
import glob
import hashlib
import json
import os
import pwd
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time

HOME_OF = "home_of"  # in a cluster that is not in place: the path of the link to it
_held = []  # lock files of the ports that free_port() gave out


class StackError(RuntimeError):
    """One sentence for the operator; names the log where there is one."""


class Interrupted(StackError):
    """A signal asked to stop; `number` says which."""

    def __init__(self, number):
        super().__init__("interrupted")
        self.number = number


_signals = []


def defer_signals():
    """From now on SIGINT, SIGTERM and SIGHUP are seen by check_interrupted() alone: between two steps, never amid one."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, _: _signals.append(number))


def check_interrupted():
    if _signals:
        raise Interrupted(_signals[0])


def free_port():
    """A port that nobody uses, and that no other caller of this function gets while we live. Below the range that the
    kernel takes connections' own ports from, so that it stays free while its server restarts."""
    folder = f"{tempfile.gettempdir()}/fit-ports-{os.geteuid()}"
    os.makedirs(folder, mode=0o700, exist_ok=True)
    first = random.SystemRandom().randrange(20000, 32000)  # others may share the network, and not the folder
    for port in [*range(first, 32000), *range(20000, first)]:
        lock = os.open(f"{folder}/{port}", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(lock)
            continue
        if port_free(port):
            _held.append(lock)
            return port
        os.close(lock)
    raise StackError("no port of 20000..31999 is free")


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
    """(pid, name) of the process that listens on a port; (0, '') when it cannot be told."""
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
                    return int(pid), f.read().strip()
        except OSError:
            continue
    return 0, ""


def tail(path, lines=8):
    try:
        with open(path, errors="replace") as f:
            return "".join("    " + line for line in f.readlines()[-lines:]).rstrip()
    except OSError:
        return ""


class Daemon:
    """A process with a pid file and a log file."""

    stop_signal = signal.SIGTERM

    def __init__(self, name, run_dir, log_dir, dies_with_parent=False):
        self.name = name
        self.pid_file = f"{run_dir}/{name}.pid"
        self.log_file = f"{log_dir}/{name}.log"
        self.ready_file = f"{run_dir}/{name}.ready_ms"
        self.made_file = f"{run_dir}/{name}.made"
        self.dies_with_parent = dies_with_parent
        self._child = None

    def command(self):
        """(arguments, environment) that start() starts; of kinds that can be asked outdated()."""
        raise NotImplementedError

    def pid(self):
        """The running process' pid, or None."""
        try:
            with open(self.pid_file) as f:
                pid, started = (int(word) for word in f.read().split())
        except (OSError, ValueError):
            return None
        return pid if started and _start_time(pid) == started else None

    def outdated(self):
        """Why the running process is not what start() would start now, or ''."""
        argv, env = self.command()
        try:
            with open(self.made_file) as f:
                made = f.read().strip()
            started = os.stat(self.pid_file).st_mtime
            newer = os.stat(shutil.which(argv[0]) or argv[0]).st_mtime > started
        except OSError:
            return ""
        return "its executable is newer" if newer else "its settings changed" if made != _digest(argv, env) else ""

    def spawn(self, argv, env, cwd=None, become=()):
        """`become`: a command before the command that changes who it runs as."""
        for path in (self.pid_file, self.log_file):
            os.makedirs(os.path.dirname(path), exist_ok=True)
        # Behind `become`: the kernel forgets the signal when a process changes its user.
        die = ["setpriv", f"--pdeathsig={self.stop_signal.name.removeprefix('SIG')}"] if self.dies_with_parent else []
        with open(self.log_file, "ab") as log:
            self._child = subprocess.Popen([*become, *die, *argv], env=clean_env() | env, cwd=cwd, stdin=subprocess.DEVNULL,
                                           stdout=log, stderr=log, start_new_session=True)
        self.started_at = time.monotonic()
        with open(self.made_file, "w") as f:
            f.write(_digest(argv, env) + "\n")
        with open(self.pid_file, "w") as f:
            f.write(f"{self._child.pid} {_start_time(self._child.pid)}\n")

    def wait_ready(self, probe, seconds):
        """Polls probe() until it is true; raises when the process ends first or time is up."""
        end = self.started_at + seconds
        while True:
            check_interrupted()
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
        pid = self._pid_to_stop()
        if pid is not None:
            _signal(pid, self.stop_signal)
            if not self._wait_gone(pid, seconds):
                _signal(pid, signal.SIGKILL)
                self._wait_gone(pid, 5)
        self._forget()
        return pid is not None

    def kill9(self):
        """As if the power failed: the process and its children, at once."""
        pid = self._pid_to_stop()
        if pid is not None:
            everyone = [pid] + children(pid)
            for each in everyone:
                _signal(each, signal.SIGKILL)
            for each in everyone:
                self._wait_gone(each, 5)
        self._forget()

    def _pid_to_stop(self):
        """Also of one that was interrupted before its pid file was there."""
        if self._child is not None and self._child.poll() is None:
            return self._child.pid
        return self.pid()

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
        for path in (self.pid_file, self.ready_file, self.made_file):
            try:
                os.unlink(path)
            except FileNotFoundError:
                pass


def _start_time(pid):
    """Start time in clock ticks (proc(5), field 22) of a live process; 0 for none or a zombie.

    A killed process' first thread is a zombie while others (field 20) still end, and its sockets are open until they have.
    """
    try:
        with open(f"/proc/{pid}/stat") as f:
            fields = f.read().rsplit(")", 1)[1].split()
    except OSError:
        return 0
    gone = fields[0] == "X" or fields[0] == "Z" and int(fields[17]) <= 1
    return 0 if gone else int(fields[19])


def _signal(pid, number):
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass


def children(pid):
    """Pids of a process' children."""
    try:
        with open(f"/proc/{pid}/task/{pid}/children") as f:
            return [int(word) for word in f.read().split()]
    except OSError:
        return []


def _digest(argv, env):
    return hashlib.sha256(json.dumps([argv, sorted(env.items())]).encode()).hexdigest()


class Postgres(Daemon):
    stop_signal = signal.SIGINT  # "fast" shutdown

    def __init__(self, directory, port, durable=True, name="postgres", settings=None, dies_with_parent=False):
        super().__init__(name, f"{directory}/run", f"{directory}/log", dies_with_parent)
        self.data = f"{directory}/{name}"
        self.port = port
        self.durable = durable
        self.settings = {"port": port, "listen_addresses": "127.0.0.1", "unix_socket_directories": ""} | (settings or {})
        if not durable:
            self.settings |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}

    @staticmethod
    def bindir():
        found = sorted(glob.glob("/usr/lib/postgresql/*/bin/postgres"))
        if not found:
            raise StackError("PostgreSQL's server is not installed (Debian package postgresql)")
        return os.path.dirname(found[-1])

    def created(self):
        return os.path.exists(f"{self.data}/PG_VERSION")

    def create(self, password_file=None):
        """A new cluster; without a password file everybody on this machine is trusted (for tests)."""
        home = _root_home(self.data)
        half = (home or self.data) + ".new"
        shutil.rmtree(half, ignore_errors=True)
        os.makedirs(half, mode=0o700)
        cmd = [f"{self.bindir()}/initdb", "-D", half, "-U", "postgres", "-E", "UTF8", "--locale=C.UTF-8",
               "-A", "scram-sha-256" if password_file else "trust"]
        if password_file:
            cmd.append(f"--pwfile={half}.password")
            shutil.copy(password_file, f"{half}.password")
        if not self.durable:
            cmd.append("--no-sync")
        if home is not None:
            for path in (half, f"{half}.password"):
                if os.path.exists(path):
                    shutil.chown(path, "postgres", "postgres")
        os.makedirs(os.path.dirname(self.log_file), exist_ok=True)
        try:
            with open(self.log_file, "ab") as log:
                done = subprocess.run(_not_as_root() + cmd, cwd="/", stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                      env=clean_env())
        finally:
            if password_file:
                os.unlink(f"{half}.password")
        if done.returncode != 0:
            raise StackError(f"initdb failed; see {self.log_file}\n{tail(self.log_file)}")
        with open(f"{half}/postgresql.conf", "a") as f:
            f.write("max_connections = 200\nshared_buffers = 64MB\nlog_timezone = 'UTC'\ntimezone = 'UTC'\n")
        if home is not None:
            os.rename(half, home)
            os.symlink(home, self.data)
            with open(f"{home}/{HOME_OF}", "w") as f:
                f.write(os.path.abspath(self.data))
        else:
            os.rename(half, self.data)

    def destroy(self):
        """Deletes the data, wherever it is."""
        shutil.rmtree(os.path.realpath(self.data), ignore_errors=True)
        if os.path.islink(self.data):
            os.unlink(self.data)

    def command(self):
        argv = [f"{self.bindir()}/postgres", "-D", os.path.realpath(self.data)]
        for key, value in self.settings.items():
            argv += ["-c", f"{key}={value}"]
        return argv, {}

    def start(self, seconds=30):
        self._drop_stale_lock()
        self.spawn(*self.command(), cwd="/", become=_not_as_root())
        self.wait_ready(self.accepts, seconds)

    def _drop_stale_lock(self):
        """The server's own lock names a pid; after a power failure that may be anybody's."""
        path = f"{self.data}/postmaster.pid"
        try:
            with open(path) as f:
                pid = int(f.readline())
            with open(f"/proc/{pid}/comm") as f:
                if f.read().strip() == "postgres":
                    return
        except (OSError, ValueError):
            pass
        if os.path.exists(path):
            os.unlink(path)

    def accepts(self):
        return subprocess.run([f"{self.bindir()}/pg_isready", "-q", "-h", "127.0.0.1", "-p", str(self.port)],
                              env=clean_env()).returncode == 0

    def psql(self, sql, password_file=None, user="postgres", database="postgres"):
        """Runs SQL text; returns stdout (unaligned). The password travels in a file, the SQL on standard input."""
        password = "-"
        if password_file:
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


def _namespace():
    """Inside, we are Debian's user postgres: initdb wants a user that exists."""
    postgres = pwd.getpwnam("postgres")
    return ["unshare", "--user", f"--map-user={postgres.pw_uid}", f"--map-group={postgres.pw_gid}"]


def _user_namespaces():
    return subprocess.run(_namespace() + ["true"], capture_output=True).returncode == 0



def _not_as_root():
    """PostgreSQL refuses to run as root. A user namespace in which we are somebody else serves in place, also below a
    folder that only root may enter; where there are none (in many containers), it runs as Debian's user postgres."""
    if os.geteuid() != 0:
        return []
    if _user_namespaces():
        return _namespace()
    return ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups"]


def _root_home(data):
    """Where the user postgres keeps a cluster for us when it cannot be in place: `data` becomes a link to it. Homes
    whose link is gone are removed."""
    if os.geteuid() != 0 or _user_namespaces():
        return None
    base = pwd.getpwnam("postgres").pw_dir
    for home in glob.glob(f"{base}/fit-*"):
        try:
            with open(f"{home}/{HOME_OF}") as f:
                link = f.read()
        except OSError:
            continue
        if os.path.realpath(link) != home:
            shutil.rmtree(home, ignore_errors=True)
    return f"{base}/fit-{hashlib.sha256(os.path.abspath(data).encode()).hexdigest()[:16]}"


class Redis(Daemon):
    def __init__(self, directory, port, durable=True, password="", name="redis", dies_with_parent=False):
        super().__init__(name, f"{directory}/run", f"{directory}/log", dies_with_parent)
        self.data = f"{directory}/{name}"
        self.port = port
        self.durable = durable
        self.password = password

    def command(self):
        return ["redis-server", f"{self.data}/redis.conf", "--port", str(self.port)], {}

    def start(self, seconds=20):
        os.makedirs(self.data, exist_ok=True)
        conf = f"{self.data}/redis.conf"
        with open(os.open(conf, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as f:
            f.write(f"bind 127.0.0.1\ndir {self.data}\nmaxmemory-policy noeviction\nsave \"\"\n"
                    f"appendonly {'yes' if self.durable else 'no'}\nappendfsync everysec\n")
            if self.password:
                f.write(f"requirepass {self.password}\n")
        self.spawn(*self.command())
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


class Clickhouse(Daemon):
    """HTTP on a port of its own; nothing else listens. Memory is bounded to what a laptop spares: a query that wants
    more fails by itself. What was acknowledged survives the process, killed or not; this version does not sync each
    insert to the disk, so a power failure may take the last seconds, which a rewind of the bus' group brings back."""

    def __init__(self, directory, port, password="", name="clickhouse", memory_mb=1024, dies_with_parent=False):
        super().__init__(name, f"{directory}/run", f"{directory}/log", dies_with_parent)
        self.data = f"{directory}/{name}"
        self.port = port
        self.password = password
        self.memory_mb = memory_mb

    def command(self):
        return ["/usr/sbin/clickhouse-server", f"--config-file={self.data}/config.xml"], {}

    def start(self, seconds=30):
        for folder in ("store", "tmp"):
            os.makedirs(f"{self.data}/{folder}", exist_ok=True)
        self._write("config.xml", f"""<yandex>
    <logger><level>warning</level><console>1</console></logger>
    <listen_host>127.0.0.1</listen_host>
    <http_port>{self.port}</http_port>
    <path>{self.data}/store/</path>
    <tmp_path>{self.data}/tmp/</tmp_path>
    <users_config>{self.data}/users.xml</users_config>
    <default_profile>default</default_profile>
    <default_database>default</default_database>
    <timezone>UTC</timezone>
    <max_connections>64</max_connections>
    <keep_alive_timeout>10</keep_alive_timeout>
    <max_concurrent_queries>32</max_concurrent_queries>
    <mark_cache_size>33554432</mark_cache_size>
    <uncompressed_cache_size>0</uncompressed_cache_size>
    <max_table_size_to_drop>0</max_table_size_to_drop>
    <merge_tree>
        <max_bytes_to_merge_at_max_space_in_pool>2147483648</max_bytes_to_merge_at_max_space_in_pool>
    </merge_tree>
</yandex>
""")
        digest = hashlib.sha256(self.password.encode()).hexdigest()
        self._write("users.xml", f"""<yandex>
    <profiles><default>
        <max_memory_usage>{self.memory_mb * 500000}</max_memory_usage>
        <max_memory_usage_for_all_queries>{self.memory_mb * 1000000}</max_memory_usage_for_all_queries>
        <max_threads>2</max_threads>
        <background_pool_size>2</background_pool_size>
        <background_schedule_pool_size>2</background_schedule_pool_size>
        <log_queries>0</log_queries>
    </default></profiles>
    <users><default>
        <password_sha256_hex>{digest}</password_sha256_hex>
        <networks><ip>127.0.0.1</ip></networks>
        <profile>default</profile>
        <quota>default</quota>
    </default></users>
    <quotas><default></default></quotas>
</yandex>
""")
        self.spawn(*self.command(), cwd=self.data)
        self.wait_ready(self.accepts, seconds)

    def _write(self, name, text):
        with open(os.open(f"{self.data}/{name}", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as f:
            f.write(text)

    def accepts(self):
        return http_status(self.port, "/ping") == 200


class Program(Daemon):
    """One of our executables: ready when its admin (or given) address answers 200 at a path."""

    def __init__(self, name, binary, directory, env, ready_port, ready_path="/ready"):
        super().__init__(name, f"{directory}/run", f"{directory}/log")
        self.binary = binary
        self.env = env
        self.ready_port = ready_port
        self.ready_path = ready_path

    def command(self):
        return [self.binary], self.env

    def start(self, seconds=20):
        if not os.access(self.binary, os.X_OK):
            raise StackError(f"{self.binary} is not built; `make` builds it")
        self.spawn(*self.command())
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
