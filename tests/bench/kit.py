# SPDX-License-Identifier: Apache-2.0
"""What the rows of `make bench` share: the running stack, CPU of processes, and the table.

    world = World("/tmp/x"); world.stack.ports["gateway"]; world.tokens(100); world.close()
    with Cpu(world, "gateway", "user") as cpu: load()
    Row("chat", rate=…, p50=…, p99=…, cpu=cpu.each(n), also="…", gate="…", ok=True)
"""
import concurrent.futures
import dataclasses
import glob
import os
import re
import shutil
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.abspath(os.environ.setdefault("FIT_BUILD", f"{ROOT}/build/release"))
sys.path[:0] = [f"{ROOT}/deploy/local", f"{ROOT}/tests/support"]
import stackdefs  # noqa: E402
from api import Api  # noqa: E402
from localstack import Stack, free_ports  # noqa: E402

USERS = int(os.environ.get("BENCH_USERS", "1000"))
SEVEN = ["gateway", *stackdefs.SERVICES]
# The limits stay on, so that their cost is measured, but do not refuse.
ROOMY = {"gateway": {"FIT_RATE_CLASSES": ",".join(f"{name}=100000000/900" for name in ("default", "auth")),
                     "FIT_GATEWAY_THREADS": "1", "FIT_LOG_LEVEL": "info", "FIT_TOKEN_CACHE": str(USERS),
                     "FIT_MAX_CONNECTIONS_PER_IP": "10000"}}


def fail(text):
    sys.exit(f"error: {text}; the run does not count")


# ---- processes ----

def descendants(pid):
    out = [pid]
    for path in glob.glob("/proc/[0-9]*/stat"):
        try:
            with open(path) as f:
                fields = f.read().rsplit(")", 1)[1].split()
        except OSError:
            continue
        if int(fields[1]) == pid:
            out += descendants(int(path.split("/")[2]))
    return out


def pin(pid, cpus):
    for p in descendants(pid):
        subprocess.run(["taskset", "-acp", cpus, str(p)], capture_output=True, check=False)


def cpu_ns(pids):
    """User and kernel time of all live threads."""
    total = 0
    for pid in pids:
        for path in glob.glob(f"/proc/{pid}/task/*/schedstat"):
            try:
                with open(path) as f:
                    total += int(f.read().split()[0])
            except OSError:
                pass
    return total


def memory_mb(pid, what="Rss"):
    """Rss, Pss (shared pages divided among those who share them) or Anonymous."""
    with open(f"/proc/{pid}/smaps_rollup") as f:
        return int(re.search(rf"^{what}:\s+(\d+)", f.read(), re.M)[1]) / 1024


class Cpu:
    """CPU of daemons (with their children) between the with statement's two ends."""

    def __init__(self, world, *names):
        self.daemons = {d.name: d for d in world.stack.daemons() if d.name in names}

    def __enter__(self):
        self.pids = {name: descendants(d.pid()) for name, d in self.daemons.items()}
        self.start = {name: cpu_ns(pids) for name, pids in self.pids.items()}
        self.began = time.monotonic()
        return self

    def __exit__(self, *_):
        self.seconds = time.monotonic() - self.began
        self.ns = {name: cpu_ns(pids) - self.start[name] for name, pids in self.pids.items()}

    def each(self, n):
        """{daemon: microseconds per operation}"""
        return {name: ns / 1000 / n for name, ns in self.ns.items()}

    def percent(self, names=None):
        """Of one core."""
        return sum(ns for name, ns in self.ns.items() if names is None or name in names) / self.seconds / 1e7


# ---- the stack ----

