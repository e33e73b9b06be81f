# SPDX-License-Identifier: Apache-2.0
"""An OpenID provider under the test's control: its keys, its tokens, its outages. Signs with PyJWT."""
import base64
import hashlib
import hmac
import http.server
import json
import threading
import time
import uuid

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Key:
    def __init__(self, kind="RSA", bits=2048):
        self.kid = uuid.uuid4().hex
        self.alg = "RS256" if kind == "RSA" else "ES256"
        self.private = (rsa.generate_private_key(65537, bits) if kind == "RSA"
                        else ec.generate_private_key(ec.SECP256R1()))

    def jwk(self):
        n = self.private.public_key().public_numbers()
        if self.alg == "RS256":
            size = (self.private.key_size + 7) // 8
            key = {"kty": "RSA", "n": b64(n.n.to_bytes(size, "big")), "e": b64(n.e.to_bytes(3, "big"))}
        else:
            key = {"kty": "EC", "crv": "P-256", "x": b64(n.x.to_bytes(32, "big")), "y": b64(n.y.to_bytes(32, "big"))}
        return key | {"kid": self.kid, "use": "sig", "alg": self.alg}

    def public_pem(self):
        return self.private.public_key().public_bytes(serialization.Encoding.PEM,
                                                      serialization.PublicFormat.SubjectPublicKeyInfo)


class Idp:
    """`up = False` closes every connection without an answer; `hits` counts requests by path."""

    def __init__(self, port, audience, algs=("RS256",), cache="max-age=3600"):
        self.port, self.audience, self.algs, self.cache = port, audience, list(algs), cache
        self.issuer = f"http://127.0.0.1:{port}"
        self.keys = [Key()]
        self.up, self.hits, self.raw_jwks = True, {}, None
        idp = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                idp.hits[self.path] = idp.hits.get(self.path, 0) + 1
                if not idp.up:
                    self.close_connection = True
                    return
                body = idp.body(self.path)
                self.send_response(200 if body is not None else 404)
                self.send_header("Cache-Control", idp.cache)
                self.send_header("Content-Length", str(len(body or b"")))
                self.end_headers()
                self.wfile.write(body or b"")

            def log_message(self, *args):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def body(self, path):
        if path == "/.well-known/openid-configuration":
            return json.dumps({"issuer": self.issuer, "jwks_uri": f"{self.issuer}/keys",
                               "id_token_signing_alg_values_supported": self.algs}).encode()
        if path == "/keys":
            return self.raw_jwks or json.dumps({"keys": [k.jwk() for k in self.keys]}).encode()
        return None

    def claims(self, **changes):
        """Good claims with changes; None takes one out."""
        now = int(time.time())
        claims = {"iss": self.issuer, "aud": self.audience, "sub": uuid.uuid4().hex, "iat": now, "exp": now + 3600,
                  "email": f"{uuid.uuid4().hex[:12]}@example.org", "email_verified": True, "name": "Ann Lee"} | changes
        return {k: v for k, v in claims.items() if v is not None}

    def token(self, key=None, headers=None, **changes):
        key = key or self.keys[0]
        return jwt.encode(self.claims(**changes), key.private, algorithm=key.alg,
                          headers={"kid": key.kid} | (headers or {}))

    def forged(self, alg, signature=b"", **changes):
        """A token whose header says `alg`, with any signature; callable: over the signed text."""
        head = b64(json.dumps({"alg": alg, "kid": self.keys[0].kid, "typ": "JWT"}).encode())
        text = f"{head}.{b64(json.dumps(self.claims(**changes)).encode())}"
        return f"{text}.{b64(signature(text.encode()) if callable(signature) else signature)}"

    def hmac_forged(self):
        return self.forged("HS256", lambda text: hmac.new(self.keys[0].public_pem(), text, hashlib.sha256).digest())

    def close(self):
        self.server.shutdown()
        self.server.server_close()
