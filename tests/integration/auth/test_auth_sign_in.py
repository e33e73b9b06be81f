# SPDX-License-Identifier: Apache-2.0
"""Signing in: what is accepted, what is refused, and what each leaves behind."""
import concurrent.futures
import time
import uuid

import pytest
import stack
from auth_service import AUDIENCE, MESSAGE, PORTS, Failure
from idp import Idp, Key


def test_sign_in_answers_with_tokens_and_user(auth, idp, pg, copy, events):
    ann = auth.sign_in(device="phone-1", email="ann@example.org", sub="ann-1", ip="192.0.2.7")
    reply, claims = ann.reply, ann.claims
    assert reply["tokenType"] == "Bearer" and reply["expiresIn"] == 7 * 86400
    assert reply["user"]["id"] == ann.user and reply["user"]["email"] == "ann@example.org"
    assert claims["role"] == "user" and claims["subscription"] == "free" and claims["email"] == "ann@example.org"
    assert claims["exp"] - claims["iat"] == 7 * 86400 and abs(claims["iat"] - time.time()) < 30
    assert isinstance(claims["permissions"], list) and "tracking" in claims["features"]
    assert uuid.UUID(claims["jti"]) and uuid.UUID(claims["sid"])
    assert len(claims["deviceId"]) == 22 and len(claims["ipAddress"]) == 22
    assert "phone-1" not in str(claims) and "192.0.2.7" not in str(claims)
    again = auth.sign_in(device="phone-1", email="ann@example.org", sub="ann-1", ip="192.0.2.7")
    assert again.user == ann.user and again.claims["jti"] != claims["jti"]
    assert (again.claims["deviceId"], again.claims["ipAddress"]) == (claims["deviceId"], claims["ipAddress"])

    row = pg.sql(f"SELECT user_id, device_name, platform, provider, role, tier, copied = change FROM auth.sessions "
                 f"WHERE id = '{again.session}'")
    assert row == f"{ann.user}|Ann's phone|ios|test|user|free|t"
    assert copy(again)[0] == "v1" and int(copy(again)[1]) > time.time() * 1000
    assert copy(again)[2:5] == [str(again.claims["iat"]), "user", "free"]
    assert events(ann.user) == ["signed_in", "session_revoked", "signed_in"]


def test_a_sign_in_says_whether_the_device_was_known(auth, idp, pg):
    claims = idp.claims()
    me = [auth.sign_in(device=device, sub=claims["sub"], email=claims["email"]) for device in ("phone", "tablet", "phone")]
    me[2].call("SignOut")
    me.append(auth.sign_in(device="phone", sub=claims["sub"], email=claims["email"]))
    rows = pg.sql(f"SELECT encode(payload, 'hex') FROM auth.outbox WHERE subject = '{me[0].user}' AND type = 'signed_in'"
                  " ORDER BY sequence").split()
    told = [MESSAGE("fit.auth.v1.Event").FromString(bytes.fromhex(row)).signed_in for row in rows]
    assert [(t.first, t.known_device) for t in told] == [(True, False), (False, False), (False, True), (False, True)]


def test_events_hold_no_personal_data(auth, pg):
    ann = auth.sign_in(device="phone-9", email="private@example.org", name="Private Person")
    payloads = pg.sql(f"SELECT encode(payload, 'escape') FROM auth.outbox WHERE subject = '{ann.user}'")
    assert ann.session in payloads
    for text in ("private@example.org", "Private", "phone-9", "Ann's phone"):
        assert text not in payloads


