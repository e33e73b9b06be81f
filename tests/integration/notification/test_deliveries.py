# SPDX-License-Identifier: Apache-2.0
"""Push and mail: what lands in the spool, when quiet hours let it, and once."""
import datetime
import email
import email.policy
import json
import os
import time
import uuid

import pytest
from notification_service import Event, Replica, record, stack
from test_inbox import prefer, with_user_service_away


def files(replica, channel, event):
    """Contents of the letters about an event, by file name."""
    folder = f"{replica.spool}/{channel}"
    return {name: open(f"{folder}/{name}", encoding="utf-8", newline="").read()
            for name in (os.listdir(folder) if os.path.isdir(folder) else []) if name.startswith(event.id)}


def wait_letter(replica, channel, event):
    stack.wait_until(f"the {channel}", lambda: files(replica, channel, event), 10)
    (name, text), = files(replica, channel, event).items()
    return name, text


def state(pg, event, channel):
    return pg.sql("SELECT d.state, d.attempts, extract(epoch FROM d.due_at - now())::int FROM notification.deliveries d"
                  " JOIN notification.notifications n ON n.id = d.notification_id"
                  f" WHERE n.event_id = '{event.id}' AND d.channel = '{channel}'").split("|")


def settled(pg, event, channel):
    stack.wait_until("the delivery", lambda: state(pg, event, channel)[0] not in ("", "waiting"), 10)
    return state(pg, event, channel)[0]


def clock(minutes):
    """Local time so many minutes from now, in UTC."""
    return (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(minutes=minutes)).strftime("%H:%M")


def test_push_and_mail(replica, apply, pg, users):
    address = f"{uuid.uuid4().hex[:10]}@example.org"
    user = users.new_user(email=address)
    event = Event("auth", user, "refresh_reuse_detected", {"sessionId": str(uuid.uuid4())})
    best = record(user)
    assert apply.batch(event, best) == "OK"
    name, text = wait_letter(replica, "push", event)
    push = json.loads(text)
    assert name == f"{event.id}-refresh_reuse.json" and push["eventId"] == event.id and push["userId"] == user
    assert push["title"] == "A session was ended for your safety" and push["importance"] == "high"
    assert address not in text
    assert json.loads(wait_letter(replica, "push", best)[1])["parameters"]["value"] == "102.5 kg"
    name, text = wait_letter(replica, "mail", event)
    mail = email.message_from_string(text, policy=email.policy.default)
    assert name == f"{event.id}-refresh_reuse.eml" and mail["To"] == address
    assert mail["Subject"] == push["title"] and mail["Message-ID"].startswith(f"<{event.id}.") and not mail.defects
    assert mail.get_content().replace("\r\n", " ").strip() == push["body"]
    assert all(len(line) <= 78 for line in text.split("\r\n")) and "\n" not in text.replace("\r\n", "")
    assert settled(pg, event, "mail") == settled(pg, event, "push") == settled(pg, best, "push") == "sent"
    assert state(pg, best, "mail") == [""], "a record is no reason for a mail"
    assert oct(os.stat(f"{replica.spool}/mail/{name}").st_mode & 0o777) == "0o600"
    assert not [n for n in os.listdir(f"{replica.spool}/mail") if n.startswith(".")]


def test_welcome_mail_only_with_product_mails(replica, apply, pg, users, user):
    event = Event("user", user, "user_created", {})
    assert apply.batch(event) == "OK" and state(pg, event, "mail") == [""]
    other = users.new_user()
    prefer(users, other, privacy={"productEmails": True})
    event = Event("user", other, "user_created", {})
    assert apply.batch(event) == "OK"
    assert "Subject: Welcome\r\n" in wait_letter(replica, "mail", event)[1]


def test_channels_off(replica, apply, pg, users, user):
    prefer(users, user, notifications={"channelsOff": ["push"]})
    event = Event("auth", user, "refresh_reuse_detected", {})
    assert apply.batch(event) == "OK" and replica.kinds(user) == ["refresh_reuse"]
    assert settled(pg, event, "mail") == "sent" and state(pg, event, "push") == [""]


