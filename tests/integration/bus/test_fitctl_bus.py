# SPDX-License-Identifier: Apache-2.0
"""fitctl events and dlq, against a bus on which something went wrong."""
import json
import subprocess

from conftest import BUILD, SCHEMA, wait_until

TOPIC = "fit.workout.v1"


def fitctl(bus, *args, code=0):
    env = bus.environment()
    env |= {"FIT_BUS_URL": env["TEST_BUS_URL"], "FIT_BUS_OWNER_URL": env["TEST_BUS_OWNER_URL"]}
    done = subprocess.run([str(BUILD / "bin" / "fitctl"), *map(str, args)], env=env, text=True, capture_output=True,
                          timeout=60, check=False)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout if code == 0 else done.stderr


def test_dead_letters(bus, tmp_path):
    """List, show, drop; a replayed event goes to the group that it failed in, and is applied once."""
    bus.start("produce", TOPIC, 2, "poison").finish()
    poisoned = bus.run("consume", "g", 1, 50, TOPIC)
    bus.run("consume", "other", 1, 50, TOPIC)
    wait_until("dead letters", lambda: len(bus.driver.dead()) == 4, 30)
    lines = fitctl(bus, "dlq", "list", "--group", "g").splitlines()[1:]
    assert len(lines) == 2
    assert all("poison" in line and "this is poison" in line for line in lines)
    first, second = (int(line.split()[0]) for line in lines)
    shown = dict(line.split(None, 1) for line in fitctl(bus, "dlq", "show", first).splitlines() if " " in line)
    assert shown["topic"] == TOPIC
    assert shown["attempts"] == "3"
    dead = [json.loads(line) for line in fitctl(bus, "dlq", "list", "--json").splitlines()]
    assert [row["group"] for row in dead].count("g") == 2 and [row["event"] for row in dead] == [None] * 4
    assert json.loads(fitctl(bus, "dlq", "show", first, "--json")) in dead
    fitctl(bus, "dlq", "drop", second)
    assert "no such dead letter" in fitctl(bus, "dlq", "drop", second, code=1)
    assert "no such dead letter" in fitctl(bus, "dlq", "replay", 999999, code=1)
    # The handler is mended: what was poison is nothing special now.
    poisoned.stop()
    bus.run("consume", "g", 1, 50, TOPIC, env={"TEST_MENDED": "1"})
    fitctl(bus, "dlq", "replay", first)
    bus.wait_applied("g", 1, 20)
    assert bus.applied("other") == 0
    assert len(fitctl(bus, "dlq", "list").splitlines()) == 1 + 2
    for words in (("replay", "--group", "other", "1"), ("show", "--group", "other"), ("drop",), ("list", "1")):
        fitctl(bus, "dlq", *words, code=2)
    fitctl(bus, "dlq", "drop", "--group", "other")
    assert bus.driver.dead() == []
    wait_until("the commit", lambda: bus.driver.retries() == 0, 10)


def test_lag_and_tail(bus):
    bus.start("outbox", 5, 20, 2, 0).finish()
    relay = bus.run("relay")
    consumer = bus.run("consume", "g", 1, 50, TOPIC)
    bus.wait_applied("g", 100)
    consumer.stop()
    bus.start("outbox", 5, 10, 2, 0).finish()
    wait_until("the relay", lambda: bus.unsent() == 0)
    relay.stop()
    line = fitctl(bus, "events", "lag").splitlines()[1].split()
    assert line == ["g", TOPIC, "50", "0", "8"]
    assert json.loads(fitctl(bus, "events", "lag", "--json")) == {
        "group": "g", "topic": TOPIC, "lag": 50, "retries": 0, "partitionsWithoutReader": 8}
    assert len(fitctl(bus, "events", "lag", "--all").splitlines()) == 1 + 8
    parts = [json.loads(line) for line in fitctl(bus, "events", "lag", "--all", "--json").splitlines()]
    assert sum(part["lag"] for part in parts) == 50 and {part["owner"] for part in parts} == {None}
    lines = fitctl(bus, "events", "tail", TOPIC, "--oldest").splitlines()
    assert len(lines) == 150
    event = json.loads(lines[0].split(" ", 4)[4])
    assert event["planDeleted"] == {} and event["subject"] == lines[0].split()[2]
    rows = [json.loads(line) for line in fitctl(bus, "events", "tail", TOPIC, "--oldest", "--json").splitlines()]
    assert len(rows) == 150 and rows[0]["event"] == event and rows[0]["key"] == event["subject"]
    assert "no topic" in fitctl(bus, "events", "tail", "nothing", code=1)
    assert "is not lag" in fitctl(bus, "events", "what", code=2)


def test_rewind(bus):
    """The whole topic again: nothing changes, since each event is known."""
    bus.run("relay")
    bus.start("outbox", 5, 20, 2, 0).finish()
    bus.run("consume", "g", 1, 50, TOPIC)
    bus.wait_applied("g", 100)
    before = bus.sql(f"SELECT md5(string_agg(a::text, ',' ORDER BY n)) FROM {SCHEMA}.applied a")
    assert TOPIC in fitctl(bus, "events", "rewind", "g", TOPIC)
    wait_until("the second reading", lambda: bus.driver.committed("g", TOPIC) == bus.driver.heads(TOPIC))
    assert bus.sql(f"SELECT md5(string_agg(a::text, ',' ORDER BY n)) FROM {SCHEMA}.applied a") == before
    assert "no such group" in fitctl(bus, "events", "rewind", "nobody", TOPIC, code=1)


def test_init_repeats(bus):
    fitctl(bus, "events", "init")
    assert len(bus.driver.topics()) == 5
