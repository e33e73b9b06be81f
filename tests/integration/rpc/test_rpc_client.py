# SPDX-License-Identifier: Apache-2.0
"""The C client, against the official Python server and against ours."""
import concurrent.futures
import json
import signal
import socket
import subprocess
import threading
import time

import grpc
import pytest

from rpc_support import (BUILD, EchoReply, EchoRequest, Server, StreamReply, StreamRequest, connect, observe,
                         wait_for, wait_running)

CLIENT = BUILD / "test" / "rpc_test_client"
UNARY = "/fit.test.v1.TestService/Unary"
STREAM = "/fit.test.v1.TestService/ServerStream"


class Client:
    """The client process: one command, one answer."""

    def __init__(self, target, *options):
        self.process = subprocess.Popen([CLIENT, target, *options], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE)

    def __call__(self, verb, path, timeout_ms, request, *numbers):
        return self.start(verb, path, timeout_ms, request, *numbers)()

    def start(self, verb, path, timeout_ms, request, *numbers):
        line = f"{verb} {path} {timeout_ms} ={request.SerializeToString().hex()} {' '.join(map(str, numbers))}\n"
        self.process.stdin.write(line.encode())
        self.process.stdin.flush()
        return lambda: json.loads(self.process.stdout.readline() or self.died())

    def died(self):
        raise RuntimeError(self.process.stderr.read().decode())

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.process.stdin.close()
        status = self.process.wait(timeout=30)
        log = self.process.stderr.read().decode()
        assert "Sanitizer" not in log and "runtime error" not in log, log
        if exc[0] is None:
            assert status == 0, (status, log)


class PythonServer:
    """grpcio's server with the same methods."""

    def __init__(self, port=0):
        self.server = grpc.server(concurrent.futures.ThreadPoolExecutor(64))
        self.seen = []

        def unary(request, context):
            self.seen.append((dict(context.invocation_metadata()), context.time_remaining()))
            if request.sleep_ms:
                time.sleep(request.sleep_ms / 1000)
            if request.status:
                context.abort(next(c for c in grpc.StatusCode if c.value[0] == request.status), request.status_text)
            context.send_initial_metadata((("x-reply", "1"),))
            return EchoReply(text=request.text, payload=b"y" * request.reply_bytes)

        def stream(request, context):
            for i in range(request.count):
                yield StreamReply(number=i, payload=b"z" * request.bytes)

        handlers = {
            "Unary": grpc.unary_unary_rpc_method_handler(
                unary, EchoRequest.FromString, EchoReply.SerializeToString),
            "ServerStream": grpc.unary_stream_rpc_method_handler(
                stream, StreamRequest.FromString, StreamReply.SerializeToString),
        }
        self.server.add_generic_rpc_handlers(
            (grpc.method_handlers_generic_handler("fit.test.v1.TestService", handlers),))
        self.port = self.server.add_insecure_port(f"127.0.0.1:{port}")
        self.target = f"127.0.0.1:{self.port}"
        self.server.start()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.server.stop(0).wait()


@pytest.fixture(params=["python", "ours"])
def target(request):
    with PythonServer() if request.param == "python" else Server() as running:
        yield running.target


def test_unary(target):
    with Client(target) as client:
        answer = client("unary", UNARY, 5000, EchoRequest(text="hi", reply_bytes=1_000_000))
        assert (answer["status"], answer["reply"], answer["bytes"]) == ("OK", "hi", 1_000_000)


@pytest.mark.parametrize("code", range(1, 17))
def test_every_status(target, code):
    name = next(c.name for c in grpc.StatusCode if c.value[0] == code)
    with Client(target) as client:
        answer = client("unary", UNARY, 5000, EchoRequest(status=code, status_text="fäils 100%"))
        assert (answer["status"], answer["public"]) == (name, "fäils 100%")


def test_what_the_server_sees():
    with PythonServer() as server, Client(server.target) as client:
        client("unary", UNARY, 5000, EchoRequest())
        metadata, left = server.seen[0]
        assert metadata["x-meta"] == "value" and metadata["x-raw-bin"] == b"\x00\x01\xff"
        assert metadata["fit-request-id"] == "req-1" and metadata["traceparent"].startswith("00-")
        assert 4 < left <= 5


def test_details_come_back():
    with Server() as server, Client(server.target) as client:
        answer = client("unary", UNARY, 5000, EchoRequest(status=3, with_fields=True))
        assert answer["fields"] == ["sets[2].reps", "name"]
        answer = client("unary", UNARY, 5000,
                        EchoRequest(status=9, status_text="no", reason="ETAG_MISMATCH", retry_after_ms=250))
        assert (answer["reason"], answer["retry_after_ms"]) == ("ETAG_MISMATCH", 250)


def test_deadline(target):
    with Client(target) as client:
        started = time.monotonic()
        assert client("unary", UNARY, 200, EchoRequest(sleep_ms=3000))["status"] == "DEADLINE_EXCEEDED"
        assert time.monotonic() - started < 1
        assert client("unary", UNARY, 0, EchoRequest())["status"] == "DEADLINE_EXCEEDED"
        assert client("unary", UNARY, 5000, EchoRequest(text="x"))["reply"] == "x"


def test_deadline_shrinks():
    with Server() as server, Client(server.target) as client:
        assert 2000 < client("unary", UNARY, 3000, EchoRequest())["deadline_ms"] <= 3000


def test_many_threads(target):
    with Client(target) as client:
        assert client("many", UNARY, 20000, EchoRequest(text="x"), 32, 50) == {"OK": 1600}


