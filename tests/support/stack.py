# SPDX-License-Identifier: Apache-2.0
"""Private servers for tests: PostgreSQL and Redis in a folder of the test's own, started as deploy/local does it.

    pg = start_postgres("/tmp/x/pg", free_port())
    pg.url("fit_workout", schema="workout")      postgresql://fit_workout@127.0.0.1:20000/fitness?options=…
    pg.sql("SELECT 1")                           as superuser, through psql
    pg.kill9(); pg.restart(); pg.stop()

A server ends with .stop(), at the end of the Python process, and, should that be killed, by the kernel's parent-death
signal. The data folder stays (kill9 and restart need it); the test owns and removes it.
"""
import atexit
import os
import subprocess
import sys
import time
import urllib.parse

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, f"{ROOT}/deploy/local")
import servers  # noqa: E402
from servers import children  # noqa: E402,F401  (for tests)
from stackdefs import DATABASE, OWNER, ROLES  # noqa: E402

HOST = "127.0.0.1"


def free_port(*_):
    """A port that nobody uses, this process' until it ends."""
    return servers.free_port()


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


def core_limit_kept():
    """Environment in which a sanitizer leaves the limit of core files to the program."""
    return {name: f"{os.environ.get(name, '')}:disable_coredump=0".lstrip(":") for name in ("ASAN_OPTIONS", "TSAN_OPTIONS")}


class Postgres(servers.Postgres):
    """A cluster that trusts everybody on this machine."""

    def __init__(self, folder, port, durable=False):
        super().__init__(os.path.abspath(folder), port, durable, dies_with_parent=True,
                         settings={"max_connections": 200, "shared_buffers": "32MB", "deadlock_timeout": "100ms"})
        atexit.register(self.stop)

    def start(self, seconds=30):
        if not self.created():
            self.create()
        super().start(seconds)
        return self

    def restart(self):
        self.stop()
        return self.start()

    def url(self, role=OWNER, schema=None, database=DATABASE):
        query = "?options=" + urllib.parse.quote(f"-csearch_path={schema}") if schema else ""
        return f"postgresql://{role}@{HOST}:{self.port}/{database}{query}"

    def sql(self, text, role="postgres", database=DATABASE):
        """Runs SQL and returns its rows as text, columns parted by '|'."""
        return self.psql(text, user=role, database=database).strip()

    def create_roles(self):
        """The database, the owner role and the services' roles, as a deployment has them."""
        if self.sql(f"SELECT count(*) FROM pg_database WHERE datname = '{DATABASE}'", database="postgres") != "0":
            return
        for role in ROLES:
            self.sql(f"CREATE ROLE {role} LOGIN", database="postgres")
        self.sql(f"CREATE DATABASE {DATABASE} OWNER {OWNER}", database="postgres")


class Redis(servers.Redis):
    def __init__(self, folder, port, password=None, persistent=False):
        super().__init__(os.path.abspath(folder), port, persistent, password or "", dies_with_parent=True)
        atexit.register(self.stop)

    def start(self, seconds=30):
        super().start(seconds)
        return self

    def restart(self):
        self.stop()
        return self.start()

    def url(self, database=0):
        auth = f":{self.password}@" if self.password else ""
        return f"redis://{auth}{HOST}:{self.port}/{database}"

    def cli(self, *args):
        argv = ["redis-cli", "-h", HOST, "-p", str(self.port)]
        if self.password:
            argv += ["--no-auth-warning", "-a", self.password]
        return subprocess.run(argv + list(args), text=True, check=True, capture_output=True).stdout.strip()


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
