# SPDX-License-Identifier: Apache-2.0
"""HTTP/2 by hand: frames that no good client sends."""
import socket
import struct

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, PRIORITY, RST, SETTINGS, PUSH, PING, GOAWAY, WINDOW, CONTINUATION = range(10)
END_STREAM, ACK, END_HEADERS, PADDED = 1, 1, 4, 8


# A header table of size 0: every field comes as a literal, so that no HPACK decoder is needed here.
NO_TABLE = struct.pack(">HI", 1, 0)


def frame(kind, flags=0, stream=0, payload=b""):
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


START = PREFACE + frame(SETTINGS, 0, 0, NO_TABLE)


def literal(name, value):
    """HPACK: literal without indexing, no Huffman."""
    def text(s):
        s = s if isinstance(s, bytes) else s.encode()
        if len(s) < 127:
            return bytes([len(s)]) + s
        rest, out = len(s) - 127, b"\x7f"
        while rest >= 128:
            out += bytes([rest & 127 | 128])
            rest >>= 7
        return out + bytes([rest]) + s
    return b"\x00" + text(name) + text(value)


def head(path="/fit.test.v1.TestService/Unary", drop=(), **change):
    fields = {":method": "POST", ":scheme": "http", ":path": path, ":authority": "x",
              "content-type": "application/grpc", "te": "trailers"}
    fields.update({k.replace("_", "-"): v for k, v in change.items()})
    return b"".join(literal(k, v) for k, v in fields.items() if k not in drop)


def grpc_frame(message=b"", flag=0, length=None):
    return bytes([flag]) + struct.pack(">I", len(message) if length is None else length) + message


class Raw:
    def __init__(self, port, start=True, timeout=10):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""
        if start:
            self.send(START)

    def send(self, *data):
        try:
            self.socket.sendall(b"".join(data))
            return True
        except OSError:
            return False

    def read(self):
        """(kind, flags, stream, payload), or None when the peer has closed."""
        while True:
            if len(self.buffer) >= 9:
                n = int.from_bytes(self.buffer[:3], "big")
                if len(self.buffer) >= 9 + n:
                    whole, self.buffer = self.buffer[:9 + n], self.buffer[9 + n:]
                    return whole[3], whole[4], int.from_bytes(whole[5:9], "big") & 0x7fffffff, whole[9:]
            try:
                more = self.socket.recv(65536)
            except ConnectionResetError:
                return None
            if not more:
                return None
            self.buffer += more

    def until(self, want):
        """Reads until want(frame) or the end; the frame or None."""
        while True:
            got = self.read()
            if got is None or want(got):
                return got

    def goaway_code(self):
        got = self.until(lambda f: f[0] == GOAWAY)
        return None if got is None else int.from_bytes(got[3][4:8], "big")

    def closed(self):
        return self.until(lambda f: False) is None

    def answer(self, stream):
        """(all header bytes of the stream, its data, reset code or None) up to its end."""
        block, data = b"", b""
        while True:
            got = self.read()
            if got is None:
                return block, data, "closed"
            kind, flags, its, payload = got
            if its != stream:
                continue
            if kind == HEADERS:
                block += payload
            elif kind == DATA:
                data += payload
            elif kind == RST:
                return block, data, int.from_bytes(payload, "big")
            if kind in (HEADERS, DATA) and flags & END_STREAM:
                return block, data, None

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()
