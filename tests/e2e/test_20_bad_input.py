# SPDX-License-Identifier: Apache-2.0
"""Bad input gets a clear problem and loses nothing."""
import base64
import json
import uuid

import pytest

PLANS = "/api/v1/workouts/plans"
CASES = [  # name, method, path, raw body, headers, status, what the problem must name
    ("malformed JSON", "POST", PLANS, b'{"name": "x"', {}, 400, "JSON"),
    ("not an object", "POST", PLANS, b'[1]', {}, 400, None),
    ("unknown field", "POST", PLANS, b'{"name":"x","colour":"red"}', {}, 400, "colour"),
    ("wrong type", "POST", PLANS, b'{"name":7}', {}, 400, "name"),
    ("wrong nested type", "POST", PLANS, b'{"name":"x","exercises":[{"exerciseId":1}]}', {}, 400, "exercises[0].exerciseId"),
    ("out of range", "POST", PLANS, b'{"name":"x","estimatedDurationMinutes":601}', {}, 400, "estimatedDurationMinutes"),
    ("not in the list", "POST", PLANS, b'{"name":"x","difficultyLevel":"hero"}', {}, 400, "difficultyLevel"),
    ("invalid UTF-8", "POST", PLANS, b'{"name":"\xff"}', {}, 400, None),
    ("NUL in a string", "POST", PLANS, b'{"name":"a\\u0000b"}', {}, 400, "name"),
    ("duplicate member", "POST", PLANS, b'{"name":"a","name":"b"}', {}, 400, "name"),
    ("deep nesting", "POST", PLANS, b'{"exercises":' + b"[" * 200 + b"]" * 200 + b"}", {}, 400, None),
    ("an id that is none", "GET", PLANS + "/not-a-uuid", None, {}, 400, "planId"),
    ("bad query value", "GET", PLANS + "?pageSize=many", None, {}, 400, "pageSize"),
    ("unknown query parameter", "GET", PLANS + "?colour=red", None, {}, 400, "colour"),
    ("page token of nobody", "GET", PLANS + "?pageToken=AAAA", None, {}, 400, "pageToken"),
    ("unknown id", "GET", PLANS + "/" + str(uuid.uuid4()), None, {}, 404, None),
    ("unknown path", "GET", "/api/v1/nothing", None, {}, 404, None),
    ("wrong content type", "POST", PLANS, b"name=x", {"Content-Type": "text/plain"}, 415, None),
    ("empty body", "POST", PLANS, b"", {}, 400, None),
    ("no If-Match", "PATCH", PLANS + "/" + str(uuid.uuid4()), b'{"name":"x"}', {}, 428, None),
    ("bad idempotency key", "POST", PLANS, b'{"name":"x"}', {"Idempotency-Key": "a" * 300}, 400, "Idempotency-Key"),
    ("unknown exercise", "POST", PLANS, json.dumps({"name": "x", "exercises": [{"exerciseId": str(uuid.uuid4())}]}).encode(), {}, 422, "exercises[0].exerciseId"),
]


@pytest.mark.parametrize("name,method,path,raw,headers,status,names", CASES, ids=[c[0] for c in CASES])
def test_bad_input(ana, name, method, path, raw, headers, status, names):
    headers = ({"Content-Type": "application/json"} if raw is not None else {}) | headers
    problem = ana.request(method, path, raw=raw, headers=headers).problem(status)
    assert problem["status"] == status and problem["title"] and problem["requestId"]
    if names:
        assert names in json.dumps(problem), problem
    assert ana.get(PLANS).ok()["plans"] == [], "nothing was made"


def test_errors_name_members_as_the_client_sent_them(ana):
    problem = ana.post(PLANS, {"name": "x", "estimatedDurationMinutes": 601}).problem(400)
    assert [e["field"] for e in problem["errors"]] == ["estimatedDurationMinutes"]
    etag = ana.get("/api/v1/users/me").headers["etag"]
    problem = ana.patch("/api/v1/users/me", {"displayName": "x" * 81}, etag=etag).problem(400)
    assert [e["field"] for e in problem["errors"]] == ["displayName"]


def test_wrong_method_names_the_right_ones(ana):
    reply = ana.request("PUT", PLANS, {})
    reply.problem(405)
    assert {m.strip() for m in reply.headers["allow"].split(",")} >= {"GET", "POST"}


def test_too_large_is_refused_before_it_is_read(ana):
    reply = ana.request("POST", PLANS, raw=b"", headers={"Content-Type": "application/json", "Content-Length": str(11 << 20)})
    reply.problem(413)


def test_stale_version_is_refused_and_nothing_changes(ana):
    made = ana.post(PLANS, {"name": "one"})
    path, tag = f"{PLANS}/{made.ok(201)['id']}", made.headers["etag"]
    ana.patch(path, {"name": "two"}, etag=tag).ok()
    assert ana.patch(path, {"name": "three"}, etag=tag).problem(412)["reason"] == "ETAG_MISMATCH"
    assert ana.get(path).ok()["name"] == "two"


def test_not_modified(ana):
    made = ana.post(PLANS, {"name": "one"})
    reply = ana.get(f"{PLANS}/{made.ok(201)['id']}", headers={"If-None-Match": made.headers["etag"]})
    assert reply.status == 304 and reply.body == b""


def tampered(token, **claims):
    head, body, sig = token.split(".")
    data = json.loads(base64.urlsafe_b64decode(body + "=="))
    data.update(claims)
    return f"{head}.{base64.urlsafe_b64encode(json.dumps(data).encode()).rstrip(b'=').decode()}.{sig}"


@pytest.mark.parametrize("make", [
    lambda t: "", lambda t: "x", lambda t: t[:-4] + "AAAA", lambda t: tampered(t, role="admin"), lambda t: t + "=",
    lambda t: base64.urlsafe_b64encode(b'{"alg":"none"}').decode().rstrip("=") + "." + t.split(".")[1] + "."],
    ids=["none", "noise", "signature", "payload", "padding", "alg none"])
def test_a_token_that_is_not_ours_is_401(ana, make):
    stranger = ana.clone()
    stranger.token = make(ana.token)
    reply = stranger.get("/api/v1/users/me")
    assert reply.problem(401)["reason"] in ("TOKEN_MISSING", "TOKEN_INVALID")
    assert reply.headers["www-authenticate"].startswith("Bearer")
