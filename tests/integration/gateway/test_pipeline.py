# SPDX-License-Identifier: Apache-2.0
"""The whole gateway over a fake upstream and a real Redis: everything that a route's policy asks for."""
import base64
import hashlib
import json
import os
import re
import select
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.parse

import jwt
import pytest
from echo import ROOT, Key, Types, Upstream, protoset
from rawhttp import Conn

sys.path[:0] = [f"{ROOT}/deploy/local", f"{ROOT}/tests/support"]
import stack  # noqa: E402
from servers import Redis  # noqa: E402

BUILD = os.environ["FIT_BUILD"]


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Gateway:
    def __init__(self, directory, upstream, redis_port, port=None, log=None, before="", **settings):
        self.port, self.admin = port or free_port(), free_port()
        target = f"127.0.0.1:{upstream.port}"
        env = {k: v for k, v in os.environ.items() if not k.startswith("FIT_")}
        env |= {"FIT_LISTEN": f"127.0.0.1:{self.port}", "FIT_ADMIN_LISTEN": f"127.0.0.1:{self.admin}",
                "FIT_UPSTREAMS": f"fit.echo.v1={target},fit.auth.v1={target}", "FIT_PROTOSET": f"{directory}/echo.protoset",
                "FIT_RATE_CLASSES": "default=1000000/900,open=5/60", "FIT_GATEWAY_THREADS": "2"}
        if redis_port:
            env["FIT_REDIS_SESSION_URL"] = f"redis://127.0.0.1:{redis_port}"
        self.log = log or open(f"{directory}/gateway-{self.port}.log", "ab")
        self.proc = subprocess.Popen(["sh", "-c", f"{before}exec {BUILD}/bin/gateway"], env=env | settings, stderr=self.log)
        self.wait_ready()

    def wait_ready(self):
        end = time.monotonic() + 20
        while time.monotonic() < end:
            assert self.proc.poll() is None, f"the gateway ended: {open(self.log.name).read()}"
            try:
                conn = Conn(self.admin)
                conn.send(b"GET /ready HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
                if conn.line().split()[1] == b"200":
                    return
            except OSError:
                pass
            time.sleep(0.02)
        raise AssertionError("the gateway did not become ready")

    def request(self, method, path, token=None, body=None, **headers):
        conn = Conn(self.port)
        conn.send(render(method, path, token, body, **headers))
        reply = conn.reply(method)
        conn.close()
        return reply

    def metrics(self):
        conn = Conn(self.admin)
        conn.send(b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        return conn.reply().body.decode()

    def stop(self):
        if self.proc.poll() is None:
            self.proc.send_signal(signal.SIGTERM)
        code = self.proc.wait(timeout=30)
        self.log.close()
        text = open(self.log.name, errors="replace").read()
        assert code == 0 and "Sanitizer" not in text and "runtime error" not in text, text[-4000:]
        return text


def render(method, path, token=None, body=None, **headers):
    lines = [f"{method} {path} HTTP/1.1", "Host: x"]
    if token:
        lines.append(f"Authorization: Bearer {token}")
    if isinstance(body, (dict, list)):
        body = json.dumps(body).encode()
        headers.setdefault("Content_Type", "application/json")
    if body is not None:
        lines.append(f"Content-Length: {len(body)}")
    lines += [f"{k.replace('_', '-')}: {v}" for k, v in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + (body or b"")


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    path = str(tmp_path_factory.mktemp("gw"))
    protoset(f"{path}/echo.protoset")
    return path


@pytest.fixture(scope="module")
def types(directory):
    return Types(f"{directory}/echo.protoset")


@pytest.fixture(scope="module")
def upstream(types):
    upstream = Upstream(types)
    yield upstream
    upstream.stop()


@pytest.fixture(scope="module")
def redis(directory):
    redis = Redis(directory, free_port(), durable=False)
    redis.start()
    yield redis
    redis.stop()


def redis_do(redis, *words):
    with socket.create_connection(("127.0.0.1", redis.port)) as s:
        s.sendall(b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(w.encode()), w.encode()) for w in words))
        return s.recv(65536)


@pytest.fixture(scope="module")
def gw(directory, upstream, redis):
    gateway = Gateway(directory, upstream, redis.port)
    yield gateway
    gateway.stop()


@pytest.fixture
def ana(upstream, redis):
    user = upstream.user("things.read")
    redis_do(redis, "HSET", f"session:{{{user.id}}}", user.sid, user.session())
    user.bearer = upstream.token(user)
    return user


def problem(reply, status, reason=None):
    assert reply.status == status, reply.body
    assert reply["content-type"] == "application/problem+json"
    body = reply.json()
    assert body["status"] == status and body["title"] and body["requestId"] == reply["x-request-id"]
    assert body.get("reason") == reason, body
    return body


# ---- what every reply carries ----

def test_get_carries_principal_and_ids(gw, ana):
    reply = gw.request("GET", "/api/v1/things/a%20b?count=3", ana.bearer, X_Request_ID="my-id.1", User_Agent="agent/1",
                       traceparent="00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
    assert reply.status == 200 and reply["content-type"] == "application/json" and reply["x-request-id"] == "my-id.1"
    thing = reply.json()
    assert (thing["id"], thing["size"], thing["name"], thing["tags"]) == ("a b", 3, "", [])
    seen = thing["metadata"]
    assert seen["fit-principal-bin"] == ana.id and seen["fit-request-id"] == "my-id.1" and seen["fit-client-ip"] == "127.0.0.1"
    assert seen["fit-user-agent"] == "agent/1"
    assert seen["traceparent"].startswith("00-4bf92f3577b34da6a3ce929d0e0e4736-") and "00f067aa0ba902b7" not in seen["traceparent"]


def test_request_id_that_is_not_sane_is_replaced(gw, ana):
    for bad in ("a" * 65, "a b", "a<b>", '"'):
        assert gw.request("GET", "/health", X_Request_ID=bad)["x-request-id"] != bad
    ids = {gw.request("GET", "/health")["x-request-id"] for _ in range(10)}
    assert len(ids) == 10


def test_security_fields(gw):
    for reply in (gw.request("GET", "/health"), gw.request("GET", "/nothing"), gw.request("GET", "/api/v1/things/a")):
        for name in ("content-security-policy", "cross-origin-opener-policy", "cross-origin-resource-policy",
                     "origin-agent-cluster", "referrer-policy", "strict-transport-security", "x-content-type-options",
                     "x-dns-prefetch-control", "x-download-options", "x-frame-options", "x-permitted-cross-domain-policies",
                     "x-xss-protection"):
            assert reply[name], name
        assert "img-src 'self' data: https:" in reply["content-security-policy"] and reply["x-powered-by"] is None


# ---- routes and methods ----

def test_404_405_options_head(gw, ana):
    problem(gw.request("GET", "/api/v1/nothing", ana.bearer), 404)
    problem(gw.request("GET", "/api/v1/hidden/a", ana.bearer), 404)
    reply = gw.request("PUT", "/api/v1/things", ana.bearer)
    problem(reply, 405)
    assert reply["allow"] == "GET, HEAD, POST, OPTIONS"
    reply = gw.request("OPTIONS", "/api/v1/things")
    assert reply.status == 204 and reply["allow"] == "GET, HEAD, POST, OPTIONS"
    get, head = (gw.request(m, "/api/v1/things", ana.bearer) for m in ("GET", "HEAD"))
    assert head.status == 200 and head.body == b"" and head["content-length"] == get["content-length"]


def test_pages(gw):
    assert gw.request("GET", "/health").json() == {"status": "ok"}
    assert gw.request("GET", "/ready").json() == {"status": "ready"}
    doc = gw.request("GET", "/openapi.json").json()
    assert doc["openapi"].startswith("3.1") and "/api/v1/things/{id}" in doc["paths"]
    assert [a["version"] for a in gw.request("GET", "/api/versions").json()["apis"]] == ["v1", "v2"]
    page = gw.request("GET", "/docs")
    assert page["content-type"].startswith("text/html") and b"<script src=\"/docs/docs.js\"></script>" in page.body
    assert gw.request("GET", "/docs/docs.js")["content-type"].startswith("text/javascript")


# ---- transcoding ----

def test_create_has_status_and_location(gw, ana):
    reply = gw.request("POST", "/api/v1/things", ana.bearer, {"name": "n", "size": 2, "tags": ["x", "y"]})
    assert reply.status == 201 and reply["location"] == "/api/v1/things/new" and reply["cache-control"] == "no-store"
    assert reply.json()["tags"] == ["x", "y"]
    reply = gw.request("POST", "/api/v1/things", ana.bearer, {"id": "a\r\nX: y"})
    assert reply.status == 201 and reply["location"] is None and reply["x"] is None


def test_form_body_and_repeated_query(gw, ana):
    form = "application/x-www-form-urlencoded; charset=utf-8"
    reply = gw.request("POST", "/api/v1/things", ana.bearer, b"name=a+b%21&size=4&tags=x&tags=y", Content_Type=form)
    assert (reply.json()["name"], reply.json()["size"], reply.json()["tags"]) == ("a b!", 4, ["x", "y"])
    reply = gw.request("GET", "/api/v1/things?pageSize=7&tags=a&tags=" + urllib.parse.quote("ü&="), ana.bearer)
    assert reply.json()["things"][0]["size"] == 7 and reply.json()["things"][0]["tags"] == ["a", "ü&="]
    problem(gw.request("POST", "/api/v1/things", ana.bearer, b"name=%zz", Content_Type=form), 400)


def test_what_the_path_gives_comes_from_nowhere_else(gw, ana):
    for query in ("id=other", "%69d=other"):
        assert "id" in json.dumps(problem(gw.request("GET", f"/api/v1/things/mine?{query}", ana.bearer), 400)["errors"])
    for query in ("id=other", "thing.name=x", "updateMask=name", "update_mask=name"):
        problem(gw.request("PATCH", f"/api/v1/things/mine?{query}", ana.bearer, {"name": "n"}, If_Match='"v1"'), 400)
    problem(gw.request("POST", "/api/v1/things?name=x", ana.bearer, {"size": 1}), 400)
    reply = gw.request("PATCH", "/api/v1/things/mine", ana.bearer, {"id": "other", "name": "n"}, If_Match='"v1"')
    assert reply.json()["id"] == "mine"


def test_patch_makes_a_mask_and_needs_if_match(gw, ana):
    problem(gw.request("PATCH", "/api/v1/things/a", ana.bearer, {"name": "n"}), 428, "ETAG_REQUIRED")
    reply = gw.request("PATCH", "/api/v1/things/a", ana.bearer, {"name": "n", "size": None}, If_Match='"v3"',
                       Content_Type="application/merge-patch+json")
    seen = reply.json()["metadata"]
    assert sorted(seen["mask"].split(",")) == ["name", "size"] and seen["fit-if-match"] == '"v3"'


@pytest.mark.parametrize("name,method,path,body,headers,status,part", [
    ("malformed", "POST", "/api/v1/things", b'{"name":', {"Content_Type": "application/json"}, 400, "JSON"),
    ("unknown member", "POST", "/api/v1/things", {"colour": 1}, {}, 400, "colour"),
    ("wrong type", "POST", "/api/v1/things", {"size": "many"}, {}, 400, "size"),
    ("rule", "POST", "/api/v1/things", {"name": "a" * 21}, {}, 400, "name"),
    ("unknown parameter", "GET", "/api/v1/things?colour=red", None, {}, 400, "colour"),
    ("bad parameter", "GET", "/api/v1/things?pageSize=x", None, {}, 400, "pageSize"),
    ("rule of a parameter", "GET", "/api/v1/things?pageSize=201", None, {}, 400, "pageSize"),
    ("media type", "POST", "/api/v1/things", b"x", {"Content_Type": "text/plain"}, 415, "application/json"),
    ("no media type", "POST", "/api/v1/things", b"{}", {}, 415, "application/json"),
    ("form as a patch", "PATCH", "/api/v1/things/a", b"name=x",
     {"Content_Type": "application/x-www-form-urlencoded", "If_Match": '"v1"'}, 415, "application/json"),
    ("body where there is none", "GET", "/api/v1/things/a", {"id": "b"}, {}, 400, "no body"),
    ("too large", "POST", "/api/v1/upload", {"name": "a" * 2000}, {}, 413, "larger"),
    ("idempotency key too long", "POST", "/api/v1/things", {}, {"Idempotency_Key": "k" * 256}, 400, "Idempotency-Key"),
    ("idempotency key with a space", "POST", "/api/v1/things", {}, {"Idempotency_Key": "a b"}, 400, "Idempotency-Key"),
    ("idempotency key empty", "POST", "/api/v1/things", {}, {"Idempotency_Key": ""}, 400, "Idempotency-Key"),
    ("two entity tags", "PATCH", "/api/v1/things/a", {}, {"If_Match": '"a", "b"'}, 400, "If-Match"),
], ids=lambda v: v if isinstance(v, str) and " " in v else None)
def test_bad_requests(gw, ana, upstream, name, method, path, body, headers, status, part):
    before = dict(upstream.calls)
    reply = gw.request(method, path, ana.bearer, body, **headers)
    assert part in json.dumps(problem(reply, status))
    assert upstream.calls == before, "nothing reaches the service"


def test_idempotency_key_travels_with_a_fingerprint(gw, ana, types):
    seen = gw.request("POST", "/api/v1/things", ana.bearer, {"name": "n"}, Idempotency_Key="key-1").json()["metadata"]
    wire = types["fit.echo.v1.Thing"](name="n").SerializeToString()
    want = hashlib.sha256(b"/fit.echo.v1.EchoService/CreateThing\0" + wire).hexdigest()
    assert seen["fit-idempotency-key"] == "key-1" and seen["fit-idempotency-fp-bin"] == want
    spaced = gw.request("POST", "/api/v1/things", ana.bearer, b'{ "name" : "n" }', Content_Type="application/json",
                        Idempotency_Key="key-1").json()["metadata"]
    assert spaced["fit-idempotency-fp-bin"] == want, "the same request in other white space"
    upload = gw.request("POST", "/api/v1/upload", ana.bearer, {"name": "n"}, Idempotency_Key="key-1").json()["metadata"]
    assert "fit-idempotency-key" not in upload, "a method without idempotency gets no key"


# ---- replies ----

@pytest.mark.parametrize("code,status", [
    ("CANCELLED", 503), ("UNKNOWN", 500), ("INVALID_ARGUMENT", 400), ("DEADLINE_EXCEEDED", 504), ("NOT_FOUND", 404),
    ("ALREADY_EXISTS", 409), ("PERMISSION_DENIED", 403), ("RESOURCE_EXHAUSTED", 429), ("FAILED_PRECONDITION", 400), ("ABORTED", 409),
    ("OUT_OF_RANGE", 400), ("UNIMPLEMENTED", 501), ("INTERNAL", 500), ("UNAVAILABLE", 503), ("DATA_LOSS", 500), ("UNAUTHENTICATED", 401)])
def test_status_of_the_service(gw, ana, code, status):
    problem(gw.request("GET", f"/api/v1/things/code-{code}", ana.bearer), status)


def test_etag_and_not_modified(gw, ana):
    reply = gw.request("GET", "/api/v1/things/tagged", ana.bearer)
    assert reply["etag"] == '"v7"' and reply["cache-control"] == "private, no-cache"
    for match in ('"v7"', 'W/"v7"', '"v1", "v7"', "*"):
        again = gw.request("GET", "/api/v1/things/tagged", ana.bearer, If_None_Match=match)
        assert again.status == 304 and again.body == b"" and again["etag"] == '"v7"'
    assert gw.request("GET", "/api/v1/things/tagged", ana.bearer, If_None_Match='"v8"').status == 200
    assert gw.request("GET", "/api/v1/things/bad-tag", ana.bearer)["etag"] is None


def test_delete_is_204(gw, ana):
    reply = gw.request("DELETE", "/api/v1/things/a", ana.bearer)
    assert reply.status == 204 and reply.body == b"" and reply["content-type"] is None


def test_public_reply_may_be_cached(gw):
    assert gw.request("GET", "/api/v1/open/a")["cache-control"] == "public, max-age=60"


def test_deadline_of_the_policy(gw, upstream, redis):
    user = upstream.user("things.admin")
    redis_do(redis, "HSET", f"session:{{{user.id}}}", user.sid, user.session())
    upstream.cancelled.clear()
    start = time.monotonic()
    problem(gw.request("GET", "/api/v1/admin/slow", upstream.token(user)), 504)
    assert 0.25 < time.monotonic() - start < 3 and upstream.cancelled.wait(5)


def test_permission(gw, ana):
    problem(gw.request("GET", "/api/v1/admin/a", ana.bearer), 403)


# ---- who is calling ----

def forged(token, **claims):
    head, body, sig = token.split(".")
    data = json.loads(base64.urlsafe_b64decode(body + "==")) | claims
    return f"{head}.{base64.urlsafe_b64encode(json.dumps(data).encode()).rstrip(b'=').decode()}.{sig}"


def unsigned(token):
    head = base64.urlsafe_b64encode(b'{"alg":"none","typ":"at+jwt","kid":"first"}').rstrip(b"=").decode()
    return f"{head}.{token.split('.')[1]}."


def symmetric(token, key):
    """The classic confusion: HS256 keyed with what is public."""
    claims = jwt.decode(token, options={"verify_signature": False})
    return jwt.encode(claims, key.jwk["x"], "HS256", headers={"typ": "at+jwt", "kid": key.kid})


@pytest.mark.parametrize("make", [
    lambda u, up: forged(up.token(u), sub=up.user().id), lambda u, up: up.token(u)[:-4] + "AAAA", lambda u, up: up.token(u) + "=",
    lambda u, up: unsigned(up.token(u)), lambda u, up: symmetric(up.token(u), up.keys[0]),
    lambda u, up: up.token(u, exp=int(time.time()) - 60), lambda u, up: up.token(u, iss="other"),
    lambda u, up: up.token(u, aud="other"), lambda u, up: up.token(u, sid="x"), lambda u, up: up.token(u, sub="x"),
    lambda u, up: up.token(u, jti=None), lambda u, up: u.token(Key("first")), lambda u, up: "a.b.c", lambda u, up: "x" * 8000,
], ids=["payload", "signature", "padding", "alg none", "alg HS256", "expired", "issuer", "audience", "sid", "sub", "no jti",
        "another key of the same name", "noise", "long"])
def test_tokens_that_are_not_good(gw, ana, upstream, make):
    reply = gw.request("GET", "/api/v1/things/a", make(ana, upstream))
    problem(reply, 401, "TOKEN_INVALID")
    assert reply["www-authenticate"] == 'Bearer error="invalid_token"'


@pytest.mark.parametrize("value", [None, "", "Bearer", "Bearer ", "Basic YTpi", "bearer"])
def test_no_token(gw, value):
    reply = gw.request("GET", "/api/v1/things/a", **({} if value is None else {"Authorization": value}))
    problem(reply, 401, "TOKEN_MISSING")
    assert reply["www-authenticate"] == "Bearer"


def test_revoked_and_outdated_sessions(gw, ana, upstream, redis):
    key = f"session:{{{ana.id}}}"
    assert gw.request("GET", "/api/v1/things/a", ana.bearer).status == 200
    for value in (ana.session(exp_ms=0), ana.session(min_iat=int(time.time()) + 5)):
        redis_do(redis, "HSET", key, ana.sid, value)
        problem(gw.request("GET", "/api/v1/things/a", ana.bearer), 401, "TOKEN_INVALID")
    redis_do(redis, "HSET", key, ana.sid, ana.session())
    assert gw.request("GET", "/api/v1/things/a", ana.bearer).status == 200


def test_session_that_redis_has_lost_comes_from_auth(gw, upstream, redis):
    user = upstream.user()
    before = upstream.calls.get("ResolveSession", 0)
    assert gw.request("GET", "/api/v1/things/a", upstream.token(user)).status == 200
    assert upstream.calls["ResolveSession"] == before + 1
    stranger = upstream.user()
    del upstream.users[stranger.sid]
    problem(gw.request("GET", "/api/v1/things/a", upstream.token(stranger)), 401, "TOKEN_INVALID")


def test_copy_that_is_due_is_asked_about(gw, upstream, redis):
    user, gone = upstream.user(), upstream.user()
    before = upstream.calls.get("ResolveSession", 0)
    for u in (user, gone):
        redis_do(redis, "HSET", f"session:{{{u.id}}}", u.sid, u.session(exp_ms=int(time.time() * 1000) - 1000))
    assert gw.request("GET", "/api/v1/things/a", upstream.token(user)).status == 200
    assert upstream.calls["ResolveSession"] == before + 1
    del upstream.users[gone.sid]
    problem(gw.request("GET", "/api/v1/things/a", upstream.token(gone)), 401, "TOKEN_INVALID")


def test_unknown_kids_do_not_flood_auth(directory, upstream, redis, ana):
    gateway = Gateway(directory, upstream, redis.port, FIT_GATEWAY_THREADS="1")
    before = upstream.calls["GetJwks"]
    keys = [Key(f"unknown-{i}") for i in range(20)]
    for key in keys * 3:
        problem(gateway.request("GET", "/api/v1/things/a", ana.token(key)), 401, "TOKEN_INVALID")
    assert upstream.calls["GetJwks"] - before <= 1
    gateway.stop()


def test_key_rotation_is_followed(directory, types, redis):
    """A token of a new key is good at once: the request waits for the key set, and so do those beside it."""
    upstream = Upstream(types)
    gateway = Gateway(directory, upstream, redis.port, FIT_GATEWAY_THREADS="1")
    user = upstream.user()
    assert gateway.request("GET", "/api/v1/things/a", upstream.token(user)).status == 200
    time.sleep(10.1)  # the least time between two fetches that unknown keys cause
    old = upstream.token(user)
    upstream.keys.insert(0, Key("second"))
    before = upstream.calls["GetJwks"]
    conns = [Conn(gateway.port) for _ in range(10)]
    for conn in conns:
        conn.send(render("GET", "/api/v1/things/a", upstream.token(user)))
    assert [conn.reply().status for conn in conns] == [200] * 10
    assert upstream.calls["GetJwks"] == before + 1
    assert gateway.request("GET", "/api/v1/things/a", old).status == 200
    gateway.stop()
    upstream.stop()


# ---- limits ----

def test_limit_of_a_class_with_its_fields(gw, redis):
    redis_do(redis, "DEL", "rate_limit:{127.0.0.1}:open")
    replies = [gw.request("GET", "/api/v1/open/a") for _ in range(6)]
    assert [r.status for r in replies] == [200] * 5 + [429]
    assert [r["x-ratelimit-remaining"] for r in replies] == ["4", "3", "2", "1", "0", "0"]
    assert replies[0]["ratelimit-policy"] == '"open";q=5;w=60' and replies[0]["ratelimit"] == '"open";r=4;t=12'
    assert abs(int(replies[0]["x-ratelimit-reset"]) - time.time() - 12) < 5
    body = problem(replies[5], 429, "RATE_LIMITED")
    assert body["error"] == "Too many requests" and 0 < body["retryAfter"] - time.time() <= 13
    assert 0 < int(replies[5]["retry-after"]) <= 13
    ttl = int(redis_do(redis, "PTTL", "rate_limit:{127.0.0.1}:open")[1:])
    assert 0 < ttl <= 60000, "the state expires by itself"


def test_two_gateways_share_a_limit(gw, directory, upstream, redis):
    other = Gateway(directory, upstream, redis.port)
    redis_do(redis, "DEL", "rate_limit:{127.0.0.1}:open")
    statuses = [g.request("GET", "/api/v1/open/a").status for g in (gw, other) * 4]
    assert statuses.count(200) == 5 and statuses.count(429) == 3
    other.stop()


def test_without_redis_auth_and_local_limits_serve(directory, upstream):
    gateway = Gateway(directory, upstream, free_port(), FIT_GATEWAY_THREADS="1")
    user = upstream.user()
    before = upstream.calls.get("ResolveSession", 0)
    assert [gateway.request("GET", "/api/v1/things/a", upstream.token(user)).status for _ in range(5)] == [200] * 5
    assert upstream.calls["ResolveSession"] == before + 1, "remembered for a few seconds"
    assert [gateway.request("GET", "/api/v1/open/a").status for _ in range(6)] == [200] * 5 + [429]
    gateway.stop()


def test_limit_of_an_address(directory, upstream, redis):
    gateway = Gateway(directory, upstream, redis.port, FIT_IP_RATE="10/60", FIT_IP_EXEMPT="", FIT_GATEWAY_THREADS="1")
    statuses = [gateway.request("GET", "/nothing").status for _ in range(12)]
    assert statuses == [404] * 10 + [429] * 2
    gateway.stop()


def test_limits_behind_a_proxy(directory, upstream, redis, ana):
    gateway = Gateway(directory, upstream, redis.port, FIT_TRUSTED_PROXIES="127.0.0.0/8, 198.51.100.0/24",
                      FIT_MAX_CONNECTIONS_PER_IP="1")
    status = lambda *said: gateway.request("GET", "/api/v1/open/a", X_Forwarded_For=", ".join(said)).status  # noqa: E731
    # Each client has its own limit; what it says of itself and proxies in between make no difference.
    assert [status("203.0.113.1") for _ in range(5)] == [200] * 5
    assert [status("203.0.113.1"), status("192.0.2.1", "203.0.113.1"), status("203.0.113.1", "198.51.100.9")] == [429] * 3
    assert status("203.0.113.2") == 200
    # A network of IPv6 is one client.
    assert [status(f"2001:db8:0:7::{i}") for i in range(6)] == [200] * 5 + [429]
    assert status("2001:db8:0:8::1") == 200
    # The proxy itself may have any number of connections.
    held = [Conn(gateway.port) for _ in range(5)]
    for conn in held:
        conn.send(render("GET", "/api/versions"))
        assert conn.reply("GET").status == 200
    for conn in held:
        conn.close()
    reply = gateway.request("GET", "/api/v1/things/a", ana.bearer, X_Forwarded_For="192.0.2.1, 203.0.113.3")
    assert reply.json()["metadata"]["fit-client-ip"] == "203.0.113.3"
    gateway.stop()


def test_nobody_is_trusted_unless_named(gw, ana):
    reply = gw.request("GET", "/api/v1/things/a", ana.bearer, X_Forwarded_For="203.0.113.3")
    assert reply.json()["metadata"]["fit-client-ip"] == "127.0.0.1"
    assert [gw.request("GET", "/api/v1/open/a", X_Forwarded_For=f"203.0.113.{i}").status for i in range(10, 16)].count(429) >= 1


# ---- CORS ----

def test_cors(gw, ana):
    ask = {"Origin": "http://localhost:3000", "Access_Control_Request_Method": "PATCH"}
    reply = gw.request("OPTIONS", "/api/v1/things/a", **ask)
    assert reply.status == 204 and reply["access-control-allow-origin"] == "http://localhost:3000"
    assert reply["access-control-allow-methods"] == "GET,POST,PUT,DELETE,PATCH"
    assert "Idempotency-Key" in reply["access-control-allow-headers"] and reply["access-control-allow-credentials"] == "true"
    reply = gw.request("GET", "/api/v1/things/a", ana.bearer, Origin="http://localhost:3000")
    assert "ETag" in reply["access-control-expose-headers"] and reply["vary"] == "Origin"
    for origin in ("http://evil.example", "http://localhost:3000.evil.example", "null", "http://LOCALHOST:3000"):
        reply = gw.request("OPTIONS", "/api/v1/things/a", Origin=origin, Access_Control_Request_Method="PATCH")
        assert reply["access-control-allow-origin"] is None and reply["vary"] == "Origin"


# ---- streams ----

def test_stream_is_events(gw, ana):
    reply = gw.request("GET", "/api/v2/watch/a?count=2", ana.bearer, Accept="text/event-stream")
    assert reply["content-type"] == "text/event-stream" and reply["cache-control"] == "no-store"
    events = reply.body.decode().strip().split("\n\n")
    assert [e.split("\n")[0] for e in events] == ["event: delta", "event: delta", "event: done"]
    assert json.loads(events[1].split("data: ")[1]) == {"id": "1", "name": "x", "size": 0, "tags": [], "metadata": {}}


def test_stream_as_one_json(gw, ana):
    reply = gw.request("GET", "/api/v2/watch/a?count=2", ana.bearer, Accept="application/json")
    assert reply["content-type"] == "application/json" and reply.json()["done"]["id"] == "end"


def test_stream_ids_and_where_it_left_off(gw, ana):
    path = "/api/v2/watch/numbered?count=2"
    events = gw.request("GET", path, ana.bearer, Last_Event_ID="a-7").body.decode().split("\n\n")
    assert [e.split("\n")[0] for e in events[:3]] == ["id: 0", "id: 1", "event: done"]
    delta = json.loads(events[0].split("\n")[2].removeprefix("data: "))
    assert events[0].split("\n")[1] == "event: delta" and "eventId" not in delta
    assert delta["size"] == 0 and delta["metadata"]["fit-last-event-id"] == "a-7", "scalars are there, as in other replies"
    for bad in ("a b", "x" * 129, "\u00e9"):
        events = gw.request("GET", path, ana.bearer, Last_Event_ID=bad).body.decode().split("\n\n")
        assert "fit-last-event-id" not in events[0]
    assert "fit-last-event-id" not in gw.request("GET", "/api/v1/things/a", ana.bearer, Last_Event_ID="7").json()["metadata"]
    reply = gw.request("OPTIONS", path, Origin="http://localhost:3000", Access_Control_Request_Method="GET",
                       Access_Control_Request_Headers="last-event-id")
    assert "Last-Event-ID" in reply["access-control-allow-headers"]


def test_stream_that_fails_early_and_late(gw, ana):
    problem(gw.request("GET", "/api/v2/watch/early", ana.bearer), 404)
    reply = gw.request("GET", "/api/v2/watch/late?count=1", ana.bearer)
    last = reply.body.decode().strip().split("\n\n")[-1]
    assert reply.status == 200 and last.startswith("event: error\n") and json.loads(last.split("data: ")[1])["status"] == 503


def test_client_that_leaves_a_stream_cancels_the_call(gw, ana, upstream):
    upstream.cancelled.clear()
    conn = Conn(gw.port)
    conn.send(render("GET", "/api/v2/watch/endless", ana.bearer))
    conn.head()
    next(conn.chunks())
    start = time.monotonic()
    conn.close()
    assert upstream.cancelled.wait(5) and time.monotonic() - start < 1


def test_client_that_leaves_a_call_cancels_it(gw, ana, upstream):
    upstream.cancelled.clear()
    conn = Conn(gw.port)
    conn.send(render("GET", "/api/v1/things/slow", ana.bearer))
    before = upstream.calls["GetThing"]
    while upstream.calls["GetThing"] == before:
        pass
    conn.close()
    assert upstream.cancelled.wait(5)


# ---- upstream down, drain, log ----

def test_service_that_is_away_is_503(directory, types, redis):
    upstream = Upstream(types)
    gateway = Gateway(directory, upstream, redis.port)
    user = upstream.user()
    redis_do(redis, "HSET", f"session:{{{user.id}}}", user.sid, user.session())
    assert gateway.request("GET", "/api/v1/things/a", upstream.token(user)).status == 200
    upstream.stop()
    reply = gateway.request("GET", "/api/v1/things/a", upstream.token(user))
    problem(reply, 503)
    assert reply["retry-after"]
    gateway.stop()


def test_drain_loses_no_request(directory, upstream, redis, ana):
    """Two gateways on one port; one is told to stop under load: every request that was sent is answered."""
    first = Gateway(directory, upstream, redis.port)
    second = Gateway(directory, upstream, redis.port, port=first.port)
    failed, done, stop = [], [0], threading.Event()

    def load():
        conn = None
        while not stop.is_set():
            try:
                conn = conn or Conn(first.port)
                conn.send(render("GET", "/api/v1/things/a", ana.bearer))
                reply = conn.reply()
                if reply.status != 200:
                    failed.append(reply.body)
                if reply["connection"] == "close":
                    conn.close()
                    conn = None
                done[0] += 1
            except (OSError, EOFError) as e:
                failed.append(repr(e))
                conn = None
    threads = [threading.Thread(target=load) for _ in range(8)]
    for t in threads:
        t.start()
    while done[0] < 200:
        time.sleep(0.01)
    first.proc.send_signal(signal.SIGTERM)
    assert first.proc.wait(timeout=30) == 0
    after = done[0]
    while done[0] < after + 200:
        time.sleep(0.01)
    stop.set()
    for t in threads:
        t.join()
    first.log.close()
    second.stop()
    assert failed == []


def test_log_has_one_line_a_request_without_query_or_token(directory, upstream, redis, ana):
    gateway = Gateway(directory, upstream, redis.port)
    gateway.request("GET", "/api/v1/things/a?count=12345", ana.bearer, X_Request_ID="find-me")
    text = gateway.stop()
    lines = [json.loads(line) for line in text.splitlines() if '"event":"request"' in line and "find-me" in line]
    assert len(lines) == 1 and lines[0]["route"] == "/api/v1/things/{id}" and lines[0]["requestId"] == "find-me"
    method, path, status, length, dash, ms, unit = lines[0]["line"].split(" ")
    assert (method, path, status, dash, unit) == ("GET", "/api/v1/things/a", "200", "-", "ms") and int(length) > 0 and float(ms) >= 0
    assert "12345" not in text and ana.bearer not in text


def test_log_that_nobody_reads_stops_nothing(directory, upstream, redis, ana):
    reader, writer = os.pipe()
    log = open(writer, "wb")
    gateway = Gateway(directory, upstream, redis.port, log=log)
    log.close()
    conn = Conn(gateway.port)
    for _ in range(2000):  # more than the pipe holds
        conn.send(render("GET", "/api/versions") * 10)
        for _ in range(10):
            assert conn.reply("GET").status == 200
        if dropped(gateway) > 0:
            break
    else:
        pytest.fail("no line was dropped")
    drain(reader)
    assert gateway.request("GET", "/api/versions").status == 200
    text = drain(reader, until=b"log_lines_lost")
    told = [json.loads(line) for line in text.splitlines() if b"log_lines_lost" in line]
    assert [line["lines"] for line in told] == [dropped(gateway)]
    os.close(reader)
    conn.close()
    gateway.proc.send_signal(signal.SIGTERM)
    assert gateway.proc.wait(timeout=30) == 0


def dropped(gateway):
    return float(re.search(r"^log_lines_dropped_total (\S+)$", gateway.metrics(), re.M).group(1))


def drain(fd, until=None):
    """What a pipe holds; with `until`, at least so much that this is in it."""
    text = b""
    while until is not None and until not in text or select.select([fd], [], [], 0)[0]:
        text += os.read(fd, 65536)
    return text


def test_metrics(gw, ana):
    gw.request("GET", "/api/v1/things/a", ana.bearer)
    text = gw.metrics()
    assert 'http_requests_total{route="/api/v1/things/{id}",method="GET",code="200"}' in text
    assert 'http_request_duration_seconds_count{route="/api/v1/things/{id}"}' in text


def test_no_core_file_unless_in_development(directory, upstream, redis):
    for environment, core in ((None, "0"), ("development", "unlimited")):
        settings = {"FIT_ENVIRONMENT": environment} if environment else {}
        gateway = Gateway(directory, upstream, redis.port, before="ulimit -c unlimited; ", **stack.core_limit_kept(), **settings)
        with open(f"/proc/{gateway.proc.pid}/limits") as f:
            limit = next(line for line in f if line.startswith("Max core file size"))
        assert limit.split()[4] == core
        gateway.stop()


def test_options_of_the_program(directory):
    run = lambda *a, **env: subprocess.run([f"{BUILD}/bin/gateway", *a], capture_output=True, text=True,  # noqa: E731
                                           env={"PATH": os.environ["PATH"]} | env)
    assert run("--help").returncode == 0 and "FIT_UPSTREAMS" in run("--help").stdout
    assert run("--version").stdout.strip()
    assert "| " in run("--print-config-markdown").stdout
    good = {"FIT_UPSTREAMS": "fit.echo.v1=127.0.0.1:1"}
    assert run("--check-config", **good).returncode == 0
    for env, part in (({}, "FIT_UPSTREAMS"), (good | {"FIT_NONSENSE": "1"}, "FIT_NONSENSE"),
                      (good | {"FIT_RATE_CLASSES": "x"}, "FIT_RATE_CLASSES")):
        done = run("--check-config", **env)
        assert done.returncode == 2 and part in done.stderr
    assert run("--frobnicate", **good).returncode == 2
