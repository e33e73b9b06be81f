# SPDX-License-Identifier: Apache-2.0
"""Finding and making users, sealed columns, and keys that rotate."""
import os
import shutil
import subprocess
import uuid

import pytest

from user_service import BUILD, ISSUER, Failure, stack
from test_user_profile import events, rows


def denied(call):
    with pytest.raises(Failure) as caught:
        call()
    assert caught.value.status == "PERMISSION_DENIED", caught.value
    return caught.value.reason


def test_second_sign_in_finds_the_same_user(service):
    first = service.sign_in("same@example.org", "sub-same")
    again = service.sign_in("same@example.org", "sub-same", displayName="Another", pictureUrl="https://example.org/x")
    assert first["created"] and "created" not in again
    assert again["user"] == first["user"], "what the provider says later does not overwrite what the user may have changed"


def test_concurrent_first_sign_ins_make_one_user(service, pg):
    for round_ in range(3):
        email = f"race{round_}@example.org"
        request = {"issuer": ISSUER, "subject": f"race-{round_}", "email": email, "emailVerified": True}
        calls = [service.start_call("FindOrCreateUser", request) for _ in range(20)]
        replies = [service.as_json(call) for call in calls]
        ids = {r["user"]["id"] for r in replies}
        assert len(ids) == 1
        assert sum(1 for r in replies if r.get("created")) == 1
        user = ids.pop()
        assert [t for t, _ in events(pg, user)] == ["user_created"]


def test_concurrent_spellings_of_an_address_make_one_user(service):
    """Equal for the index, under the same subject: the e-mail index is what the losers meet."""
    spellings = ["Spell@Example.org", "spell@example.org", "SPELL@EXAMPLE.ORG"] * 4
    calls = [service.start_call("FindOrCreateUser", {"issuer": ISSUER, "subject": "spell", "email": email,
                                                     "emailVerified": True}) for email in spellings]
    assert len({service.as_json(call)["user"]["id"] for call in calls}) == 1


def test_subject_comes_before_address(service):
    user = service.sign_in("old@example.org", "sub-moved")["user"]["id"]
    moved = service.sign_in("new@example.org", "sub-moved")["user"]
    assert (moved["id"], moved["email"]) == (user, "new@example.org"), "a verified new address is taken over"
    # The old address is free again, for somebody else.
    assert service.sign_in("old@example.org", "sub-other")["user"]["id"] != user
    # An address that another account has stays there.
    kept = service.sign_in("old@example.org", "sub-moved")["user"]
    assert (kept["id"], kept["email"]) == (user, "new@example.org")


def test_many_move_to_one_address_and_one_gets_it(service):
    users = [service.sign_in(f"mover{i}@example.org", f"mover-{i}")["user"]["id"] for i in range(10)]

    def everybody(email):
        calls = [service.start_call("FindOrCreateUser", {"issuer": ISSUER, "subject": f"mover-{i}", "email": email(i),
                                                         "emailVerified": True}) for i in range(10)]
        return [service.as_json(call)["user"] for call in calls]

    moved = everybody(lambda i: "wanted@example.org")
    assert [u["id"] for u in moved] == users
    assert sum(u["email"] == "wanted@example.org" for u in moved) == 1
    # In a ring, each to the address that the next one has: whatever happens, all sign in and no address is there twice.
    for _ in range(3):
        ring = everybody(lambda i: f"mover{(i + 1) % 10}@example.org")
        assert [u["id"] for u in ring] == users
    assert len({service.call("GetUser", user=u)["email"] for u in users}) == 10


def test_unverified_address_neither_links_nor_creates(service, pg):
    assert denied(lambda: service.sign_in("squat@example.org", emailVerified=False)) == "ID_TOKEN_INVALID"
    user = service.sign_in("victim@example.org", "sub-victim")["user"]["id"]
    assert denied(lambda: service.sign_in("victim@example.org", "sub-thief", emailVerified=False)) == "ID_TOKEN_INVALID"
    # Who is known by subject may come in with whatever the provider says of the address.
    got = service.sign_in("changed@example.org", "sub-victim", emailVerified=False)["user"]
    assert (got["id"], got["email"]) == (user, "victim@example.org")


