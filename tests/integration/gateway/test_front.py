# SPDX-License-Identifier: Apache-2.0
"""The HTTP/1.1 front on a raw socket: the table, whole and in pieces, and what a table cannot say."""
import os
import socket
import struct
import time

import pytest
from raw_table import ROWS
from rawhttp import Server

BUILD = os.environ["FIT_BUILD"]
PROGRAM = f"{BUILD}/test/front_test_server"


@pytest.fixture(scope="module")
def server():
    server = Server(PROGRAM)
    yield server
    server.stop()


@pytest.fixture(scope="module")
def hasty():
    """Short clocks: head 300 ms, body grace 300 ms, idle 500 ms."""
    server = Server(PROGRAM, "300", "300", "500")
    yield server
    server.stop()


def alone(server):
    """Waits until the control connection is the only one: those of other tests linger for up to a second."""
    while server.stats()["connections"] > 1:
        pass


def expect(row, conn, server):
    """Reads what the row says; raises with the row's name."""
    seen = list(row.seen)
    for i, status in enumerate(row.statuses):
        reached = seen[i] if i < len(seen) else None
        reply = conn.reply(reached[0] if reached else "GET")
        assert reply.status == status, f"{row.name}: {reply.status} {reply.body}"
        assert "date" in reply.headers
        if reached and reply.body:
            got = reply.json()
            assert (got["method"], got["path"], got["query"], bytes.fromhex(got["body"])) == reached, row.name
        if not reached:
            assert reply["content-type"] == "application/problem+json" and reply["connection"] == "close"
            assert reply["x-content-type-options"] == "nosniff"
            problem = reply.json()
            assert problem["status"] == status and problem["requestId"] == reply["x-request-id"]
    if not row.statuses:
        server.barrier()
        conn.sock.setblocking(False)
        with pytest.raises(BlockingIOError):
            conn.sock.recv(1)
    elif row.closed:
        assert conn.closed(), row.name
    else:
        assert conn.rest == b"", row.name
        assert conn.get("/probe").json()["path"] == "/probe", f"{row.name}: the connection does not go on"
    conn.close()


def handled(rows):
    return sum(len(r.seen) + (1 if r.statuses and not r.closed else 0) for r in rows)


def test_table_is_large_enough():
    assert len(ROWS) >= 100


@pytest.mark.parametrize("row", ROWS, ids=lambda r: r.name)
def test_whole(server, row):
    before = server.stats()["handled"]
    conn = server.conn()
    conn.send(row.data)
    expect(row, conn, server)
    assert server.stats()["handled"] - before == handled([row]), "more or less reached the handler than should"


def cuts(n):
    """Every byte; of a long input its beginning, its end, what lies around the limits, and samples between."""
    if n <= 700:
        return range(1, n)
    near = {c + d for c in (4096, 8192, 16384) for d in range(-24, 24)}
    return sorted(c for c in set(range(1, 150)) | set(range(n - 150, n)) | near | set(range(1, n, 997)) if 0 < c < n)


@pytest.mark.parametrize("row", [r for r in ROWS if len(r.data) > 1], ids=lambda r: r.name)
def test_cut_at_every_byte(server, row):
    """The first part is read by the server before the second is sent, on many connections at once."""
    at = list(cuts(len(row.data)))
    for start in range(0, len(at), 400):
        conns = [(cut, server.conn()) for cut in at[start:start + 400]]
        before = server.stats()["handled"]
        for cut, conn in conns:
            conn.send(row.data[:cut])
        server.barrier()
        for cut, conn in conns:
            try:
                conn.send(row.data[cut:])
            except (BrokenPipeError, ConnectionResetError):
                pass  # refused and closed on the first part already; the reply is still there to be read
        for cut, conn in conns:
            expect(row, conn, server)
        assert server.stats()["handled"] - before == handled([row]) * len(conns)


@pytest.mark.parametrize("row", [r for r in ROWS if 1 < len(r.data) <= 300], ids=lambda r: r.name)
def test_byte_by_byte(server, row):
    conn = server.conn()
    for i in range(len(row.data)):
        try:
            conn.send(row.data[i:i + 1])
        except (BrokenPipeError, ConnectionResetError):
            break
        server.barrier()
    expect(row, conn, server)


def test_expect_continue_is_sent_only_when_awaited(server):
    conn = server.conn()
    conn.send(b"POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n")
    assert conn.line() == b"HTTP/1.1 100 Continue" and conn.line() == b""
    conn.send(b"hello")
    assert bytes.fromhex(conn.reply().json()["body"]) == b"hello"
    conn.send(b"POST /small HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 5000\r\n\r\n")
    assert conn.line().startswith(b"HTTP/1.1 413 ")


