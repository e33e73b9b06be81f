# SPDX-License-Identifier: Apache-2.0
"""The attacker's view of the whole stack: tokens, identities, foreign objects, bodies that explode, what is written where."""
import glob
import http.client
import json
import os
import re
import stat
import subprocess
import time
import uuid

import pytest
from security import peak_memory, raw, sign, unpack

PLANS, SESSIONS = "/api/v1/workouts/plans", "/api/v1/workouts/sessions"
VERBS = ("get", "post", "put", "patch", "delete")


def operations(client):
    """(verb, path with ids filled in, is it public) of every operation of the interface."""
    for path, verbs in client.get("/openapi.json").ok()["paths"].items():
        real = re.sub(r"{(\w+)}", lambda m: "1" if "Number" in m.group(1) else str(uuid.uuid4()), path)
        for verb, operation in verbs.items():
            if verb in VERBS:
                yield verb.upper(), real, "401" not in operation["responses"]


# ---- the edge ----

@pytest.mark.parametrize("target", [
    "/api/v1/users/%6de", "/API/v1/users/me", "/api/v1/users/me/", "//api/v1/users/me", "/api/v1//users/me", "/api/v1/users/me;x",
    "/..;/api/v1/users/me", "/fit.user.v1.UserService/GetUser", "/fit.user.v1.UserService/FindOrCreateUser",
    "/fit.auth.v1.AuthService/ResolveSession", "/grpc.health.v1.Health/Check",
    "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", "/metrics", "/admin", "/debug"])
def test_there_is_no_second_way_in(stack, ana, target):
    for method, more in (("GET", ""), ("POST", "Content-Type: application/grpc\r\nTE: trailers\r\nContent-Length: 0\r\n")):
        reply = raw(stack.ports["gateway"], f"{method} {target} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {ana.token}\r\n"
                    f"{more}Connection: close\r\n\r\n".encode())
        assert reply.startswith(b"HTTP/1.1 404 "), reply[:200]


def test_what_a_client_sends_does_not_shape_the_head(ana):
    for name, value in (("X-Request-ID", "a\tb"), ("X-Request-ID", "a" * 500), ("X-Request-ID", "a:b"), ("traceparent", "00-x-y-01"),
                        ("Origin", "http://localhost:3000, http://evil.example")):
        head = ana.get("/api/v1/users/me", headers={name: value}).headers
        assert value not in head.values()
    made = ana.post(PLANS, {"name": "x\r\nX-Injected: 1", "description": "\r\n\r\n"})
    made.ok(201)
    assert "x-injected" not in made.headers and re.fullmatch(PLANS + "/[0-9a-f-]{36}", made.headers["location"])


@pytest.mark.parametrize("coding", ["gzip", "br", "deflate", "zstd", "identity"])
def test_compressed_bodies_are_refused(ana, coding):
    ana.request("POST", PLANS, {"name": "x"}, {"Content-Encoding": coding}).problem(415)
    assert ana.get(PLANS).ok()["plans"] == []


# ---- who ----

def test_every_operation_wants_an_access_token(stack, api, ana):
    basic = ana.clone("x")
    wrong = {"none": None, "refresh token": ana.refresh_token, "ID token": api.id_token("x@example.com"), "noise": "a.b.c"}
    tried = 0
    for verb, path, public in operations(ana):
        if public:
            continue
        body = {} if verb in ("POST", "PUT", "PATCH") else None
        for name, token in wrong.items():
            stranger = basic.clone()
            stranger.token = token
            reply = stranger.request(verb, path, body, {"If-Match": '"v1"'})
            assert reply.status == 401, f"{verb} {path} with {name}: {reply.status}"
            stranger.close()
        assert basic.request(verb, path, body, {"Authorization": "Basic YTpi"}).status == 401
        tried += 1
    assert tried > 30


