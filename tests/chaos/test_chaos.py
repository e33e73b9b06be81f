# SPDX-License-Identifier: Apache-2.0
"""kill -9 at random under demo-like load: every acknowledged write is there once, with its outbox, sync and idempotency row.

A few users train at once. Each write carries an idempotency key and is repeated with the same key until it is acknowledged,
as a phone would. Meanwhile a killer picks a victim at random (any executable, or Redis), kills it with SIGKILL and starts it
again. At the end nothing is in doubt: what every client was told must be exactly what the database holds.

CHAOS_MINUTES (default 1) and CHAOS_SEED choose length and order; the seed is printed.
"""
import http.client
import os
import random
import shutil
import sys
import tempfile
import threading
import time
import uuid

import pytest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path[:0] = [f"{ROOT}/deploy/local", f"{ROOT}/tests/support"]
from api import Api  # noqa: E402
from localstack import Stack, free_ports  # noqa: E402

BUILD = os.environ.get("FIT_BUILD", f"{ROOT}/build/release")
SECONDS = float(os.environ.get("CHAOS_MINUTES") or 1) * 60
SEED = int(os.environ.get("CHAOS_SEED") or random.SystemRandom().randrange(1 << 32))
USERS = 6
ROOMY = {"gateway": {"FIT_RATE_CLASSES": "default=100000000/900,auth=100000000/900"}}
TRANSIENT = (408, 409, 425, 429, 500, 502, 503, 504)


class Client:
    """One user's phone. `acked` is what the server confirmed: (kind, id, idempotency key)."""

    def __init__(self, api, rng, give_up):
        self.rng, self.give_up = rng, give_up
        self.acked, self.retries = [], 0
        self.api = api
        self.plans, self.exercise = {}, None

    def write(self, method, path, body, kind, etag=None):
        """Repeats until acknowledged; the key makes the repeats one."""
        key = f'"{uuid.UUID(int=self.rng.getrandbits(128), version=4)}"'
        while True:
            try:
                headers = {"Idempotency-Key": key} | ({"If-Match": etag} if etag else {})
                reply = self.api.request(method, path, body, headers)
                if reply.status in (200, 201, 204):
                    self.acked.append((kind, key))
                    return reply
                assert reply.status in TRANSIENT, f"{method} {path}: {reply.status} {reply.body[:300]!r}"
                if reply.status == 409:
                    assert b"IN_PROGRESS" in reply.body, reply.body
            except (OSError, http.client.HTTPException):
                pass
            self.retries += 1
            assert time.monotonic() < self.give_up, f"{method} {path} was never answered"
            time.sleep(0.02 + self.rng.random() * 0.1)

    def read(self, path):
        while True:
            try:
                reply = self.api.get(path)
                if reply.status == 200:
                    return reply
                assert reply.status in TRANSIENT, f"GET {path}: {reply.status} {reply.body[:300]!r}"
            except (OSError, http.client.HTTPException):
                pass
            assert time.monotonic() < self.give_up, f"GET {path} was never answered"
            time.sleep(0.05)

    def day(self):
        if self.exercise is None:
            self.exercise = self.read("/api/v1/exercises?query=squat&pageSize=1").json["exercises"][0]["id"]
        made = self.write("POST", "/api/v1/workouts/plans", {"name": "p", "exercises": [
            {"exerciseId": self.exercise, "sets": [{"repsMin": 5}]}]}, "plan_created")
        plan, tag = made.json["id"], made.headers["etag"]
        for n in range(self.rng.randrange(3)):
            changed = self.write("PATCH", f"/api/v1/workouts/plans/{plan}", {"name": f"p{n}"}, "plan_changed", etag=tag)
            tag = changed.headers["etag"]
        session = self.write("POST", "/api/v1/workouts/sessions", {"planId": plan}, "session_started").json["id"]
        for n in range(1 + self.rng.randrange(4)):
            self.write("POST", f"/api/v1/workouts/sessions/{session}/sets",
                       {"exerciseId": self.exercise, "reps": 5, "weight": 50 + n}, "set_logged")
        self.write("POST", f"/api/v1/workouts/sessions/{session}/complete", {}, "session_completed")

    def run(self, until):
        while time.monotonic() < until:
            self.day()


def kill_at_random(stack, rng, until, kills):
    victims = [d for d in stack.daemons() if d.name not in ("postgres", "devidp")]
    while time.monotonic() < until:
        time.sleep(0.2 + rng.random() * 1.5)
        victim = rng.choice(victims)
        victim.kill9()
        kills.append(victim.name)
        time.sleep(rng.random() * 0.3)
        victim.start()


