# SPDX-License-Identifier: Apache-2.0
"""Refresh tokens: one line per session, repeated requests, and stolen tokens."""
import base64
import concurrent.futures
import time

import pytest
from auth_service import Failure, hash_of


def refused(call, reason="REFRESH_TOKEN_INVALID", status="UNAUTHENTICATED"):
    with pytest.raises(Failure) as failure:
        call()
    assert (failure.value.status, failure.value.reason) == (status, reason)


def line(pg, person):
    """number, used? of the session's tokens."""
    return pg.sql(f"SELECT number, used_at IS NOT NULL FROM auth.refresh_tokens WHERE session_id = '{person.session}' "
                  "ORDER BY number").split()


def test_refresh_rotates(auth, ann, pg, copy):
    new = ann.refreshed()
    assert new.session == ann.session and new.user == ann.user and new.refresh != ann.refresh
    assert new.claims["iat"] > ann.claims["iat"] and new.reply["user"]["id"] == ann.user
    assert line(pg, ann) == ["1|t", "2|f"]
    assert int(copy(ann)[2]) == new.claims["iat"] > ann.claims["iat"]
    assert auth.resolve(ann.user, ann.session)["minIatS"] == str(new.claims["iat"])
    newer = new.refreshed()
    assert newer.claims["iat"] > new.claims["iat"] and line(pg, ann) == ["1|t", "2|t", "3|f"]


def test_tokens_are_not_in_the_database(ann, pg):
    new = ann.refreshed()
    rows = pg.sql("SELECT encode(hash, 'hex'), encode(coalesce(successor, ''), 'hex') FROM auth.refresh_tokens "
                  f"WHERE session_id = '{ann.session}' ORDER BY number").splitlines()
    assert rows[0].split("|")[0] == hash_of(ann.refresh) and rows[1].split("|")[0] == hash_of(new.refresh)
    sealed = bytes.fromhex(rows[0].split("|")[1])
    secret = base64.urlsafe_b64decode(new.refresh[5:] + "=")
    assert len(sealed) > 48 and secret not in sealed and new.refresh.encode() not in sealed


def test_refresh_refuses_what_is_no_token(auth):
    for token in ("x", "fitr_", "fitr_" + "A" * 43, "fitr_" + "A" * 42 + "!", "FITR_" + "A" * 43, "fitr_" + "A" * 44):
        refused(lambda t=token: auth.rpc("RefreshTokens", {"refreshToken": t}))
    for request in ({}, {"refreshToken": "x" * 257}):
        with pytest.raises(Failure) as failure:
            auth.rpc("RefreshTokens", request)
        assert failure.value.fields == ["refreshToken"]


def test_parallel_refreshes_are_one_line(auth, ann, pg):
    with concurrent.futures.ThreadPoolExecutor(20) as pool:
        people = list(pool.map(lambda _: ann.refreshed(agent="app/1"), range(20)))
    assert len({p.refresh for p in people}) == 1, "all got the same successor"
    assert len({p.claims["iat"] for p in people}) == 1, "and no access token voids another"
    assert line(pg, ann) == ["1|t", "2|f"]
    assert people[0].active()
    people[0].refreshed(agent="app/1")


def test_repeated_request_gets_the_same_answer(ann, pg):
    first, second = ann.refreshed(agent="app/1"), ann.refreshed(agent="app/1")
    assert first.refresh == second.refresh and first.claims["iat"] == second.claims["iat"]
    assert line(pg, ann) == ["1|t", "2|f"]


def reuse_ends_the_session(auth, ann, newest, events, copy):
    refused(lambda: ann.refreshed(agent="thief/1"))
    refused(lambda: newest.refreshed(agent="app/1"))
    assert not newest.active() and copy(ann)[1] == "0"
    assert events(ann.user)[-1] == "refresh_reuse_detected"
    refused(lambda: ann.refreshed(agent="thief/1"))
    assert events(ann.user).count("refresh_reuse_detected") == 1


def test_other_client_with_a_used_token_ends_the_session(auth, ann, events, copy):
    reuse_ends_the_session(auth, ann, ann.refreshed(agent="app/1"), events, copy)


