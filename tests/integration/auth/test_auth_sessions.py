# SPDX-License-Identifier: Apache-2.0
"""Sessions: signing out, devices, the copy in Redis, and what survives which loss."""
import os
import signal
import time
import uuid

import pytest
import stack
from auth_service import Failure, make_key


def test_sign_out_ends_this_session(auth, idp, events, copy):
    claims = idp.claims()
    phone, tablet = [auth.sign_in(device=d, sub=claims["sub"], email=claims["email"]) for d in ("phone", "tablet")]
    phone.call("SignOut")
    assert copy(phone)[1] == "0" and not phone.active() and tablet.active()
    with pytest.raises(Failure) as failure:
        phone.refreshed()
    assert failure.value.reason == "REFRESH_TOKEN_INVALID"
    phone.call("SignOut")
    assert events(phone.user) == ["signed_in", "signed_in", "signed_out"]


def test_sign_out_all(auth, idp, events, copy):
    claims = idp.claims()
    people = [auth.sign_in(device=d, sub=claims["sub"], email=claims["email"]) for d in "abc"]
    people[1].call("SignOutAll")
    assert [p.active() for p in people] == [False] * 3 and [copy(p)[1] for p in people] == ["0"] * 3
    assert events(people[0].user).count("session_revoked") == 3
    people[1].call("SignOutAll")
    assert len(events(people[0].user)) == 7 and events(people[0].user)[-1] == "all_sessions_ended"


def test_list_and_revoke_devices(auth, idp, ann):
    claims = idp.claims()
    people = [auth.sign_in(device=f"d{i}", sub=claims["sub"], email=claims["email"]) for i in range(5)]
    me = people[4]
    listed = me.sessions()
    assert [s["id"] for s in listed] == [p.session for p in reversed(people)], "newest first"
    assert [s.get("current", False) for s in listed] == [True] + [False] * 4
    assert listed[0]["deviceName"] == "Ann's phone" and listed[0]["platform"] == "ios"
    pages, token = [], ""
    while True:
        page = me.call("ListSessions", {"pageSize": 2, "pageToken": token})
        pages.append([s["id"] for s in page["sessions"]])
        token = page.get("nextPageToken", "")
        if not token:
            break
    assert [len(p) for p in pages] == [2, 2, 1] and sum(pages, []) == [s["id"] for s in listed]

    me.call("RevokeSession", {"sessionId": people[0].session})
    me.call("RevokeSession", {"sessionId": people[0].session})
    assert not people[0].active() and len(me.sessions()) == 4
    for stranger in (ann.session, str(uuid.uuid4())):
        with pytest.raises(Failure) as failure:
            me.call("RevokeSession", {"sessionId": stranger})
        assert failure.value.status == "NOT_FOUND"
    assert ann.active()


@pytest.mark.parametrize("token", ["x", "A" * 32, "_" * 32, "A" * 31 + "!"])
def test_list_refuses_page_tokens(ann, token):
    with pytest.raises(Failure) as failure:
        ann.call("ListSessions", {"pageToken": token})
    assert failure.value.status == "INVALID_ARGUMENT" and failure.value.fields == ["pageToken"]


def test_calls_need_a_caller(auth):
    for method in ("SignOut", "SignOutAll", "ListSessions"):
        with pytest.raises(Failure) as failure:
            auth.rpc(method)
        assert failure.value.status == "UNAUTHENTICATED"


def test_resolve_of_what_is_not_there(auth, ann, redis):
    assert auth.resolve(str(uuid.uuid4()), str(uuid.uuid4())) == {}
    assert auth.resolve(str(uuid.uuid4()), ann.session) == {}, "somebody else's"
    assert redis.cli("HLEN", f"session:{{{ann.user}}}") == "1"


def test_resolve_says_what_the_session_allows(auth, ann):
    answer = auth.resolve(ann.user, ann.session)
    assert answer["active"] and answer["role"] == "user" and answer["tier"] == "free"
    assert answer["minIatS"] == str(ann.claims["iat"]) and int(answer["expMs"]) > time.time() * 1000


def test_a_closed_account_ends_all_sessions_when_one_is_looked_at(auth, idp, users, events, copy):
    claims = idp.claims()
    phone, tablet = [auth.sign_in(device=d, sub=claims["sub"], email=claims["email"]) for d in ("phone", "tablet")]
    users.call("fit.user.v1.UserService/DeleteUser", user=phone.user)
    assert not phone.active()
    assert copy(phone)[1] == copy(tablet)[1] == "0"
    assert events(phone.user).count("session_revoked") == 2


