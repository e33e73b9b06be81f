# SPDX-License-Identifier: Apache-2.0
"""The process dies around the commit; the client tries again, and each effect is there once with its traces."""
import uuid

import pytest

from test_user_profile import events, rows
from user_service import BUILD, Failure

with open(f"{BUILD}/bin/user", "rb") as f:
    ARMED = b"tx.after_commit" in f.read()
pytestmark = pytest.mark.skipif(not ARMED, reason="a build without crash points")


def dies(service, call):
    with pytest.raises(Failure) as caught:
        call()
    assert caught.value.status == "UNAVAILABLE"
    assert service.process.wait(10) == -9
    service.channel.close()
    service.process = None
    del service.settings["FIT_CRASH_POINT"]
    service.start()


@pytest.mark.parametrize("point", ["tx.before_commit", "tx.after_commit"])
def test_a_patch_is_there_once(service, second, pg, point):
    user = service.new_user(displayName="Before")
    etag, key = service.etag(user), uuid.uuid4().hex
    other = second(FIT_CRASH_POINT=f"{point}:1")

    def patch():
        return other.patch(user, {"displayName": "After"}, "displayName", etag,
                           [("fit-idempotency-key", key), ("fit-idempotency-fp-bin", b"\1" * 32)])

    dies(other, patch)
    after = point == "tx.after_commit"
    assert rows(pg, f"SELECT version FROM users WHERE id = '{user}'") == [["2" if after else "1"]]
    assert (patch()["displayName"], patch()["version"]) == ("After", 2)
    assert [t for t, _ in events(pg, user)] == ["user_created", "profile_changed"]
    assert rows(pg, f"SELECT count(*) FROM sync_change WHERE user_id = '{user}' AND rev = 2") == [["1"]]
    assert rows(pg, f"SELECT count(*) FROM idempotency WHERE owner = '{user}'") == [["1"]]


@pytest.mark.parametrize("point", ["tx.before_commit", "tx.after_commit"])
def test_a_first_sign_in_makes_one_user(second, pg, point):
    other = second(FIT_CRASH_POINT=f"{point}:1")
    subject, email = uuid.uuid4().hex, f"{uuid.uuid4().hex}@example.org"
    dies(other, lambda: other.sign_in(email, subject))
    again = other.sign_in(email, subject)
    assert again.get("created", False) == (point == "tx.before_commit")
    assert [t for t, _ in events(pg, again["user"]["id"])] == ["user_created"]
