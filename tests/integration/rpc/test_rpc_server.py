# SPDX-License-Identifier: Apache-2.0
"""The C server, driven by the official Python client."""
import queue
import signal
import socket
import subprocess
import threading
import time
import uuid

import grpc
import pytest
from google.protobuf import descriptor_pb2

from rpc_support import (PROTOSET, SANITIZED, SERVER, EchoRequest, Nothing, Server, StreamRequest, connect, method,
                         observe, wait_for, wait_running)

CODES = {code.value[0]: code for code in grpc.StatusCode}


@pytest.fixture(scope="module")
def server():
    with Server() as running:
        yield running


@pytest.fixture
def channel(server):
    made = connect(server)
    yield made
    made.close()


def failure(call, *args, **kwargs):
    with pytest.raises(grpc.RpcError) as caught:
        result = call(*args, **kwargs)
        list(result) if hasattr(result, "__iter__") else result
    return caught.value


# ---- unary ----

def test_echo(channel):
    reply = method(channel, "Unary")(EchoRequest(text="grüße", payload=b"\0\xff"), timeout=5)
    assert (reply.text, reply.payload) == ("grüße", b"\0\xff")


@pytest.mark.parametrize("code", range(1, 17))
def test_every_status(channel, code):
    error = failure(method(channel, "Unary"), EchoRequest(status=code, status_text="bad % ünd\nlong"), timeout=5)
    assert error.code() is CODES[code]
    assert error.details() == "bad % ünd\nlong"


def test_internal_text_stays_inside(channel):
    error = failure(method(channel, "Unary"), EchoRequest(status=13), timeout=5)
    assert error.code() is grpc.StatusCode.INTERNAL
    assert "internal text" not in error.details() and error.details() != ""


def details_of(error):
    raw = dict(error.trailing_metadata())["grpc-status-details-bin"]
    found = {}
    status = message_from_builtin("google.rpc.Status", raw)
    for detail in status.details:
        name = detail.type_url.rsplit("/", 1)[1]
        found[name] = message_from_builtin(name, detail.value)
    return status, found


_builtin = None


def message_from_builtin(name, raw):
    """A message of the product's own protoset."""
    global _builtin
    if _builtin is None:
        from google.protobuf import descriptor_pool, message_factory
        files = descriptor_pb2.FileDescriptorSet.FromString((PROTOSET.parent / "fit.protoset").read_bytes())
        its_pool = descriptor_pool.DescriptorPool()
        for file in files.file:
            its_pool.Add(file)
        _builtin = (its_pool, message_factory.MessageFactory(its_pool))
    return _builtin[1].GetPrototype(_builtin[0].FindMessageTypeByName(name)).FromString(raw)


def test_details(channel):
    error = failure(method(channel, "Unary"), EchoRequest(status=3, with_fields=True), timeout=5)
    status, found = details_of(error)
    assert status.code == 3
    fields = [(v.field, v.description) for v in found["google.rpc.BadRequest"].field_violations]
    assert fields == [("sets[2].reps", "must be at least 1"), ("name", "must not be empty")]

    error = failure(method(channel, "Unary"),
                    EchoRequest(status=9, status_text="x", reason="ETAG_MISMATCH", retry_after_ms=1500), timeout=5)
    _, found = details_of(error)
    assert found["google.rpc.ErrorInfo"].reason == "ETAG_MISMATCH"
    delay = found["google.rpc.RetryInfo"].retry_delay
    assert (delay.seconds, delay.nanos) == (1, 500_000_000)