REFUSED = {
    "wrong audience": lambda idp: idp.token(aud="somebody-else"),
    "no audience": lambda idp: idp.token(aud=None),
    "several audiences without azp": lambda idp: idp.token(aud=[AUDIENCE, "x"]),
    "several audiences, foreign azp": lambda idp: idp.token(aud=[AUDIENCE, "x"], azp="x"),
    "unknown issuer": lambda idp: idp.token(iss="https://evil.example"),
    "no issuer": lambda idp: idp.token(iss=None),
    "expired": lambda idp: idp.token(iat=int(time.time()) - 7200, exp=int(time.time()) - 3600),
    "from the future": lambda idp: idp.token(iat=int(time.time()) + 600, exp=int(time.time()) + 3600),
    "no expiry": lambda idp: idp.token(exp=None),
    "alg none": lambda idp: idp.forged("none"),
    "alg nOnE": lambda idp: idp.forged("nOnE"),
    "HS256 with the public key": lambda idp: idp.hmac_forged(),
    "RS512 header": lambda idp: idp.forged("RS512", b"x" * 256),
    "random signature": lambda idp: idp.forged("RS256", b"x" * 256),
    "unknown kid": lambda idp: idp.token(key=Key()),
    "kid of another key": lambda idp: idp.token(key=Key(), headers={"kid": idp.keys[0].kid}),
    "ES256, which the provider does not name": lambda idp: idp.token(key=Key("EC"), headers={"kid": idp.keys[0].kid}),
    "email not verified": lambda idp: idp.token(email_verified=False),
    "email_verified missing": lambda idp: idp.token(email_verified=None),
    "email_verified 1": lambda idp: idp.token(email_verified=1),
    "no email": lambda idp: idp.token(email=None),
    "no subject": lambda idp: idp.token(sub=None),
    "not a JWT": lambda idp: "hello",
    "five parts": lambda idp: idp.token() + ".a.b",
    "no signature": lambda idp: idp.token().rsplit(".", 1)[0] + ".",
}


@pytest.mark.parametrize("name", REFUSED)
def test_sign_in_refuses(auth, idp, pg, name):
    token = REFUSED[name](idp)
    before = pg.sql("SELECT count(*) FROM auth.sessions")
    with pytest.raises(Failure) as failure:
        auth.sign_in(token=token)
    assert (failure.value.status, failure.value.reason) == ("UNAUTHENTICATED", "ID_TOKEN_INVALID")
    assert failure.value.text == "The identity provider's token was not accepted."
    assert pg.sql("SELECT count(*) FROM auth.sessions") == before


def test_sign_in_checks_the_request(auth, idp):
    for request, field in (({}, "token"), ({"token": "x" * 8193}, "token"),
                           ({"token": "x", "device": {"platform": "toaster"}}, "device.platform"),
                           ({"token": "x", "device": {"id": "i" * 129}}, "device.id")):
        with pytest.raises(Failure) as failure:
            auth.rpc("SignInWithGoogle", request)
        assert failure.value.status == "INVALID_ARGUMENT" and failure.value.fields == [field]


def test_sign_in_accepts_variants(auth, idp):
    auth.sign_in(email_verified="true")  # as Apple writes it
    auth.sign_in(aud="fit-other")
    auth.sign_in(aud=["x", AUDIENCE], azp="fit-other")
    assert auth.sign_in(device=None).sessions()[0].get("deviceName", "") == ""


def test_apple_has_a_route_of_its_own(extra, idp):
    apple = extra(FIT_AUTH_ISSUERS=f"apple={idp.issuer}|{AUDIENCE}")
    assert apple.sign_in(route="Apple", email_verified="true").user
    with pytest.raises(Failure) as failure:
        apple.sign_in(route="Google")
    assert failure.value.reason == "ID_TOKEN_INVALID"


def test_role_hint_counts_in_development(auth, extra):
    assert auth.sign_in(fit_role="coach").claims["role"] == "coach"
    assert auth.sign_in(fit_role="emperor").claims["role"] == "user"
    staging = extra(ENVIRONMENT="staging")
    assert staging.sign_in(fit_role="admin").claims["role"] == "user"


def test_same_device_replaces_its_session(auth, events, copy):
    sub, email = uuid.uuid4().hex, f"{uuid.uuid4().hex[:8]}@example.org"
    first = auth.sign_in(device="a", sub=sub, email=email)
    other = auth.sign_in(device="b", sub=sub, email=email)
    again = auth.sign_in(device="a", sub=sub, email=email)
    assert {s["id"] for s in again.sessions()} == {other.session, again.session}
    assert copy(first)[1] == "0" and not first.active()
    with pytest.raises(Failure):
        first.refreshed()


def test_parallel_sign_ins_of_one_device_leave_one_session(auth, idp):
    token = idp.token()
    with concurrent.futures.ThreadPoolExecutor(10) as pool:
        people = list(pool.map(lambda _: auth.sign_in(device="x", token=token), range(10)))
    live = people[0].sessions()
    assert len(live) == 1
    assert [p.active() for p in people].count(True) == 1


