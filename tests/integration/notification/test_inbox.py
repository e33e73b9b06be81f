# SPDX-License-Identifier: Apache-2.0
"""From events to entries: which, with what text, once, and what the user's switches do."""
import datetime
import uuid

import pytest
from notification_service import Event, Failure, record, stack


def prefer(users, user, **preferences):
    mask = ",".join(preferences)
    users.call("UpdatePreferences", {"preferences": preferences, "updateMask": mask}, user)


def monday(weeks_ago=0):
    today = datetime.datetime.now(datetime.timezone.utc).replace(hour=12, minute=0, second=0, microsecond=0)
    return today - datetime.timedelta(days=today.weekday(), weeks=weeks_ago)


def completed(user, when, **more):
    return Event("workout", user, "session_completed", {"sessionId": str(uuid.uuid4()), "startedAt": when.isoformat(),
                                                        "completedAt": when.isoformat()},
                 time_s=more.pop("time_s", when.timestamp()), **more)


def test_each_event_makes_its_kind(replica, apply, user):
    plan = str(uuid.uuid4())
    events = [
        Event("user", user, "user_created", {"role": "user"}),
        record(user),
        record(user, kind="weight_4_6", name="Back Squat"),
        Event("workout", user, "plan_changed", {"planId": plan, "versionNumber": 3, "createdBy": "ai"}),
        Event("workout", user, "plan_created", {"planId": plan, "exercises": 6, "createdBy": "ai"}),
        Event("auth", user, "signed_in", {"sessionId": str(uuid.uuid4()), "platform": "android"}),
        Event("auth", user, "refresh_reuse_detected", {"sessionId": str(uuid.uuid4())}),
        Event("auth", user, "all_sessions_ended", {"sessions": 3}),
    ]
    silent = [
        record(user, kind="something_newer"),
        Event("workout", user, "set_logged", {"sessionId": str(uuid.uuid4())}),
        Event("workout", user, "plan_changed", {"planId": plan, "versionNumber": 2, "createdBy": "user"}),
        Event("workout", user, "plan_created", {"planId": plan, "createdBy": "user"}),
        Event("auth", user, "signed_in", {"first": True}),
        Event("auth", user, "signed_in", {"knownDevice": True}),
        Event("user", user, "profile_changed", {"fields": ["goals"]}),
    ]
    mixed = [e for pair in zip(events, silent) for e in pair] + events[len(silent):]
    assert apply.batch(*mixed) == "OK"
    assert replica.kinds(user) == ["welcome", "record_e1rm", "record_weight", "plan_changed_by_ai",
                                   "plan_created_by_ai", "new_device", "refresh_reuse", "all_sessions_ended"]
    entries = {n["kind"]: n for n in replica.inbox(user)}
    assert [int(n["sequence"]) for n in reversed(replica.inbox(user))] == list(range(1, 9))
    best = entries["record_e1rm"]
    assert best["title"] == "New estimated maximum: 102.5 kg" and "from 100 kg to 102.5 kg" in best["body"]
    assert best["parameters"]["value"] == "102.5 kg" and best["group"] == best["parameters"]["sessionId"]
    best = entries["record_weight"]
    assert best["title"] == "New record: Back Squat 102.5 kg" and best["parameters"]["exercise"] == "Back Squat"
    assert "for 4 to 6 repetitions of Back Squat is now 102.5 kg; it was 100 kg" in best["body"]
    assert "version 3" in entries["plan_changed_by_ai"]["body"] and entries["plan_changed_by_ai"]["group"] == plan
    assert "(Android)" in entries["new_device"]["body"] and entries["new_device"]["importance"] == "high"
    assert all("{" not in n["title"] + n["body"] and "readAt" not in n for n in entries.values())


def test_every_entry_once(replica, apply, pg, user):
    events = [record(user) for _ in range(5)] + [Event("user", user, "user_created", {})]
    for _ in range(3):
        assert apply.batch(*events) == "OK"
        assert apply.batch(*reversed(events)) == "OK"
    assert len(replica.inbox(user)) == 6
    assert replica.call("ListNotifications", {}, user)["unreadCount"] == 6
    assert pg.sql(f"SELECT count(*), count(DISTINCT rev) FROM notification.sync_change WHERE user_id = '{user}'") == "6|1"
    assert pg.sql(f"SELECT last_sequence FROM notification.inbox WHERE user_id = '{user}'") == "6"


def test_bad_events_and_unknown_users(replica, apply, user):
    good, bad = record(user), record(user)
    bad.wire = b"\xff\xff\xff"
    assert apply.batch(good, bad).startswith("INVALID_ARGUMENT") and replica.inbox(user) == []
    wrong = record(user)
    wrong.type = "plan_changed"
    assert apply.batch(wrong).startswith("INVALID_ARGUMENT")
    assert apply.batch(record(uuid.uuid4()), good) == "OK" and replica.kinds(user) == ["record_e1rm"]


def test_units_and_switches(replica, apply, users, user):
    prefer(users, user, units="lb", notifications={"muted": ["streaks", "plans"]})
    plan = Event("workout", user, "plan_changed", {"planId": str(uuid.uuid4()), "versionNumber": 2, "createdBy": "ai"})
    assert apply.batch(plan, record(user, grams=102058, previous=100000),
                       Event("auth", user, "refresh_reuse_detected", {})) == "OK"
    assert replica.kinds(user) == ["record_e1rm", "refresh_reuse"]
    assert replica.inbox(user)[1]["title"] == "New estimated maximum: 225 lb"
    assert "from 220.5 lb" in replica.inbox(user)[1]["body"]