@pytest.mark.parametrize("size", [0, 1, 1000, 16384, 65531, 65536, 262144, 1_000_000, 4 * 1024 * 1024 - 64])
def test_sizes(channel, size):
    payload = bytes(i % 251 for i in range(1000)) * (size // 1000) + b"x" * (size % 1000)
    assert method(channel, "Unary")(EchoRequest(payload=payload), timeout=20).payload == payload


def test_message_limits(channel):
    error = failure(method(channel, "Unary"), EchoRequest(payload=b"x" * (4 * 1024 * 1024)), timeout=20)
    assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    error = failure(method(channel, "Unary"), EchoRequest(reply_bytes=4 * 1024 * 1024), timeout=20)
    assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


def test_metadata(channel):
    values = [b"\x00\xff\x80", b"", b"second", bytes(range(256))]
    call = method(channel, "Unary").with_call
    reply, info = call(EchoRequest(echo_metadata="x-raw-bin"), timeout=5,
                       metadata=[("x-raw-bin", v) for v in values])
    assert list(reply.metadata) == [v.hex() for v in values]
    assert [m.value for m in info.initial_metadata() if m.key == "x-raw-bin"] == values
    texts = ["one", "two, three", "~"]
    reply, info = call(EchoRequest(echo_metadata="x-text"), timeout=5, metadata=[("x-text", t) for t in texts])
    assert [bytes.fromhex(m).decode() for m in reply.metadata] == texts
    assert [m.value for m in info.initial_metadata() if m.key == "x-text"] == texts


def test_metadata_comes_with_a_failure_too(channel):
    error = failure(method(channel, "Unary"), EchoRequest(status=5, echo_metadata="x-text"), timeout=5,
                    metadata=[("x-text", "kept")])
    assert ("x-text", "kept") in [tuple(m) for m in error.initial_metadata()]


def test_too_much_metadata(channel):
    error = failure(method(channel, "Unary"), EchoRequest(), timeout=5, metadata=[("x-big", "v" * 17000)])
    assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


def test_request_id_and_if_match(channel):
    for tag, expected in (('"v7"', 7), ('"v0"', 0), ("*", -2), ('W/"v7"', -1), ("v7", -1), ('"v"', -1)):
        reply = method(channel, "Unary")(EchoRequest(), timeout=5,
                                         metadata=[("fit-request-id", "r-1"), ("fit-if-match", tag)])
        assert (reply.request_id, reply.if_match) == ("r-1", expected), tag
    assert method(channel, "Unary")(EchoRequest(), timeout=5).if_match == -2


@pytest.mark.parametrize("path", ["/fit.test.v1.TestService/Nope", "/nope.Service/Unary", "/", "/x"])
def test_unknown_method(channel, path):
    assert failure(channel.unary_unary(path), b"", timeout=5).code() is grpc.StatusCode.UNIMPLEMENTED


def test_method_without_handler(channel):
    assert failure(method(channel, "Missing"), Nothing(), timeout=5).code() is grpc.StatusCode.UNIMPLEMENTED


@pytest.mark.parametrize("raw", [
    b"\x0a\x02\xc3\x28",            # not UTF-8
    b"\x0a\x03a\x00b",              # NUL inside a string
    b"\x0a\xff\xff\xff\xff\x0f",    # length beyond the end
    b"\x0b\x0b\x0b",                # groups
    b"\x0a\xc9\x01" + b"x" * 201,   # max_len 200
])
def test_wire_check(channel, raw):
    call = channel.unary_unary("/fit.test.v1.TestService/Unary")
    assert failure(call, raw, timeout=5).code() is grpc.StatusCode.INVALID_ARGUMENT


# ---- access ----

def principal(**fields):
    made = message_from_builtin("fit.api.v1.Principal", b"")
    for name, value in fields.items():
        getattr(made, name).extend(value) if isinstance(value, list) else setattr(made, name, value)
    return [("fit-principal-bin", made.SerializeToString())]


def test_access(channel):
    user = str(uuid.uuid4())
    asked = method(channel, "User")
    assert failure(asked, EchoRequest(), timeout=5).code() is grpc.StatusCode.UNAUTHENTICATED
    for bad in ([("fit-principal-bin", b"\xff\xff")], principal(subject="x"), principal(role="admin")):
        assert failure(asked, EchoRequest(), timeout=5, metadata=bad).code() is grpc.StatusCode.UNAUTHENTICATED
    reply = asked(EchoRequest(), timeout=5, metadata=principal(subject=user, role="coach", tier="pro"))
    assert (reply.subject, reply.role) == (user, "coach")
    admin = method(channel, "Admin")
    error = failure(admin, EchoRequest(), timeout=5, metadata=principal(subject=user, permissions=["test.adm"]))
    assert error.code() is grpc.StatusCode.PERMISSION_DENIED
    admin(EchoRequest(), timeout=5, metadata=principal(subject=user, permissions=["a", "test.admin"]))


# ---- deadlines and cancellation ----

def test_deadline_reaches_the_handler(channel):
    assert 4000 < method(channel, "Unary")(EchoRequest(), timeout=5).deadline_ms <= 5010


def test_client_deadline(channel):
    before = observe(channel).cancelled
    started = time.monotonic()
    error = failure(method(channel, "Unary"), EchoRequest(sleep_ms=5000), timeout=0.2)
    assert error.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    assert time.monotonic() - started < 1
    assert wait_for(lambda: observe(channel).cancelled > before)


def test_server_deadline_even_if_the_handler_is_deaf():
    with Server("default_timeout_ms=150") as running, connect(running) as made:
        started = time.monotonic()
        error = failure(method(made, "Unary"), EchoRequest(sleep_ms=1500, deaf=True))
        assert error.code() is grpc.StatusCode.DEADLINE_EXCEEDED
        assert 0.14 < time.monotonic() - started < 1.0
        error = failure(method(made, "ServerStream"), StreamRequest(count=1000, interval_ms=10))
        assert error.code() is grpc.StatusCode.DEADLINE_EXCEEDED
        error = failure(method(made, "Ticker"), StreamRequest(count=1000, interval_ms=10))
        assert error.code() is grpc.StatusCode.DEADLINE_EXCEEDED
        assert wait_for(lambda: observe(made).detached_open == 0)


@pytest.mark.parametrize("name,request_message", [
    ("Unary", EchoRequest(sleep_ms=5000)), ("ServerStream", StreamRequest(count=1 << 20, interval_ms=1)),
])
def test_cancellation_is_seen_within_100_ms(channel, name, request_message):
    assert wait_for(lambda: observe(channel).running == 0)
    before = observe(channel).cancelled
    asked = method(channel, name)
    call = asked.future(request_message, timeout=20) if name == "Unary" else asked(request_message, timeout=20)
    assert wait_for(lambda: observe(channel).running >= 1)
    cancelled_at = time.monotonic()
    call.cancel()
    assert wait_for(lambda: observe(channel).cancelled > before)
    assert time.monotonic() - cancelled_at < 0.1


def test_lost_connection_cancels(server, channel):
    before = observe(channel).cancelled
    other = connect(server)
    call = method(other, "Unary").future(EchoRequest(sleep_ms=5000), timeout=20)
    assert wait_for(lambda: observe(channel).running >= 1)
    other.close()
    assert wait_for(lambda: observe(channel).cancelled > before)
    assert call.cancelled() or call.exception() is not None


def test_client_that_ends_a_request_stream_by_reset(channel):
    before = observe(channel).cancelled
    release = threading.Event()

    def requests():
        yield EchoRequest(payload=b"1")
        release.wait(10)

    call = method(channel, "ClientStream").future(requests(), timeout=20)
    time.sleep(0.2)
    call.cancel()
    assert wait_for(lambda: observe(channel).cancelled > before)
    release.set()


# ---- streams ----

def test_server_stream(channel):
    numbers = [m.number for m in method(channel, "ServerStream")(StreamRequest(count=5000, bytes=300), timeout=20)]
    assert numbers == list(range(5000))


def test_empty_server_stream(channel):
    assert list(method(channel, "ServerStream")(StreamRequest(), timeout=5)) == []


@pytest.mark.parametrize("name", ["ServerStream", "Ticker"])
def test_stream_that_fails_keeps_what_came_before(channel, name):
    got = []
    with pytest.raises(grpc.RpcError) as caught:
        count = 10 if name == "ServerStream" else 4
        for m in method(channel, name)(StreamRequest(count=count, fail_after=4), timeout=5):
            got.append(m.number)
    assert got == [0, 1, 2, 3]
    assert caught.value.code() is grpc.StatusCode.DATA_LOSS


def test_client_stream(channel):
    total = method(channel, "ClientStream")((EchoRequest(payload=b"x" * n) for n in range(2000)), timeout=20)
    assert (total.count, total.bytes) == (2000, sum(range(2000)))


def test_client_stream_of_big_messages_against_a_slow_handler(channel):
    messages = (EchoRequest(payload=b"x" * 1_000_000, sleep_ms=5) for _ in range(30))
    assert method(channel, "ClientStream")(messages, timeout=30).bytes == 30_000_000


def test_client_stream_that_the_handler_ends_early(channel):
    def requests():
        for i in range(100000):
            yield EchoRequest(payload=b"x" * 1000, status=8 if i == 10 else 0, status_text="enough")

    error = failure(method(channel, "ClientStream"), requests(), timeout=20)
    assert (error.code(), error.details()) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "enough")