def test_a_token_has_to_be_ours_whole_and_now(stack, ana, ben, tmp_path):
    key = f"{stack.dir}/keys/auth/1.pem"
    header, claims = unpack(ana.token)
    now = int(time.time())

    def status(change_header=None, without=(), with_key=key, **changes):
        body = {k: v for k, v in (claims | changes).items() if k not in without}
        return ana.clone(sign(header | (change_header or {}), body, with_key)).get("/api/v1/users/me").status

    assert status() == 200, "the forger knows how"
    foreign = f"{tmp_path}/foreign.pem"
    subprocess.run(["openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", foreign], check=True,
                   capture_output=True)
    bad = {
        "another environment's key": status(with_key=foreign),
        "expired": status(iat=now - 1000, exp=now - 100), "from the future": status(iat=now + 300, exp=now + 900),
        "not before": status(nbf=now + 300), "exp a text": status(exp=str(now + 100)), "exp beyond time": status(exp=2**62),
        "issuer": status(iss="someone"), "audience": status(aud="other-app"), "audiences": status(aud=["other-app"]),
        "an ID token's type": status({"typ": "JWT"}), "no type": status({"typ": None}), "alg none": status({"alg": "none"}),
        "alg HS256": status({"alg": "HS256"}), "alg RS256": status({"alg": "RS256"}), "kid": status({"kid": "other"}),
        "kid a path": status({"kid": "../../etc/passwd"}), "crit": status({"crit": ["exp"]}), "jwk": status({"jwk": {"kty": "EC"}}),
        "jku": status({"jku": "http://127.0.0.1/"}), "zip": status({"zip": "DEF"}), "no jti": status(without=("jti",)),
        "no sid": status(without=("sid",)), "somebody else's sub": status(sub=ben.user["id"]), "sub no UUID": status(sub="root"),
        "a session that is none": status(sid=str(uuid.uuid4())), "somebody else's session": status(sid=unpack(ben.token)[1]["sid"]),
        "older than the last refresh": status(iat=claims["iat"] - 1),
    }
    assert bad == dict.fromkeys(bad, 401)
    # The session decides, not the claims.
    claimed = ana.clone(sign(header, claims | {"role": "admin", "subscription": "pro", "permissions": ["users.write"]}, key))
    assert (claimed.get("/api/v1/users/me").ok()["role"], claimed.user["subscriptionTier"]) == ("user", "free")


def test_headers_that_look_like_metadata_reach_nobody(ana, ben):
    principal = "CiQ" + "A" * 48
    headers = {"fit-principal-bin": principal, "Fit-Principal-Bin": principal, "fit-if-match": '"v1"', "fit-idempotency-key": "k",
               "fit-client-ip": "10.0.0.1", "grpc-timeout": "1n", "grpc-encoding": "gzip", "X-Forwarded-For": "127.0.0.1",
               "X-Forwarded-Host": "evil.example", "Forwarded": "for=127.0.0.1", "X-HTTP-Method-Override": "DELETE",
               "X-Original-URL": "/api/v1/auth/sessions", "X-Rewrite-URL": "/api/v1/auth/sessions"}
    nobody = ana.clone()
    nobody.token = None
    for name, value in headers.items():
        assert ana.get("/api/v1/users/me", headers={name: value}).ok(200)["id"] == ana.user["id"], name
        assert nobody.get("/api/v1/users/me", headers={name: value}).status == 401, name


def test_a_closed_account_is_signed_out_everywhere(stack, api, ana):
    other = api.sign_in(ana.user["email"])
    assert ana.delete("/api/v1/users/me").status == 204
    deadline = time.monotonic() + 10  # FIT_AUTH_RECHECK_S is 1 here, and answers are remembered for 5
    while {c.get(PLANS).status for c in (ana, other)} != {401}:
        assert time.monotonic() < deadline, "a closed account's tokens go on"
        time.sleep(0.05)
    assert other.clone().post("/api/v1/auth/refresh", {"refreshToken": other.refresh_token}).status in (401, 403)
    back = api.sign_in(ana.user["email"])
    assert back.user["id"] == ana.user["id"] and back.get(PLANS).status == 200