def test_address_given_to_somebody_new_is_refused(service):
    service.sign_in("recycled@example.org", "sub-first")
    assert denied(lambda: service.sign_in("recycled@example.org", "sub-second")) == "ID_TOKEN_INVALID"
    assert denied(lambda: service.sign_in("recycled@example.org", "sub-first", issuer="https://other.example")) == \
        "ID_TOKEN_INVALID"


def test_an_account_without_subject_is_linked_by_address(service, pg):
    user = service.sign_in("link@example.org", "sub-before")["user"]["id"]
    pg.sql(f"UPDATE fitness_core.users SET google_id = NULL, google_bidx = NULL WHERE id = '{user}'")
    linked = service.sign_in("link@example.org", "sub-after")
    assert linked["user"]["id"] == user and "created" not in linked
    assert service.sign_in("elsewhere@example.org", "sub-after", emailVerified=False)["user"]["id"] == user


@pytest.mark.parametrize("email", ["nobody", "a@", "a b@example.org", "a@b..c"])
def test_bad_address(service, email):
    with pytest.raises(Failure) as caught:
        service.sign_in(email)
    assert caught.value.status == "INVALID_ARGUMENT" and caught.value.fields == ["email"]


def test_roles(service, second, pg):
    coach = service.sign_in(roleHint="coach")
    assert coach["role"] == "coach" and "athletes.read" in coach["permissions"]
    assert service.sign_in(roleHint="emperor")["role"] == "user"
    # A hint later changes it, as somebody who tries things out wants.
    me = service.sign_in("promoted@example.org", "sub-promoted")
    assert service.sign_in("promoted@example.org", "sub-promoted", roleHint="admin")["role"] == "admin"
    access = service.call("GetUserAccess", {"userId": me["user"]["id"]})
    assert access["active"] and access["role"] == "admin" and "users.read_all" in access["permissions"]
    # Outside development nobody is believed.
    production = second(ENVIRONMENT="production")
    assert production.sign_in(roleHint="admin")["role"] == "user"


@pytest.mark.skipif(os.geteuid() == 0, reason="root owns /proc/PID either way")
def test_memory_is_nobodys_to_dump_in_production(service, second):
    """/proc/PID of a process that is not dumpable belongs to root (proc(5))."""
    assert os.stat(f"/proc/{service.process.pid}/mem").st_uid == os.geteuid()
    assert os.stat(f"/proc/{second(ENVIRONMENT='production').process.pid}/mem").st_uid == 0


def test_access_of_nobody(service):
    assert service.call("GetUserAccess", {"userId": str(uuid.uuid4())}) == {}
    with pytest.raises(Failure) as caught:
        service.call("GetUserAccess", {"userId": "me"})
    assert caught.value.status == "INVALID_ARGUMENT"


def test_signing_in_restores_within_the_grace_time(service, pg):
    who = ("back@example.org", "sub-back")
    user = service.sign_in(*who)["user"]["id"]
    service.call("DeleteUser", user=user)
    back = service.sign_in(*who)
    assert back["restored"] and back["user"]["id"] == user and back["user"]["isActive"]
    assert service.call("GetUserAccess", {"userId": user})["active"]
    assert [t for t, _ in events(pg, user)] == ["user_created", "user_deactivated", "user_restored"]
    # After it, and when it was not the owner who closed it, it stays closed.
    service.call("DeleteUser", user=user)
    pg.sql(f"UPDATE fitness_core.users SET deletion_requested_at = now() - interval '31 days' WHERE id = '{user}'")
    assert denied(lambda: service.sign_in(*who)) == "ACCOUNT_INACTIVE"
    pg.sql(f"UPDATE fitness_core.users SET deletion_requested_at = NULL WHERE id = '{user}'")
    assert denied(lambda: service.sign_in(*who)) == "ACCOUNT_INACTIVE"


