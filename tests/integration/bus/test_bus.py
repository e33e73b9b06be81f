# SPDX-License-Identifier: Apache-2.0
"""What every driver of the bus keeps: order per key, at least once, each effect once, poison aside, retention, replay.

The processes are killed for real, at every named place and at random; what counts is what is in the database at the end.
"""
import json
import random
import signal
import time

import pytest
from conftest import LEASE_S, SCHEMA, Dead, wait_until

TOPIC = "fit.workout.v1"
MIXED = {"TEST_MIXED": "1"}  # the consumer takes batches of several partitions
both_kinds = pytest.mark.parametrize("kind", [{}, MIXED], ids=["single", "mixed"])


@both_kinds
def test_commit_to_effect(bus, kind):
    """Slow and fast transactions, a relay, a consumer: every event once, in order, no gap per subject."""
    bus.run("relay")
    bus.run("consume", "g", 2, 50, TOPIC, env=kind)
    bus.start("outbox", 20, 50, 8, 5).finish()
    bus.wait_applied("g", 1000)
    bus.check_exact("g")
    gaps = bus.number(f"""SELECT count(*) FROM (SELECT key, count(*) AS n, max(sequence) AS last FROM {SCHEMA}.applied
        GROUP BY key) x WHERE n <> last""")
    assert gaps == 0


def test_groups_are_apart(bus):
    for group in ("a", "b"):
        bus.run("consume", group, 1, 50, TOPIC)
    bus.start("produce", TOPIC, 300, "x").finish()
    for group in ("a", "b"):
        bus.wait_applied(group, 300)
        assert bus.repeated(group) == 0


def test_a_mixed_batch_is_of_many_partitions(bus):
    """What waits in other partitions and topics goes along; a batch is no longer than it may be."""
    topics = (TOPIC, "fit.user.v1")
    for topic in topics:
        bus.start("produce", topic, 400, "x").finish()
    bus.run("consume", "single", 1, 300, *topics)
    bus.run("consume", "mixed", 1, 300, *topics, env=MIXED)
    for group in ("single", "mixed"):
        bus.wait_applied(group, 800)
        for topic in topics:
            wait_until("the commits", lambda g=group, t=topic: bus.driver.committed(g, t) == bus.driver.heads(t), 20)
        assert bus.repeated(group) == 0
    assert bus.handled("single") >= 16
    assert 3 <= bus.handled("mixed") <= 4


# ---- killed at every named place ----

@pytest.mark.parametrize("point", ["relay.after_read", "bus.before_produce", "bus.after_produce", "relay.after_produce",
                                   "relay.after_mark"])
@pytest.mark.parametrize("hit", [1, 3])
def test_relay_killed(bus, point, hit):
    bus.run("consume", "g", 1, 50, TOPIC)
    dies = bus.run("relay", crash=f"{point}:{hit}")
    # It lasts for several turns of the relay.
    writer = bus.start("outbox", 10, 40, 4, 20)
    dies.wait_killed()
    bus.run("relay")
    writer.finish()
    bus.wait_applied("g", bus.committed())
    bus.check_exact("g")
    wait_until("marks", lambda: bus.unsent() == 0, 20)


@pytest.mark.parametrize("point", ["consumer.before_handle", "consumer.after_handle", "consumer.before_commit",
                                   "consumer.after_commit", "consumer.after_sync"])
@pytest.mark.parametrize("hit, kind", [(1, {}), (4, {}), (3, MIXED)])
def test_consumer_killed(bus, point, hit, kind):
    bus.run("relay")
    dies = bus.start("consume", "g", 1, 10, TOPIC, crash=f"{point}:{hit}", env=kind)
    bus.start("outbox", 10, 40, 4, 2).finish()
    dies.wait_killed()
    bus.run("consume", "g", 1, 10, TOPIC, env=kind)
    bus.wait_applied("g", bus.committed())
    bus.check_exact("g")
    assert bus.driver.dead() == []


@pytest.mark.parametrize("point", ["bus.before_produce", "bus.after_produce"])
def test_producer_killed(bus, point):
    """What was acknowledged is there; what was not may be, once for each id."""
    producer = bus.start("produce", TOPIC, 1000, "x", crash=f"{point}:4")
    acked = {line.split()[1] for line in producer.output().splitlines()}
    assert len(acked) == 300
    bus.run("consume", "g", 1, 100, TOPIC)
    bus.wait_applied("g", 300 if point == "bus.before_produce" else 400)
    got = set(bus.sql(f"SELECT id FROM {SCHEMA}.applied").split())
    assert acked <= got
    assert len(got) == (300 if point == "bus.before_produce" else 400)
    assert bus.repeated("g") == 0