def test_one_device_too_many_ends_the_oldest(extra, events):
    auth = extra(FIT_AUTH_SESSIONS_MAX="3")
    sub, email = uuid.uuid4().hex, f"{uuid.uuid4().hex[:8]}@example.org"
    people = [auth.sign_in(device=f"d{i}", sub=sub, email=email) for i in range(3)]
    people[0] = people[0].refreshed()  # now used last
    people.append(auth.sign_in(device="d3", sub=sub, email=email))
    assert [p.active() for p in people] == [True, False, True, True]
    assert events(people[0].user)[-2:] == ["session_revoked", "signed_in"]


# ---- the provider's keys ----

@pytest.fixture
def provider():
    made = []

    def make(**settings):
        made.append(Idp(stack.free_port(*PORTS), AUDIENCE, **settings))
        return made[-1]

    yield make
    for idp in made:
        idp.close()


def test_keys_outlive_the_provider_and_rotate(extra, provider):
    idp = provider()
    auth = extra(FIT_AUTH_ISSUERS=f"own={idp.issuer}|{AUDIENCE}")
    auth.idp = idp
    auth.sign_in()
    idp.up = False
    auth.sign_in()  # cached keys
    idp.up = True
    idp.keys.insert(0, Key())
    forged = [idp.token(key=Key()) for _ in range(30)]

    def new_key_works():
        for token in forged[:5]:
            with pytest.raises(Failure):
                auth.sign_in(token=token)
        try:
            return auth.sign_in()
        except Failure as e:
            assert e.reason == "ID_TOKEN_INVALID"
            return None

    before = idp.hits["/keys"]
    stack.wait_until("the new key", new_key_works, 20)
    for token in forged:
        with pytest.raises(Failure):
            auth.sign_in(token=token)
    assert idp.hits["/keys"] - before == 1, "a flood of unknown kids is one fetch"


def test_provider_away_from_the_start(extra, provider):
    idp = provider()
    idp.up = False
    auth = extra(FIT_AUTH_ISSUERS=f"own={idp.issuer}|{AUDIENCE}")
    auth.idp = idp
    with pytest.raises(Failure) as failure:
        auth.sign_in()
    assert failure.value.status == "UNAVAILABLE"
    idp.up = True

    def signs_in():
        try:
            return auth.sign_in()
        except Failure as e:
            assert e.status == "UNAVAILABLE"
            return None

    stack.wait_until("the provider's keys", signs_in, 20)


def test_broken_key_set_keeps_the_good_one(extra, provider):
    broken = (b"<html>", b'{"keys":[]}', b"{" * 70000)
    idps = [provider(cache="max-age=0") for _ in broken]
    auth = extra(FIT_AUTH_ISSUERS=";".join(f"p{idp.port}={idp.issuer}|{AUDIENCE}" for idp in idps))
    before = []
    for idp, body in zip(idps, broken):
        auth.sign_in(token=idp.token())
        before.append(idp.hits["/keys"])
        idp.raw_jwks = body

    def all_asked():
        for idp in idps:
            with pytest.raises(Failure):
                auth.sign_in(token=idp.token(key=Key()))
        return all(idp.hits["/keys"] > n for idp, n in zip(idps, before))

    stack.wait_until("a fetch from each", all_asked, 20)
    for idp in idps:
        auth.sign_in(token=idp.token())


def test_provider_may_sign_with_es256_when_it_says_so(extra, provider):
    idp = provider(algs=("RS256", "ES256"))
    idp.keys.append(Key("EC"))
    auth = extra(FIT_AUTH_ISSUERS=f"own={idp.issuer}|{AUDIENCE}")
    auth.idp = idp
    auth.sign_in()
    auth.sign_in(token=idp.token(key=idp.keys[1]))
    other = provider()
    other.keys.append(Key("EC"))
    auth = extra(FIT_AUTH_ISSUERS=f"own={other.issuer}|{AUDIENCE}")
    with pytest.raises(Failure):
        auth.sign_in(token=other.token(key=other.keys[1]))
