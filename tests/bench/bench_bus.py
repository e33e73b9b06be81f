# SPDX-License-Identifier: Apache-2.0
"""bus: events from commit to consumer, and what they cost: one relay, one consumer, each a process of its own.

First the outbox of a durable PostgreSQL is filled with BENCH_EVENTS (50,000) events, then relay and consumer carry them off:
the rate is that of the slower of them, from their start to the last acknowledged offset. CPU is user plus system time of the
process, less that of a run with one event.
"""
import os
import shutil
import sys
import tempfile
import time

from kit import ROOT, Row, cpu_ns, descendants, fail

sys.path.insert(0, f"{ROOT}/tests/integration/bus")
EVENTS = int(os.environ.get("BENCH_EVENTS", "50000"))
TOPIC = "fit.workout.v1"
SUBJECTS = 500


def committed(bus):
    return sum(bus.driver.committed("none", TOPIC))


def fill(bus, n):
    bus.sql(f"""INSERT INTO bus_test.outbox (id, topic, type, subject, sequence, payload, created_at)
        SELECT gen_random_uuid(), '{TOPIC}', 'set_logged', md5((g % {SUBJECTS})::text)::uuid, g / {SUBJECTS} + 1,
        decode(repeat('ab', 200), 'hex'), now() FROM generate_series(0, {n - 1}) g; ANALYZE bus_test.outbox""")


def carry(bus, n):
    bus.reset()
    fill(bus, n)
    server = descendants(bus.postgres.pid())
    before = cpu_ns(server)
    start = time.monotonic()
    relay = bus.run("relay")
    consumer = bus.run("consume", "none", 1, 500, TOPIC)
    while committed(bus) < n:
        if time.monotonic() - start > 120:
            fail(f"{committed(bus)} of {n} events were handled in 120 s")
        time.sleep(0.1)
    seconds = time.monotonic() - start
    # Backends that came after the fill are not in `server`.
    postgres = cpu_ns(descendants(bus.postgres.pid())) - before
    if committed(bus) != n or bus.unsent():
        fail(f"{committed(bus)} of {n} events were handled, {bus.unsent()} were left")
    return seconds, {"relay": cpu_us(relay), "consumer": cpu_us(consumer), "postgres": postgres / 1000}


def cpu_us(part):
    return int(part.stop().split("cpu_us ")[1])


def bus(_world):
    import conftest
    folder = tempfile.mkdtemp(prefix="fit-bench-bus-")
    server = conftest.Bus("pg", folder, durable=True)
    try:
        _, idle = carry(server, 1)
        seconds, busy = carry(server, EVENTS)
    finally:
        server.end()
        server.postgres.stop()
        server.postgres.destroy()
        shutil.rmtree(folder, ignore_errors=True)
    return [Row(f"bus: {EVENTS:,} events of 200 bytes, commit to consumer", rate=EVENTS / seconds,
                cpu={name: (busy[name] - idle[name]) / EVENTS for name in busy})]