def test_killed_at_random(bus):
    """Two relays and two consumers, one of the four killed again and again while events are committed."""
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    dice = random.Random(seed)
    start = {"relay": ("relay",), "consume": ("consume", "g", 2, 20, TOPIC)}
    parts = [(kind, bus.run(*start[kind], env=dice.choice(({}, MIXED)))) for kind in ("relay", "relay", "consume", "consume")]
    writer = bus.start("outbox", 20, 150, 4, 8)
    kills = 0
    while writer.process.poll() is None:
        time.sleep(dice.uniform(0.2, 1.0))
        i = dice.randrange(len(parts))
        kind, part = parts[i]
        part.kill9()
        kills += 1
        parts[i] = (kind, bus.run(*start[kind], env=dice.choice(({}, MIXED))))
    writer.finish()
    assert kills >= 5
    bus.wait_applied("g", bus.committed(), 60)
    bus.check_exact("g")
    assert bus.driver.dead() == []


# ---- members ----

@both_kinds
def test_rebalance(bus, kind):
    """Members come and go while messages flow; partitions are shared by all that are there."""
    first = bus.run("consume", "g", 1, 20, TOPIC, env=kind)
    wait_until("one owner", lambda: bus.driver.shares("g") == [8])
    bus.run("relay")
    writer = bus.start("outbox", 40, 100, 4, 4)
    second = bus.run("consume", "g", 1, 20, TOPIC, env=kind)
    third = bus.run("consume", "g", 1, 20, TOPIC, env=kind)
    wait_until("fair shares", lambda: bus.driver.shares("g") == [2, 3, 3], 20)
    first.stop()
    wait_until("two owners", lambda: bus.driver.shares("g") == [4, 4], 20)
    second.kill9()
    wait_until("one owner", lambda: bus.driver.shares("g") == [8], 20)
    writer.finish()
    bus.wait_applied("g", 4000)
    bus.check_exact("g")
    assert "commit_failed" not in third.errors()


@both_kinds
def test_frozen_member_is_fenced(bus, kind):
    """A process that sleeps past its lease loses its partitions; what it then commits is refused."""
    sleeper = bus.run("consume", "g", 1, 20, TOPIC, env=kind)
    bus.run("relay")
    writer = bus.start("outbox", 20, 50, 4, 4)
    bus.wait_applied("g", 50)
    sleeper.process.send_signal(signal.SIGSTOP)
    bus.run("consume", "g", 1, 20, TOPIC)
    writer.finish()
    bus.wait_applied("g", 1000, 30)
    sleeper.process.send_signal(signal.SIGCONT)
    wait_until("two owners", lambda: bus.driver.shares("g") == [4, 4], 20)
    bus.start("produce", TOPIC, 100, "x").finish()
    bus.wait_applied("g", 1100, 20)
    bus.check_exact("g")


def test_frozen_relay(bus):
    """Its shards go to another one; what it sends after it wakes is known already."""
    bus.run("consume", "g", 1, 50, TOPIC)
    sleeper = bus.run("relay")
    writer = bus.start("outbox", 20, 50, 4, 4)
    bus.wait_applied("g", 50)
    sleeper.process.send_signal(signal.SIGSTOP)
    bus.run("relay")
    writer.finish()
    bus.wait_applied("g", 1000, 40)
    sleeper.process.send_signal(signal.SIGCONT)
    wait_until("marks", lambda: bus.unsent() == 0, 20)
    bus.check_exact("g")


# ---- what goes wrong in a handler ----

@both_kinds
def test_poison_goes_aside(bus, kind):
    """One bad message among many: the others of its partition are applied, it is tried again, then given up."""
    bus.start("produce", TOPIC, 100, "x").finish()
    bus.start("produce", TOPIC, 1, "poison").finish()
    bus.start("produce", TOPIC, 100, "x").finish()
    consumer = bus.run("consume", "g", 1, 200, TOPIC, env=kind)
    bus.wait_applied("g", 200)
    wait_until("a dead letter", bus.driver.dead, 20)
    assert bus.driver.dead() == [Dead("g", "poison", 3, "INVALID_ARGUMENT: this is poison")]
    assert bus.repeated("g") == 0
    assert consumer.errors().count('"message_retried"') == 2
    assert consumer.errors().count('"message_dead"') == 1
    assert bus.driver.retries() == 0


def test_crashing_message_goes_aside(bus):
    """A message that ends its reader is put aside after it has done so often enough; the rest goes on."""
    bus.start("produce", TOPIC, 1500, "x").finish()
    bus.start("produce", TOPIC, 1, "crash").finish()
    bus.start("produce", TOPIC, 500, "x").finish()
    deaths = 0
    while deaths < 10:
        consumer = bus.start("consume", "g", 1, 200, TOPIC)
        wait_until("an end", lambda c=consumer: c.process.poll() is not None or bus.driver.dead(), 60)
        if consumer.process.poll() is None:
            break
        deaths += 1
    # Once in its batch, once in one of twelve, with nobody knowing which; then three times alone.
    assert deaths == 5
    bus.wait_applied("g", 2000)
    assert bus.repeated("g") == 0
    assert [dead.type for dead in bus.driver.dead()] == ["crash"]


@pytest.mark.parametrize("point", ["consumer.before_handle", "consumer.after_handle", "consumer.before_commit",
                                   "consumer.after_commit"])