def test_a_changed_role_shows_when_the_session_is_looked_at(auth, ann, pg, copy):
    pg.sql(f"UPDATE fitness_core.users SET role = 'coach', subscription_tier = 'pro' WHERE id = '{ann.user}'")
    answer = auth.resolve(ann.user, ann.session)
    assert (answer["role"], answer["tier"]) == ("coach", "pro") and copy(ann)[3:5] == ["coach", "pro"]


def test_without_the_user_service_sessions_go_on(auth, ann, users):
    os.kill(users.process.pid, signal.SIGSTOP)
    try:
        begun = time.monotonic()
        assert ann.active() and time.monotonic() - begun < 5
    finally:
        os.kill(users.process.pid, signal.SIGCONT)


# ---- the copy ----

def test_redis_emptied(auth, ann, redis, copy):
    ben = auth.sign_in()
    before = copy(ann)
    ben.call("SignOut")
    redis.cli("FLUSHALL")
    assert ann.active()
    after = copy(ann)
    assert after[2:] == before[2:] and 0 < int(after[1]) - time.time() * 1000 <= 60000, "due in a minute"
    assert not ben.active() and copy(ben)[1] == "0"
    assert 604790 <= int(redis.cli("TTL", f"session:{{{ann.user}}}")) <= 604800


def test_late_copy_does_not_go_backwards(auth, ann, redis, copy):
    key = f"session:{{{ann.user}}}"
    for newer in (f"v1|0|{ann.claims['iat']}|user|free|", f"v1|9999999999999|{ann.claims['iat'] + 5}|user|free|"):
        redis.cli("HSET", key, ann.session, newer)
        assert ann.active()
        assert "|".join(copy(ann)) == newer
    redis.cli("HSET", key, ann.session, f"v1|5|{ann.claims['iat'] - 5}|user|free|")
    assert ann.active() and int(copy(ann)[2]) == ann.claims["iat"]
    redis.cli("HSET", key, ann.session, "rubbish")
    assert ann.active() and int(copy(ann)[2]) == ann.claims["iat"]


def test_sign_out_while_redis_is_away(auth, ann, redis, copy):
    redis.kill9()
    try:
        begin = time.monotonic()
        ann.call("SignOut")
        assert time.monotonic() - begin < 3
        assert not ann.active()
        ben = auth.sign_in()
        assert ben.active()
    finally:
        redis.start()
    # What Redis kept over its crash says that the session lives, until the janitor tells it better.
    stack.wait_until("the copy", lambda: copy(ann)[1] == "0" and copy(ben) is not None, 15)


def test_redis_that_does_not_answer_costs_little(auth, idp, redis, copy):
    claims = idp.claims()
    people = [auth.sign_in(device=f"d{i}", sub=claims["sub"], email=claims["email"]) for i in range(8)]
    os.kill(redis.pid(), signal.SIGSTOP)
    try:
        begin = time.monotonic()
        people[0].call("SignOutAll")
        assert time.monotonic() - begin < 2.5, "one timeout, not eight"
        assert [p.active() for p in people[:2]] == [False, False]
    finally:
        os.kill(redis.pid(), signal.SIGCONT)
    stack.wait_until("the copies", lambda: [copy(p)[1] for p in people] == ["0"] * 8, 15)


def test_sessions_survive_a_restart(extra, copy):
    auth = extra()
    ann, ben = auth.sign_in(), auth.sign_in()
    ben.call("SignOut")
    auth.restart()
    assert ann.active() and not ben.active()
    ann.refreshed()


def test_database_away(extra, pg):
    auth = extra()
    ann = auth.sign_in()
    pg.stop()
    try:
        with pytest.raises(Failure) as failure:
            auth.rpc("ResolveSession", {"userId": ann.user, "sessionId": ann.session}, timeout=5)
        assert failure.value.status in ("UNAVAILABLE", "DEADLINE_EXCEEDED")
        stack.wait_until("not ready", lambda: auth.admin("/ready") is None, 10)
    finally:
        pg.start()
    stack.wait_until("ready", lambda: auth.admin("/ready") is not None, 10)
    assert ann.active()