def test_bad_message_inside_a_stream(channel):
    call = channel.stream_unary("/fit.test.v1.TestService/ClientStream")
    assert failure(call, iter([b"", b"\x0a\x02\xc3\x28"]), timeout=5).code() is grpc.StatusCode.INVALID_ARGUMENT


def test_ping_pong(channel):
    box = queue.Queue()
    replies = method(channel, "Bidi")(iter(box.get, None), timeout=20)
    for i in range(200):
        box.put(EchoRequest(text=str(i)))
        assert next(replies).text == str(i)
    box.put(None)
    assert list(replies) == []


def test_slow_reader_holds_the_sender(server, channel):
    stream = method(channel, "ServerStream")(StreamRequest(count=200, bytes=100_000), timeout=30)
    next(stream)
    # 20 MB do not fit into windows and queue: the sender must be waiting, and memory is bounded.
    time.sleep(0.5)
    # A sanitizer's build keeps freed memory for a while.
    assert process_rss(server) < (1000 if SANITIZED else 100) << 20
    assert sum(1 for _ in stream) == 199
    assert observe(channel).send_blocked_ms >= 300


def process_rss(server):
    with open(f"/proc/{server.process.pid}/status", encoding="ascii") as status:
        return int(next(line for line in status if line.startswith("VmRSS")).split()[1]) << 10