def test_streak(replica, apply, users, user):
    prefer(users, user, timeZone="Pacific/Auckland")
    batches = [completed(user, monday(w)) for w in (3, 2, 1, 0)]
    # Sunday evening in UTC is Monday in Auckland: still the same week there.
    batches.insert(1, completed(user, monday(3) + datetime.timedelta(days=-1, hours=10)))
    for event in batches:
        assert apply.batch(event) == "OK"
    for event in batches:
        assert apply.batch(event) == "OK"
    assert apply.batch(completed(user, monday(0) + datetime.timedelta(hours=1))) == "OK"
    told = [n for n in reversed(replica.inbox(user)) if n["kind"] == "streak"]
    assert [n["parameters"]["weeks"] for n in told] == ["2", "3", "4"]
    assert told[2]["title"] == "4 weeks in a row"


def test_streak_breaks_and_late_sessions_are_no_news(replica, apply, user):
    now = monday(0).timestamp()
    assert apply.batch(completed(user, monday(4)), completed(user, monday(2)), completed(user, monday(0))) == "OK"
    assert replica.inbox(user) == []
    assert apply.batch(completed(user, monday(3), time_s=now), completed(user, monday(1))) == "OK"
    assert replica.inbox(user) == [], "the week of the gap came after a later one"


def test_list_pages_and_reading(replica, apply, user, users):
    assert apply.batch(*[record(user, grams=100000 + 500 * i) for i in range(7)]) == "OK"
    seen, token = [], ""
    while True:
        page = replica.call("ListNotifications", {"pageSize": 3, "pageToken": token}, user)
        seen += [int(n["sequence"]) for n in page["notifications"]]
        assert page["unreadCount"] == 7 and page["lastEventId"] == "7"
        token = page.get("nextPageToken", "")
        if not token:
            break
    assert seen == [7, 6, 5, 4, 3, 2, 1]
    first = replica.inbox(user)[0]
    read = replica.call("ReadNotification", {"id": first["id"]}, user)
    assert read["readAt"] and replica.call("ReadNotification", {"id": first["id"]}, user) == read
    assert len(replica.inbox(user, unreadOnly=True)) == 6
    assert replica.call("ReadAllNotifications", {"upToSequence": "4"}, user) == {"marked": 4, "unreadCount": 2}
    assert [int(n["sequence"]) for n in replica.inbox(user, unreadOnly=True)] == [6, 5]
    assert replica.call("ReadAllNotifications", {}, user) == {"marked": 2}
    assert replica.call("ReadAllNotifications", {}, user) == {}
    other = users.new_user()
    with pytest.raises(Failure) as failure:
        replica.call("ReadNotification", {"id": first["id"]}, other)
    assert failure.value.status == "NOT_FOUND"
    assert replica.call("ListNotifications", {}, other) == {"lastEventId": "0"}
    for bad in ("x", "A" * 22, "/" * 22):
        with pytest.raises(Failure) as failure:
            replica.call("ListNotifications", {"pageToken": bad}, user)
        assert failure.value.fields == ["pageToken"]
    token = replica.call("ListNotifications", {"pageSize": 3}, user)["nextPageToken"]
    with pytest.raises(Failure):
        replica.call("ListNotifications", {"pageToken": token, "unreadOnly": True}, user)


def test_reading_leaves_sync_rows(replica, apply, pg, user):
    assert apply.batch(record(user), record(user), record(user)) == "OK"
    replica.call("ReadNotification", {"id": replica.inbox(user)[0]["id"]}, user)
    replica.call("ReadAllNotifications", {}, user)
    rows = pg.sql(f"SELECT rev, count(*) FROM notification.sync_change WHERE user_id = '{user}' AND kind = 'notification'"
                  " AND NOT deleted GROUP BY rev ORDER BY rev").splitlines()
    assert rows == ["1|3", "2|1", "3|2"]
    assert pg.sql(f"SELECT rev, unread FROM notification.inbox WHERE user_id = '{user}'") == "3|0"


def with_user_service_away(users, do):
    """Stops the user service, does it, and starts it again on the port that everybody knows."""
    port, real = users.port, stack.free_port
    assert users.stop() == 0
    try:
        do()
    finally:
        ports = [port]
        stack.free_port = lambda *a: ports.pop() if ports else real(*a)
        try:
            users.start()
        finally:
            stack.free_port = real


def test_user_service_away_is_waited_for(replica, apply, users):
    user, known = users.new_user(), users.new_user()
    assert apply.batch(record(known)) == "OK"

    def do():
        assert apply.batch(record(user)).split()[0] in ("UNAVAILABLE", "DEADLINE_EXCEEDED")
        assert apply.batch(record(known)) == "OK", "what was known a moment ago is good enough"

    with_user_service_away(users, do)
    event = record(user)  # the bus would bring it again just so
    stack.wait_until("the user service", lambda: apply.batch(event) == "OK", 20)
    assert replica.kinds(user) == ["record_e1rm"]