def test_recovery_is_quick(bus, point):
    """After an unclean end, and another one while recovering, what is left is read in parts, not one by one."""
    bus.start("produce", TOPIC, 2400, "x").finish()
    for hit in (1, 5):
        bus.start("consume", "g", 1, 160, TOPIC, crash=f"{point}:{hit}").wait_killed()
    bus.run("consume", "g", 1, 160, TOPIC)
    bus.wait_applied("g", 2400)
    assert bus.repeated("g") == 0 and bus.driver.dead() == []
    # 16 parts for each of 8 partitions, and as many for the part that the second one died over; then what nobody suspects.
    assert bus.handled("g") <= 16 * 8 + 16 + 3 * 8


def test_care_ends_with_what_the_dead_one_can_have_had(bus, tmp_path):
    """What comes later is under no suspicion: it is read in whole batches."""
    away = tmp_path / "away"
    bus.start("produce", TOPIC, 80, "x").finish()
    bus.start("consume", "g", 1, 160, TOPIC, crash="consumer.before_handle:1").wait_killed()
    consumer = bus.run("consume", "g", 1, 160, TOPIC, env={"TEST_AWAY": str(away)})
    bus.wait_applied("g", 80)
    assert bus.handled("g") <= 2 * 8, "few messages are not parted on mere suspicion"
    away.touch()
    bus.start("produce", TOPIC, 100, "x").finish()
    wait_until("a pause", lambda: "consumer_paused" in consumer.errors(), 10)
    bus.start("produce", TOPIC, 1100, "x").finish()
    before = bus.handled("g")
    away.unlink()
    bus.wait_applied("g", 1280, 60)
    # 150 in each of 8 partitions: what was tried in vain, then the rest.
    assert bus.handled("g") - before <= 4 * 8


def test_sink_away(bus, tmp_path):
    """The group waits, as its member, and goes on; nothing is put aside."""
    away = tmp_path / "away"
    away.touch()
    consumer = bus.run("consume", "g", 1, 50, TOPIC, env={"TEST_AWAY": str(away)})
    bus.start("produce", TOPIC, 200, "x").finish()
    wait_until("a pause", lambda: "consumer_paused" in consumer.errors(), 10)
    time.sleep(1.5 * LEASE_S)  # it must renew while it waits
    assert bus.driver.shares("g") == [8]
    away.unlink()
    bus.wait_applied("g", 200, 60)
    assert bus.driver.dead() == [] and bus.driver.retries() == 0


def test_bus_server_restarts(bus):
    bus.run("relay")
    bus.run("consume", "g", 1, 50, TOPIC)
    bus.start("outbox", 10, 20, 2, 2).finish()
    bus.postgres.restart()
    bus.start("outbox", 10, 20, 2, 2).finish()
    bus.wait_applied("g", 400, 60)
    bus.check_exact("g")


def test_refused_event_does_not_block(bus):
    """An event of an unknown topic stays in the outbox, counted; what comes behind it is sent."""
    bus.start("outbox", 10, 10, 2, 0).finish()
    bus.sql(f"""INSERT INTO {SCHEMA}.outbox (id, topic, type, subject, sequence, payload) VALUES
        ('01900000-0000-7000-8000-000000000001', 'no.such.topic', 't', gen_random_uuid(), 1, 'x')""")
    bus.start("outbox", 10, 10, 2, 0).finish()
    bus.run("relay")
    bus.run("consume", "g", 1, 50, TOPIC)
    bus.wait_applied("g", 200)
    assert bus.sql(f"SELECT topic, attempts FROM {SCHEMA}.outbox WHERE published_at IS NULL") == "no.such.topic|1"


# ---- keeping and reading again ----

def test_retention(bus):
    """What is past the retention goes; a group that was behind goes on with what is there, and says what it missed."""
    bus.start("produce", TOPIC, 100, "old").finish()
    assert sum(map(len, bus.driver.kept(TOPIC).values())) == 100
    bus.driver.expire()
    assert not bus.driver.kept(TOPIC)
    bus.start("produce", TOPIC, 100, "new").finish()
    consumer = bus.run("consume", "g", 1, 50, TOPIC)
    bus.wait_applied("g", 100)
    assert bus.applied("g", "type = 'old'") == 0
    expired = [json.loads(line) for line in consumer.errors().splitlines() if "messages_expired" in line]
    assert sum(line["messages"] for line in expired) == 100
    wait_until("the commits", lambda: bus.driver.committed("g", TOPIC) == bus.driver.heads(TOPIC), 20)


def test_offsets_have_no_gaps(bus):
    producers = [bus.start("produce", TOPIC, 1000, "x") for _ in range(3)]
    for producer in producers:
        producer.finish()
    kept = bus.driver.kept(TOPIC)
    assert sum(map(len, kept.values())) == 3000
    assert kept == {part: list(range(head)) for part, head in enumerate(bus.driver.heads(TOPIC))}
