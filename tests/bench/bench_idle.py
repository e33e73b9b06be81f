# SPDX-License-Identifier: Apache-2.0
"""idle: what the seven executables cost while nobody asks anything: CPU over BENCH_IDLE_SECONDS (30), and memory.

Their sum is set beside the goal. Stores are named beside it, as our polling is part of their load. "after the load" is the
same once more when other rows have run: what they left in memory.
"""
import os
import time

from kit import SEVEN, Cpu, Row, memory_mb

SECONDS = int(os.environ.get("BENCH_IDLE_SECONDS", "30"))
STORES = ["postgres", "redis", "clickhouse"]


def measure(world, name, goal):
    with Cpu(world, *SEVEN, *STORES) as cpu:
        time.sleep(SECONDS)
    pids = [world.stack.programs[n].pid() for n in SEVEN]
    rss, pss = (sum(memory_mb(pid, what) for pid in pids) for what in ("Rss", "Pss"))
    mine = cpu.percent(SEVEN)
    stores = ", ".join(f"{n} {cpu.percent([n]):.2f} %" for n in STORES)
    return Row(name, also=f"{mine:.2f} % of a core, {rss:.1f} MB resident ({pss:.1f} MB with shared pages divided); {stores}",
               gate="1 % of a core, 120 MB" if goal else "", ok=mine < 1 and rss < 120 if goal else None)


def each(world):
    def ready_ms(program):
        with open(program.ready_file) as f:
            return int(f.read())
    found = {p.name: (ready_ms(p), memory_mb(p.pid())) for p in world.stack.programs.values() if p.name in SEVEN}
    return Row("start to ready, memory", also=", ".join(f"{n} {ms} ms {mb:.1f} MB" for n, (ms, mb) in found.items()),
               gate="200 ms, 20 MB each", ok=all(ms < 200 and mb < 20 for ms, mb in found.values()))


def idle(world):
    world.stack  # noqa: B018  (starts it)
    world.settle()
    return [each(world), measure(world, "idle, all seven", True)]


def idle_after(world):
    world.stack  # noqa: B018
    world.settle()
    return [measure(world, "idle, after the load", False)]
