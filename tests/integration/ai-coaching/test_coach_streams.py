# SPDX-License-Identifier: Apache-2.0
"""Many streams, slow readers, clients that go away, other services that hang: a chat holds a worker only while it thinks."""
import base64
import contextlib
import os
import signal
import socket
import sys

import grpc
import pytest
from coach_service import HERE, MESSAGE, Service, principal, stack
from test_chat import make_plan

sys.path.insert(0, os.path.dirname(HERE) + "/rpc")
from h2_raw import (DATA, END_HEADERS, END_STREAM, HEADERS, NO_TABLE, PREFACE, SETTINGS, WINDOW, Raw,  # noqa: E402
                    frame, grpc_frame, head)

CHAT = "/fit.ai_coaching.v1.CoachService/Chat"
REQUEST, EVENT = MESSAGE("fit.ai_coaching.v1.ChatRequest"), MESSAGE("fit.ai_coaching.v1.ChatEvent")


@contextlib.contextmanager
def another(service, name, **settings):
    """A process of the service with other settings; it must end cleanly, too."""
    made = Service(f"{service.folder}/{name}", service.pg, service.redis_url, settings.pop("users", service.user_target),
                   settings.pop("workouts", service.workout_target), **settings).start()
    try:
        yield made
    finally:
        assert made.stop() == 0, open(made.log, encoding="utf-8", errors="replace").read()[-4000:]


@contextlib.contextmanager
def frozen(service):
    os.kill(service.process.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(service.process.pid, signal.SIGCONT)


def channel_to(service):
    """A connection of its own, not one out of grpcio's pool."""
    return grpc.insecure_channel(f"127.0.0.1:{service.port}", options=[("grpc.use_local_subchannel_pool", 1)])


def chat(channel, user, message, timeout=60):
    stub = channel.unary_stream(CHAT, request_serializer=REQUEST.SerializeToString, response_deserializer=EVENT.FromString)
    return stub(REQUEST(message=message), timeout=timeout, metadata=[("fit-principal-bin", principal(user))])


def whole(events):
    """Checks that nothing of an answer is missing; its text."""
    events = list(events)
    kinds = [e.WhichOneof("type") for e in events]
    assert kinds.count("done") == 1 and kinds[-1] == "done", kinds
    assert "".join(e.delta.text for e in events) == events[-1].done.text
    return events[-1].done.text


def test_five_hundred_at_once(ana, ben, service, workouts):
    """All are under way at the same time, which the frozen workout service makes sure of; none is lost or cut."""
    for who in (ana, ben):
        make_plan(who)
    assert "Bench Press" in ana.ask("what is next")["text"]
    channels = [channel_to(service) for _ in range(6)]
    with frozen(workouts):
        calls = [chat(channels[i % 6], (ana, ben)[i % 2].id, "what should I train today?", 240) for i in range(500)]
        stack.wait_until("500 calls", lambda: service.gauge("rpc_server_in_flight") >= 500, 60)
    for call in calls:
        assert "Bench Press: 3 × 8–12 at 60 kg" in whole(call)
    for channel in channels:
        channel.close()
    stack.wait_until("their end", lambda: service.gauge("rpc_server_in_flight") == 0, 30)


class Deaf:
    """A client whose window is closed: the service can send the head of its answers and nothing else."""

    def __init__(self, service):
        self.raw = Raw(service.port, start=False, timeout=60)
        self.raw.send(PREFACE, frame(SETTINGS, 0, 0, NO_TABLE + bytes([0, 4, 0, 0, 0, 0])))

    def chat(self, user, stream):
        fields = head(path=CHAT, grpc_timeout="60S", **{"fit-principal-bin": base64.b64encode(principal(user))})
        message = grpc_frame(REQUEST(message="what should I train today?").SerializeToString())
        self.raw.send(frame(HEADERS, END_HEADERS, stream, fields), frame(DATA, END_STREAM, stream, message))

    def heads(self, streams):
        missing = set(streams)
        while missing:
            kind, _, stream, _ = self.raw.read()
            assert kind not in (DATA,)
            if kind == HEADERS:
                missing.discard(stream)

    def open(self):
        self.raw.send(frame(SETTINGS, 0, 0, bytes([0, 4, 0x7f, 0xff, 0xff, 0xff])),
                      frame(WINDOW, 0, 0, (1 << 30).to_bytes(4, "big")))

    def answers(self, streams):
        """The events of each stream, read to its end."""
        data, ended = {s: b"" for s in streams}, set()
        while ended != set(streams):
            kind, flags, stream, payload = self.raw.read()
            if kind == DATA:
                data[stream] += payload
            if kind == HEADERS and flags & END_STREAM:
                ended.add(stream)
        return [list(events_in(d)) for d in data.values()]


def events_in(data):
    while data:
        n = int.from_bytes(data[1:5], "big")
        yield EVENT.FromString(data[5:5 + n])
        data = data[5 + n:]


def test_slow_readers_hold_no_worker(ana, service):
    make_plan(ana)
    with another(service, "slow", FIT_WORKERS="1") as alone:
        deaf = Deaf(alone)
        streams = range(1, 100, 2)
        for stream in streams:
            deaf.chat(ana.id, stream)
        deaf.heads(streams)
        assert alone.gauge("rpc_server_in_flight") >= 50
        with channel_to(alone) as channel:
            assert "Bench Press" in whole(chat(channel, ana.id, "what is next?")), "the one worker is free"
        deaf.open()
        for events in deaf.answers(streams):
            assert "Bench Press" in whole(events)
        deaf.raw.close()


def test_slow_reader_does_not_spoil_the_drain(ana, service):
    make_plan(ana)
    with another(service, "drain", FIT_DRAIN_MS="1000") as alone:
        deaf = Deaf(alone)
        deaf.chat(ana.id, 1)
        deaf.heads([1])
    deaf.raw.close()


def test_client_that_goes_away_frees_the_worker(ana, service, workouts):
    make_plan(ana)
    with another(service, "gone", FIT_WORKERS="1") as alone, channel_to(alone) as channel:
        whole(chat(channel, ana.id, "what is next?"))
        with frozen(workouts):
            call = chat(channel, ana.id, "set bench press to 62.5 kg", 120)
            stack.wait_until("the call", lambda: alone.gauge("rpc_server_in_flight") == 1, 30)
            call.cancel()
            # Needs neither workout nor user; without the worker it would wait for two minutes.
            assert "Call your local emergency number" in whole(chat(channel, ana.id, "crushing chest pain", 20))
    assert [t for t, _ in ana.outbox()] == ["turnFinished", "safetyEscalated", "turnFinished"], "nothing was proposed"


@pytest.fixture
def hole():
    """A target that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield f"127.0.0.1:{listening.getsockname()[1]}"


def test_without_library(ana, service, hole):
    """Said plainly, and no call waits for it until its deadline."""
    with another(service, "bare", workouts=hole) as alone, channel_to(alone) as channel:
        assert "cannot read the exercise library" in whole(chat(channel, ana.id, "how do I squat?", 15))
        assert "Call your local emergency number" in whole(chat(channel, ana.id, "my chest hurts and my arm is numb", 15))


def test_first_calls_wait_for_the_library(ana, service):
    """The first fifty after the start come at once: one loads, the others do not answer without it."""
    with another(service, "first") as alone, channel_to(alone) as channel:
        calls = [chat(channel, ana.id, "how do I bench press?") for _ in range(50)]
        assert all("Bench Press" in whole(call) for call in calls)