def test_large_bodies_both_framings(server):
    body = os.urandom(1 << 20)
    for head, data in ((b"Content-Length: %d" % len(body), body),
                       (b"Transfer-Encoding: chunked",
                        b"".join(b"%x\r\n%s\r\n" % (len(p), p) for p in (body[:70000], body[70000:])) + b"0\r\n\r\n")):
        conn = server.conn()
        conn.send(b"POST / HTTP/1.1\r\nHost: x\r\n" + head + b"\r\n\r\n" + data)
        assert bytes.fromhex(conn.reply().json()["body"]) == body
        conn.close()
    assert server.stats()["bodyMemory"] == 0


def test_body_memory_is_bounded(server):
    """Four uploads of 1 MiB fit; the one beyond gets 503 and the others go on."""
    conns = [server.conn() for _ in range(5)]
    for conn in conns:
        conn.send(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1048576\r\n\r\n")
    for conn in conns[:4]:
        conn.send(b"a" * 1048575)
    server.barrier()
    while server.stats()["bodyMemory"] < 4 * 1048575:
        pass
    conns[4].send(b"a" * 10)
    reply = conns[4].reply()
    assert reply.status == 503 and reply["retry-after"]
    for conn in conns[:4]:
        conn.send(b"a")
        assert conn.reply().status == 200
    assert server.stats()["bodyMemory"] == 0


def test_large_bodies_do_not_shut_out_small_ones(server):
    conns = [server.conn() for _ in range(4)]
    for conn in conns:
        conn.send(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1048576\r\n\r\n" + b"a" * 1048575)
    while server.stats()["bodyMemory"] < 4 * 1048575:
        pass
    small = server.conn()
    small.send(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n" + b"a" * 1000)
    assert small.reply().status == 200
    for conn in conns:
        conn.close()
    while server.stats()["bodyMemory"] > 0:
        pass


def slow_conn(server):
    """A client whose kernel takes next to nothing."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2304)
    sock.connect(("127.0.0.1", server.port))
    return sock


def test_replies_that_nobody_takes_are_bounded(server):
    """48 MiB here: of five replies of 16 MiB some are dropped, and who reads is served."""
    socks = [slow_conn(server) for _ in range(5)]
    for sock in socks:
        sock.sendall(b"GET /big HTTP/1.1\r\nHost: x\r\n\r\n")
    server.barrier()
    assert 16 << 20 < server.stats()["replyMemory"] <= 48 << 20
    assert server.conn().get("/x").status == 200
    for sock in socks:
        sock.close()
    while server.stats()["replyMemory"] > 0:
        pass


def test_a_client_that_reads_a_little_now_and_then_is_dropped():
    """4 KiB/s where 8 are asked for: reset, and nothing of the reply is kept in the kernel for it either."""
    server = Server(PROGRAM, "5000", "5000", "65000", "1000")
    sock = slow_conn(server)
    pace, held = socket.socketpair()  # nothing ever comes on it: a clock
    pace.settimeout(0.05)
    try:
        sock.sendall(b"GET /big HTTP/1.1\r\nHost: x\r\n\r\n")
        begun, got = time.monotonic(), 0
        with pytest.raises(ConnectionResetError):
            while time.monotonic() - begun < 30:
                got += len(sock.recv(200))
                with pytest.raises(TimeoutError):
                    pace.recv(1)
        assert got < 1 << 20 and server.stats()["replyMemory"] == 0
    finally:
        for s in (sock, pace, held):
            s.close()
        server.stop()


def test_refusal_survives_bytes_that_still_come(server):
    """Lingering close: the 413 is delivered although the client goes on sending what was refused."""
    conn = server.conn()
    conn.send(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 90000000\r\n\r\n")
    try:
        for _ in range(8):
            conn.send(b"a" * 65536)
    except (BrokenPipeError, ConnectionResetError):
        pytest.fail("the connection was reset before the reply was read")
    assert conn.reply().status == 413


@pytest.mark.parametrize("how", ["close", "reset"])
def test_client_that_leaves_cancels_its_request(server, how):
    alone(server)
    before = server.stats()
    conn = server.conn()
    conn.send(b"GET /never HTTP/1.1\r\nHost: x\r\n\r\n")
    server.barrier()
    assert server.stats()["busy"] == before["busy"] + 1
    if how == "reset":
        conn.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    conn.close()
    server.barrier()
    after = server.stats()
    assert after["cancelled"] == before["cancelled"] + 1 and after["busy"] == before["busy"]
    assert after["connections"] == before["connections"]


def test_stream_is_chunked_and_goes_on(server):
    conn = server.conn()
    conn.send(b"GET /stream HTTP/1.1\r\nHost: x\r\n\r\n")
    reply = conn.reply()
    assert reply["transfer-encoding"] == "chunked" and reply.body == b"event: 1\n\nevent: 2\n\nevent: 3\n\n"
    assert conn.get("/x").status == 200


def test_stream_to_http_1_0_ends_with_the_connection(server):
    conn = server.conn()
    conn.send(b"GET /stream HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
    status, headers = conn.head()
    assert status == 200 and "transfer-encoding" not in headers and headers["connection"] == "close"
    assert conn.until_closed() == b"event: 1\n\nevent: 2\n\nevent: 3\n\n"


def test_stream_of_head_has_no_body(server):
    conn = server.conn()
    conn.send(b"HEAD /stream HTTP/1.1\r\nHost: x\r\n\r\n")
    assert conn.reply("HEAD").status == 200
    assert conn.get("/x").status == 200


def test_stream_waits_for_a_slow_reader(server):
    conn = server.conn()
    conn.send(b"GET /flood HTTP/1.1\r\nHost: x\r\n\r\n")
    for _ in range(100):
        server.barrier()
    assert len(conn.reply().body) == 32 << 20
    assert conn.get("/x").status == 200


def test_stream_of_a_client_that_leaves_is_cancelled(server):
    before = server.stats()["cancelled"]
    conn = server.conn()
    conn.send(b"GET /flood HTTP/1.1\r\nHost: x\r\n\r\n")
    conn.head()
    conn.close()
    while server.stats()["cancelled"] == before:
        pass


def test_abort_drops_the_connection(server):
    conn = server.conn()
    conn.send(b"GET /abort HTTP/1.1\r\nHost: x\r\n\r\n")
    assert conn.until_closed() == b""


def test_half_close_behind_the_reply(server):
    conn = server.conn()
    conn.send(b"GET /x HTTP/1.1\r\nHost: x\r\n\r\n")
    assert conn.reply().status == 200
    conn.sock.shutdown(socket.SHUT_WR)
    assert conn.closed()


def test_pipelining_is_bounded():
    """What is piled up behind a request that is not answered stays in the kernel."""
    server = Server(PROGRAM)
    conn = server.conn()
    conn.send(b"GET /never HTTP/1.1\r\nHost: x\r\n\r\n")
    server.barrier()
    conn.sock.settimeout(1)
    sent = 0
    with pytest.raises(TimeoutError):
        while sent < 64 << 20:
            sent += conn.sock.send(b"GET /x HTTP/1.1\r\nHost: x\r\n\r\n" * 1000)
    assert sent < 64 << 20
    conn.close()
    server.stop()


def test_many_pipelined(server):
    conn = server.conn()
    for _ in range(20):
        conn.send(b"".join(b"GET /%d HTTP/1.1\r\nHost: x\r\n\r\n" % i for i in range(200)))
        for i in range(200):
            assert conn.reply().json()["path"] == f"/{i}"


def test_clients_that_vanish_leak_nothing(server):
    alone(server)
    fds = len(os.listdir(f"/proc/{server.proc.pid}/fd"))
    for i in range(300):
        conn = server.conn()
        conn.send((b"GET /never HTTP/1.1\r\nHost: x\r\n\r\n", b"GET / HT", b"", b"bad\r\n")[i % 4])
        conn.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        conn.close()
    alone(server)
    assert len(os.listdir(f"/proc/{server.proc.pid}/fd")) == fds


def test_slow_head_is_408(hasty):
    """One byte now and then does not keep a head alive: its deadline is absolute."""
    conn = hasty.conn()
    head = b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 1000
    conn.sock.settimeout(0.05)
    reply = None
    for i in range(len(head)):
        conn.send(head[i:i + 1])
        try:
            conn.fill()
            reply = conn.reply()
            break
        except TimeoutError:
            pass
    assert reply is not None and reply.status == 408 and i < 50


def test_slow_body_is_408(hasty):
    conn = hasty.conn()
    conn.send(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nabc")
    assert conn.reply().status == 408 and conn.closed()


def test_idle_connection_is_closed(hasty):
    conn = hasty.conn()
    assert conn.get("/x").status == 200
    assert conn.closed()


def test_drain_closes_politely():
    server = Server(PROGRAM)
    busy, idle = server.conn(), server.conn()
    assert idle.get("/x")["connection"] is None
    busy.send(b"GET /later HTTP/1.1\r\nHost: x\r\n\r\n")
    server.barrier()
    server.proc.stdin.write(b"d")
    server.proc.stdin.flush()
    while server.conn().get("/x")["connection"] != "close":
        pass
    assert busy.reply().status == 200 and busy.closed()
    assert idle.closed()
    server.proc.stdin.close()
    assert server.proc.wait(timeout=20) == 0
