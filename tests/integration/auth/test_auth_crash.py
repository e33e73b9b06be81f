# SPDX-License-Identifier: Apache-2.0
"""The process dies between commit and reply; the client tries again and nothing is there twice."""
import pytest
import stack
from auth_service import BUILD, Failure

with open(f"{BUILD}/bin/auth", "rb") as f:
    ARMED = b"auth.refresh.after_commit" in f.read()
pytestmark = pytest.mark.skipif(not ARMED, reason="a build without crash points")


def dies(auth, call):
    with pytest.raises(Failure):
        call()
    assert auth.process.wait(10) == -9
    auth.channel.close()
    auth.process = None
    auth.env.pop("FIT_CRASH_POINT")
    auth.start()


def test_refresh_that_was_committed_can_be_repeated(extra, pg, copy):
    auth = extra(FIT_CRASH_POINT="auth.refresh.after_commit:1")
    ann = auth.sign_in()
    dies(auth, lambda: ann.refreshed(agent="app/1"))
    used = f"SELECT count(*) FROM auth.refresh_tokens WHERE session_id = '{ann.session}'"
    assert pg.sql(used) == "2", "it was committed"
    new = ann.refreshed(agent="app/1")
    assert pg.sql(used) == "2" and new.active()
    stack.wait_until("the copy", lambda: int(copy(ann)[2]) == new.claims["iat"], 10)
    new.refreshed(agent="app/1")


def test_sign_in_that_was_committed_can_be_repeated(extra, idp, pg):
    auth = extra(FIT_CRASH_POINT="auth.sign_in.after_commit:1")
    token = idp.token()
    dies(auth, lambda: auth.sign_in(device="phone", token=token))
    ann = auth.sign_in(device="phone", token=token)
    assert [s["id"] for s in ann.sessions()] == [ann.session]
    assert pg.sql(f"SELECT count(*), count(revoked_at) FROM auth.sessions WHERE user_id = '{ann.user}'") == "2|1"


def test_sign_out_that_was_committed_reaches_redis(extra, copy, events):
    auth = extra(FIT_CRASH_POINT="auth.end.after_commit:1")
    ann = auth.sign_in()
    dies(auth, lambda: ann.call("SignOut"))
    stack.wait_until("the copy", lambda: copy(ann)[1] == "0", 10)
    ann.call("SignOut")
    assert events(ann.user) == ["signed_in", "signed_out"]
