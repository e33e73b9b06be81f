# SPDX-License-Identifier: Apache-2.0
"""chat: BENCH_CHATS (500) users ask the built-in coach at once, each on a connection of its own, BENCH_ROUNDS (3) times.

First byte: from the request's last byte sent to the first byte of the answer's first event, through gateway, coach, user and
workout service, Redis and PostgreSQL. All of them are asked in the same moment, so it is mostly the time in the queue: p50 is
when half of the chats have begun to answer. Every answer must end with its `done` event. CPU is per chat.
"""
import json
import os
import selectors
import socket
import statistics
import time

from kit import Cpu, Row, fail, percentile

CHATS = int(os.environ.get("BENCH_CHATS", "500"))
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "3"))
WAIT_SECONDS = 30
PARTS = ["gateway", "ai-coaching", "workout", "user", "redis", "postgres"]
QUESTIONS = ["What should I do next, and why?", "How is my progress?", "What can I do instead of the bench press?"]


class Chat:
    def __init__(self, port, token, question):
        self.sock = socket.create_connection(("127.0.0.1", port), 10)
        body = json.dumps({"message": question, "personality": "steady"}).encode()
        self.request = (f"POST /api/v2/ai/chat HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {token}\r\n"
                        f"Accept: text/event-stream\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
                        ).encode() + body
        self.buffer, self.first_ms = b"", None

    def ask(self):
        self.sock.sendall(self.request)
        self.sock.setblocking(False)
        self.asked = time.monotonic()

    def read(self):
        """True when the answer has ended."""
        data = self.sock.recv(65536)
        now = time.monotonic()
        self.buffer += data
        if self.first_ms is None and b"\r\n\r\n" in self.buffer and b"event: " in self.buffer:
            self.first_ms = (now - self.asked) * 1000
        if not data or b"\r\n0\r\n\r\n" in self.buffer or not self.buffer.startswith(b"HTTP/1.1 200"[:len(self.buffer)]):
            if b"event: done" not in self.buffer or b"event: error" in self.buffer:
                fail(f"a chat was answered with {self.buffer[:200]!r} … {self.buffer[-300:]!r}")
            return True
        return False


def talk(port, tokens, question):
    """Returns the first bytes' times in ms and how long all of it took."""
    chats = [Chat(port, token, question) for token in tokens]
    selector = selectors.DefaultSelector()
    start = time.monotonic()
    for chat in chats:
        chat.ask()
        selector.register(chat.sock, selectors.EVENT_READ, chat)
    while selector.get_map():
        if time.monotonic() - start > WAIT_SECONDS:
            fail(f"{len(selector.get_map())} of {CHATS} chats did not end in {WAIT_SECONDS} s")
        for key, _ in selector.select(1):
            if key.data.read():
                selector.unregister(key.fileobj)
                key.fileobj.close()
    return [chat.first_ms for chat in chats], time.monotonic() - start


def chat(world):
    tokens = world.tokens(CHATS)
    port = world.stack.ports["gateway"]
    talk(port, tokens[:20], QUESTIONS[0])
    runs = []
    for i in range(ROUNDS):
        with Cpu(world, *PARTS) as cpu:
            first, seconds = talk(port, tokens, QUESTIONS[i % len(QUESTIONS)])
        runs.append((first, seconds, cpu.each(CHATS)))
        world.settle()
    first = [ms for run in runs for ms in run[0]]
    return [Row(f"chat: {CHATS} at once, first byte", rate=CHATS / statistics.median(run[1] for run in runs),
                p50=percentile(first, 0.5), p99=percentile(first, 0.99),
                cpu={name: (statistics.median(run[2][name] for run in runs), min(run[2][name] for run in runs))
                     for name in PARTS})]
