# SPDX-License-Identifier: Apache-2.0
"""A bus under test: its driver, a PostgreSQL with outbox and effects, and the processes that the tests put together.

    make SANITIZER=address programs integration-bins; FIT_BUILD=build/address pytest tests/integration/bus

A driver joins by a class with the methods of PgDriver and its row in DRIVERS; every test of test_bus.py and
test_fitctl_bus.py then runs over it too. What only one driver has is tested in a file of its own (test_bus_pg.py).
"""
import collections
import ctypes
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time

import pytest
import stack

BUILD = pathlib.Path(os.environ["FIT_BUILD"])
PROGRAM = str(BUILD / "test" / "bus_test_program")
SCHEMA = "bus_test"
LEASE_S = 2  # shorter than in production: most of these tests wait for one to end
PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None)


class Part:
    """One process; its standard output is read at the end or line by line until "ready"."""

    def __init__(self, bus, *arguments, crash=None, env=None):
        self.log = tempfile.NamedTemporaryFile(mode="w+", prefix="fit-bus-", suffix=".log")
        self.name = arguments[0]
        # Not to outlive the tests, whatever ends them: it would join in the next run.
        self.process = subprocess.Popen([PROGRAM, *map(str, arguments)], text=True, stdout=subprocess.PIPE, stderr=self.log,
                                        preexec_fn=lambda: _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL),
                                        env=bus.environment() | (env or {}) | ({"FIT_CRASH_POINT": crash} if crash else {}))

    def wait_ready(self):
        line = self.process.stdout.readline()
        assert line == "ready\n", f"{self.name}: {line!r}\n{self.errors()}"
        return self

    def errors(self):
        self.log.seek(0)
        return self.log.read()[-4000:]

    def output(self, seconds=120):
        out, _ = self.process.communicate(timeout=seconds)
        return out

    def finish(self, seconds=120):
        out = self.output(seconds)
        assert self.process.returncode == 0, f"{self.name} ended with {self.process.returncode}\n{self.errors()}"
        return out

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        return self.finish(30)

    def kill9(self):
        self.process.kill()
        self.process.wait()

    def wait_killed(self, seconds=30):
        self.process.wait(timeout=seconds)
        assert self.process.returncode == -signal.SIGKILL, f"{self.process.returncode}\n{self.errors()}"

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()
        self.log.close()


Dead = collections.namedtuple("Dead", "group type attempts error")


class PgDriver:
    """The driver `pg`, in the server that has outbox and effects, as on one machine."""

    def __init__(self, postgres):
        self.sql = postgres.sql
        self.url = "pg:" + postgres.url("fit_bus", "fit_bus")
        self.owner_url = "pg:" + postgres.url("fit_owner")
        self.sql("DO $$ BEGIN CREATE ROLE fit_bus LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$")

    def wipe(self):
        """Before `migrate`, which makes it anew."""
        self.sql("DROP SCHEMA IF EXISTS fit_bus CASCADE")

    def stop(self):
        """The server is stopped by whoever started it."""

    def numbers(self, text):
        return [int(n) for n in self.sql(text).split()]

    def topics(self):
        return self.sql("SELECT name FROM fit_bus.topic ORDER BY name").split()

    def kept(self, topic):
        """{partition: offsets that can be read}"""
        kept = collections.defaultdict(list)
        for line in self.sql(f"""SELECT part, "offset" FROM fit_bus.log JOIN fit_bus.topic t ON t.id = topic_id AND
                t.name = '{topic}' ORDER BY 1, 2""").split():
            part, offset = line.split("|")
            kept[int(part)].append(int(offset))
        return kept

    def heads(self, topic):
        """By partition, the offset that comes next."""
        return self.numbers(f"""SELECT next_offset FROM fit_bus.partition_head JOIN fit_bus.topic t ON t.id = topic_id AND
            t.name = '{topic}' ORDER BY part""")

    def committed(self, group, topic):
        """By partition, where the group goes on."""
        return self.numbers(f"""SELECT committed FROM fit_bus.group_partition JOIN fit_bus.topic t ON t.id = topic_id AND
            t.name = '{topic}' WHERE grp = '{group}' ORDER BY part""")

    def shares(self, group):
        """How many partitions each owner has, ascending; those of nobody are left out."""
        return self.numbers(f"""SELECT count(*) FROM fit_bus.group_partition WHERE grp = '{group}' AND owner IS NOT NULL
            GROUP BY owner ORDER BY 1""")

    def retries(self):
        return self.numbers("SELECT count(*) FROM fit_bus.retry")[0]

    def dead(self):
        lines = self.sql("SELECT grp, type, attempt, error FROM fit_bus.dlq ORDER BY seq").splitlines()
        return [Dead(group, type_, int(attempts), error)
                for group, type_, attempts, error in (line.split("|", 3) for line in lines)]

    def expire(self):
        """All that is there now passes the retention."""
        self.sql("SELECT fit_bus.maintain_at(now() + interval '10 days'); SELECT fit_bus.maintain_at(now())")