def test_quiet_hours_put_off(replica, apply, pg, users, user):
    prefer(users, user, quietHours={"enabled": True, "start": clock(-60), "end": clock(90)})
    event = Event("auth", user, "refresh_reuse_detected", {})
    stream = replica.stream(user)
    stream.next()
    assert apply.batch(event) == "OK"
    assert stream.notification().kind == "refresh_reuse", "the inbox makes no noise"
    stream.close()
    for channel in ("push", "mail"):
        what, attempts, seconds = state(pg, event, channel)
        assert (what, attempts) == ("waiting", "0") and 88 * 60 <= int(seconds) <= 90 * 60, state(pg, event, channel)


def test_quiet_hours_that_began_meanwhile(replica, apply, pg, users, user):
    """What was due before, and is taken now, waits for the end of the quiet hours as they are now."""
    event = record(user)
    prefer(users, user, quietHours={"enabled": True, "start": clock(-5), "end": clock(30)})
    assert apply.batch(event) == "OK"
    # The messenger, another process than the consumer, has not asked yet.
    prefer(users, user, quietHours={"enabled": True, "start": clock(-5), "end": clock(60)})
    pg.sql(f"UPDATE notification.deliveries SET due_at = now() WHERE user_id = '{user}'")
    stack.wait_until("the delay", lambda: int(state(pg, event, "push")[2]) > 50 * 60, 10)
    assert state(pg, event, "push")[:2] == ["waiting", "0"] and not files(replica, "push", event)


def test_muted_while_it_waited(replica, apply, pg, users, user):
    prefer(users, user, quietHours={"enabled": True, "start": clock(-5), "end": clock(30)})
    event, security = record(user), Event("auth", user, "refresh_reuse_detected", {})
    assert apply.batch(event, security) == "OK"
    prefer(users, user, quietHours={"enabled": False, "start": "22:00", "end": "07:00"}, notifications={"muted": ["records"]})
    # Only the consumer has asked for the preferences as they were.
    pg.sql(f"UPDATE notification.deliveries SET due_at = now() WHERE user_id = '{user}'")
    assert settled(pg, event, "push") == "skipped" and settled(pg, security, "push") == "sent"
    assert not files(replica, "push", event) and replica.kinds(user) == ["record_e1rm", "refresh_reuse"]


def test_old_events_ring_nobody(replica, apply, pg, user):
    """A backlog, or what is replayed: the inbox has it, nothing is sent; also what was planned in time and is late."""
    week = time.time() - 7 * 86400
    events = [record(user, time_s=week), Event("auth", user, "refresh_reuse_detected", {}, time_s=week)]
    assert apply.batch(*events) == "OK" and replica.kinds(user) == ["record_e1rm", "refresh_reuse"]
    assert [state(pg, e, c) for e in events for c in ("push", "mail")] == [[""]] * 4
    pg.sql("INSERT INTO notification.deliveries (notification_id, user_id, channel, due_at) SELECT id, user_id, 'push', now()"
           f" FROM notification.notifications WHERE event_id = '{events[0].id}'")
    assert settled(pg, events[0], "push") == "skipped" and not files(replica, "push", events[0])
    fresh = record(user)
    assert apply.batch(fresh) == "OK" and settled(pg, fresh, "push") == "sent"


def test_one_push_for_an_exercise_and_session(replica, apply, pg, users, user):
    """Each better set is an entry; what waits gives way to the later one, and what is out is enough."""
    session, squat, bench = (str(uuid.uuid4()) for _ in range(3))

    def sets(exercise, *grams):
        return [record(user, grams=g, kind=k, session=session, exercise=exercise)
                for g in grams for k in ("e1rm", "weight_4_6")]
    first, other = sets(squat, 100000, 105000), sets(bench, 80000)
    assert apply.batch(*first[:2]) == apply.batch(*first[2:], *other) == "OK"
    assert len(replica.inbox(user)) == 6

    def sent(events):
        stack.wait_until("the deliveries", lambda: "waiting" not in [state(pg, e, "push")[0] for e in events], 10)
        return [state(pg, e, "push")[0] for e in events].count("sent")
    assert (sent(first), sent(other)) == (1, 1)
    later = sets(squat, 110000)
    assert apply.batch(*later) == "OK" and [state(pg, e, "push") for e in later] == [[""]] * 2
    # Put off by quiet hours, the last and best one of each exercise speaks.
    quiet = users.new_user()
    prefer(users, quiet, quietHours={"enabled": True, "start": clock(-5), "end": clock(30)})
    user = quiet
    batch = sets(squat, 100000, 105000)
    assert all(apply.batch(e) == "OK" for e in batch)
    assert [state(pg, e, "push")[0] for e in batch] == ["skipped"] * 3 + ["waiting"]


