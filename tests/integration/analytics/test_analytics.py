# SPDX-License-Identifier: Apache-2.0
"""Behaviour events all the way: RPC, bus, consumer, ClickHouse, and back as figures. Outages and kills in between."""
import datetime
import time
import uuid

import pytest
from analytics_service import Failure, Service, stack

NOW = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)


def at(**ago):
    return (NOW - datetime.timedelta(**ago)).isoformat().replace("+00:00", "Z")


def screen(name="home", **ago):
    return {"id": str(uuid.uuid4()), "time": at(**ago), "screen": {"name": name}}


def stored(clickhouse, user):
    return clickhouse.number(f"SELECT uniqExact(event_id) FROM events WHERE user_id = toUUID('{user}')")


def wait_stored(clickhouse, user, n, seconds=20):
    stack.wait_until(f"{n} events of {user}", lambda: stored(clickhouse, user) == n, seconds)


def test_events_come_back_as_figures(service, clickhouse, ana):
    events = [screen("home"), screen("home", hours=1), screen("plan_editor"),
              {"id": str(uuid.uuid4()), "time": at(), "feature": {"name": "exercise_swap"}},
              {"id": str(uuid.uuid4()), "time": at(), "duration": {"name": "home", "milliseconds": 1500}}]
    batch = {"events": events, "platform": "ios", "appVersion": "2.14.0"}
    for _ in range(3):  # a phone sends again what was not answered
        assert service.call("RecordEvents", batch, ana) == {"accepted": 5, "dropped": 0}
    wait_stored(clickhouse, ana, 5)
    me = service.call("GetMySummary", {"timeZone": "Europe/Berlin"}, ana)
    assert [(f["kind"], f["name"], int(f["uses"]), int(f["durationMs"])) for f in me["features"]] == [
        ("screen", "home", 2, 0), ("feature", "exercise_swap", 1, 0), ("screen", "plan_editor", 1, 0),
        ("duration", "home", 1, 1500)]
    assert me["activeDays"] in (1, 2) and me["sessions"] == 0 and len(me["weeks"]) in (12, 13)
    row = clickhouse.sql(f"SELECT platform, tier, extra FROM events WHERE user_id = toUUID('{ana}') LIMIT 1")
    assert row == [["ios", "pro", '{"app_version":"2.14.0"}']]
    assert 'user_engagement_duration_count{feature="home",user_tier="pro"}' in service.admin("/metrics")


def on_the_bus(pg, user):
    return int(pg.sql(f"SELECT count(*) FROM fit_bus.log WHERE key = decode('{user.replace('-', '')}', 'hex')"))


def test_only_who_allowed_it_is_analysed(service, clickhouse, pg, users, ana):
    """Off at first; nobody, and a closed account, allow nothing; what is dropped never reaches the bus."""
    batch = {"events": [screen(), screen()]}
    assert service.call("RecordEvents", batch, ana) == {"accepted": 2, "dropped": 0}
    closed = users.new_user()
    users.call("UpdatePreferences", {"preferences": {"privacy": {"behaviourAnalytics": True}},
                                     "updateMask": "privacy.behaviourAnalytics"}, closed)
    pg.sql(f"UPDATE fitness_core.users SET is_active = false WHERE id = '{closed}'")
    for who in (users.new_user(), str(uuid.uuid4()), closed):
        assert service.call("RecordEvents", batch, who) == {"accepted": 0, "dropped": 2}
        assert on_the_bus(pg, who) == 0
    assert on_the_bus(pg, ana) == 2
    wait_stored(clickhouse, ana, 2)
    assert 'analytics_behaviour_events_total{outcome="switched_off"} 6' in service.admin("/metrics")


def test_in_doubt_nothing_is_stored(service, clickhouse, folder, pg, ana):
    """The user service is away: the app is told to keep its events, and figures still come."""
    alone = Service(f"{folder}/alone", pg, clickhouse, f"127.0.0.1:{stack.free_port()}").start()
    try:
        assert alone.fails("RecordEvents", {"events": [screen()]}, ana).status == "UNAVAILABLE"
        assert on_the_bus(pg, ana) == 0
        assert alone.call("GetMySummary", {}, ana)["activeDays"] == 0
    finally:
        alone.stop()