@pytest.fixture
def stack():
    directory = tempfile.mkdtemp(prefix="fit-chaos-")
    stack = Stack(directory, BUILD, durable=True, ports=free_ports(), overrides=ROOMY)
    try:
        stack.up(say=lambda text: None)
        yield stack
    finally:
        stack.down(say=lambda text: None)
        if os.environ.get("CHAOS_KEEP"):
            print("kept:", directory)
        else:
            shutil.rmtree(directory, ignore_errors=True)


def test_every_acknowledged_write_is_there_once(stack):
    print(f"seed {SEED}, {SECONDS:.0f} s", flush=True)
    master = random.Random(SEED)
    api = Api("127.0.0.1", stack.ports["gateway"], stack.ports["devidp"])
    until = time.monotonic() + SECONDS
    clients = [Client(api.sign_in(f"chaos{i}@example.com"), random.Random(master.getrandbits(64)), until + 60) for i in range(USERS)]
    errors, kills = [], []

    def guarded(fn, *args):
        try:
            fn(*args)
        except BaseException as e:  # noqa: B902  # reported by the main thread
            errors.append(e)

    threads = [threading.Thread(target=guarded, args=(c.run, until)) for c in clients]
    threads.append(threading.Thread(target=guarded, args=(kill_at_random, stack, random.Random(master.getrandbits(64)), until, kills)))
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    acked = sum(len(c.acked) for c in clients)
    print(f"{acked} writes acknowledged, {sum(c.retries for c in clients)} repeats, {len(kills)} kills: "
          + ", ".join(f"{name} {kills.count(name)}" for name in sorted(set(kills))))
    if errors:
        raise errors[0]
    assert len(kills) >= SECONDS / 5 and acked > 20
    assert sum(c.retries for c in clients) > 0, "the kills were noticed by nobody"
    check(stack, clients)


def check(stack, clients):
    def rows(sql):
        return [line.split("|") for line in stack.postgres.psql(sql, stack._secret_path("pg_super"), database="fitness").splitlines()]

    for c in clients:
        owner = c.api.user["id"]
        kinds = [kind for kind, _ in c.acked]
        # The effects: as many as were acknowledged, and no more.
        plans = int(rows(f"SELECT count(*) FROM workout.workout_plans WHERE user_id = '{owner}'")[0][0])
        versions = int(rows(f"SELECT count(*) FROM workout.workout_plan_versions v JOIN workout.workout_plans p ON p.id = v.plan_id WHERE p.user_id = '{owner}'")[0][0])
        assert plans == kinds.count("plan_created"), owner
        assert versions == kinds.count("plan_created") + kinds.count("plan_changed"), owner
        sessions = [s for s in pages(c, "/api/v1/workouts/sessions", "sessions")]
        assert len(sessions) == kinds.count("session_started"), owner
        assert sum(len(e["sets"]) for s in sessions for e in s["exercises"]) == kinds.count("set_logged"), owner
        assert sum(s["status"] == "completed" for s in sessions) == kinds.count("session_completed"), owner
        # One idempotency row for each acknowledged key.
        keys = {row[0] for row in rows(f"SELECT convert_from(key, 'UTF8') FROM workout.idempotency WHERE owner = '{owner}'")}
        assert keys == {key.strip('"') for _, key in c.acked} or keys == {key for _, key in c.acked}, owner
        # One event for each effect, numbered without gaps.
        events = rows(f"SELECT type, sequence FROM workout.outbox WHERE subject = '{owner}' ORDER BY sequence")
        assert [int(seq) for _, seq in events] == list(range(1, len(events) + 1)), owner
        for kind in set(kinds):
            assert sum(t == kind for t, _ in events) == kinds.count(kind), (owner, kind)
        # Every change has its revision, numbered without gaps; changes of one transaction share theirs.
        revisions = [int(r[0]) for r in rows(f"SELECT DISTINCT rev FROM workout.sync_change WHERE user_id = '{owner}' ORDER BY rev")]
        assert revisions == list(range(1, len(c.acked) + 1)), owner


def pages(c, path, member):
    token = ""
    while True:
        page = c.read(f"{path}?pageSize=200&pageToken={token}").json
        yield from page[member]
        token = page["nextPageToken"]
        if not token:
            return

