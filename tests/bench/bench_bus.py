#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Events from commit to consumer, and what they cost: one relay, one consumer, each a process of its own.

    make integration-bins; tests/bench/bench_bus.py [EVENTS]

First the outbox is filled, then relay and consumer carry it off: the rate is that of the slower of them, from their start
to the last acknowledged offset. CPU is user plus system time of the process, without PostgreSQL's, less that of a run
without events of the same length.
"""
import os
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
os.environ["FIT_BUILD"] = os.path.abspath(os.environ.get("FIT_BUILD") or f"{ROOT}/build/release")
sys.path[:0] = [f"{ROOT}/deploy/local", f"{ROOT}/tests/support", f"{ROOT}/tests/integration/bus"]
import conftest  # noqa: E402

TOPIC = "fit.workout.v1"
SUBJECTS = 500


def committed(bus):
    return bus.number("SELECT sum(committed) FROM fit_bus.group_partition WHERE grp = 'none'")


def cpu_us(part):
    return int(part.stop().split("cpu_us ")[1])


def fill(bus, n):
    bus.sql(f"""INSERT INTO bus_test.outbox (id, topic, type, subject, sequence, payload, created_at)
        SELECT gen_random_uuid(), '{TOPIC}', 'set_logged', md5((g % {SUBJECTS})::text)::uuid, g / {SUBJECTS} + 1,
        decode(repeat('ab', 200), 'hex'), now() FROM generate_series(0, {n - 1}) g; ANALYZE bus_test.outbox""")


def measure(bus, n):
    bus.reset()
    fill(bus, n)
    start = time.monotonic()
    relay = bus.run("relay")
    consumer = bus.run("consume", "none", 1, 500, TOPIC)
    while committed(bus) < n:
        time.sleep(0.1)
    seconds = time.monotonic() - start
    return seconds, cpu_us(relay), cpu_us(consumer)


def main():
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 50000
    bus = conftest.PgBus(tempfile.mkdtemp(prefix="fit-bench-bus-"))
    try:
        _, relay_idle, consumer_idle = measure(bus, 1)
        seconds, relay, consumer = measure(bus, n)
        print(f"{n} events of 200 bytes in {seconds:.1f} s: {n / seconds:.0f} events/s from outbox to consumer")
        print(f"relay {(relay - relay_idle) / n:.1f} us CPU per event, consumer {(consumer - consumer_idle) / n:.1f}")
    finally:
        bus.end()
        bus.postgres.stop()
        bus.postgres.destroy()


main()