def test_detached_back_pressure(channel):
    before = observe(channel)
    stream = method(channel, "Ticker")(StreamRequest(count=200, bytes=100_000), timeout=30)
    next(stream)
    assert wait_for(lambda: observe(channel).send_refused > before.send_refused)
    assert [m.number for m in stream] == list(range(1, 200))
    assert observe(channel).drained > before.drained
    assert wait_for(lambda: observe(channel).detached_open == 0)


def test_detached_calls_hold_no_worker():
    with Server("workers=2") as running, connect(running) as made:
        streams = [method(made, "Ticker")(StreamRequest(count=5, interval_ms=100), timeout=20) for _ in range(50)]
        assert wait_for(lambda: observe(made).detached_open == 50)
        assert all([m.number for m in s] == [0, 1, 2, 3, 4] for s in streams)


def test_detached_cancel(channel):
    before = observe(channel)
    streams = [method(channel, "Ticker")(StreamRequest(count=100000, interval_ms=5), timeout=60) for _ in range(20)]
    for s in streams:
        next(s)
    for s in streams:
        s.cancel()
    assert wait_for(lambda: observe(channel).detached_open == 0)
    # The one that sends while the reset comes is told by rpc_stream_send instead.
    assert observe(channel).detached_cancelled >= before.detached_cancelled + 1