def test_ended_rows_are_deleted(extra, pg):
    auth = extra()
    ann, ben = auth.sign_in(), auth.sign_in()
    pg.sql(f"UPDATE auth.sessions SET expires_at = now() - interval '8 days' WHERE id = '{ann.session}'")
    # More than one statement takes: the sweep goes on until nothing is left.
    columns = pg.sql("SELECT string_agg(quote_ident(attname), ', ') FROM pg_attribute WHERE attrelid = 'auth.sessions'::regclass"
                     " AND attnum > 0 AND NOT attisdropped AND attname <> 'id'")
    pg.sql(f"INSERT INTO auth.sessions (id, {columns}) SELECT gen_random_uuid(), {columns} FROM auth.sessions, generate_series(1, 1600)"
           f" WHERE id = '{ann.session}'")
    count = f"SELECT count(*) FROM auth.sessions WHERE user_id = '{ann.user}' OR id = '{ben.session}'"
    auth.restart()  # the janitor sweeps when it starts
    stack.wait_until("the sweep", lambda: pg.sql(count) == "1", 10)
    assert pg.sql(f"SELECT count(*) FROM auth.refresh_tokens WHERE session_id = '{ann.session}'") == "0"
    assert ben.active()


# ---- signing keys ----

def test_signing_keys_rotate_without_a_restart(extra, folder):
    keys = f"{folder}/rotating"
    os.mkdir(keys)
    make_key(f"{keys}/2026-01.pem")
    auth = extra(keys=keys)
    old = auth.sign_in()
    kids = [k.key_id for k in auth.jwks().keys]
    assert len(kids) == 1

    make_key(f"{keys}/2026-02.next.pem")
    stack.wait_until("the next key", lambda: len(auth.jwks().keys) == 2, 15)
    published = [k.key_id for k in auth.jwks().keys]
    assert published[0] == kids[0], "announced, not used"
    assert auth.sign_in().access.split(".")[0] == old.access.split(".")[0]

    os.rename(f"{keys}/2026-02.next.pem", f"{keys}/2026-02.pem")
    os.kill(auth.process.pid, signal.SIGHUP)
    stack.wait_until("the signal's effect", lambda: "reloaded" in auth.log_text(), 15)
    assert auth.jwks().keys[0].key_id == published[1]
    new = auth.sign_in()
    assert new.access.split(".")[0] != old.access.split(".")[0]
    assert auth.verify(old.access)["sub"] == old.user, "the old key stays published"

    with open(f"{keys}/2026-03.pem", "w") as f:
        f.write("rubbish")
    os.chmod(f"{keys}/2026-03.pem", 0o600)
    stack.wait_until("the complaint", lambda: "2026-03.pem" in auth.log_text(), 15)
    assert auth.sign_in().access.split(".")[0] == new.access.split(".")[0]


def test_start_says_what_is_wrong(make_auth, folder):
    empty, open_key = f"{folder}/empty", f"{folder}/open"
    os.mkdir(empty)
    os.mkdir(open_key)
    make_key(f"{open_key}/1.pem")
    os.chmod(f"{open_key}/1.pem", 0o644)
    for settings, text in (({"FIT_AUTH_KEYS_DIR": empty}, "no NAME.pem"),
                           ({"FIT_AUTH_KEYS_DIR": open_key}, "1.pem"),
                           ({"FIT_AUTH_ISSUERS": "x"}, "FIT_AUTH_ISSUERS"),
                           ({"FIT_AUTH_ISSUERS": "x=http://example.org|a"}, "neither https nor http on loopback"),
                           ({"FIT_AUTH_ISSUERS": "x=https://example.org|"}, "no audience"),
                           ({"ENVIRONMENT": "production"}, "is not https, as production wants it"),
                           ({"FIT_AUTH_UNKNOWN": "1"}, "FIT_AUTH_UNKNOWN")):
        auth = make_auth(start=False, **settings).start(wait=False)
        assert auth.process.wait(20) in (1, 2)
        assert text in auth.log_text()
        auth.channel.close()
        auth.process = None


def test_metrics(auth, ann):
    text = auth.admin("/metrics")
    assert 'auth_sign_ins_total{provider="test",outcome="ok"}' in text
    assert 'auth_session_copies_total{outcome="ok"}' in text
