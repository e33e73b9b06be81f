# SPDX-License-Identifier: Apache-2.0
"""Profile and preferences through gRPC, and what each change leaves in the tables."""
import hashlib
import json
import uuid

import pytest

from user_service import MESSAGE, Failure


def rows(pg, text):
    return [line.split("|") for line in pg.sql(f"SET search_path = fitness_core; {text}").splitlines()]


def events(pg, user):
    """(type, Event) of a user's outbox, in order."""
    found = rows(pg, f"SELECT type, encode(payload, 'hex') FROM outbox WHERE subject = '{user}' ORDER BY sequence")
    return [(t, MESSAGE("fit.user.v1.Event").FromString(bytes.fromhex(p))) for t, p in found]


def failure(service, *args, **kw):
    with pytest.raises(Failure) as caught:
        service.call(*args, **kw)
    return caught.value


def test_profile_round_trip(service, pg):
    first = service.sign_in(email="Zoe.Zander@Example.ORG", displayName="Zoe", pictureUrl="https://example.org/z.png")
    assert first["created"] and first["role"] == "user" and "permissions" not in first
    user = first["user"]["id"]
    header = {}
    got = service.call("GetUser", user=user, ret_header=header)
    assert header["fit-etag"] == '"v1"'
    assert (got["email"], got["displayName"], got["profileImageUrl"]) == (
        "Zoe.Zander@Example.ORG", "Zoe", "https://example.org/z.png")
    assert got["isActive"] and got["subscriptionTier"] == "free" and "fitnessLevel" not in got
    changed = service.patch(user, {
        "displayName": "Zoë Z.", "fitnessLevel": "advanced",
        "goals": [{"type": "gain_strength", "note": "a double-bodyweight squat"}, {"type": "other"}],
        "limitations": [{"type": "injury", "bodyArea": "knee", "severity": "mild", "note": "left"}],
    }, "displayName,fitnessLevel,goals,limitations")
    assert changed["version"] == 2 and changed["profileImageUrl"] == "https://example.org/z.png"
    again = service.call("GetUser", user=user, ret_header=header)
    assert again == changed and header["fit-etag"] == '"v2"'
    assert again["goals"][0] == {"type": "gain_strength", "note": "a double-bodyweight squat"}
    assert again["limitations"] == [{"type": "injury", "bodyArea": "knee", "severity": "mild", "note": "left"}]
    # The lists are JSON of their own in the table, and the name is not beside them.
    (goals, level), = rows(pg, f"SELECT goals, fitness_level FROM users WHERE id = '{user}'")
    assert goals == '[{"note": "a double-bodyweight squat", "type": "gain_strength"}, {"type": "other"}]'
    assert level == "advanced"


def test_patch_touches_only_the_mask_and_null_clears(service):
    user = service.new_user()
    service.patch(user, {"displayName": "A", "fitnessLevel": "beginner", "goals": [{"type": "sport"}]},
                  "displayName,fitnessLevel,goals")
    # A value outside the mask is not looked at; one in the mask that is absent is cleared.
    got = service.patch(user, {"displayName": "ignored"}, "fitnessLevel,goals")
    assert got["displayName"] == "A" and "fitnessLevel" not in got and "goals" not in got
    got = service.patch(user, {}, "displayName")
    assert "displayName" not in got
    got = service.patch(user, {"displayName": "B"}, "")
    assert "displayName" not in got


def test_patch_without_effect_writes_nothing(service, pg):
    user = service.new_user(displayName="Same")
    before = len(events(pg, user))
    got = service.patch(user, {"displayName": "Same"}, "displayName")
    assert got["version"] == 1
    assert len(events(pg, user)) == before


@pytest.mark.parametrize("profile, mask, field", [
    ({"displayName": "x\n"}, "displayName", "displayName"),
    ({"displayName": "x" * 81}, "displayName", "profile.displayName"),
    ({"profileImageUrl": "http://example.org/x"}, "profileImageUrl", "profileImageUrl"),
    ({"fitnessLevel": "godlike"}, "fitnessLevel", "profile.fitnessLevel"),
    ({"goals": [{"type": "fame"}]}, "goals", "profile.goals[0].type"),
    ({"goals": [{"note": "no type"}]}, "goals", "profile.goals[0].type"),
    ({"goals": [{"type": "sport"}] * 11}, "goals", "profile.goals"),
    ({"limitations": [{"type": "pain", "bodyArea": "soul"}]}, "limitations", "profile.limitations[0].bodyArea"),
    ({"limitations": [{"type": "pain", "note": "x" * 501}]}, "limitations", "profile.limitations[0].note"),
    ({}, "email", "updateMask"),
    ({}, "role", "updateMask"),
])
def test_bad_profile_is_refused_and_changes_nothing(service, profile, mask, field):
    user = service.new_user(displayName="Before")
    etag = service.etag(user)
    with pytest.raises(Failure) as caught:
        service.patch(user, profile, mask, etag)
    assert caught.value.status == "INVALID_ARGUMENT" and caught.value.fields == [field]
    assert service.call("GetUser", user=user)["displayName"] == "Before"
    assert service.etag(user) == etag


