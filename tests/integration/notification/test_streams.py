# SPDX-License-Identifier: Apache-2.0
"""Open inbox streams: live, resumed on another replica, without Redis, ended in order."""
import uuid

import grpc
import pytest
from notification_service import Event, Failure, Replica, record, stack


def wait_streams(replica, n):
    stack.wait_until(f"{n} open streams", lambda: replica.metric("notification_streams_open") == n, 20)


@pytest.fixture(scope="module")
def lazy(folder, pg, redis, users):
    """A replica that does not poll: what happens there happens at once."""
    made = Replica(folder, pg, redis.url(), f"127.0.0.1:{users.port}", FIT_NOTIFICATION_POLL_MS="60000",
                   FIT_NOTIFICATION_STREAM_LIFE_S="3600").start()
    yield made
    made.stop()


def test_first_event_tells_where_the_inbox_stands(replica, apply, users):
    user = users.new_user()
    stream = replica.stream(user)
    first = stream.next()
    assert (first.event_id, first.inbox.unread_count, first.WhichOneof("type")) == ("0", 0, "inbox")
    stream.close()
    assert apply.batch(record(user), record(user)) == "OK"
    stream = replica.stream(user)
    first = stream.next()
    assert (first.event_id, first.inbox.unread_count) == ("2", 2)
    stream.close()


def test_live_on_both_replicas(replicas, apply, user):
    streams = [r.stream(user) for r in replicas]
    assert [s.unread() for s in streams] == [0, 0]
    for i in range(1, 4):
        event = record(user)
        assert apply.batch(event) == "OK"
        for s in streams:
            got = s.next()
            assert (got.event_id, got.notification.sequence, got.notification.kind) == (str(i), i, "record_e1rm")
            assert got.notification.id == str(uuid.uuid5(uuid.UUID(event.id), "record_e1rm"))
            assert s.unread() == i
    replicas[0].call("ReadAllNotifications", {}, user)
    assert [s.unread() for s in streams] == [0, 0], "the other device sees that it was read"
    for s in streams:
        s.close()
    for r in replicas:
        wait_streams(r, 0)


def test_hint_wakes_the_stream(lazy, apply, user):
    """Five entries and the end of the session, none of which the poll could bring within the stream's 20 seconds."""
    session = str(uuid.uuid4())
    stream = lazy.stream(user, timeout=20, session=session)
    stream.next()
    for i in range(1, 6):
        assert apply.batch(record(user)) == "OK"
        assert stream.notification().sequence == i
        assert stream.unread() == i
    assert apply.batch(Event("auth", user, "session_revoked", {"sessionId": session})) == "OK"
    ends_unauthenticated(stream)


def test_resumes_on_the_other_replica(replicas, apply, user):
    """A stream that breaks anywhere and goes on elsewhere sees every entry once, in order."""
    seen, last = [], "0"
    for i in range(6):
        assert apply.batch(*[record(user) for _ in range(30)]) == "OK"
        stream = replicas[i % 2].stream(user, last)
        while len(seen) < 30 * i + 25:
            seen.append(stream.notification().sequence)
        last = stream.last
        stream.close()
    stream = replicas[0].stream(user, last)
    while len(seen) < 180:
        seen.append(stream.notification().sequence)
    stream.close()
    assert seen == list(range(1, 181))


def test_cursors_that_are_none(replica, apply, user):
    assert apply.batch(record(user), record(user)) == "OK"
    for last, want in (("x", "2"), ("99", "2"), ("-1", "2"), ("1" * 30, "2"), ("1", "1")):
        stream = replica.stream(user, last)
        assert stream.next().event_id == want, last
        if want == "1":
            assert stream.notification().sequence == 2
        stream.close()


def test_others_see_nothing(replica, apply, users):
    ana, ben = users.new_user(), users.new_user()
    a, b = replica.stream(ana), replica.stream(ben)
    a.next(), b.next()
    assert apply.batch(record(ana)) == "OK"
    a.notification()
    assert apply.batch(record(ben)) == "OK"
    assert b.notification().sequence == 1
    with pytest.raises(Failure) as failure:
        replica.call("ListNotifications", {})
    assert failure.value.status in ("UNAUTHENTICATED", "PERMISSION_DENIED")
    a.close(), b.close()