# ---- what is in the database ----

def test_canaries_are_nowhere_in_a_dump(service, pg, folder):
    canaries = {"email": "Canary-Mail@aviary.example", "subject": "canary-subject-4711", "displayName": "Canary Name"}
    user = service.sign_in(**canaries)["user"]["id"]
    service.patch(user, {"displayName": "Canary Renamed", "goals": [{"type": "sport"}]}, "displayName,goals",
                  metadata=[("fit-idempotency-key", "canary"), ("fit-idempotency-fp-bin", b"\1" * 32)])
    service.call("DeleteUser", user=user)
    service.sign_in(**canaries)
    dump = subprocess.run(["pg_dump", "--inserts", pg.url("postgres")], check=True, capture_output=True).stdout
    assert user.encode() in dump, "the dump has the row"
    lower = dump.lower()
    for text in ("canary-mail", "aviary.example", "canary-subject", "canary name", "canary renamed"):
        for form in (text.encode(), text.encode().hex().encode()):
            assert form not in lower, f"{text} is in the database as plain text"
    with open(service.log, "rb") as log:
        lines = log.read().lower()
    assert b"canary-mail" not in lines and b"canary-subject" not in lines and b"canary name" not in lines


def test_ciphertext_is_bound_to_its_row_and_column(service, pg):
    ana, ben = service.new_user(displayName="Ana"), service.new_user(displayName="Ben")
    saved = pg.sql(f"SELECT encode(display_name, 'hex'), encode(wrapped_key, 'hex') FROM fitness_core.users WHERE id = '{ben}'")
    name, key = saved.split("|")

    def broken():
        with pytest.raises(Failure) as caught:
            service.call("GetUser", user=ben)
        assert caught.value.status == "DATA_LOSS"
        assert "Ana" not in caught.value.text and "Ben" not in caught.value.text

    for change in (
            f"display_name = (SELECT display_name FROM fitness_core.users WHERE id = '{ana}')",
            f"display_name = (SELECT display_name FROM fitness_core.users WHERE id = '{ana}'),"
            f" wrapped_key = (SELECT wrapped_key FROM fitness_core.users WHERE id = '{ana}')",
            "display_name = email",
            "display_name = set_byte(display_name, 20, get_byte(display_name, 20) # 1)",
            "display_name = '\\x'"):
        pg.sql(f"UPDATE fitness_core.users SET {change} WHERE id = '{ben}'")
        broken()
        pg.sql(f"UPDATE fitness_core.users SET display_name = '\\x{name}', wrapped_key = '\\x{key}' WHERE id = '{ben}'")
        assert service.call("GetUser", user=ben)["displayName"] == "Ben"


def kek_of(pg, user):
    """Number of the key-encryption key in the header of the wrapped key."""
    return int(pg.sql(f"SELECT encode(substr(wrapped_key, 2, 4), 'hex') FROM fitness_core.users WHERE id = '{user}'"), 16)


def old_keys(pg, active):
    return [n for n, in rows(pg, "SELECT encode(substr(wrapped_key, 2, 4), 'hex') FROM users") if int(n, 16) < active]


def service_row(pg, user):
    return rows(pg, f"SELECT version, rev, updated_at, encode(email, 'hex') FROM users WHERE id = '{user}'")