def test_identities_are_not_taken_over(api, ana):
    unverified = api.id_token(ana.user["email"], email_verified="false")
    assert api.clone().post("/api/v1/auth/google", {"token": unverified}).problem(401)["reason"] == "ID_TOKEN_INVALID"
    good = api.id_token(ana.user["email"])
    assert api.clone().post("/api/v1/auth/apple", {"token": good}).status == 401, "another provider's token"
    assert api.clone().post("/api/v1/auth/google", {"token": ana.token}).status == 401, "an access token"
    head, body, signature = good.split(".")
    assert api.clone().post("/api/v1/auth/google", {"token": f"{head}.{body}.{signature[:-8]}AAAAAAAA"}).status == 401


def test_a_device_id_belongs_to_its_user(api):
    device = {"id": "the same phone", "name": "x", "platform": "ios"}
    ana, ben = api.sign_in(device=device), api.sign_in(device=device)
    assert [c.get("/api/v1/users/me").status for c in (ana, ben)] == [200, 200]
    mine = ana.get("/api/v1/auth/sessions").ok()["sessions"]
    assert len(mine) == 1
    assert ben.delete(f"/api/v1/auth/sessions/{mine[0]['id']}").status == 404
    assert ana.get("/api/v1/users/me").status == 200


# ---- other people's objects, in bodies, queries and headers ----

@pytest.fixture
def plan(ana):
    return ana.post(PLANS, {"name": "mine"}).ok(201)


def test_bodies_do_not_assign_what_is_not_the_clients(ana, ben):
    tag = ana.get("/api/v1/users/me").headers["etag"]
    for body in ({"role": "admin"}, {"subscriptionTier": "pro"}, {"id": ben.user["id"]}, {"email": "x@example.com"}, {"isActive": False},
                 {"createdAt": "2020-01-01T00:00:00Z"}, {"version": 9}, {"updateMask": "role"}, {"permissions": ["x"]}):
        ana.patch("/api/v1/users/me", body, etag=tag).problem(400)
    assert ana.get("/api/v1/users/me").headers["etag"] == tag
    made = ana.post(PLANS, {"name": "x", "versionNumber": 99, "isActive": False, "createdAt": "2020-01-01T00:00:00Z",
                            "muscleGroupsTargeted": ["chest"]}).ok(201)
    assert (made["versionNumber"], made["isActive"], made["muscleGroupsTargeted"]) == (1, True, [])
    assert made["createdAt"] > "2021"
    ana.post(PLANS, {"name": "x", "userId": ben.user["id"]}).problem(400)
    session = ana.post(SESSIONS, {"userId": ben.user["id"], "version": 7, "status": "completed"}).ok(201)
    assert (session["userId"], session["version"], session["status"]) == (ana.user["id"], 1, "in_progress")
    assert ben.get(SESSIONS).ok()["sessions"] == []


def test_a_query_does_not_give_what_path_and_body_give(ana, ben, plan):
    other = ben.post(PLANS, {"name": "bens"}).ok(201)
    for query in (f"?planId={other['id']}", f"?plan_id={other['id']}", f"?PlanId={other['id']}"):
        ana.get(f"{PLANS}/{plan['id']}{query}").problem(400)
    for query in ("?updateMask=name", "?update_mask=name", "?plan.name=other", "?plan=", "?name=other"):
        ana.patch(f"{PLANS}/{plan['id']}{query}", {"description": "d"}, etag='"v1"').problem(400)
    assert ana.get(f"{PLANS}/{plan['id']}").ok() == plan


def test_references_to_other_peoples_objects(ana, ben, plan):
    foreign = ben.post(SESSIONS, {"planId": plan["id"]}).problem(422)
    unknown = ben.post(SESSIONS, {"planId": str(uuid.uuid4())}).problem(422)
    assert {k: foreign[k] for k in ("reason", "errors", "detail")} == {k: unknown[k] for k in ("reason", "errors", "detail")}
    # An entity tag is no oracle: right or wrong, the plan is not there.
    for tag in ('"v1"', '"v2"'):
        ben.patch(f"{PLANS}/{plan['id']}", {"name": "x"}, etag=tag).problem(404)


