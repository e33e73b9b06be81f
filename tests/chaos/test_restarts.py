# SPDX-License-Identifier: Apache-2.0
"""What happens in an orderly way, under load: programs are restarted one after another, Redis loses its memory or is away."""
import os
import random
import signal
import socket
import threading
import time

import pytest

from api import Api
from havoc import Crew, Redis
from ledger import Ledger
from phone import Phone

USERS = 6


@pytest.fixture
def load(stack):
    """run(seconds, trouble) - phones train while trouble(crew) does its work; the ledger balances; returns the phones."""
    api = Api("127.0.0.1", stack.ports["gateway"], stack.ports["devidp"])
    serial = iter(range(1000))

    def run(seconds, *trouble):
        crew = Crew(seconds)
        phones = [Phone(api, f"r{next(serial)}-{random.SystemRandom().getrandbits(32)}", random.Random(i), crew.until + 60,
                        lambda *_: crew.pause())
                  for i in range(USERS)]
        crew.work(*(lambda p=p: p.run(crew.over) for p in phones), *(lambda t=t: t(crew) for t in trouble))
        print(f"{sum(len(a.acked) for p in phones for a in p.accounts)} writes, {sum(p.repeats for p in phones)} repeats,"
              f" {sum(p.resets for p in phones)} resets, {[p.statuses for p in phones if p.statuses]}", end=" ")
        if crew.errors:
            raise crew.errors[0]
        with Ledger(stack) as ledger:
            for phone in phones:
                for account in phone.accounts:
                    ledger.check(phone, account)
        return phones

    return run


def undisturbed(phones):
    assert [(p.statuses, p.resets) for p in phones if p.statuses or p.resets] == []


def test_redis_forgets_everything_again_and_again(stack, load):
    """Sessions are in Redis as a copy only: everybody stays signed in, and nobody waits for it."""
    def forget(crew):
        redis = Redis(stack.redis)
        while not crew.over():
            redis.call("FLUSHALL")
            time.sleep(0.2)

    undisturbed(load(8, forget))


def test_redis_is_away(stack, load):
    def away(crew):
        time.sleep(1)
        stack.redis.kill9()
        time.sleep(3)
        stack.redis.start()

    undisturbed(load(6, away))


def test_services_restart_one_after_another(stack, load):
    """A service that goes finishes what it has; the gateway keeps what comes meanwhile until it is back."""
    def roll(crew):
        for name in ("workout", "user", "auth") * 2:
            time.sleep(0.5)
            program = stack.programs[name]
            assert program.stop(), name
            program.start()

    undisturbed(load(8, roll))


def test_one_key_from_many_at_once(stack):
    """The same write over many connections while its service dies under it: one plan, and everybody is told of it."""
    workout = stack.programs["workout"]
    api = Api("127.0.0.1", stack.ports["gateway"], stack.ports["devidp"])
    crew = Crew(60)
    ann = Phone(api, "many", random.Random(0), crew.until)
    ann.sign_in()
    for n in range(5):
        told = []

        def write(i):
            hand = Phone(api, f"hand{i}", random.Random(i), crew.until)
            hand.api = ann.api.clone()
            headers = {"Idempotency-Key": f"many-{n}"}
            reply, _ = hand.until_answered("plan", lambda: hand.api.request(
                "POST", "/api/v1/workouts/plans", {"name": f"p{n}"}, headers), (201,))
            told.append((reply.json["id"], reply.headers["location"], reply.headers["etag"]))

        def kill():
            time.sleep(random.random() * 0.02)
            workout.kill9()
            workout.start()

        crew.work(kill, *(lambda i=i: write(i) for i in range(12)))
        if crew.errors:
            raise crew.errors[0]
        assert len(told) == 12 and len(set(told)) == 1, told
    assert sorted(p["name"] for p in ann.pages("/api/v1/workouts/plans", "plans")) == [f"p{n}" for n in range(5)]


def test_sign_out_outlives_redis(stack):
    """Redis comes back with what it had on disk; a session that has ended must not come back with it. While the gateway
    is without Redis, what auth said about a session may be five seconds old."""
    api = Api("127.0.0.1", stack.ports["gateway"], stack.ports["devidp"])
    phones = []
    for _ in range(5):
        ann = api.sign_in()
        ann.get("/api/v1/users/me").ok()
        assert ann.post("/api/v1/auth/logout", {}).status == 204
        phones.append((ann, time.monotonic()))
        stack.redis.kill9()
        stack.redis.start()
    for ann, ended in phones:
        while ann.get("/api/v1/users/me").status != 401:
            assert time.monotonic() < ended + 6, "signed out, and still let in"
            time.sleep(0.1)
    time.sleep(0.5)  # Redis is known to be back
    assert [ann.get("/api/v1/users/me").status for ann, _ in phones] == [401] * 5


# ---- the gateway's own end ----

class Caller:
    """Sends one GET after another over raw sockets until it is refused a connection. Every request that was sent on a
    connection which was there must be answered with 200."""

    def __init__(self, port, token):
        self.port, self.done, self.told, self.failures = port, 0, 0, []
        self.request = (f"GET /api/v1/workouts/plans HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n").encode()

    def run(self):
        while True:
            try:
                sock = socket.create_connection(("127.0.0.1", self.port), 5)
            except ConnectionRefusedError:
                return
            with sock:
                try:
                    while self.call(sock):
                        pass
                except (OSError, AssertionError) as e:
                    self.failures.append(repr(e))

    def call(self, sock):
        """False: the server said that it closes."""
        sock.sendall(self.request)
        data = b""
        while b"\r\n\r\n" not in data:
            data += self.more(sock, data)
        head, body = data.split(b"\r\n\r\n", 1)
        fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:])
        while len(body) < int(fields[b"content-length"]):
            body += self.more(sock, data + body)
        assert head.startswith(b"HTTP/1.1 200 "), head
        self.done += 1
        if fields.get(b"connection") == b"close":
            self.told += 1
            assert sock.recv(100) == b"", "something after the last reply"
            return False
        return True

    def more(self, sock, sofar):
        data = sock.recv(65536)
        assert data, f"closed after {len(sofar)} bytes of a reply"
        return data


def test_gateway_drains(stack):
    api = Api("127.0.0.1", stack.ports["gateway"], stack.ports["devidp"])
    gateway = stack.programs["gateway"]
    token = api.sign_in().token
    for _ in range(3):
        callers = [Caller(stack.ports["gateway"], token) for _ in range(8)]
        threads = [threading.Thread(target=c.run) for c in callers]
        idle = socket.create_connection(("127.0.0.1", stack.ports["gateway"]), 5)
        for t in threads:
            t.start()
        time.sleep(0.5)
        os.kill(gateway.pid(), signal.SIGTERM)
        for t in threads:
            t.join()
        assert idle.recv(1) == b""
        gateway.stop()
        gateway.start()
        assert [f for c in callers for f in c.failures] == []
        assert all(c.done > 1 and c.told >= 1 for c in callers), [(c.done, c.told) for c in callers]
