# SPDX-License-Identifier: Apache-2.0
"""What a good client cannot send: the server must answer, bound, or hang up, and go on serving others."""
import random
import socket
import struct
import time

import pytest

from h2_raw import (ACK, CONTINUATION, DATA, END_HEADERS, END_STREAM, GOAWAY, HEADERS, NO_TABLE, PADDED, PING, PREFACE, PRIORITY,
                    RST, SETTINGS, START, WINDOW, Raw, frame, grpc_frame, head, literal)
from rpc_support import SANITIZED, EchoRequest, Server, connect, method, observe, wait_for

PROTOCOL_ERROR, FLOW, ENHANCE_YOUR_CALM, REFUSED = 1, 3, 11, 7
EH, ES = END_HEADERS, END_STREAM


@pytest.fixture(scope="module")
def server():
    with Server() as running:
        yield running


@pytest.fixture(autouse=True)
def still_serves(server):
    yield
    with connect(server) as channel:
        assert method(channel, "Unary")(EchoRequest(text="alive"), timeout=5).text == "alive"


def grpc_status(block):
    """The status out of a header block: fields come literally, plain or Huffman-coded; both are looked for."""
    for code in range(17):
        text = str(code).encode()
        for value in (bytes([len(text)]) + text, bytes([0x80 | len(HUFF[code])]) + HUFF[code]):
            if b"grpc-status" + value in block or HUFF_NAME + value in block:
                return code
    return None


