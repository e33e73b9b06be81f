# SPDX-License-Identifier: Apache-2.0
"""The real way: an outbox, the relay, the bus, the consumer in the service; with processes that die on the way."""
import os
import random
import threading
import time

import grpc
import pytest
from notification_service import BUILD, Replica, bus_environment, record, stack, start_postgres
from user_service import Service as UserService

POINTS = ["notification.inbox.after_commit", "notification.delivery.after_send"]


@pytest.fixture(scope="module")
def place(tmp_path_factory, redis):
    """A PostgreSQL and a user service that publishes, of its own."""
    folder = str(tmp_path_factory.mktemp("consumer"))
    pg = start_postgres(f"{folder}/pg")
    os.makedirs(f"{folder}/user")
    users = UserService(f"{folder}/user", pg, **bus_environment(pg, owner=True)).start()
    yield folder, pg, users
    assert users.stop() == 0
    pg.stop()


@pytest.fixture(scope="module")
def make(place, redis):
    folder, pg, users = place

    def replica(**settings):
        return Replica(folder, pg, redis.url(), f"127.0.0.1:{users.port}", **settings)
    return replica


def welcomed(pg, users):
    rows = pg.sql("SELECT user_id, count(*) FROM notification.notifications WHERE kind = 'welcome' GROUP BY 1")
    counts = dict(row.split("|") for row in rows.splitlines())
    return len([u for u in users if u in counts]), {u: n for u, n in counts.items() if n != "1"}


def test_a_new_user_is_welcomed_live(place, make):
    folder, pg, users = place
    replica = make().start()
    user = users.new_user()
    stack.wait_until("the welcome", lambda: replica.kinds(user) == ["welcome"], 20)
    stream = replica.stream(user)
    stream.next()
    # A change of preferences is an event, and says nothing.
    users.call("UpdatePreferences", {"preferences": {"units": "lb"}, "updateMask": "units"}, user)
    other = users.new_user()
    stack.wait_until("the welcome", lambda: replica.kinds(other) == ["welcome"], 20)
    assert replica.kinds(user) == ["welcome"]
    stream.close()
    replica.stop()


def test_killed_at_random_every_user_is_welcomed_once(place, make):
    folder, pg, users = place
    seed = int(os.environ.get("FIT_SEED", random.randrange(1 << 30)))
    print("seed", seed)
    rng = random.Random(seed)
    replicas = [make().start() for _ in range(2)]
    made = []
    for i in range(6):
        made += [users.new_user() for _ in range(15)]
        time.sleep(rng.uniform(0, 0.15))
        victim = rng.randrange(2)
        replicas[victim].kill()
        made += [users.new_user() for _ in range(5)]
        replicas[victim].start()
    stack.wait_until("all welcomes", lambda: welcomed(pg, made)[0] == len(made), 60)
    assert welcomed(pg, made)[1] == {}, f"seed {seed}"
    gaps = pg.sql("SELECT count(*) FROM notification.inbox i WHERE last_sequence <> (SELECT count(*)"
                  " FROM notification.notifications n WHERE n.user_id = i.user_id)")
    assert gaps == "0", f"seed {seed}"
    for replica in replicas:
        replica.stop()


class Phone:
    """Reads its user's inbox stream on a thread; when the stream breaks, it goes on from what it saw last on any replica."""

    def __init__(self, user, replicas, rng, total):
        self.user, self.replicas, self.total = user, replicas, total
        self.rng = random.Random(rng.random())
        self.seen, self.last, self.breaks, self.stop = [], "0", 0, False
        self.thread = threading.Thread(target=self.read)
        self.thread.start()

    def read(self):
        while len(self.seen) < self.total and not self.stop:
            try:
                stream = self.rng.choice(self.replicas).stream(self.user, self.last, timeout=10)
                while len(self.seen) < self.total:
                    event = stream.next()
                    if event.WhichOneof("type") == "notification":
                        self.seen.append((event.notification.sequence, event.notification.id))
                    self.last = event.event_id
                stream.close()
            except (grpc.RpcError, StopIteration, ValueError):  # ValueError: a channel that was closed with its replica
                self.breaks += 1
                time.sleep(0.05)


def test_killed_at_random_under_a_flood_phones_see_each_entry_once(place, make):
    """Two replicas consume, deliver and serve streams; one of them dies again and again."""
    folder, pg, users = place
    seed = int(os.environ.get("FIT_SEED", random.randrange(1 << 30)))
    print("seed", seed)
    rng = random.Random(seed)
    replicas = [make(FIT_NOTIFICATION_POLL_MS="200").start() for _ in range(2)]
    people = [users.new_user() for _ in range(4)]
    rounds, at_once = 8, 25
    phones = [Phone(user, replicas, rng, 1 + rounds * at_once) for user in people]
    sequence = 1  # of the subject's outbox rows: the first is the user's creation
    try:
        for _ in range(rounds):
            rows = []
            for number in range(sequence + 1, sequence + 1 + at_once):
                for event in (record(user) for user in people):
                    rows.append(f"('{event.id}', '{event.topic}', '{event.type}', '{event.user}', {number},"
                                f" '\\x{event.wire.hex()}')")
            sequence += at_once
            pg.sql("INSERT INTO fitness_core.outbox (id, topic, type, subject, sequence, payload) VALUES " + ",".join(rows))
            time.sleep(rng.uniform(0, 0.4))
            victim = replicas[rng.randrange(2)]
            victim.kill()
            victim.start()
        for phone in phones:
            phone.thread.join(120)
    finally:
        for phone in phones:
            phone.stop = True
    for phone in phones:
        stored = pg.sql(f"SELECT sequence, id FROM notification.notifications WHERE user_id = '{phone.user}' ORDER BY sequence")
        stored = [(int(row.split("|")[0]), row.split("|")[1]) for row in stored.splitlines()]
        assert [n for n, _ in stored] == list(range(1, phone.total + 1)), f"seed {seed}"
        assert phone.seen == stored, f"seed {seed}"
    assert sum(phone.breaks for phone in phones) > 0, f"seed {seed}"
    for replica in replicas:
        replica.stop()


@pytest.mark.parametrize("point", POINTS)
def test_killed_at_each_crash_point(place, make, point):
    with open(f"{BUILD}/bin/notification", "rb") as f:
        if point.encode() not in f.read():
            pytest.skip("built without crash points")
    folder, pg, users = place
    user = users.new_user()
    users.call("UpdatePreferences", {"preferences": {"privacy": {"productEmails": True}}, "updateMask": "privacy"}, user)
    replica = make(FIT_CRASH_POINT=f"{point}:1")
    replica.start_only()
    assert replica.process.wait(30) == -9
    replica.process = None
    del replica.settings["FIT_CRASH_POINT"]
    replica.start()
    stack.wait_until("the welcome", lambda: replica.kinds(user) == ["welcome"], 30)
    # Who died holds the delivery for a minute; that is not waited for here.
    pg.sql(f"UPDATE notification.deliveries SET due_at = now() WHERE user_id = '{user}' AND state = 'waiting'")
    stack.wait_until("the mail", lambda: pg.sql(
        f"SELECT state FROM notification.deliveries WHERE user_id = '{user}' AND channel = 'mail'") == "sent", 30)
    event = pg.sql(f"SELECT event_id FROM notification.notifications WHERE user_id = '{user}'")
    assert [n for n in os.listdir(f"{replica.spool}/mail") if event in n] == [f"{event}-welcome.eml"]
    assert welcomed(pg, [user]) == (1, {})
    replica.stop()