def test_used_token_after_its_successor_was_used_ends_the_session(auth, ann, events):
    newest = ann.refreshed(agent="app/1").refreshed(agent="app/1")
    refused(lambda: ann.refreshed(agent="app/1"))
    assert not newest.active() and events(ann.user)[-1] == "refresh_reuse_detected"


def test_used_token_after_the_grace_ends_the_session(extra, events, copy):
    auth = extra(FIT_AUTH_REFRESH_GRACE_S="0")
    ann = auth.sign_in()
    new = ann.refreshed(agent="app/1")
    assert auth.resolve(ann.user, ann.session)["active"]
    # The same millisecond would still be within a grace of nothing.
    end = time.time() + 0.005
    while time.time() < end:
        pass
    refused(lambda: ann.refreshed(agent="app/1"))
    assert not new.active() and events(ann.user)[-1] == "refresh_reuse_detected"


def test_reuse_ends_only_its_own_session(auth, idp):
    claims = idp.claims()
    both = [auth.sign_in(device=d, sub=claims["sub"], email=claims["email"]) for d in ("a", "b")]
    both[0].refreshed(agent="app/1")
    refused(lambda: both[0].refreshed(agent="thief/1"))
    assert [p.active() for p in both] == [False, True]
    both[1].refreshed()


def test_refresh_shows_what_the_account_is_now(auth, ann, pg, copy):
    pg.sql(f"UPDATE fitness_core.users SET role = 'coach', subscription_tier = 'pro' WHERE id = '{ann.user}'")
    new = ann.refreshed()
    assert (new.claims["role"], new.claims["subscription"]) == ("coach", "pro")
    assert "insights" in new.claims["features"]
    assert copy(ann)[3:5] == ["coach", "pro"]
    assert auth.resolve(ann.user, ann.session)["role"] == "coach"


def test_refresh_of_a_closed_account_ends_its_sessions(auth, users, ann, events, copy):
    users.call("fit.user.v1.UserService/DeleteUser", user=ann.user)
    refused(lambda: ann.refreshed(), "ACCOUNT_INACTIVE", "PERMISSION_DENIED")
    assert not ann.active() and copy(ann)[1] == "0" and events(ann.user)[-1] == "session_revoked"
    refused(lambda: ann.refreshed())


def test_expired_token_and_session(auth, ann, pg):
    pg.sql(f"UPDATE auth.refresh_tokens SET expires_at = now() - interval '1 s' WHERE session_id = '{ann.session}'")
    refused(lambda: ann.refreshed())
    ben = auth.sign_in()
    pg.sql(f"UPDATE auth.sessions SET expires_at = now() - interval '1 s' WHERE id = '{ben.session}'")
    refused(lambda: ben.refreshed())
    assert not ben.active() and ben.sessions() == []


def test_session_ends_in_any_case(extra, pg):
    auth = extra(FIT_AUTH_SESSION_MAX_S="3600", FIT_AUTH_REFRESH_IDLE_S="2400")
    ann = auth.sign_in()
    get = f"SELECT expires_at - created_at, ends_at - created_at FROM auth.sessions WHERE id = '{ann.session}'"
    assert pg.sql(get) == "00:40:00|01:00:00"
    pg.sql("UPDATE auth.sessions SET created_at = created_at - interval '50 min',"
           f" ends_at = ends_at - interval '50 min' WHERE id = '{ann.session}'")
    ann.refreshed()
    assert pg.sql(get).split("|")[0] == "01:00:00"


def test_iat_does_not_run_away(auth, ann):
    person = ann
    with pytest.raises(Failure) as failure:
        for _ in range(60):
            person = person.refreshed()
            assert person.claims["iat"] <= time.time() + 21
    assert failure.value.status == "RESOURCE_EXHAUSTED"
    assert person.active()


def test_user_service_away(auth, users, ann):
    users.stop()
    try:
        with pytest.raises(Failure) as failure:
            auth.rpc("RefreshTokens", {"refreshToken": ann.refresh}, timeout=5)
        assert failure.value.status in ("UNAVAILABLE", "DEADLINE_EXCEEDED")
    finally:
        users.start()
    ann.refreshed()  # nothing was used up
