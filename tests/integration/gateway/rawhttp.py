# SPDX-License-Identifier: Apache-2.0
"""A raw HTTP/1.1 client for tests: sends bytes as they are, reads replies strictly."""
import json
import socket
import subprocess


class Reply:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    def json(self):
        return json.loads(self.body)

    def __getitem__(self, name):
        return self.headers.get(name.lower())


class Conn:
    """One connection; `rest` holds bytes read too far."""

    def __init__(self, port, timeout=10):
        self.sock = socket.create_connection(("127.0.0.1", port), timeout=timeout)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.rest = b""

    def send(self, data):
        self.sock.sendall(data)

    def fill(self):
        data = self.sock.recv(65536)
        if not data:
            raise EOFError(self.rest)
        self.rest += data

    def line(self):
        while b"\r\n" not in self.rest:
            self.fill()
        line, self.rest = self.rest.split(b"\r\n", 1)
        return line

    def take(self, n):
        while len(self.rest) < n:
            self.fill()
        data, self.rest = self.rest[:n], self.rest[n:]
        return data

    def head(self):
        version, status, _ = self.line().split(b" ", 2)
        assert version == b"HTTP/1.1", version
        headers = {}
        while line := self.line():
            name, value = line.split(b": ", 1)
            name = name.decode().lower()
            assert name not in headers or name == "vary", f"{name} came twice"
            headers[name] = value.decode()
        return int(status), headers

    def reply(self, method="GET"):
        status, headers = self.head()
        while status == 100:
            status, headers = self.head()
        body = b""
        if status in (204, 304):
            assert "content-length" not in headers and "transfer-encoding" not in headers
        elif method != "HEAD":
            if headers.get("transfer-encoding") == "chunked":
                body = b"".join(self.chunks())
            elif "content-length" in headers:
                body = self.take(int(headers["content-length"]))
            else:
                body = self.until_closed()
        return Reply(status, headers, body)

    def chunks(self):
        while True:
            size = int(self.line(), 16)
            data = self.take(size)
            assert self.line() == b""
            if size == 0:
                return
            yield data

    def until_closed(self):
        try:
            while True:
                self.fill()
        except EOFError:
            data, self.rest = self.rest, b""
            return data

    def closed(self):
        """True when the server ended the connection, without a reset; waits for it."""
        return self.until_closed() == b""

    def get(self, path):
        self.send(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        return self.reply()

    def close(self):
        self.sock.close()


class Server:
    """A program that prints its port and serves until its stdin ends."""

    def __init__(self, *argv):
        self.proc = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        line = self.proc.stdout.readline()
        assert line, f"{argv[0]} did not start"
        self.port = int(line)
        self.control = Conn(self.port)

    def conn(self, **kw):
        return Conn(self.port, **kw)

    def stats(self):
        return self.control.get("/stats").json()

    def barrier(self):
        """Back when the server has seen what was sent before on other connections: it takes events in order, and
        accepting, reading and handling may be a turn of its loop each."""
        for _ in range(3):
            self.control.get("/stats")

    def stop(self):
        self.control.close()
        self.proc.stdin.close()
        code = self.proc.wait(timeout=20)
        assert code == 0, f"exit status {code}"
