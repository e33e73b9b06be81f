# SPDX-License-Identifier: Apache-2.0
"""Tools of an attacker, for the security tests: access tokens signed with any header and claims, raw requests, process memory."""
import base64
import json
import socket
import subprocess


def unpack(token):
    """Header and claims of a JWT."""
    return [json.loads(base64.urlsafe_b64decode(part + "==")) for part in token.split(".")[:2]]


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def sign(header, claims, key):
    """A JWT with an ES256 signature by the PEM file `key`, whatever the header says."""
    text = b64(json.dumps(header).encode()) + "." + b64(json.dumps(claims).encode())
    der = subprocess.run(["openssl", "dgst", "-sha256", "-sign", key], input=text.encode(), capture_output=True,
                         check=True).stdout
    numbers, at = [], 2  # SEQUENCE { INTEGER r, INTEGER s }, at most 72 bytes
    for _ in range(2):
        n = der[at + 1]
        numbers.append(int.from_bytes(der[at + 2:at + 2 + n], "big").to_bytes(32, "big"))
        at += 2 + n
    return text + "." + b64(b"".join(numbers))


def raw(port, data, timeout=5):
    """Sends bytes, returns all that comes until the server closes or falls silent."""
    out = b""
    with socket.create_connection(("127.0.0.1", port), timeout) as s:
        s.sendall(data)
        try:
            while part := s.recv(65536):
                out += part
        except TimeoutError:
            pass
    return out


def peak_memory(pid):
    """VmHWM in bytes."""
    with open(f"/proc/{pid}/status") as f:
        return next(int(line.split()[1]) * 1024 for line in f if line.startswith("VmHWM"))