class World:
    def __init__(self, folder):
        shutil.rmtree(folder, ignore_errors=True)
        os.makedirs(folder)
        self.folder = folder
        self.daemons = []  # of rows, beside the stack's; stopped at the end
        self._stack, self._tokens = None, []

    @property
    def stack(self):
        if self._stack is None:
            print("  starting the stack", flush=True)
            stack = Stack(f"{self.folder}/stack", BUILD, durable=True, ports=free_ports(), overrides=ROOMY)
            stack.up(say=lambda text: None)
            self._stack = stack
        return self._stack

    def api(self, token=None):
        return Api("127.0.0.1", self.stack.ports["gateway"], self.stack.ports["devidp"], token)

    def tokens(self, n):
        """Tokens of n users, the same ones each time."""
        def sign_in(i):
            api = self.api()
            me = api.sign_in(f"bench{i}@example.com")
            me.close()
            return me.token
        missing = range(len(self._tokens), n)
        if missing:
            self.stack  # noqa: B018  (started here, not by eight threads)
            print(f"  signing in {len(missing)} users", flush=True)
            with concurrent.futures.ThreadPoolExecutor(8) as pool:
                self._tokens += pool.map(sign_in, missing)
            self.settle()
        return self._tokens[:n]

    def exercise(self, index=0):
        return self.api(self.tokens(1)[0]).get("/api/v1/exercises?pageSize=2").ok(200)["exercises"][index]["id"]

    def sql(self, text):
        return self.stack.postgres.psql(text, self.stack._secret_path("pg_super"), database=stackdefs.DATABASE).strip()

    def settle(self, seconds=60):
        """Until every event that was committed has been handled, and what it asked to be delivered has been."""
        end = time.monotonic() + seconds
        waiting = " + ".join(f"(SELECT count(*) FROM {d[1]}.outbox WHERE published_at IS NULL)"
                             for d in stackdefs.SERVICES.values() if d)
        while self.sql(f"""SELECT {waiting}
                + (SELECT count(*) FROM notification.deliveries WHERE state = 'waiting' AND due_at <= now())
                + (SELECT coalesce(sum(h.next_offset - p.committed), 0) FROM fit_bus.group_partition p
                   JOIN fit_bus.partition_head h USING (topic_id, part))""") != "0":
            if time.monotonic() > end:
                fail(f"events still wait {seconds} s after the load")
            time.sleep(0.2)

    def close(self):
        for daemon in self.daemons:
            daemon.stop()
        if self._stack is not None:
            self._stack.down(say=lambda text: None)


# ---- the table ----

@dataclasses.dataclass
class Row:
    name: str
    rate: float = None  # operations a second
    p50: float = None  # ms
    p99: float = None
    cpu: dict = dataclasses.field(default_factory=dict)  # us per operation: {process: figure or (median, minimum)}
    also: str = ""
    gate: str = ""  # the goal, in words; `ok`: whether it is reached
    ok: bool = None


HEAD = ["row", "per s", "p50 ms", "p99 ms", "CPU us per operation", "also", "goal"]


def cells(row):
    def number(x):
        return "" if x is None else f"{x:,.0f}" if x >= 1000 else f"{x:.3g}"

    def cpu(x):
        return f"{x[0]:.1f} ({x[1]:.1f})" if isinstance(x, tuple) else f"{x:.1f}"
    goal = row.gate + {None: "", True: ": yes", False: ": NO"}[row.ok]
    return [row.name, number(row.rate), number(row.p50), number(row.p99),
            ", ".join(f"{name} {cpu(x)}" for name, x in row.cpu.items()), row.also, goal]


def table(rows, markdown):
    lines = [HEAD, *map(cells, rows)]
    if markdown:
        lines.insert(1, ["---", "---:", "---:", "---:", "---", "---", "---"])
        return "\n".join("| " + " | ".join(line) + " |" for line in lines)
    width = [max(len(line[i]) for line in lines) for i in range(4)]
    out = []
    for line in lines:
        out.append("  ".join([line[0].ljust(width[0]), *(line[i].rjust(width[i]) for i in (1, 2, 3))]))
        # What is long stands below its row.
        out += [f"      {title}: {text}" for title, text in zip(HEAD[4:], line[4:]) if text and line is not HEAD]
    return "\n".join(out)


def percentile(values, share):
    values = sorted(values)
    return values[min(len(values) - 1, int(len(values) * share))] if values else None