def test_sets_belong_to_their_session(ana):
    exercise = ana.get("/api/v1/exercises?pageSize=1").ok()["exercises"][0]["id"]
    one, two = (ana.post(SESSIONS, {}).ok(201)["id"] for _ in range(2))
    logged = ana.post(f"{SESSIONS}/{one}/sets", {"exerciseId": exercise, "reps": 5, "weight": 50}).ok(201)
    ana.patch(f"{SESSIONS}/{two}/sets/{logged['setId']}", {"reps": 6}).problem(404)
    ana.delete(f"{SESSIONS}/{two}/sets/{logged['setId']}").problem(404)
    ana.post(f"{SESSIONS}/{two}/swap", {"entryId": logged["entryId"], "exerciseId": exercise}).problem(404)
    ana.post(f"{SESSIONS}/{two}/sets", {"entryId": logged["entryId"], "reps": 1}).problem(404)


def test_idempotency_keys_and_page_tokens_are_per_user(ana, ben):
    key = str(uuid.uuid4())
    mine = ana.post(PLANS, {"name": "same"}, key=key).ok(201)
    his = ben.post(PLANS, {"name": "same"}, key=key).ok(201)
    assert mine["id"] != his["id"]
    for name in "abc":
        ana.post(PLANS, {"name": name}).ok(201)
    token = ana.get(PLANS + "?pageSize=1").ok()["nextPageToken"]
    assert [p["id"] for p in ben.get(f"{PLANS}?pageToken={token}").ok()["plans"]] in ([], [his["id"]])


# ---- bodies that explode ----