def test_an_id_belongs_to_its_user(service, clickhouse, new_user, ana):
    event = screen()
    ben = new_user()
    for who in (ana, ben):
        service.call("RecordEvents", {"events": [event]}, who)
    for who in (ana, ben):
        wait_stored(clickhouse, who, 1)


@pytest.mark.parametrize("change, field", [
    ({"screen": {"name": "What I typed"}}, "events[0].screen.name"),
    ({"screen": {"name": ""}}, "events[0].screen.name"),
    ({"screen": {"name": "x" * 65}}, "events[0].screen.name"),
    ({"id": "none"}, "events[0].id"),
    ({"time": None}, "events[0].time"),
    ({"screen": None}, "events[0]"),
    ({"screen": None, "duration": {"name": "home", "milliseconds": 0}}, "events[0].duration.milliseconds"),
    ({"screen": None, "duration": {"name": "home", "milliseconds": 86400001}}, "events[0].duration.milliseconds"),
])
def test_bad_events(service, ana, change, field):
    event = {k: v for k, v in (screen() | change).items() if v is not None}
    failure = service.fails("RecordEvents", {"events": [event]}, ana)
    assert failure.status == "INVALID_ARGUMENT" and failure.fields == [field]


def test_bad_batches(service, ana):
    for batch, field in (({}, "events"), ({"events": [screen()] * 501}, "events"),
                         ({"events": [screen()], "platform": "toaster"}, "platform"),
                         ({"events": [screen()], "appVersion": "my phone"}, "appVersion")):
        failure = service.fails("RecordEvents", batch, ana)
        assert failure.status == "INVALID_ARGUMENT" and failure.fields == [field], batch
    assert service.fails("RecordEvents", {"events": [screen()]}).status == "UNAUTHENTICATED"


def test_wrong_clocks_are_dropped(service, clickhouse, ana):
    events = [screen(), screen(days=91), screen(minutes=-30), screen(days=-9999), screen(days=89)]
    assert service.call("RecordEvents", {"events": events}, ana) == {"accepted": 2, "dropped": 3}
    wait_stored(clickhouse, ana, 2)


def test_ranges(service, ana):
    for request, field in (({"timeZone": "Mars/Olympus"}, "timeZone"), ({"timeZone": "../etc/passwd"}, "timeZone"),
                           ({"timeZone": "A' OR 1=1"}, "timeZone"), ({"from": "1969-12-31T00:00:00Z"}, "from"),
                           ({"from": "2026-02-01T00:00:00Z", "to": "2026-01-01T00:00:00Z"}, "to"),
                           ({"from": "2020-01-01T00:00:00Z", "to": "2026-01-01T00:00:00Z"}, "from"),
                           ({"to": "9999-01-01T00:00:00Z"}, "to")):
        failure = service.fails("GetMySummary", request, ana)
        assert failure.status == "INVALID_ARGUMENT" and failure.fields == [field], request
    me = service.call("GetMySummary", {"from": "2026-03-28T23:30:00Z", "to": "2026-03-29T22:30:00Z",
                                       "timeZone": "Europe/Berlin"}, ana)
    assert (me["firstDay"], me["lastDay"]) == ("2026-03-29", "2026-03-30")


def test_overview_needs_its_permission(service, ana):
    assert service.fails("GetOverview", {}, ana).status == "PERMISSION_DENIED"
    overview = service.call("GetOverview", {}, ana, permissions=["analytics.read_all"])
    assert len(overview["days"]) == 28 and set(overview["funnel"]) == {"signedUp", "createdPlan", "completedSession"}


def test_nothing_is_lost_while_clickhouse_is_away(service, clickhouse, ana):
    """Events are taken in and wait on the bus; figures say so; memory stays; all of them come, once each."""
    service.call("RecordEvents", {"events": [screen()]}, ana)
    wait_stored(clickhouse, ana, 1)
    clickhouse.stop()
    before = service.rss_mb()
    for _ in range(40):
        service.call("RecordEvents", {"events": [screen(f"s{i % 7}") for i in range(250)]}, ana)
    assert service.fails("GetMySummary", {}, ana).status == "UNAVAILABLE"
    time.sleep(3)  # for the consumer to have tried more than once
    assert service.admin("/ready") is not None
    assert service.rss_mb() < before + (512 if service.sanitized() else 64)
    clickhouse.start()
    wait_stored(clickhouse, ana, 10001, 60)
    assert clickhouse.number(f"SELECT count() FROM events FINAL WHERE user_id = toUUID('{ana}')") == 10001