# Huffman codes (RFC 7541, appendix B) of "grpc-status" and of the digits.
def huffman(text):
    codes = {"g": (0x26, 6), "r": (0x2c, 6), "p": (0x2b, 6), "c": (0x4, 5), "-": (0x16, 6), "s": (0x8, 5), "t": (0x9, 5),
             "a": (0x3, 5), "u": (0x2d, 6), "0": (0x0, 5), "1": (0x1, 5), "2": (0x2, 5), "3": (0x19, 6), "4": (0x1a, 6),
             "5": (0x1b, 6), "6": (0x1c, 6), "7": (0x1d, 6), "8": (0x1e, 6), "9": (0x1f, 6)}
    bits = "".join(format(codes[c][0], f"0{codes[c][1]}b") for c in text)
    bits += "1" * (-len(bits) % 8)
    return int(bits, 2).to_bytes(len(bits) // 8, "big")


HUFF = [huffman(str(code)) for code in range(17)]
HUFF_NAME = huffman("grpc-status")


def ask(raw, block, body=b"", stream=1):
    if body is None:
        raw.send(frame(HEADERS, EH | ES, stream, block))
    else:
        raw.send(frame(HEADERS, EH, stream, block), frame(DATA, ES, stream, body))
    return raw.answer(stream)


def test_good(server):
    with Raw(server.port) as raw:
        block, data, reset = ask(raw, head(), grpc_frame(b"\x0a\x02hi"))
        assert reset is None and grpc_status(block) == 0
        assert data[:1] == b"\0" and b"\x0a\x02hi" in data


@pytest.mark.parametrize("size", [1, 2, 3, 7])
def test_good_in_small_pieces(server, size):
    whole = START + frame(HEADERS, EH, 1, head()) + frame(DATA, 0, 1, grpc_frame(b"\x0a\x02hi")) + \
        frame(DATA, ES, 1)
    with Raw(server.port, start=False) as raw:
        for i in range(0, len(whole), size):
            raw.send(whole[i:i + size])
        block, data, _ = raw.answer(1)
        assert grpc_status(block) == 0 and b"hi" in data


def test_message_split_over_frames(server):
    message = grpc_frame(b"\x0a\x02hi")
    with Raw(server.port) as raw:
        raw.send(frame(HEADERS, EH, 1, head()), *[frame(DATA, 0, 1, message[i:i + 1]) for i in range(len(message))],
                 frame(DATA, ES, 1))
        assert b"hi" in raw.answer(1)[1]


@pytest.mark.parametrize("start", [b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\rX", b"\0" * 24,
                                   b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"x" * 40])
def test_bad_preface(server, start):
    with Raw(server.port, start=False) as raw:
        raw.send(start)
        assert raw.closed()


@pytest.mark.parametrize("first", [frame(HEADERS, EH | ES, 1, head()), frame(PING, 0, 0, b"8 bytes!")])
def test_settings_must_come_first(server, first):
    with Raw(server.port, start=False) as raw:
        raw.send(PREFACE + first)
        assert raw.goaway_code() == PROTOCOL_ERROR
        assert raw.closed()


# ---- the gRPC layer ----

UNIMPLEMENTED, INTERNAL, EXHAUSTED, INVALID, DEADLINE = 12, 13, 8, 3, 4


@pytest.mark.parametrize("block,body,expected", [
    (head(path="/fit.test.v1.TestService/Nope"), grpc_frame(), UNIMPLEMENTED),
    (head(path="/"), grpc_frame(), UNIMPLEMENTED),
    (head(path="/" + "a" * 8000), grpc_frame(), UNIMPLEMENTED),
    (head(drop=("te",)), grpc_frame(), INTERNAL),
    (head(grpc_encoding="gzip"), grpc_frame(), UNIMPLEMENTED),
    (head(grpc_timeout="1x"), grpc_frame(), INVALID),
    (head(grpc_timeout="123456789S"), grpc_frame(), INVALID),
    (head(grpc_timeout=""), grpc_frame(), INVALID),
    (head(grpc_timeout="S"), grpc_frame(), INVALID),
    (head(grpc_timeout="-1S"), grpc_frame(), INVALID),
    (head(grpc_timeout="0m"), grpc_frame(), DEADLINE),
    (head(**{"x-bin": "not base64!"}), grpc_frame(), INVALID),
    (head(), b"", UNIMPLEMENTED),                                # no message
    (head(), None, UNIMPLEMENTED),
    (head(), grpc_frame() * 2, UNIMPLEMENTED),                   # two messages
    (head(), grpc_frame(b"x", flag=1), UNIMPLEMENTED),           # compressed
    (head(), grpc_frame(b"x", flag=2), INTERNAL),
    (head(), b"\0\0\0", INTERNAL),                               # inside the frame's head
    (head(), grpc_frame(b"abc", length=4), INTERNAL),            # inside the message
    (head(), grpc_frame(b"x", length=4 * 1024 * 1024 + 1), EXHAUSTED),
    (head(), grpc_frame(b"x", length=0xffffffff), EXHAUSTED),
    (head(), grpc_frame(b"\xff\xff"), INVALID),
], ids=lambda v: repr(v)[-40:] if isinstance(v, bytes) else str(v))
def test_refused_with_a_status(server, block, body, expected):
    with Raw(server.port) as raw:
        answer, data, reset = ask(raw, block, body)
        assert grpc_status(answer) == expected and data == b""
        assert reset in (None, 0)
        # The connection goes on.
        assert grpc_status(ask(raw, head(), grpc_frame(), stream=3)[0]) == 0


@pytest.mark.parametrize("block,status", [
    (head(**{":method": "GET"}), b"405"), (head(content_type="application/json"), b"415"),
    (head(content_type="application/grpcx"), b"415"), (head(content_type="application/grpc+json"), b"415"),
    (head(drop=("content-type",)), b"415"),
], ids=range(5))
def test_not_grpc_gets_an_http_status(server, block, status):
    with Raw(server.port) as raw:
        answer, _, _ = ask(raw, block, grpc_frame())
        assert grpc_status(answer) is None
        assert status in answer or huffman(status.decode()) in answer


@pytest.mark.parametrize("block", [
    head(drop=(":path",)), head(drop=(":method",)), head() + literal("Upper", "x"), head() + literal(":path", "/x"),
    head() + literal("connection", "close"), head() + literal("transfer-encoding", "chunked"), literal("x", "y"),
    head(te="gzip"), head(content_length="3"), literal("x", "y") + head(), head(path="x"),
], ids=range(11))
def test_malformed_http_is_reset(server, block):
    with Raw(server.port) as raw:
        answer, _, reset = ask(raw, block, grpc_frame())
        assert reset == PROTOCOL_ERROR
        assert grpc_status(ask(raw, head(), grpc_frame(), stream=3)[0]) == 0


def test_announced_sizes_are_not_allocated(server):
    """100 streams announce 4 MiB each and send 1 byte of it."""
    with Raw(server.port) as raw:
        for i in range(100):
            raw.send(frame(HEADERS, EH, 2 * i + 1, head(grpc_timeout="5S")),
                     frame(DATA, 0, 2 * i + 1, grpc_frame(b"x", length=4 * 1024 * 1024)))
        raw.send(frame(PING, 0, 0, b"12345678"))
        assert raw.until(lambda f: f[0] == PING and f[1] & ACK)
        with open(f"/proc/{server.process.pid}/status", encoding="ascii") as status:
            rss = int(next(line for line in status if line.startswith("VmRSS")).split()[1]) << 10
        assert rss < (1000 if SANITIZED else 100) << 20


def test_request_that_never_ends_meets_its_deadline(server):
    with Raw(server.port) as raw:
        raw.send(frame(HEADERS, EH, 1, head(grpc_timeout="100m")), frame(DATA, 0, 1, b"\0"))
        started = time.monotonic()
        assert grpc_status(raw.answer(1)[0]) == DEADLINE
        assert 0.05 < time.monotonic() - started < 1


def test_header_list_limit(server):
    with Raw(server.port) as raw:
        block = head() + b"".join(literal(f"x-{i}", "v" * 100) for i in range(150))
        answer, _, _ = big_block(raw, block, 1)
        assert grpc_status(answer) == EXHAUSTED
        many = head() + b"".join(literal(f"x-{i}", "") for i in range(101))
        assert grpc_status(big_block(raw, many, 3)[0]) == EXHAUSTED


def big_block(raw, block, stream):
    parts = [block[i:i + 16000] for i in range(0, len(block), 16000)]
    raw.send(frame(HEADERS, ES | (EH if len(parts) == 1 else 0), stream, parts[0]),
             *[frame(CONTINUATION, EH if i == len(parts) - 2 else 0, stream, p) for i, p in enumerate(parts[1:])])
    return raw.answer(stream)


# ---- floods ----

def flood(raw, data, times):
    for _ in range(times):
        if not raw.send(data):
            return


def test_continuation_flood(server):
    with Raw(server.port) as raw:
        raw.send(frame(HEADERS, ES, 1, head()))
        flood(raw, frame(CONTINUATION, 0, 1, literal("x", "y")), 5000)
        assert raw.goaway_code() in (ENHANCE_YOUR_CALM, PROTOCOL_ERROR, None)
        assert raw.closed()


def test_empty_continuation_flood(server):
    with Raw(server.port) as raw:
        raw.send(frame(HEADERS, ES, 1))
        flood(raw, frame(CONTINUATION, 0, 1), 5000)
        assert raw.closed()


def test_rapid_reset(server):
    """CVE-2023-44487: open and reset, over and over."""
    with connect(server) as channel:
        with Raw(server.port) as raw:
            for i in range(5000):
                stream = 2 * i + 1
                if not raw.send(frame(HEADERS, EH, stream, head()), frame(DATA, ES, stream,
                                grpc_frame(EchoRequest(sleep_ms=1000).SerializeToString())),
                                frame(RST, 0, stream, struct.pack(">I", 8))):
                    break
            assert raw.goaway_code() in (ENHANCE_YOUR_CALM, 0x2, None)
            assert raw.closed()
        assert method(channel, "Unary")(EchoRequest(text="x"), timeout=5).text == "x"


def test_work_after_reset_is_bounded(server):
    """Handlers that go on after a reset count: the connection cannot start any number of them."""
    body = grpc_frame(EchoRequest(sleep_ms=1500, deaf=True).SerializeToString())
    with Server("workers=256") as running, connect(running) as channel, Raw(running.port) as raw:
        for first in (1, 201):
            streams = range(first, first + 200, 2)
            for stream in streams:
                raw.send(frame(HEADERS, EH, stream, head()), frame(DATA, ES, stream, body))
            assert wait_for(lambda: observe(channel).running >= (first + 199) // 2)
            for stream in streams:
                raw.send(frame(RST, 0, stream, struct.pack(">I", 8)))
        raw.send(frame(HEADERS, EH, 2001, head()), frame(DATA, ES, 2001, grpc_frame()))
        assert raw.answer(2001)[2] == REFUSED
        assert method(channel, "Unary")(EchoRequest(text="x"), timeout=5).text == "x"


def test_reset_requests_do_not_start(server):
    """What was reset while it waited for a worker costs nothing more."""
    body = grpc_frame(EchoRequest(sleep_ms=1500, deaf=True).SerializeToString())
    with Server("workers=2", "queue=4096") as running, connect(running) as channel, Raw(running.port) as raw:
        for i in range(900):
            stream = 2 * i + 1
            raw.send(frame(HEADERS, EH, stream, head()), frame(DATA, ES, stream, body),
                     frame(RST, 0, stream, struct.pack(">I", 8)))
        started = time.monotonic()
        assert method(channel, "Unary")(EchoRequest(text="x"), timeout=10).text == "x"
        assert time.monotonic() - started < 4


def test_provoked_resets(server):
    """CVE-2025-8671: make the server reset its own streams, by a window update of zero."""
    with Raw(server.port) as raw:
        for i in range(5000):
            stream = 2 * i + 1
            if not raw.send(frame(HEADERS, EH, stream, head()), frame(WINDOW, 0, stream, b"\0\0\0\0")):
                break
        assert raw.goaway_code() in (ENHANCE_YOUR_CALM, PROTOCOL_ERROR, None)
        assert raw.closed()


@pytest.mark.parametrize("one", [frame(SETTINGS), frame(SETTINGS, 0, 0, struct.pack(">HI", 3, 100) * 5),
                                 frame(PING, 0, 0, b"8 bytes!"), frame(PING, ACK, 0, b"8 bytes!")],
                         ids=["settings", "settings-5", "ping", "ping-ack"])
def test_control_frame_flood(server, one):
    with Raw(server.port) as raw:
        flood(raw, one * 100, 200)
        assert raw.goaway_code() in (ENHANCE_YOUR_CALM, None)
        assert raw.closed()


def test_flood_without_reading(server):
    """The peer asks for acknowledgements and never reads them: what is owed to it is bounded."""
    with Raw(server.port, timeout=5) as raw:
        raw.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        flood(raw, frame(PING, 0, 0, b"8 bytes!") * 1000, 100)


def test_empty_data_flood(server):
    with Raw(server.port) as raw:
        raw.send(frame(HEADERS, EH, 1, head(path="/fit.test.v1.TestService/ClientStream")))
        flood(raw, frame(DATA, 0, 1) * 100, 200)
        assert raw.goaway_code() in (ENHANCE_YOUR_CALM, None)


def test_too_many_settings_in_a_frame(server):
    with Raw(server.port) as raw:
        raw.send(frame(SETTINGS, 0, 0, struct.pack(">HI", 3, 100) * 100))
        assert raw.goaway_code() is not None or raw.closed()


def test_too_many_streams(server):
    with Raw(server.port) as raw:
        for i in range(130):
            raw.send(frame(HEADERS, EH, 2 * i + 1, head(path="/fit.test.v1.TestService/ClientStream", grpc_timeout="2S")))
        refused = 0
        while refused < 30:
            got = raw.until(lambda f: f[0] in (RST, GOAWAY))
            assert got is not None and got[0] == RST and got[3] == struct.pack(">I", REFUSED)
            refused += 1


# SETTINGS_INITIAL_WINDOW_SIZE: no byte of a reply may be sent.
DEAF = PREFACE + frame(SETTINGS, 0, 0, NO_TABLE + struct.pack(">HI", 4, 0))


def test_answer_that_is_not_taken_ends_after_the_deadline(server):
    with Raw(server.port, start=False) as raw:
        raw.send(DEAF, frame(HEADERS, EH, 1, head(grpc_timeout="100m")), frame(DATA, ES, 1, grpc_frame(b"\x0a\x02hi")))
        block, data, reset = raw.answer(1)
        assert block and (data, reset) == (b"", 8)


def test_answer_that_is_not_taken_does_not_spoil_the_drain():
    running = Server("drain_ms=500")
    with Raw(running.port, start=False) as raw:
        raw.send(DEAF, frame(HEADERS, EH, 1, head(grpc_timeout="60S")), frame(DATA, ES, 1, grpc_frame(b"\x0a\x02hi")))
        raw.until(lambda f: f[0] == HEADERS)
        assert running.stop() == 0


def test_window_is_kept(server):
    """A peer that sends more than the window it was given is cut off."""
    with Raw(server.port) as raw:
        raw.send(frame(HEADERS, EH, 1, head(path="/fit.test.v1.TestService/ClientStream", grpc_timeout="5S")))
        body = grpc_frame(EchoRequest(payload=b"x" * 16000, sleep_ms=200).SerializeToString())
        for _ in range(600):
            if not raw.send(frame(DATA, 0, 1, body)):
                break
        got = raw.until(lambda f: f[0] in (GOAWAY, RST))
        assert got is not None
        assert int.from_bytes(got[3][-4:] if got[0] == RST else got[3][4:8], "big") == FLOW


def test_peer_that_does_not_read(server):
    """A reply stream nobody reads ends with its deadline and holds little memory meanwhile."""
    with Raw(server.port) as raw:
        raw.send(frame(HEADERS, EH, 1, head(path="/fit.test.v1.TestService/ServerStream", grpc_timeout="500m")),
                 frame(DATA, ES, 1, grpc_frame(b"\x08\xe8\x07\x10\x90\x4e")))  # 1000 messages of 10000 bytes
        with connect(server) as channel:
            before = observe(channel).cancelled
            assert wait_for(lambda: observe(channel).cancelled == before + 1)


def test_silent_connection_is_dropped():
    with Server("keepalive_ms=300") as running, Raw(running.port, timeout=40) as raw:
        assert raw.until(lambda f: f[0] == PING and not f[1] & ACK) is not None


def test_preface_that_does_not_come():
    with Server() as running, Raw(running.port, start=False, timeout=20) as raw:
        started = time.monotonic()
        raw.send(PREFACE[:10])
        assert raw.closed()
        assert 8 < time.monotonic() - started < 13


# ---- noise ----

@pytest.mark.parametrize("seed", range(40))
def test_random_frames(server, seed):
    rng = random.Random(seed)
    with Raw(server.port, timeout=1) as raw:
        for _ in range(rng.randrange(1, 60)):
            kind = rng.randrange(0, 12)
            payload = rng.choice([b"", head(), grpc_frame(b"\x0a\x02hi"), rng.randbytes(rng.randrange(0, 200)),
                                  struct.pack(">I", rng.randrange(0, 1 << 31))])
            if not raw.send(frame(kind, rng.randrange(256), rng.choice([0, 1, 1, 2, 3, 5, rng.randrange(1 << 31)]),
                                  payload)):
                break


@pytest.mark.parametrize("seed", range(40))
def test_random_bodies(server, seed):
    rng = random.Random(seed)
    with Raw(server.port, timeout=5) as raw:
        for i in range(20):
            good = grpc_frame(EchoRequest(text="x" * rng.randrange(50)).SerializeToString())
            body = bytearray(good * rng.randrange(1, 3))
            for _ in range(rng.randrange(0, 4)):
                body[rng.randrange(len(body))] = rng.randrange(256)
            cut = bytes(body[:rng.randrange(len(body) + 1)])
            path = rng.choice(["Unary", "ClientStream", "Bidi", "ServerStream"])
            answer, _, reset = ask(raw, head(path=f"/fit.test.v1.TestService/{path}", grpc_timeout="3S"), cut, 2 * i + 1)
            assert grpc_status(answer) is not None or reset is not None