def test_a_thousand_at_once(target):
    with Client(target) as client:
        answer = client("async", UNARY, 30000, EchoRequest(text="x", sleep_ms=10), 1000)
        assert (answer["OK"], answer["messages"], answer["in_flight"]) == (1000, 1000, 0)


def test_too_many_wait():
    with Server() as server, Client(server.target) as client:
        answer = client("async", UNARY, 30000, EchoRequest(), 3000)
        assert answer["OK"] + answer["UNAVAILABLE"] == 3000 and answer["OK"] >= 1024


def test_stream(target):
    with Client(target) as client:
        answer = client("stream", STREAM, 20000, StreamRequest(count=3000, bytes=500), 0)
        assert (answer["OK"], answer["messages"], answer["ended"]) == (1, 3000, 1)


def test_paused_stream(target):
    with Client(target) as client:
        answer = client("stream", STREAM, 20000, StreamRequest(count=100, bytes=100_000), 300)
        assert answer["messages"] == 100
        # No more than the stream's window came in while it was paused.
        assert answer["paused_bytes"] <= 256 * 1024


def test_cancel():
    with Server() as server, Client(server.target) as client, connect(server) as watch:
        answer = client("cancel", UNARY, 20000, EchoRequest(sleep_ms=5000), 100)
        assert (answer["ended"], answer["in_flight"]) == (0, 0)
        assert wait_for(lambda: observe(watch).cancelled == 1)


def test_cancel_before_it_starts():
    with Client("127.0.0.1:1") as client:
        assert client("cancel", UNARY, 20000, EchoRequest(), 0)["in_flight"] == 0


def test_nobody_there():
    with Client("127.0.0.1:1") as client:
        started = time.monotonic()
        answer = client("unary", UNARY, 20000, EchoRequest())
        assert answer["status"] == "UNAVAILABLE" and "127.0.0.1:1" in answer["text"]
        assert time.monotonic() - started < 3
        # A dead target soon costs nothing.
        for _ in range(5):
            client("unary", UNARY, 20000, EchoRequest())
        started = time.monotonic()
        assert client("async", UNARY, 20000, EchoRequest(), 50)["UNAVAILABLE"] == 50
        assert time.monotonic() - started < 1


def test_name_that_does_not_exist():
    with Client("dns:no-such-host.invalid:1") as client:
        answer = client("unary", UNARY, 20000, EchoRequest())
        assert answer["status"] == "UNAVAILABLE" and "no-such-host.invalid" in answer["text"]


def test_by_name():
    with Server() as server, Client(f"localhost:{server.port}") as client:
        # localhost may mean ::1 too, where nobody listens: the address that answers is found.
        assert client("many", UNARY, 5000, EchoRequest(), 4, 50) == {"OK": 200}


def test_peer_that_never_speaks():
    with socket.create_server(("127.0.0.1", 0)) as listener, \
            Client(f"127.0.0.1:{listener.getsockname()[1]}") as client:
        started = time.monotonic()
        assert client("unary", UNARY, 500, EchoRequest())["status"] == "DEADLINE_EXCEEDED"
        assert time.monotonic() - started < 1


def test_peer_that_is_no_grpc_server():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        def answer():
            while True:
                try:
                    peer, _ = listener.accept()
                except OSError:
                    return  # closed: the test is over
                peer.recv(1000)
                peer.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
                peer.close()

        threading.Thread(target=answer, daemon=True).start()
        with Client(f"127.0.0.1:{listener.getsockname()[1]}") as client:
            assert client("unary", UNARY, 3000, EchoRequest())["status"] == "UNAVAILABLE"


def test_server_comes_back():
    server = Server()
    with Client(server.target) as client:
        assert client("unary", UNARY, 5000, EchoRequest())["status"] == "OK"
        server.process.kill()
        server.process.wait()
        assert client("unary", UNARY, 5000, EchoRequest())["status"] == "UNAVAILABLE"
        with Server(address=server.target):
            end = time.monotonic() + 5
            while time.monotonic() < end:
                if client("unary", UNARY, 5000, EchoRequest())["status"] == "OK":
                    break
                time.sleep(0.05)
            assert client("many", UNARY, 5000, EchoRequest(), 8, 20) == {"OK": 160}


def test_restart_is_not_noticed():
    """Calls that come while nobody listens wait for the successor; those under way are finished first."""
    server = Server()
    with Client(server.target) as client:
        assert client("unary", UNARY, 5000, EchoRequest())["status"] == "OK"
        for _ in range(5):
            answer = client.start("many", UNARY, 10000, EchoRequest(sleep_ms=20), 8, 20)
            assert server.stop() == 0
            server = Server(address=server.target)
            assert answer() == {"OK": 160}
    assert server.stop() == 0


def test_kill_fails_the_calls_under_way():
    server = Server()
    with Client(server.target) as client:
        answer = client.start("async", UNARY, 20000, EchoRequest(sleep_ms=10000, deaf=True), 15)
        wait_running(server, 15)
        server.process.kill()
        assert answer()["UNAVAILABLE"] == 15
    server.process.wait()


def test_connection_age_fails_no_call():
    with Server("max_age_ms=100", "io=2") as server, Client(server.target) as client:
        end = time.monotonic() + 3
        calls = 0
        while time.monotonic() < end:
            assert client("many", UNARY, 10000, EchoRequest(sleep_ms=1), 16, 40) == {"OK": 640}
            calls += 640
        assert calls > 640


def test_drain_fails_no_call():
    """One server goes away in order while a second takes over its port."""
    first = Server()
    with Client(first.target) as client:
        answer = client.start("many", UNARY, 10000, EchoRequest(sleep_ms=1000), 15, 1)
        wait_running(first, 15)
        first.signal(signal.SIGTERM)
        assert answer() == {"OK": 15}
        assert first.stop() == 0
