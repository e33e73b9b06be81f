# SPDX-License-Identifier: Apache-2.0
"""Signing in and out, rotation, devices; and Redis may lose everything."""
import socket

from test_12_coach_and_events import Stream


def redis(stack, *args):
    with socket.create_connection(("127.0.0.1", stack.ports["redis"]), 5) as s:
        out = b""
        for cmd in (("AUTH", stack.redis.password), args):
            s.sendall(f"*{len(cmd)}\r\n".encode() + b"".join(f"${len(a)}\r\n{a}\r\n".encode() for a in cmd))
            out = s.recv(65536)
        return out


def refresh(client, token):
    return client.clone().request("POST", "/api/v1/auth/refresh", {"refreshToken": token}, {"Authorization": ""})


def test_refresh_rotates_and_voids_the_older_token(ana):
    new = refresh(ana, ana.refresh_token).ok(200)
    assert new["accessToken"] != ana.token and new["refreshToken"] != ana.refresh_token
    assert ana.get("/api/v1/users/me").problem(401)["reason"] == "TOKEN_INVALID"
    ana.token = new["accessToken"]
    ana.get("/api/v1/users/me").ok()


def test_logout_ends_this_session_only(api, ana):
    other = api.sign_in(ana.user["email"])
    ana.post("/api/v1/auth/logout", {}).ok(200, 204)
    ana.get("/api/v1/users/me").problem(401)
    other.get("/api/v1/users/me").ok()


def test_logout_all_and_devices(api, ana):
    other = api.sign_in(ana.user["email"])
    sessions = other.get("/api/v1/auth/sessions").ok()["sessions"]
    assert len(sessions) == 2
    third = api.sign_in(ana.user["email"])
    revoke = [s for s in third.get("/api/v1/auth/sessions").ok()["sessions"] if not s.get("current")][0]
    assert third.delete(f"/api/v1/auth/sessions/{revoke['id']}").status == 204
    assert [c.get("/api/v1/users/me").status for c in (ana, other)].count(401) == 1
    third.post("/api/v1/auth/logout-all", {}).ok(200, 204)
    assert [c.get("/api/v1/users/me").status for c in (ana, other, third)] == [401] * 3


def test_open_streams_end_with_their_session(api, ana):
    """Logged out means deaf, too: an open stream does not outlive its session."""
    other, third = api.sign_in(ana.user["email"]), api.sign_in(ana.user["email"])
    streams = [Stream(c, "GET", "/api/v1/notifications/stream") for c in (ana, other, third)]
    events = [s.events() for s in streams]
    assert [next(e)[1] for e in events] == ["inbox"] * 3
    ana.post("/api/v1/auth/logout", {}).ok(200, 204)
    last = list(events[0])[-1]
    assert last[1] == "error" and last[2]["status"] == 401, last
    other.post("/api/v1/auth/logout-all", {}).ok(200, 204)
    assert [list(e)[-1][2].get("status") for e in events[1:]] == [401, 401]
    for s in streams:
        s.close()


def test_redis_emptied_everybody_stays_signed_in(stack, ana, ben):
    for _ in range(3):
        assert redis(stack, "FLUSHALL").startswith(b"+OK")
        assert [c.get("/api/v1/users/me").status for c in (ana, ben)] == [200, 200]
    ana.post("/api/v1/auth/logout", {}).ok(200, 204)
    redis(stack, "FLUSHALL")
    assert [c.get("/api/v1/users/me").status for c in (ana, ben)] == [401, 200], "a revoked session stays revoked"


def test_redis_gone_and_back(stack, ana):
    stack.redis.kill9()
    try:
        assert ana.get("/api/v1/users/me").status == 200, "PostgreSQL knows the session"
    finally:
        stack.redis.start()
    assert ana.get("/api/v1/users/me").status == 200