def test_if_match(service):
    user = service.new_user()
    request = {"profile": {"displayName": "A"}, "updateMask": "displayName"}
    e = failure(service, "UpdateUser", request, user)
    assert (e.status, e.reason) == ("FAILED_PRECONDITION", "ETAG_REQUIRED")
    service.call("UpdateUser", request, user, [("fit-if-match", '"v1"')])
    e = failure(service, "UpdateUser", {"profile": {"displayName": "B"}, "updateMask": "displayName"}, user,
                [("fit-if-match", '"v1"')])
    assert (e.status, e.reason) == ("FAILED_PRECONDITION", "ETAG_MISMATCH")
    assert service.call("GetUser", user=user)["displayName"] == "A"


def test_concurrent_patches_one_wins(service):
    user = service.new_user()
    etag = service.etag(user)
    calls = [service.start_call("UpdateUser", {"profile": {"displayName": f"N{i}"}, "updateMask": "displayName"}, user,
                                [("fit-if-match", etag)]) for i in range(12)]
    won, lost = [], []
    for call in calls:
        try:
            won.append(service.as_json(call)["displayName"])
        except Failure as e:
            lost.append(e.reason)
    assert len(won) == 1 and lost == ["ETAG_MISMATCH"] * 11
    got = service.call("GetUser", user=user)
    assert got["displayName"] == won[0] and got["version"] == 2


def test_a_change_leaves_event_sync_row_and_reply_once(service, pg):
    user = service.new_user()
    etag, key = service.etag(user), uuid.uuid4().hex
    request = {"profile": {"displayName": "Once", "goals": [{"type": "sport", "note": "canary-note"}]},
               "updateMask": "displayName,goals"}
    metadata = [("fit-if-match", etag), ("fit-idempotency-key", key),
                ("fit-idempotency-fp-bin", hashlib.sha256(b"request").digest())]
    header = {}
    first = service.call("UpdateUser", request, user, metadata, header)
    assert header["fit-etag"] == '"v2"'
    # The same again, with an ETag that is old by now: the stored reply, tag included.
    header = {}
    assert service.call("UpdateUser", request, user, metadata, header) == first
    assert header["fit-etag"] == '"v2"'
    other = metadata[:2] + [("fit-idempotency-fp-bin", hashlib.sha256(b"another").digest())]
    e = failure(service, "UpdateUser", request, user, other)
    assert e.reason == "IDEMPOTENCY_KEY_REUSED"
    (created_type, created), (changed_type, changed) = events(pg, user)
    assert (created_type, changed_type) == ("user_created", "profile_changed")
    assert (created.sequence, changed.sequence) == (1, 2) and changed.subject == user
    assert list(changed.profile_changed.fields) == ["display_name", "goals"]
    assert b"canary-note" not in changed.SerializeToString()
    assert uuid.UUID(changed.id).version == 7 and changed.time.seconds > 0
    sync = rows(pg, f"SELECT rev, kind, id, deleted FROM sync_change WHERE user_id = '{user}' ORDER BY rev, kind")
    assert sync == [["1", "preferences", user, "f"], ["1", "user", user, "f"], ["2", "user", user, "f"]]
    assert rows(pg, f"SELECT rev, preferences_rev FROM users WHERE id = '{user}'") == [["2", "1"]]
    assert rows(pg, f"SELECT count(*) FROM idempotency WHERE owner = '{user}'") == [["1"]]


INTERNAL = ("GetUserAccess", "FindOrCreateUser", "FindPreferences", "FindContact")