def test_key_rotation(service, second, pg, folder):
    user = service.new_user(displayName="Before")
    assert kek_of(pg, user) == 1
    before = service_row(pg, user)
    rotated = f"{folder}/kek-rotated"
    shutil.copytree(service.kek_dir, rotated)
    other = second(kek_dir=rotated)
    other.add_kek(2)
    other.restart()
    # Old rows are wrapped anew in the background and open, new ones use the new key.
    stack.wait_until("all keys are wrapped anew", lambda: not old_keys(pg, 2), 30)
    assert kek_of(pg, user) == 2
    assert other.call("GetUser", user=user)["displayName"] == "Before"
    assert kek_of(pg, other.new_user()) == 2
    assert "user_keys_rewrapped_total" in other.admin("/metrics")
    # Only the key's wrapping changed: no version, no event.
    assert service_row(pg, user) == before
    # A process that lacks the new key says so.
    with pytest.raises(Failure) as caught:
        service.call("GetUser", user=user)
    assert caught.value.status == "INTERNAL" and "key" not in caught.value.text
    with open(service.log, encoding="utf-8") as log:
        assert "the key ring has no key 2" in log.read()
    # While a new key is handed out, the old one can be kept active; nothing is wrapped back.
    other.settings["FIT_KEK_ACTIVE"] = "1"
    other.restart()
    fresh = other.new_user(displayName="Fresh")
    assert (kek_of(pg, fresh), kek_of(pg, user)) == (1, 2)
    # A write wraps with the active key too.
    other.patch(user, {"displayName": "After"}, "displayName")
    assert kek_of(pg, user) == 1
    # Two processes at once, and a user who changes something meanwhile.
    other.stop()
    everybody = [service.new_user(displayName=f"U{i}") for i in range(250)]
    other.settings["FIT_KEK_ACTIVE"] = "0"
    other.start()
    third = second(kek_dir=rotated)
    third.patch(everybody[-1], {"displayName": "Changed"}, "displayName")
    stack.wait_until("all keys are wrapped anew", lambda: not old_keys(pg, 2), 30)
    assert [third.call("GetUser", user=u)["displayName"] for u in everybody[:3]] == ["U0", "U1", "U2"]
    assert third.call("GetUser", user=everybody[-1])["displayName"] == "Changed"
    # For the tests after this one: back under the key that the shared process has.
    pg.sql("DELETE FROM fitness_core.users")


def test_wrong_key_is_an_error_not_garbage(service, second, pg, folder):
    user = service.new_user(displayName="Safe")
    wrong = second(kek_dir=f"{folder}/kek-wrong")  # has a 1.key of its own
    with pytest.raises(Failure) as caught:
        wrong.call("GetUser", user=user)
    assert caught.value.status == "DATA_LOSS"
    assert service.call("GetUser", user=user)["displayName"] == "Safe"


@pytest.mark.parametrize("setting, value, names", [
    ("FIT_KEK_DIR", "/nowhere", "FIT_KEK_DIR"),
    ("FIT_KEK_ACTIVE", "9", "no key 9"),
    ("FIT_BLIND_INDEX_KEY_FILE", None, "FIT_BLIND_INDEX_KEY"),
])
def test_bad_key_settings_do_not_start(service, setting, value, names):
    env = service.environment() | {"FIT_LISTEN": "127.0.0.1:0", "FIT_ADMIN_LISTEN": "127.0.0.1:0"}
    env[setting] = value if value is not None else os.devnull
    if value is None:
        del env[setting]
        env["FIT_BLIND_INDEX_KEY"] = "abc"
    done = subprocess.run([f"{BUILD}/bin/user"], env=env, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode in (1, 2)
    assert names in done.stderr and "abc" not in done.stderr.replace("FIT_", "")


def test_data_key_cache_is_measured(service):
    user = service.new_user()
    for _ in range(3):
        service.call("GetUser", user=user)
    line = [x for x in service.admin("/metrics").splitlines() if x.startswith('cache_hit_ratio{cache_type="data_key"}')]
    assert 0 < float(line[0].split()[1]) <= 1


def test_index_is_looked_up_by_index(service, pg):
    plan = pg.sql("SET search_path = fitness_core; SET enable_seqscan = off;"
                  " EXPLAIN SELECT id FROM users WHERE email_bidx = '\\x00'")
    assert "users_email_bidx_key" in plan
    assert rows(pg, "SELECT count(*) FROM users WHERE octet_length(email_bidx) <> 32") == [["0"]]
