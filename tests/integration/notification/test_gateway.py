# SPDX-License-Identifier: Apache-2.0
"""The inbox through the gateway: server-sent events that resume, and what thousands of open streams cost."""
import json
import os
import resource
import selectors
import socket
import sys
import time

import pytest
from notification_service import BUILD, HERE, record, stack

sys.path.insert(0, os.path.dirname(HERE) + "/gateway")
from echo import Types, Upstream, protoset  # noqa: E402
from rawhttp import Conn  # noqa: E402
from test_pipeline import Gateway, render  # noqa: E402

STREAMS = 2000
PATH = "/api/v1/notifications"


@pytest.fixture(scope="module")
def auth(tmp_path_factory):
    """Keys and sessions, without the service: tokens by the thousand."""
    upstream = Upstream(Types(protoset(str(tmp_path_factory.mktemp("auth") / "echo.protoset"))))
    yield upstream
    upstream.stop()


@pytest.fixture(scope="module")
def gateway(auth, replicas, redis, tmp_path_factory):
    folder = tmp_path_factory.mktemp("gateway")
    settings = {"FIT_UPSTREAMS": f"fit.auth.v1=127.0.0.1:{auth.port},fit.notification.v1=127.0.0.1:{replicas[0].port}",
                "FIT_RATE_CLASSES": "default=1000000/900", "FIT_GATEWAY_THREADS": "2", "FIT_MAX_CONNECTIONS_PER_IP": "5000",
                "FIT_PROTOSET": f"{BUILD}/gen/fit.protoset"}
    made = Gateway(str(folder), auth, redis.port, **settings)
    yield made
    made.stop()


class Person:
    def __init__(self, auth, redis, user):
        who = auth.user()
        who.id = user
        auth.users[who.sid] = who
        redis.cli("HSET", f"session:{{{user}}}", who.sid, who.session())
        self.id, self.bearer = user, auth.token(who)


@pytest.fixture
def ana(auth, redis, user):
    return Person(auth, redis, user)


class Events:
    """An open stream, as a browser reads it."""

    def __init__(self, gateway, person, last=None):
        self.conn = Conn(gateway.port)
        more = {"Last_Event_ID": last} if last is not None else {}
        self.conn.send(render("GET", PATH + "/stream", person.bearer, **more))
        self.status, self.headers = self.conn.head()
        assert (self.status, self.headers["content-type"]) == (200, "text/event-stream"), self.status
        self.chunks = self.conn.chunks()

    def next(self):
        fields = dict(line.split(": ", 1) for line in next(self.chunks).decode().strip().split("\n"))
        return fields.get("id"), fields["event"], json.loads(fields["data"])

    def notification(self):
        while True:
            number, name, data = self.next()
            if name == "notification":
                return number, data

    def close(self):
        self.conn.close()


def test_list_read_and_stream(gateway, apply, ana):
    events = Events(gateway, ana)
    assert events.next() == ("0", "inbox", {"unreadCount": 0})
    assert apply.batch(record(ana.id)) == "OK"
    number, name, live = events.next()
    assert (number, name, live["kind"], live["title"]) == ("1", "notification", "record_e1rm", "New estimated maximum: 102.5 kg")
    assert events.next() == ("1", "inbox", {"unreadCount": 1})
    listed = gateway.request("GET", PATH, ana.bearer).json()
    assert listed["notifications"] == [live] and listed["unreadCount"] == 1 and listed["lastEventId"] == "1"
    assert live["parameters"]["value"] == "102.5 kg" and live["sequence"] == "1" and "readAt" not in live
    read = gateway.request("POST", f"{PATH}/{live['id']}/read", ana.bearer).json()
    assert read == live | {"readAt": read["readAt"]}
    assert events.next() == ("1", "inbox", {"unreadCount": 0})
    assert apply.batch(record(ana.id)) == "OK"
    assert events.notification()[0] == "2"
    assert gateway.request("POST", PATH + "/read-all", ana.bearer, {}).json() == {"marked": 1, "unreadCount": 0}
    assert gateway.request("POST", f"{PATH}/{live['id'][:-4]}0000/read", ana.bearer).status == 404
    assert gateway.request("POST", f"{PATH}/x/read", ana.bearer).status == 400
    assert gateway.request("GET", PATH).status == 401
    events.close()


def test_resume_by_last_event_id(gateway, apply, ana):
    assert apply.batch(*[record(ana.id) for _ in range(5)]) == "OK"
    events = Events(gateway, ana, "2")
    assert events.next()[:2] == ("2", "inbox")
    assert [events.notification()[0] for _ in range(3)] == ["3", "4", "5"]
    events.close()


def test_client_gone_cancels_the_call(gateway, replica, ana):
    """`make bench` says how soon."""
    events = Events(gateway, ana)
    events.next()
    assert replica.metric("notification_streams_open") == 1
    events.close()
    stack.wait_until("the stream's end", lambda: replica.metric("notification_streams_open") == 0, 20)


def test_two_thousand_streams(gateway, replica, auth, redis, users, apply):
    """What they cost is a figure of `make bench`."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(max(soft, 2 * STREAMS), hard), hard))
    people = [Person(auth, redis, users.new_user()) for _ in range(STREAMS // 10)]
    socks, selector = [], selectors.DefaultSelector()
    greeted, buffers = set(), {}
    for i in range(STREAMS):
        sock = socket.create_connection(("127.0.0.1", gateway.port))
        sock.sendall(render("GET", PATH + "/stream", people[i % len(people)].bearer))
        selector.register(sock, selectors.EVENT_READ, i)
        socks.append(sock)
    end = time.monotonic() + 60
    while len(greeted) < STREAMS:
        assert time.monotonic() < end, f"{len(greeted)} streams of {STREAMS}"
        for key, _ in selector.select(1):
            buffers[key.data] = buffers.get(key.data, b"") + key.fileobj.recv(65536)
            if b"event: inbox" in buffers[key.data]:
                greeted.add(key.data)
    assert replica.metric("notification_streams_open") == STREAMS

    # One entry reaches all streams of its user, and no other.
    assert apply.batch(record(people[7].id)) == "OK"
    got, end = {}, time.monotonic() + 60
    while sum(b"event: notification" in b for b in got.values()) < 10:
        assert time.monotonic() < end, f"{len(got)} streams of 10"
        for key, _ in selector.select(1):
            got[key.data] = got.get(key.data, b"") + key.fileobj.recv(65536)
    assert {i % len(people) for i, b in got.items() if b"event: notification" in b} == {7}

    for sock in socks:
        sock.close()
    stack.wait_until("the streams' end", lambda: replica.metric("notification_streams_open") == 0, 30)
