# SPDX-License-Identifier: Apache-2.0
"""inbox: commit to open inbox stream, through everything: BENCH_RATE (500) events a second for BENCH_INBOX_SECONDS (15).

100 users with an open inbox stream log sets of rising weight through the gateway; each set is a record of weight and of
e1RM, which the inbox tells, and a logged set, which it does not: three events a write. Latency is from the event's own time,
taken just before its transaction commits, to the bytes at the client, so the commit's fsync, relay, bus, consumer, inbox,
wake-up, stream and gateway are in it. Every record in the outbox must arrive once.

streams: 2,000 open inbox streams of 1,000 users, and nothing to tell: memory they add, CPU over 20 s. Then a hundred clients
go, one after another: from the socket's close to the service's count of streams, as its metrics tell it.
"""
import datetime
import multiprocessing
import os
import threading
import time
import urllib.request

from kit import SEVEN, Cpu, Row, fail, memory_mb, percentile
from sse import Streams

RATE = int(os.environ.get("BENCH_RATE", "500"))
SECONDS = int(os.environ.get("BENCH_INBOX_SECONDS", "15"))
STREAMS = int(os.environ.get("BENCH_STREAMS", "2000"))
STREAM_SECONDS = 20
CLIENTS_GONE = 100
READERS = 100
WRITERS = 8
EVENTS_A_WRITE = 3
GRAMS = 500


# ---- commit to inbox ----

def read_streams(port, tokens, pipe):
    """A process of its own, so that the writers' Python does not delay what is timed."""
    streams = Streams(port)
    streams.open(tokens)
    pipe.send("open")
    streams.read_for(SECONDS + 120, until=pipe.poll)
    # What is on its way: until nothing comes for a while.
    n = -1
    while n != len(streams.arrived):
        n = len(streams.arrived)
        streams.read_for(2)
    streams.close()
    pipe.send(streams.arrived)


def begin_day(world, token, exercise):
    """A session in the past with one set, so that there is something to beat; returns the path of today's."""
    api = world.api(token)
    for start in ({"startedAt": "2026-01-05T18:00:00Z"}, {}):
        session = api.post("/api/v1/workouts/sessions", start | {"exercises": [{"exerciseId": exercise}]}).ok(201)
        path = f"/api/v1/workouts/sessions/{session['id']}/sets"
        if start:
            api.post(path, {"exerciseId": exercise, "reps": 5, "weight": 50}).ok(201)
    api.close()
    return path


def write(world, tokens, paths, exercise, start, share, failures):
    """Every WRITERS-th write of the common clock."""
    apis = [world.api(token) for token in tokens]
    period = EVENTS_A_WRITE / RATE
    for i in range(share, int(SECONDS / period), WRITERS):
        pause = start + i * period - time.monotonic()
        if pause > 0:
            time.sleep(pause)
        user, turn = i % len(tokens), i // len(tokens)
        reply = apis[user].post(paths[user], {"exerciseId": exercise, "reps": 5, "weight": 60 + turn * GRAMS / 1000},
                                key=os.urandom(8).hex())
        if reply.status != 201:
            failures.append(f"{reply.status} {reply.body[:200]!r}")
            return
    for api in apis:
        api.close()


def load(world, tokens, paths, exercise):
    """Returns how long the writes took."""
    failures = []
    start = time.monotonic() + 0.1
    threads = [threading.Thread(target=write, args=(world, tokens, paths, exercise, start, i, failures)) for i in range(WRITERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        fail(f"a write: {failures[0]}")
    return time.monotonic() - start


def event_count(world, since, kind):
    return int(world.sql(f"SELECT count(*) FROM workout.outbox WHERE {kind} AND created_at >= to_timestamp({since})"))


def delay_ms(arrival):
    now, _, text = arrival
    return (now - datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()) * 1000


def inbox(world):
    tokens = world.tokens(READERS)
    exercise = world.exercise(1)  # not that of the HTTP rows, whose sets would hold the records
    paths = [begin_day(world, token, exercise) for token in tokens]
    world.settle()
    ours, theirs = multiprocessing.Pipe()
    reader = multiprocessing.Process(target=read_streams, args=(world.stack.ports["gateway"], tokens, theirs), daemon=True)
    reader.start()
    if not ours.poll(60) or ours.recv() != "open":
        fail("the inbox streams did not open")
    since = time.time()
    with Cpu(world, *SEVEN, "postgres") as cpu:
        seconds = load(world, tokens, paths, exercise)
        world.settle()
    ours.send("stop")
    arrived = [a for a in ours.recv() if a[1].startswith("record_")]
    reader.join()
    events, records = event_count(world, since, "true"), event_count(world, since, "type = 'record_set'")
    if len(arrived) != records or not records:
        fail(f"{records} records were committed, {len(arrived)} arrived at open streams")
    delays = [delay_ms(a) for a in arrived]
    return [Row(f"inbox: commit to open stream at {RATE} events/s", rate=events / seconds, p50=percentile(delays, 0.5),
                p99=percentile(delays, 0.99),
                cpu={n: cpu.each(events)[n] for n in ("gateway", "workout", "notification", "analytics", "postgres")},
                also=f"{records:,} notifications of {events:,} events; CPU per event with its share of the write",
                gate=f"{RATE} events/s", ok=events / seconds > 0.97 * RATE)]


# ---- idle streams ----

def open_streams(port):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as reply:
        text = reply.read().decode()
    return float(next(line for line in text.splitlines() if line.startswith("notification_streams_open ")).split()[1])


def time_to_cancel(port, sock):
    """Milliseconds."""
    before, start = open_streams(port), time.monotonic()
    sock.close()
    while open_streams(port) >= before:
        if time.monotonic() > start + 10:
            fail("a stream outlives its client by ten seconds")
    return (time.monotonic() - start) * 1000


def streams(world):
    tokens = world.tokens((STREAMS + 1) // 2)
    parts = {n: world.stack.programs[n].pid() for n in ("gateway", "notification")}
    before = {n: memory_mb(pid, "Rss") for n, pid in parts.items()}
    opened = Streams(world.stack.ports["gateway"])
    opened.open((tokens * 2)[:STREAMS], 60)
    opened.read_for(3)
    growth = {n: memory_mb(pid, "Rss") - before[n] for n, pid in parts.items()}
    with Cpu(world, *parts) as cpu:
        opened.read_for(STREAM_SECONDS)
    idle = {n: cpu.percent([n]) for n in parts}
    gone = [time_to_cancel(world.stack.ports["notification_admin"], sock) for sock in opened.take(CLIENTS_GONE)]
    opened.close()
    return [Row(f"streams: {STREAMS:,} idle inbox streams",
                also=", ".join(f"{n} {growth[n]:+.1f} MB, {idle[n]:.2f} % of a core" for n in parts),
                gate="60 MB in the gateway", ok=growth["gateway"] < 60),
            Row("streams: client gone to call cancelled", p50=percentile(gone, 0.5), p99=percentile(gone, 0.99),
                gate="100 ms", ok=max(gone) < 100)]