def test_killed_at_random(service, clickhouse, ana):
    for round_ in range(5):
        for _ in range(4):
            service.call("RecordEvents", {"events": [screen() for _ in range(15)]}, ana)
        time.sleep(0.3 * round_)
        service.kill()
        service.start()
    wait_stored(clickhouse, ana, 300, 60)


@pytest.mark.parametrize("point", ["consumer.before_handle", "consumer.after_handle", "consumer.before_commit",
                                   "consumer.after_commit"])
def test_killed_at_every_step(service, clickhouse, pg, new_user, point):
    """Twice, the second time while it recovers: what is in ClickHouse is what was on the bus, by id, each once."""
    users = [new_user() for _ in range(16)]  # several partitions
    keys = ", ".join(f"decode('{user.replace('-', '')}', 'hex')" for user in users)
    ours = "user_id IN (" + ", ".join(f"toUUID('{user}')" for user in users) + ")"
    lag = """SELECT sum(next_offset) - sum(committed) FROM fit_bus.partition_head JOIN fit_bus.group_partition
        USING (topic_id, part) WHERE grp = 'analytics'"""
    stack.wait_until("what other tests left", lambda: pg.sql(lag) == "0", 30)
    service.stop()
    for hit in (1, 3):
        service.start(crash=f"{point}:{hit}")
        for user in users:
            try:
                service.call("RecordEvents", {"events": [screen() for _ in range(25)]}, user)
            except Failure:
                break  # it died: on the bus or not, nobody knows
        service.wait_killed()
    service.start()
    sent = sorted(set(pg.sql(f"SELECT id FROM fit_bus.log WHERE key IN ({keys})").split()))
    assert len(sent) >= 25
    stack.wait_until("all of them", lambda: clickhouse.number(f"SELECT uniqExact(event_id) FROM events WHERE {ours}")
                     == len(sent), 30)
    rows = clickhouse.sql(f"SELECT toString(event_id) FROM events FINAL WHERE {ours}")
    assert sorted(row[0] for row in rows) == sent
    assert pg.sql("SELECT count(*) FROM fit_bus.dlq WHERE error LIKE 'ended%'") == "0"


def poison(pg, user, value):
    """A message of the user's at the end of partition 0 of the apps' topic, as a broken producer would leave it."""
    name = str(uuid.uuid4())
    pg.sql(f"""WITH t AS (SELECT id FROM fit_bus.topic WHERE name = 'fit.analytics.v1'),
        h AS (UPDATE fit_bus.partition_head SET next_offset = next_offset + 1 WHERE topic_id = (SELECT id FROM t) AND part = 0
            RETURNING topic_id, next_offset - 1 AS at)
        INSERT INTO fit_bus.log (topic_id, part, "offset", id, key, type, source, time, value)
        SELECT topic_id, 0, at, '{name}', decode('{user.replace("-", "")}', 'hex'), 'screen_viewed', 'analytics', now(),
            decode('{value.hex()}', 'hex') FROM h""")
    return name


def test_poison_stands_aside(service, clickhouse, pg, new_user):
    """Messages that are no events do not stop those beside and behind them."""
    users = [new_user() for _ in range(20)]  # some of them in every partition
    bad = []
    for round_ in range(3):
        for user in users:
            service.call("RecordEvents", {"events": [screen() for _ in range(3)]}, user)
        bad += [poison(pg, users[0], value) for value in (b"", b"\xff", b"\x0a\x05hello")]
        for user in users:
            wait_stored(clickhouse, user, 3 * (round_ + 1), 30)
    aside = "SELECT count(*) FROM (SELECT id FROM fit_bus.retry UNION SELECT id FROM fit_bus.dlq) x"
    stack.wait_until("the poison aside", lambda: pg.sql(aside) == str(len(bad)), 30)
    error = pg.sql(f"SELECT error FROM fit_bus.retry WHERE id = '{bad[0]}' UNION SELECT error FROM fit_bus.dlq WHERE id = '{bad[0]}'")
    assert error.startswith("INVALID_ARGUMENT") and "id" in error