MIB = 1 << 20
BOMBS = {  # name: (path, first part, what repeats, last part)
    "doubles": (SESSIONS, b'{"environmentData":{"location":{"coordinates":[1', b",1", b"]}}}"),
    "empty messages": (PLANS, b'{"name":"x","exercises":[{}', b",{}", b"]}"),
    "empty strings": (PLANS, b'{"name":"x","equipmentRequired":[""', b',""', b"]}"),
    "sets": (SESSIONS, b'{"exercises":[{}', b',{"sets":[{},{},{},{}]}', b"]}"),
    "one string": (PLANS, b'{"name":"', b"a", b'"}'),
    "escapes": (PLANS, b'{"name":"', b"\\u00e9", b'"}'),
    "an unknown name": (PLANS, b'{"', b"a", b'":1}'),
    "digits": (PLANS, b'{"estimatedDurationMinutes":', b"1", b"}"),
    "an exponent": (PLANS, b'{"estimatedDurationMinutes":1e', b"9", b"}"),
    "brackets": (PLANS, b'{"exercises":', b"[", b""),
    "names": (PLANS, b"{", b'"a":{', b""),
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_body_that_explodes_is_refused(stack, ana, name):
    path, first, part, last = BOMBS[name]
    body = first + part * ((10 * MIB - 1000 - len(first)) // len(part)) + last
    before = peak_memory(stack.programs["gateway"].pid())
    reply = ana.request("POST", path, raw=body, headers={"Content-Type": "application/json"})
    assert reply.status == 400, reply.body[:300]
    assert peak_memory(stack.programs["gateway"].pid()) - before < 160 * MIB
    assert ana.get("/health").status == 200


@pytest.mark.parametrize("part", [b"name=a&", b"equipmentRequired=&", b"%41", b"a=%zz&"])
def test_a_form_that_explodes_is_refused(ana, part):
    body = b"name=" + part * (9 * MIB // len(part))
    assert ana.request("POST", PLANS, raw=body, headers={"Content-Type": "application/x-www-form-urlencoded"}).status == 400
    assert ana.get("/health").status == 200


@pytest.mark.parametrize("authorization", [None, "Bearer a.b.c", "Basic YTpi"])
def test_a_body_without_a_token_stays_small(stack, authorization):
    conn = http.client.HTTPConnection("127.0.0.1", stack.ports["gateway"], timeout=10)
    conn.putrequest("POST", PLANS)
    conn.putheader("Content-Length", str(MIB))
    if authorization:
        conn.putheader("Authorization", authorization)
    conn.endheaders()
    reply = conn.getresponse()
    assert reply.status == 401 and reply.headers["www-authenticate"].startswith("Bearer")
    conn.close()


# ---- the other ports ----

@pytest.mark.parametrize("service", ["auth", "user", "workout"])
def test_a_service_does_not_listen_beyond_loopback_in_the_clear(stack, service):
    program = stack.programs[service]
    env = {k: v for k, v in os.environ.items() if not k.startswith("FIT_")} | program.env | {
        "FIT_LISTEN": "0.0.0.0:0", "FIT_ADMIN_LISTEN": "127.0.0.1:0"}
    done = subprocess.run([program.binary], env=env, capture_output=True, text=True, timeout=20)
    assert done.returncode in (1, 2) and "mTLS" in done.stderr + done.stdout, done


def test_admin_ports_say_nothing_to_strangers(stack):
    """Three paths, nothing else; /metrics has the routes' patterns as labels, never a path that was asked for."""
    marker = uuid.uuid4().hex
    for _ in range(3):
        raw(stack.ports["gateway"], f"GET /{marker} HTTP/1.1\r\nHost: {marker}\r\nX-Request-ID: {marker}\r\nConnection: close\r\n\r\n"
            .encode())
    raw(stack.ports["gateway"], f"{marker} / HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    for name in ("gateway_admin", "auth_admin", "user_admin", "workout_admin"):
        reply = raw(stack.ports[name], b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert reply.startswith(b"HTTP/1.1 200 ") and marker.encode() not in reply
        assert reply.count(b"\n") < 3000
        for path in (b"/", b"/config", b"/debug", b"/../etc/passwd", b"/metrics/x"):
            assert b" 404 " in raw(stack.ports[name], b"GET " + path + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")[:20]


# ---- secrets and personal data ----

CANARY = "canary" + uuid.uuid4().hex[:12]


def live_a_life(api):
    """Puts the canary into every text; returns the secrets that were seen on the way."""
    email = f"{CANARY}mail@example.com"
    token = api.id_token(email, name=CANARY + "name")
    reply = api.clone().post("/api/v1/auth/google", {
        "token": token, "device": {"id": CANARY + "device", "name": CANARY + "phone", "platform": "ios"}}).ok(200)
    me = api.clone(reply["accessToken"])
    exercise = me.get("/api/v1/exercises?pageSize=1").ok()["exercises"][0]["id"]
    me.get(f"/api/v1/exercises?query={CANARY}query").ok()
    me.patch("/api/v1/users/me", {
        "displayName": CANARY + "display", "goals": [{"type": "other", "note": CANARY + "goal"}],
        "limitations": [{"type": "injury", "note": CANARY + "injury"}]}, etag=me.get("/api/v1/users/me").headers["etag"]).ok()
    plan = me.post(PLANS, {"name": CANARY + "plan", "description": CANARY + "text", "changesDescription": CANARY + "why",
                           "exercises": [{"exerciseId": exercise, "notes": CANARY + "notes", "sets": [{}]}]}).ok(201)
    session = me.post(SESSIONS, {"planId": plan["id"], "name": CANARY + "day"}).ok(201)
    me.post(f"{SESSIONS}/{session['id']}/sets", {"exerciseId": exercise, "reps": 5, "notes": CANARY + "set"}).ok(201)
    me.post(f"{SESSIONS}/{session['id']}/complete", {"userFeedback": {"notes": CANARY + "felt"}}).ok()
    me.patch(f"{SESSIONS}/{session['id']}", {"aiInteractions": [{"userMessage": CANARY + "ask"}]}).ok()
    for body in ({CANARY + "field": 1}, {"name": CANARY * 50}, {"name": 7, "description": CANARY}):
        me.post(PLANS, body).problem(400)
    me.clone(CANARY + "token").get("/api/v1/users/me").problem(401)
    api.clone().post("/api/v1/auth/google", {"token": CANARY + "id"}).problem(401)
    api.clone().post("/api/v1/auth/refresh", {"refreshToken": CANARY + "refresh"}).problem(401)
    new = api.clone().post("/api/v1/auth/refresh", {"refreshToken": reply["refreshToken"]}).ok(200)
    return [token, reply["accessToken"], reply["refreshToken"], new["accessToken"], new["refreshToken"]]


def test_personal_data_and_secrets_stay_where_they_belong(stack, api):
    seen = live_a_life(api)
    needles = [CANARY.encode()] + [s.encode() for s in seen] + [s.rsplit(".", 1)[1].encode() for s in seen if s.count(".") == 2]
    for path in glob.glob(f"{stack.dir}/secrets/*") + glob.glob(f"{stack.dir}/keys/**/*.key", recursive=True):
        with open(path, "rb") as f:
            needles.append(f.read().strip())

    places = {path: open(path, "rb").read() for path in glob.glob(f"{stack.dir}/log/*")}
    for name, program in stack.programs.items():
        for what in ("cmdline", "environ"):
            places[f"{name} {what}"] = open(f"/proc/{program.pid()}/{what}", "rb").read()
        if name != "devidp":
            places[f"{name} metrics"] = raw(stack.ports[name + "_admin"],
                                            b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    places["redis"] = redis_content(stack)
    for table in ("auth.outbox", "fitness_core.outbox", "workout.outbox", "auth.refresh_tokens", "auth.idempotency"):
        places[table] = table_content(stack, table)
    for place, content in places.items():
        found = [n[:24] for n in needles if n in content or n.hex().encode() in content]
        assert not found, f"{place} holds {found}"
    # What is sealed is sealed: address, subject and names are nowhere in clear text.
    users = table_content(stack, "fitness_core.users")
    for text in ("mail", "name", "device", "display"):
        assert (CANARY + text).encode() not in users and (CANARY + text).encode().hex().encode() not in users


def redis_content(stack):
    def cli(*args):
        env = os.environ | {"REDISCLI_AUTH": stack.redis.password}
        return subprocess.run(["redis-cli", "-p", str(stack.ports["redis"]), *args], env=env, check=True, capture_output=True).stdout
    out = b""
    for key in cli("--scan").split():
        out += key + b"\n" + cli("DUMP", key.decode()) + cli("HGETALL" if key.startswith(b"session:") else "GET", key.decode())
    return out


def table_content(stack, table):
    return stack.postgres.psql(f"SELECT t::text FROM {table} AS t", f"{stack.dir}/secrets/pg_super", database="fitness").encode()


def test_keys_and_secrets_are_for_their_owner_only(stack):
    for path in glob.glob(f"{stack.dir}/secrets/**", recursive=True) + glob.glob(f"{stack.dir}/keys/**", recursive=True):
        assert stat.S_IMODE(os.stat(path).st_mode) & 0o077 == 0, path
    assert stat.S_IMODE(os.stat(f"{stack.dir}/log").st_mode) & 0o077 == 0


def test_errors_do_not_tell_how_it_is_built(stack, ana):
    told = []
    for verb, path, _ in operations(ana):
        for body in (b"{", b"[]", b'{"x":1}', b'{"name":"\\ud800"}'):
            if path.startswith("/api/v1/auth/logout") or (verb, path) == ("DELETE", "/api/v1/users/me"):
                continue
            if path.endswith("/stream"):  # takes no body and does not end
                continue
            reply = ana.request(verb, path, raw=body if verb in ("POST", "PUT", "PATCH") else None,
                                headers={"Content-Type": "application/json", "If-Match": '"v1"'})
            assert reply.status < 500, f"{verb} {path}: {reply.status}"
            if reply.status >= 400:
                told.append(reply.body)
    assert len(told) > 100
    text = b"".join(told)
    for word in (b"SELECT", b"INSERT", b"relation ", b"SQLSTATE", b"pg_", b"127.0.0.1", b"0x", b".c:", b"libpq", b"nghttp2"):
        assert word not in text, word