def test_preferences_and_contact_for_other_services(service):
    user = service.new_user(email="somebody@example.org", displayName="Somebody")
    found = service.call("FindPreferences", {"userId": user})
    assert found["active"] and found["preferences"] == service.call("GetPreferences", user=user)
    switches = {"muted": ["records", "plans"], "channelsOff": ["mail"]}
    service.call("UpdatePreferences", {"preferences": {"notifications": switches}, "updateMask": "notifications"}, user)
    assert service.call("FindPreferences", {"userId": user})["preferences"]["notifications"] == switches
    service.call("UpdatePreferences", {"preferences": {"units": "lb"}, "updateMask": "units,notifications.muted"}, user)
    assert service.call("GetPreferences", user=user)["notifications"] == {"channelsOff": ["mail"]}
    e = failure(service, "UpdatePreferences", {"preferences": {"notifications": {"muted": ["security"]}},
                                               "updateMask": "notifications"}, user)
    assert e.status == "INVALID_ARGUMENT" and e.fields == ["preferences.notifications.muted[0]"]
    contact = service.call("FindContact", {"userId": user})
    assert contact == {"email": "somebody@example.org", "displayName": "Somebody"}
    service.call("DeleteUser", user=user)
    assert "active" not in service.call("FindPreferences", {"userId": user})
    assert failure(service, "FindContact", {"userId": user}).status == "PERMISSION_DENIED"
    for method in ("FindPreferences", "FindContact"):
        assert failure(service, method, {"userId": str(uuid.uuid4())}).status == "NOT_FOUND"
        assert failure(service, method, {"userId": "me"}).fields == ["userId"]


def test_somebody_else_is_impossible(service):
    """No method of a caller takes an id: who it is comes from the principal alone."""
    ana, ben = service.new_user(displayName="Ana"), service.new_user(displayName="Ben")
    for name, method in MESSAGE("fit.user.v1.User").DESCRIPTOR.file.services_by_name["UserService"].methods_by_name.items():
        if name not in INTERNAL:
            assert not [f.name for f in method.input_type.fields if f.name.endswith("id")]
    service.patch(ana, {"displayName": "Still Ana"}, "displayName")
    assert service.call("GetUser", user=ben)["displayName"] == "Ben"
    e = failure(service, "GetUser", user=uuid.uuid4())
    assert e.status == "NOT_FOUND"


@pytest.mark.parametrize("method", ["GetUser", "UpdateUser", "DeleteUser", "GetPreferences", "ReplacePreferences",
                                    "UpdatePreferences"])
def test_without_a_principal(service, method):
    request = {"UpdateUser": {"profile": {}}, "ReplacePreferences": {"preferences": {}},
               "UpdatePreferences": {"preferences": {}}}.get(method)
    assert failure(service, method, request).status == "UNAUTHENTICATED"


# ---- preferences ----

DEFAULTS = {
    "units": "kg", "language": "en", "timeZone": "UTC", "personality": "supportive",
    "reminders": {"time": "18:00"}, "quietHours": {"start": "22:00", "end": "07:00"}, "privacy": {}, "notifications": {},
}


def update(service, user, preferences, mask, metadata=()):
    return service.call("UpdatePreferences", {"preferences": preferences, "updateMask": mask}, user, metadata)


def test_preferences_defaults_put_and_patch(service, pg):
    user = service.new_user()
    assert service.call("GetPreferences", user=user) == DEFAULTS
    assert rows(pg, f"SELECT preferences FROM users WHERE id = '{user}'") == [["{}"]]
    put = service.call("ReplacePreferences", {"preferences": {
        "units": "lb", "language": "pt-br", "timeZone": "America/Sao_Paulo", "personality": "aggressive",
        "reminders": {"enabled": True, "days": ["monday", "friday"], "time": "06:30"},
        "privacy": {"shareWorkouts": True}}}, user)
    assert put == DEFAULTS | {
        "units": "lb", "language": "pt-BR", "timeZone": "America/Sao_Paulo", "personality": "aggressive",
        "reminders": {"enabled": True, "days": ["monday", "friday"], "time": "06:30"},
        "privacy": {"shareWorkouts": True}}
    # One member of a group; null of another; the rest stays.
    got = update(service, user, {"quietHours": {"enabled": True, "start": "23:15"}},
                 "quietHours.enabled,quietHours.start,language")
    assert got == put | {"language": "en", "quietHours": {"enabled": True, "start": "23:15", "end": "07:00"}}
    # A whole group back to its defaults.
    got = update(service, user, {}, "reminders")
    assert got["reminders"] == {"time": "18:00"} and got["units"] == "lb"
    assert service.call("GetPreferences", user=user) == got
    (stored,), = rows(pg, f"SELECT preferences FROM users WHERE id = '{user}'")
    assert json.loads(stored) == {"units": "lb", "timeZone": "America/Sao_Paulo", "personality": "aggressive",
                                  "quietHours": {"enabled": True, "start": "23:15"}, "privacy": {"shareWorkouts": True}}
    # Replacing forgets what is not given.
    assert service.call("ReplacePreferences", {"preferences": {"units": "lb"}}, user) == DEFAULTS | {"units": "lb"}
    changed = [list(e.preferences_changed.fields) for t, e in events(pg, user) if t == "preferences_changed"]
    assert changed[1:3] == [["language", "quiet_hours.enabled", "quiet_hours.start"],
                            ["reminders.enabled", "reminders.days", "reminders.time"]]


