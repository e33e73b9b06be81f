# SPDX-License-Identifier: Apache-2.0
"""A small client of the public API for tests: keep-alive HTTP, JSON in and out, sign-in through devidp.

    api = Api("127.0.0.1", 8080, devidp_port=7900)
    ana = api.sign_in("ana@example.com")
    plan = ana.post("/api/v1/workouts/plans", {...}).ok(201)

Threads: an Api (and each signed-in client) belongs to one thread; `clone()` gives another thread its own.
"""
import http.client
import json
import urllib.parse
import uuid


class Reply:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def json(self):
        return json.loads(self.body)

    def ok(self, *statuses):
        """The JSON of an expected reply; any other status fails with the body in the message."""
        want = statuses or (200, 201, 204)
        assert self.status in want, f"status {self.status}, not {want}: {self.body[:600]!r}"
        return json.loads(self.body) if self.body else None

    def problem(self, status):
        assert self.status == status, f"status {self.status}, not {status}: {self.body[:600]!r}"
        assert self.headers.get("content-type", "").startswith("application/problem+json"), self.headers
        return json.loads(self.body)


class Api:
    def __init__(self, host, port, devidp_port=None, token=None, timeout=20):
        self.host, self.port, self.devidp_port, self.token, self.timeout = host, port, devidp_port, token, timeout
        self.refresh_token = self.user = None
        self._conn = None

    def clone(self, token=None):
        other = Api(self.host, self.port, self.devidp_port, token or self.token, self.timeout)
        other.refresh_token, other.user = self.refresh_token, self.user
        return other

    def request(self, method, path, body=None, headers=None, raw=None):
        head = {"Accept": "application/json"}
        data = raw
        if body is not None:
            data = json.dumps(body).encode()
            head["Content-Type"] = "application/json"
        if self.token:
            head["Authorization"] = f"Bearer {self.token}"
        head.update(headers or {})
        if self._conn is None:
            self._conn = http.client.HTTPConnection(self.host, self.port, timeout=self.timeout)
        try:
            self._conn.request(method, path, data, head)
            r = self._conn.getresponse()
            reply = Reply(r.status, {k.lower(): v for k, v in r.getheaders()}, r.read())
        except (http.client.HTTPException, OSError):
            self.close()
            raise
        if reply.headers.get("connection", "").lower() == "close":
            self.close()
        return reply

    def close(self):
        if self._conn is not None:
            self._conn.close()
            self._conn = None

    def get(self, path, **kw):
        return self.request("GET", path, **kw)

    def post(self, path, body=None, key=None, **kw):
        if key is not None:
            kw["headers"] = (kw.get("headers") or {}) | {"Idempotency-Key": key}
        return self.request("POST", path, body, **kw)

    def patch(self, path, body, etag=None, **kw):
        if etag is not None:
            kw["headers"] = (kw.get("headers") or {}) | {"If-Match": etag}
        return self.request("PATCH", path, body, **kw)

    def put(self, path, body, **kw):
        return self.request("PUT", path, body, **kw)

    def delete(self, path, **kw):
        return self.request("DELETE", path, **kw)

    def id_token(self, email, **claims):
        conn = http.client.HTTPConnection("127.0.0.1", self.devidp_port, timeout=self.timeout)
        conn.request("GET", "/token?" + urllib.parse.urlencode({"email": email, **claims}))
        r = conn.getresponse()
        body = r.read()
        conn.close()
        assert r.status == 200, body
        return json.loads(body)["id_token"]

    def sign_in(self, email=None, device=None, **claims):
        email = email or f"{uuid.uuid4().hex[:12]}@example.com"
        reply = self.clone().post("/api/v1/auth/google", {
            "token": self.id_token(email, **claims),
            "device": device or {"id": str(uuid.uuid4()), "name": "test phone", "platform": "android"}}).ok(200)
        me = self.clone(reply["accessToken"])
        me.refresh_token, me.user = reply["refreshToken"], reply["user"]
        return me