def test_read_before_it_was_due(replica, apply, pg, users, user):
    prefer(users, user, quietHours={"enabled": True, "start": clock(-60), "end": clock(60)})
    event = Event("auth", user, "refresh_reuse_detected", {})
    assert apply.batch(event) == "OK"
    replica.call("ReadAllNotifications", {}, user)
    pg.sql(f"UPDATE notification.deliveries SET due_at = now() WHERE user_id = '{user}' AND channel = 'push'")
    assert settled(pg, event, "push") == "skipped" and not files(replica, "push", event)


def test_killed_after_sending_sends_the_same(folder, pg, redis, users, user, apply, replicas):
    """A process that dies between sending and noting it leaves one letter all the same."""
    event = record(user)
    assert apply.batch(event) == "OK"
    wait_letter(replicas[0], "push", event)
    before = files(replicas[0], "push", event)
    pg.sql("UPDATE notification.deliveries SET state = 'waiting', due_at = now() WHERE user_id = '%s'" % user)
    stack.wait_until("the second sending", lambda: state(pg, event, "push")[:2] == ["sent", "2"], 10)
    assert files(replicas[0], "push", event) == before


def test_mail_waits_for_the_address(replica, apply, pg, users):
    """The address comes from the user service; while that is away the mail is tried again."""
    user = users.new_user()
    assert apply.batch(record(user)) == "OK", "now the preferences are known"
    event = Event("auth", user, "refresh_reuse_detected", {})
    with_user_service_away(users, lambda: away(apply, pg, event))
    assert settled(pg, event, "mail") == "sent" and int(state(pg, event, "mail")[1]) > 1


def away(apply, pg, event):
    assert apply.batch(event) == "OK"
    stack.wait_until("a second attempt", lambda: int(state(pg, event, "mail")[1]) > 1, 30)
    assert state(pg, event, "mail")[0] == "waiting"


def test_entries_of_age_are_swept(folder, pg, redis, users, apply):
    user = users.new_user()
    old, fresh = record(user), record(user)
    assert apply.batch(old, fresh) == "OK"
    pg.sql(f"UPDATE notification.notifications SET created_at = now() - interval '91 days' WHERE event_id = '{old.id}'")
    other = Replica(folder, pg, redis.url(), f"127.0.0.1:{users.port}").start()  # sweeps when it starts
    # Unless another one was just at it, and had looked before: then a minute later.
    stack.wait_until("the sweep", lambda: len(other.inbox(user)) == 1, 90)
    assert other.call("ListNotifications", {}, user)["unreadCount"] == 1
    assert pg.sql(f"SELECT count(*) FROM notification.sync_change WHERE user_id = '{user}' AND deleted") == "1"
    other.stop()