def ends_unauthenticated(stream):
    with pytest.raises(grpc.RpcError) as error:
        stream.next()
    assert error.value.code() == grpc.StatusCode.UNAUTHENTICATED


@pytest.mark.parametrize("event", ["signed_out", "session_revoked", "refresh_reuse_detected"])
def test_ends_with_its_session(replicas, apply, user, event):
    """On whichever replica; the user's other sign-ins, and other users' of whatever id, go on."""
    ended, other = str(uuid.uuid4()), str(uuid.uuid4())
    streams = [r.stream(user, session=ended) for r in replicas]
    kept = [replicas[0].stream(user, session=other), replicas[1].stream(uuid.uuid4(), session=ended)]
    for s in streams + kept:
        s.next()
    assert apply.batch(Event("auth", user, event, {"sessionId": ended}), record(user)) == "OK"
    for s in streams:
        ends_unauthenticated(s)
    while kept[0].notification().kind != "record_e1rm":
        pass
    ends_unauthenticated(replicas[1].stream(user, session=ended))
    assert apply.batch(Event("auth", user, event, {"sessionId": ended})) == "OK"
    assert apply.batch(record(user)) == "OK"
    while kept[0].notification().kind != "record_e1rm":
        pass
    for s in kept:
        s.close()


def test_ends_with_its_session_without_redis(replica, apply, redis, user):
    session = str(uuid.uuid4())
    stream = replica.stream(user, session=session)
    stream.next()
    redis.kill9()
    try:
        assert apply.batch(Event("auth", user, "session_revoked", {"sessionId": session})) == "OK"
        ends_unauthenticated(stream)
    finally:
        redis.restart()


def test_bound_per_user(replica, user):
    streams = [replica.stream(user) for _ in range(16)]
    for s in streams:
        s.next()
    with pytest.raises(grpc.RpcError) as error:
        replica.stream(user).next()
    assert error.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
    for s in streams:
        s.close()
    wait_streams(replica, 0)
    replica.stream(user).close()
    wait_streams(replica, 0)


def test_client_gone_is_noticed(lazy, user):
    """At once, not when the next poll finds nobody; `make bench` has the figure."""
    stream = lazy.stream(user)
    stream.next()
    wait_streams(lazy, 1)
    stream.close()
    wait_streams(lazy, 0)


def test_without_redis_the_poll_delivers(replicas, apply, redis, user):
    stream = replicas[0].stream(user)
    stream.next()
    redis.kill9()
    try:
        assert apply.batch(record(user)) == "OK"
        assert stream.notification().sequence == 1
    finally:
        redis.restart()
    assert apply.batch(record(user)) == "OK"
    assert stream.notification().sequence == 2
    stream.close()


def test_slow_reader_gets_everything_later(replica, apply, user):
    """Its queue is bounded; the cursor waits, and nothing is lost or doubled."""
    before = replica.metric("notification_stream_events_total")
    stream = replica.stream(user, "0")
    stream.next()
    for _ in range(5):
        assert apply.batch(*[record(user) for _ in range(400)]) == "OK"
    assert replica.metric("notification_stream_events_total") - before < 2000, "the queue is bounded"
    assert [stream.notification().sequence for _ in range(2000)] == list(range(1, 2001))
    stream.close()


def test_ends_by_itself_and_at_a_drain(folder, pg, redis, users, user, apply):
    replica = Replica(folder, pg, redis.url(), f"127.0.0.1:{users.port}", FIT_NOTIFICATION_POLL_MS="100",
                      FIT_NOTIFICATION_STREAM_LIFE_S="1").start()
    stream = replica.stream(user)
    stream.next()
    with pytest.raises(StopIteration):
        stream.next()
    replica.stop()
    replica.settings["FIT_NOTIFICATION_STREAM_LIFE_S"] = "600"
    replica.start()
    streams = [replica.stream(users.new_user()) for _ in range(20)]
    for s in streams:
        s.next()
    replica.process.terminate()
    for s in streams:
        with pytest.raises(StopIteration):
            s.next()
    assert replica.process.wait(30) == 0
    replica.process = None
