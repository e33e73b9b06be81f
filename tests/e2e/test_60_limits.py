# SPDX-License-Identifier: Apache-2.0
"""The default limits, at a second gateway beside the same services: 100 requests in 15 minutes per user."""
import pytest
import servers
import stackdefs
from api import Api
from localstack import free_ports

from conftest import BUILD


@pytest.fixture(scope="module")
def strict(stack, tmp_path_factory):
    ports = stack.ports | {k: v for k, v in free_ports().items() if k in ("gateway", "gateway_admin")}
    env = stackdefs.environment("gateway", stack.dir, stack.ports) | {
        "FIT_LISTEN": f"127.0.0.1:{ports['gateway']}", "FIT_ADMIN_LISTEN": f"127.0.0.1:{ports['gateway_admin']}"}
    program = servers.Program("gateway2", f"{BUILD}/bin/gateway", str(tmp_path_factory.mktemp("gw2")), env, ports["gateway_admin"])
    program.start()
    yield Api("127.0.0.1", ports["gateway"], stack.ports["devidp"])
    program.stop()


def test_a_user_gets_a_hundred_and_then_429(strict, ana):
    client = strict.clone(ana.token)
    replies = [client.get("/api/v1/users/me") for _ in range(101)]
    assert [r.status for r in replies[:100]] == [200] * 100
    assert replies[0].headers["x-ratelimit-limit"] == "100" and "ratelimit" in replies[0].headers
    problem = replies[100].problem(429)
    assert problem["error"] == "Too many requests" and problem["retryAfter"] > 1_700_000_000
    assert 0 < int(replies[100].headers["retry-after"]) <= 900


def test_sign_ins_of_an_address_are_limited(strict):
    replies = [strict.clone().post("/api/v1/auth/google", {"token": "guess"}) for _ in range(61)]
    assert [r.status for r in replies] == [401] * 60 + [429]
    # A new connection, another method of the class, or a header that claims another address is no way round.
    for headers in ({}, {"X-Forwarded-For": "192.0.2.1"}, {"Forwarded": "for=192.0.2.1"}, {"X-Real-IP": "192.0.2.1"}):
        strict.clone().request("POST", "/api/v1/auth/refresh", {"refreshToken": "guess"}, headers).problem(429)


def test_limits_are_per_user(strict, ben):
    strict.clone(ben.token).get("/api/v1/users/me").ok()


def test_security_headers_on_every_reply(strict):
    for path in ("/health", "/api/v1/users/me", "/nothing", "/openapi.json"):
        head = strict.get(path).headers
        assert "default-src 'self'" in head["content-security-policy"]
        assert head["x-content-type-options"] == "nosniff" and head["x-frame-options"] == "SAMEORIGIN"
        assert head["x-request-id"]


def test_cors_allows_the_listed_origin_only(strict):
    ask = {"Origin": "http://localhost:3000", "Access-Control-Request-Method": "PATCH", "Access-Control-Request-Headers": "authorization"}
    good = strict.request("OPTIONS", "/api/v1/users/me", headers=ask)
    assert good.status == 204 and good.headers["access-control-allow-origin"] == "http://localhost:3000"
    assert good.headers["access-control-allow-credentials"] == "true" and "PATCH" in good.headers["access-control-allow-methods"]
    bad = strict.request("OPTIONS", "/api/v1/users/me", headers=ask | {"Origin": "https://evil.example"})
    assert "access-control-allow-origin" not in bad.headers