def test_preferences_of_a_newer_version_are_read_and_kept(service, pg):
    """While two versions run side by side."""
    user = service.new_user()
    update(service, user, {"units": "lb"}, "units")
    pg.sql(f"""UPDATE fitness_core.users SET preferences = preferences || '{{"theme": {{"dark": [true, {{}}]}}}}'"""
           f" WHERE id = '{user}'")
    assert service.call("GetPreferences", user=user) == DEFAULTS | {"units": "lb"}
    assert update(service, user, {"personality": "steady"}, "personality,units") == DEFAULTS | {"personality": "steady"}
    assert rows(pg, f"SELECT preferences FROM users WHERE id = '{user}'") == [
        ['{"theme": {"dark": [true, {}]}, "personality": "steady"}']]


@pytest.mark.parametrize("preferences, field", [
    ({"units": "stone"}, "preferences.units"),
    ({"language": "english!"}, "language"),
    ({"timeZone": "Mars/Olympus_Mons"}, "timeZone"),
    ({"timeZone": "../../../etc/passwd"}, "timeZone"),
    ({"personality": "rude"}, "preferences.personality"),
    ({"reminders": {"days": ["monday", "monday"]}}, "preferences.reminders.days"),
    ({"reminders": {"days": ["someday"]}}, "preferences.reminders.days[0]"),
    ({"reminders": {"time": "25:00"}}, "reminders.time"),
    ({"quietHours": {"start": "07:00"}}, "quietHours.end"),
])
def test_bad_preferences(service, preferences, field):
    user = service.new_user()
    e = failure(service, "ReplacePreferences", {"preferences": preferences}, user)
    assert e.status == "INVALID_ARGUMENT" and [f.split("[")[0] for f in e.fields] == [field.split("[")[0]]
    assert service.call("GetPreferences", user=user) == DEFAULTS


def test_preferences_have_a_version_of_their_own(service):
    user = service.new_user()
    header = {}
    service.call("GetPreferences", user=user, ret_header=header)
    assert header["fit-etag"] == '"v1"'
    update(service, user, {"units": "lb"}, "units", [("fit-if-match", '"v1"')])
    assert service.etag(user) == '"v1"'
    with pytest.raises(Failure) as caught:
        update(service, user, {"units": "kg"}, "units", [("fit-if-match", '"v1"')])
    assert caught.value.reason == "ETAG_MISMATCH"
    service.call("GetPreferences", user=user, ret_header=header)
    assert header["fit-etag"] == '"v2"'


# ---- closing ----

def test_closing_an_account(service, pg):
    user = service.new_user()
    service.call("DeleteUser", user=user)
    service.call("DeleteUser", user=user)  # again: the same
    for method, request in (("GetUser", None), ("GetPreferences", None),
                            ("ReplacePreferences", {"preferences": {"units": "lb"}})):
        e = failure(service, method, request, user)
        assert (e.status, e.reason) == ("PERMISSION_DENIED", "ACCOUNT_INACTIVE")
    assert service.call("GetUserAccess", {"userId": user}) == {"role": "user", "tier": "free"}
    assert [t for t, _ in events(pg, user)] == ["user_created", "user_deactivated"]
    _, event = events(pg, user)[1]
    (asked,), = rows(pg, f"SELECT extract(epoch FROM deletion_requested_at)::bigint FROM users WHERE id = '{user}'")
    assert event.user_deactivated.erase_after.seconds - int(asked) in (30 * 86400 - 1, 30 * 86400, 30 * 86400 + 1)
    assert rows(pg, f"SELECT is_active FROM users WHERE id = '{user}'") == [["f"]]
