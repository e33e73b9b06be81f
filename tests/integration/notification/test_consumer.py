# SPDX-License-Identifier: Apache-2.0
"""The real way: an outbox, the relay, the bus, the consumer in the service; with processes that die on the way."""
import os
import random
import time

import pytest
from notification_service import BUILD, Replica, bus_environment, stack, start_postgres
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