# ---- load ----

def test_many_concurrent_calls():
    with Server("io=2", "queue=4096") as running:
        channels = [connect(running) for _ in range(4)]
        calls = [method(channels[i % 4], "Unary").future(EchoRequest(text=str(i), sleep_ms=20), timeout=30)
                 for i in range(1000)]
        assert [c.result().text for c in calls] == [str(i) for i in range(1000)]
        for c in channels:
            c.close()


def test_full_queue_refuses_at_once():
    with Server("workers=1", "queue=2") as running, connect(running) as made:
        calls = [method(made, "Unary").future(EchoRequest(sleep_ms=500, deaf=True), timeout=20) for _ in range(20)]
        codes = [c.code() for c in calls]
        assert codes.count(grpc.StatusCode.UNAVAILABLE) >= 15
        assert codes.count(grpc.StatusCode.OK) >= 2
        refused = next(c for c in calls if c.code() is grpc.StatusCode.UNAVAILABLE)
        assert details_of(refused.exception())[1]["google.rpc.RetryInfo"].retry_delay.seconds == 1


def test_slow_class_leaves_workers_for_others():
    with Server("workers=4") as running, connect(running) as made:
        slow = [method(made, "Slow").future(EchoRequest(sleep_ms=400, deaf=True), timeout=30) for _ in range(8)]
        started = time.monotonic()
        for _ in range(20):
            method(made, "Unary")(EchoRequest(), timeout=5)
        assert time.monotonic() - started < 0.4
        assert all(s.result() is not None for s in slow)


# ---- the end of connections ----