def test_a_sweep_goes_on_while_there_is_more(folder, pg, redis, users, replicas):
    """More of age than a batch holds, of many users, with two processes at it: all gone, counts right, a sync row each."""
    pg.sql("WITH u AS (INSERT INTO notification.inbox (user_id, last_sequence, unread) SELECT gen_random_uuid(), 2, 2"
           " FROM generate_series(1, 2000) RETURNING user_id)"
           " INSERT INTO notification.notifications (id, user_id, sequence, event_id, kind, importance, title, body,"
           " parameters, occurred_at, created_at, read_at, rev)"
           " SELECT gen_random_uuid(), user_id, s, gen_random_uuid(), 'welcome', 'low', 'sweep', '', '{}', now(),"
           " now() - s * interval '60 days', NULL, 0 FROM u, generate_series(1, 2) AS s")
    others = [Replica(folder, pg, redis.url(), f"127.0.0.1:{users.port}").start() for _ in range(2)]
    stack.wait_until("the sweep", lambda: pg.sql(
        "SELECT count(*) FROM notification.notifications WHERE title = 'sweep'") == "2000", 90)
    assert pg.sql("SELECT count(*), min(i.unread), max(i.unread), min(c.n) FROM notification.inbox i"
                  " JOIN notification.notifications n ON n.user_id = i.user_id AND n.title = 'sweep'"
                  " JOIN (SELECT user_id, count(*) AS n FROM notification.sync_change WHERE deleted GROUP BY 1) c"
                  " ON c.user_id = i.user_id") == "2000|1|1|1"
    for other in others:
        other.stop()


QUIET = [
    # moment, zone, start, end, until
    ("2026-01-15 21:59Z", "UTC", "22:00", "07:00", "2026-01-15 21:59Z"),
    ("2026-01-15 22:00Z", "UTC", "22:00", "07:00", "2026-01-16 07:00Z"),
    ("2026-01-16 03:00Z", "UTC", "22:00", "07:00", "2026-01-16 07:00Z"),
    ("2026-01-16 07:00Z", "UTC", "22:00", "07:00", "2026-01-16 07:00Z"),
    ("2026-12-31 23:30Z", "UTC", "22:00", "07:00", "2027-01-01 07:00Z"),
    ("2026-01-15 13:30Z", "UTC", "13:00", "15:00", "2026-01-15 15:00Z"),
    ("2026-01-15 12:30Z", "UTC", "13:00", "15:00", "2026-01-15 12:30Z"),
    ("2026-01-15 15:00Z", "UTC", "13:00", "15:00", "2026-01-15 15:00Z"),
    # the zone's wall clock decides: 22:30 in Berlin, 17:30 in New York
    ("2026-01-15 21:30Z", "Europe/Berlin", "22:00", "07:00", "2026-01-16 06:00Z"),
    ("2026-07-15 20:30Z", "Europe/Berlin", "22:00", "07:00", "2026-07-16 05:00Z"),
    ("2026-01-15 22:30Z", "America/New_York", "22:00", "07:00", "2026-01-15 22:30Z"),
    ("2026-01-15 18:00Z", "Asia/Kathmandu", "22:00", "07:00", "2026-01-16 01:15Z"),
    # spring forward in Berlin on 2026-03-29: the night is an hour shorter, 02:30 does not exist
    ("2026-03-28 22:00Z", "Europe/Berlin", "22:00", "07:00", "2026-03-29 05:00Z"),
    ("2026-03-28 22:00Z", "Europe/Berlin", "22:00", "02:30", "2026-03-29 01:30Z"),
    ("2026-03-29 01:30Z", "Europe/Berlin", "22:00", "02:30", "2026-03-29 01:30Z"),
    # fall back on 2026-10-25: an hour longer; 02:30 is there twice, and the second ends the quiet
    ("2026-10-24 20:00Z", "Europe/Berlin", "22:00", "07:00", "2026-10-25 06:00Z"),
    ("2026-10-24 20:00Z", "Europe/Berlin", "22:00", "02:30", "2026-10-25 01:30Z"),
    ("2026-10-25 01:15Z", "Europe/Berlin", "22:00", "02:30", "2026-10-25 01:30Z"),
    ("2026-10-25 01:45Z", "Europe/Berlin", "22:00", "02:30", "2026-10-25 01:45Z"),
]


@pytest.mark.parametrize("moment, zone, start, end, until", QUIET)
def test_quiet_until(replicas, pg, moment, zone, start, end, until):
    got = pg.sql(f"SELECT notification.quiet_until('{moment}', '{zone}', '{start}', '{end}') AT TIME ZONE 'UTC'")
    assert got == until.replace("Z", ":00")
