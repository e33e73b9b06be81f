# SPDX-License-Identifier: Apache-2.0
"""Many open inbox streams in one thread: raw sockets, what arrives noted with its time.

    streams = Streams(port); streams.open(tokens); streams.read_for(10); streams.arrived; streams.close()
"""
import re
import selectors
import socket
import time

AT_ONCE = 200
TIME = re.compile(rb'"time":"([^"]+)"')


class Streams:
    def __init__(self, port):
        self.port = port
        self.selector = selectors.DefaultSelector()
        self.arrived = []  # (wall clock, kind, the event's own time as RFC 3339)

    def open(self, tokens, seconds=30):
        """Opens one a token, AT_ONCE at a time; returns when each has told where its inbox stands."""
        waiting = set()
        end = time.monotonic() + seconds
        for token in tokens:
            self._wait(waiting, AT_ONCE - 1, end)
            sock = socket.create_connection(("127.0.0.1", self.port), 10)
            sock.sendall(f"GET /api/v1/notifications/stream HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {token}\r\n"
                         "Accept: text/event-stream\r\n\r\n".encode())
            sock.setblocking(False)
            state = {"buffer": b"", "greeted": False}
            self.selector.register(sock, selectors.EVENT_READ, state)
            waiting.add(id(state))
        self._wait(waiting, 0, end)

    def _wait(self, waiting, most, end):
        while len(waiting) > most:
            if time.monotonic() > end:
                raise RuntimeError(f"{len(waiting)} streams did not open in time")
            self._turn(0.2, waiting)

    def read_for(self, seconds, until=lambda: False):
        end = time.monotonic() + seconds
        while time.monotonic() < end and not until():
            self._turn(0.05, None)

    def _turn(self, timeout, waiting):
        for key, _ in self.selector.select(timeout):
            try:
                data = key.fileobj.recv(65536)
            except BlockingIOError:
                continue
            now, state = time.time(), key.data
            if not data:
                raise RuntimeError(f"a stream ended: {state['buffer'][-300:]!r}")
            state["buffer"] += data
            if not state["greeted"]:
                if not state["buffer"].startswith(b"HTTP/1.1 200"[:len(state["buffer"])]):
                    raise RuntimeError(f"a stream was refused: {state['buffer'][:300]!r}")
                if b"event: inbox" not in state["buffer"]:
                    continue
                state["greeted"] = True
                waiting.discard(id(state))
            self._events(state, now)

    def _events(self, state, now):
        *events, state["buffer"] = state["buffer"].split(b"\n\n")
        for event in events:
            if b"event: notification" in event:
                kind = re.search(rb'"kind":"([^"]+)"', event)[1].decode()
                self.arrived.append((now, kind, TIME.search(event)[1].decode()))

    def take(self, n):
        """So many of the sockets, which are the caller's from now on."""
        socks = [key.fileobj for key in list(self.selector.get_map().values())[:n]]
        for sock in socks:
            self.selector.unregister(sock)
        return socks

    def close(self):
        for key in list(self.selector.get_map().values()):
            key.fileobj.close()
        self.selector.close()