def test_connection_age_fails_no_call():
    with Server("max_age_ms=150", "io=2") as running:
        channels = [connect(running) for _ in range(4)]
        end = time.monotonic() + 3
        failed, done = [], [0] * 4

        def hammer(i):
            asked = method(channels[i], "Unary")
            while time.monotonic() < end:
                try:
                    asked(EchoRequest(sleep_ms=done[i] % 5), timeout=10)
                    done[i] += 1
                except grpc.RpcError as error:
                    failed.append((error.code(), error.details()))

        threads = [threading.Thread(target=hammer, args=(i,)) for i in range(4)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        assert failed == []
        assert min(done) > 100


def test_stream_outlives_the_connection_age():
    with Server("max_age_ms=100") as running, connect(running) as made:
        stream = method(made, "Ticker")(StreamRequest(count=50, interval_ms=30), timeout=20)
        assert [m.number for m in stream] == list(range(50))


def test_drain_finishes_what_runs():
    running = Server()
    made = connect(running)
    calls = [method(made, "Unary").future(EchoRequest(text=str(i), sleep_ms=600), timeout=20) for i in range(15)]
    stream = method(made, "Ticker")(StreamRequest(count=30, interval_ms=20), timeout=20)
    next(stream)
    assert wait_for(lambda: observe(made).detached_open == 1 and observe(made).running == 15)
    running.signal(signal.SIGTERM)
    assert [c.result().text for c in calls] == [str(i) for i in range(15)]
    assert len(list(stream)) == 29
    assert running.stop() == 0
    with pytest.raises(OSError):
        socket.create_connection(("127.0.0.1", running.port), timeout=1)
    made.close()


def test_beyond_loopback_needs_tls():
    done = subprocess.run([SERVER, PROTOSET, "0.0.0.0:0"], capture_output=True, timeout=20, check=False)
    assert done.returncode == 1
    assert b"beyond loopback" in done.stderr


def test_port_in_use(server):
    done = subprocess.run([SERVER, PROTOSET, server.target], capture_output=True, timeout=20, check=False)
    assert done.returncode == 1
    assert b"cannot listen" in done.stderr


# ---- health and reflection ----

SERVING, NOT_SERVING, SERVICE_UNKNOWN = 1, 2, 3


def health(channel, name, service):
    kind = channel.unary_unary if name == "Check" else channel.unary_stream
    return kind(f"/grpc.health.v1.Health/{name}",
                response_deserializer=lambda raw: message_from_builtin("grpc.health.v1.HealthCheckResponse", raw))(
        b"" if not service else b"\x0a" + bytes([len(service)]) + service.encode(), timeout=20)


def test_health():
    with Server("workers=1", "io=2") as running, connect(running) as made:
        for name in ("", "fit.test.v1.TestService", "grpc.health.v1.Health"):
            assert health(made, "Check", name).status == SERVING
        assert failure(health, made, "Check", "nope").code() is grpc.StatusCode.NOT_FOUND
        assert next(health(made, "Watch", "nope")).status == SERVICE_UNKNOWN
        watches = [health(made, "Watch", "") for _ in range(30)]
        assert [next(w).status for w in watches] == [SERVING] * 30
        method(made, "Unary")(EchoRequest(), timeout=5)  # the only worker is free
        running.signal(signal.SIGUSR1)
        assert [next(w).status for w in watches] == [NOT_SERVING] * 30
        assert health(made, "Check", "").status == NOT_SERVING
        running.signal(signal.SIGUSR2)
        assert [next(w).status for w in watches] == [SERVING] * 30
        for w in watches[:15]:
            w.cancel()
        running.signal(signal.SIGTERM)
        assert next(watches[20]).status == NOT_SERVING
        assert failure(next, watches[20]).code() is grpc.StatusCode.UNAVAILABLE


@pytest.mark.parametrize("version", ["v1", "v1alpha"])
def test_reflection(channel, version):
    name = f"grpc.reflection.{version}."

    def ask(*questions):
        raw = [message_from_builtin(name + "ServerReflectionRequest", b"") for _ in questions]
        for target, (field, value) in zip(raw, questions):
            if isinstance(value, tuple):
                target.file_containing_extension.containing_type = value[0]
                target.file_containing_extension.extension_number = value[1]
            else:
                setattr(target, field, value)
        call = channel.stream_stream(f"/{name}ServerReflection/ServerReflectionInfo",
                                     request_serializer=lambda m: m.SerializeToString())
        answers = [message_from_builtin(name + "ServerReflectionResponse", a) for a in call(iter(raw), timeout=10)]
        assert [a.original_request for a in answers] == raw
        return answers

    def files(answer):
        return [descriptor_pb2.FileDescriptorProto.FromString(f).name
                for f in answer.file_descriptor_response.file_descriptor_proto]

    services, by_name, message_, method_, nested, extension, numbers, nothing = ask(
        ("list_services", ""), ("file_by_filename", "rpc_test.proto"),
        ("file_containing_symbol", "fit.test.v1.EchoRequest"),
        ("file_containing_symbol", "fit.test.v1.TestService.Unary"),
        ("file_containing_symbol", "google.protobuf.FieldDescriptorProto.Type"),
        ("", ("google.protobuf.MethodOptions", 50100)),
        ("all_extension_numbers_of_type", "google.protobuf.FieldOptions"),
        ("file_containing_symbol", "no.such.Thing"))
    assert sorted(s.name for s in services.list_services_response.service) == [
        "fit.test.v1.TestService", "grpc.health.v1.Health", "grpc.reflection.v1.ServerReflection",
        "grpc.reflection.v1alpha.ServerReflection"]
    assert files(by_name) == files(message_) == files(method_) == ["rpc_test.proto"]
    assert files(nested) == ["google/protobuf/descriptor.proto"]
    assert files(extension) == ["fit/api/v1/options.proto"]
    assert sorted(numbers.all_extension_numbers_response.extension_number) == [1159, 50100]
    assert nothing.error_response.error_code == 5