DRIVERS = {"pg": PgDriver}


class Bus:
    """What the tests have in their hands: the driver's state, the effects, and processes."""

    def __init__(self, name, folder, durable=False):
        self.postgres = stack.start_postgres(os.path.join(folder, "pg"), stack.free_port(), durable)
        self.driver = DRIVERS[name](self.postgres)
        self.parts = []

    def environment(self):
        env = {k: v for k, v in os.environ.items() if not k.startswith(("FIT_", "TEST_"))}
        return env | {"TEST_BUS_URL": self.driver.url, "TEST_BUS_OWNER_URL": self.driver.owner_url,
                      "TEST_PG_URL": self.postgres.url("fit_workout", SCHEMA),
                      "TEST_PG_OWNER_URL": self.postgres.url("fit_owner"), "TEST_LEASE_MS": str(LEASE_S * 1000)}

    def sql(self, text):
        return self.postgres.sql(text)

    def reset(self):
        self.driver.wipe()
        self.sql(f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE")
        self.start("migrate").finish()

    def start(self, *arguments, **options):
        part = Part(self, *arguments, **options)
        self.parts.append(part)
        return part

    def run(self, *arguments, **options):
        """A part that runs until it is told to stop; returns when it is up."""
        return self.start(*arguments, **options).wait_ready()

    def end(self):
        for part in self.parts:
            part.close()
        self.parts.clear()

    # ---- what is where ----

    def number(self, text):
        return int(self.sql(text) or 0)

    def committed(self):
        return self.number(f"SELECT count(*) FROM {SCHEMA}.outbox")

    def unsent(self):
        return self.number(f"SELECT count(*) FROM {SCHEMA}.outbox WHERE published_at IS NULL")

    def applied(self, group, where="true"):
        return self.number(f"SELECT count(*) FROM {SCHEMA}.applied WHERE grp = '{group}' AND {where}")

    def handled(self, group):
        """Calls of the handler that had an effect: a transaction each."""
        return self.number(f"SELECT count(DISTINCT xmin::text) FROM {SCHEMA}.applied WHERE grp = '{group}'")

    def wait_applied(self, group, n, seconds=60, where="true"):
        wait_until(f"{n} effects of {group}", lambda: self.applied(group, where) >= n, seconds)

    def out_of_order(self, group):
        """Effects that came after a later one of their key."""
        return self.number(f"""SELECT count(*) FROM (SELECT sequence, max(sequence) OVER (PARTITION BY key ORDER BY n ROWS
            BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before FROM {SCHEMA}.applied WHERE grp = '{group}' AND
            attempt = 0) x WHERE sequence < before""")

    def repeated(self, group):
        return self.number(f"""SELECT count(*) - count(DISTINCT id) FROM {SCHEMA}.applied WHERE grp = '{group}'""")

    def missing(self, group):
        """Committed outbox events without an effect, and effects of events that were never committed."""
        return self.number(f"""SELECT count(*) FROM {SCHEMA}.outbox o FULL JOIN (SELECT id FROM {SCHEMA}.applied WHERE
            grp = '{group}' AND type = 'plan_deleted') a USING (id) WHERE o.seq IS NULL OR a.id IS NULL""")

    def check_exact(self, group):
        assert self.missing(group) == 0
        assert self.repeated(group) == 0
        assert self.out_of_order(group) == 0


def wait_until(what, done, seconds=60):
    end = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < end, f"{what}: not in {seconds} s"
        time.sleep(0.05)


@pytest.fixture(scope="session", name="server", params=sorted(DRIVERS))
def fixture_server(request):
    folder = tempfile.mkdtemp(prefix="fit-bus-")
    server = Bus(request.param, folder)
    yield server
    server.driver.stop()
    server.postgres.stop()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(name="bus")
def fixture_bus(server):
    server.reset()
    yield server
    server.end()
