# SPDX-License-Identifier: Apache-2.0
"""The profile through the gateway: merge patches as clients write them, entity tags, keys, and leaving."""
import uuid

ME = "/api/v1/users/me"
PREFERENCES = ME + "/preferences"
LEFT = {"type": "injury", "bodyArea": "knee", "severity": "mild", "note": "left"}


def patch(client, body, etag=None, key=None):
    etag = etag or client.get(ME).headers["etag"]
    return client.patch(ME, body, etag=etag, **({"headers": {"Idempotency-Key": key}} if key else {}))


def test_profile_merge_patch(ana):
    made = patch(ana, {"displayName": "Ana", "fitnessLevel": "beginner", "profileImageUrl": "https://example.com/a.png",
                       "goals": [{"type": "gain_strength", "note": "100 kg"}, {"type": "other"}], "limitations": [LEFT]}).ok(200)
    assert made["limitations"] == [LEFT | {"note": "left"}] and len(made["goals"]) == 2
    got = patch(ana, {"goals": [{"type": "sport"}], "fitnessLevel": None}).ok(200)
    assert [g["type"] for g in got["goals"]] == ["sport"] and "fitnessLevel" not in got
    assert got["displayName"] == "Ana" and got["limitations"] == made["limitations"]
    got = patch(ana, {"limitations": None, "profile_image_url": ""}).ok(200)
    assert got["limitations"] == [] and got["profileImageUrl"] == ""
    before = ana.get(ME)
    assert patch(ana, {}).ok(200)["version"] == before.json["version"], "nothing named, nothing changed"
    assert ana.get(ME).headers["etag"] == before.headers["etag"]


def test_profile_entity_tags(ana):
    etag = ana.get(ME).headers["etag"]
    assert ana.patch(ME, {"displayName": "A"}).problem(428)["reason"] == "ETAG_REQUIRED"
    first = ana.patch(ME, {"displayName": "A"}, etag=etag)
    assert first.ok(200) and first.headers["etag"] not in (None, etag)
    assert ana.patch(ME, {"displayName": "B"}, etag=etag).problem(412)["reason"] == "ETAG_MISMATCH"
    assert ana.get(ME).json["displayName"] == "A"


def test_profile_patch_is_repeated_safely(ana):
    etag, key = ana.get(ME).headers["etag"], f'"{uuid.uuid4()}"'
    first = patch(ana, {"displayName": "Once"}, etag, key)
    again = patch(ana, {"displayName": "Once"}, etag, key)
    assert first.ok(200) == again.ok(200) and first.headers["etag"] == again.headers["etag"]
    assert patch(ana, {"displayName": "Twice"}, etag, key).problem(422)["reason"] == "IDEMPOTENCY_KEY_REUSED"


def test_profile_refuses(ana):
    for body, field in (({"email": "x@example.com"}, "email"), ({"role": "admin"}, "role"), ({"id": str(uuid.uuid4())}, "id"),
                        ({"fitnessLevel": "godlike"}, "fitnessLevel"), ({"displayName": "a\u202eb"}, "displayName"),
                        ({"profileImageUrl": "javascript:alert(1)"}, "profileImageUrl"),
                        ({"goals": [{"type": "sport"}, {"type": "fame"}]}, "goals[1].type"),
                        ({"goals": {"type": "sport"}}, "goals")):
        errors = patch(ana, body).problem(400)["errors"]
        assert [e["field"].removeprefix("profile.") for e in errors] == [field], body
    assert ana.get(ME).json["role"] == "user"


def test_preferences_merge_patch(ana):
    assert ana.get(PREFERENCES).ok()["quietHours"] == {"enabled": False, "start": "22:00", "end": "07:00"}
    ana.put(PREFERENCES, {"units": "lb", "quietHours": {"enabled": True, "start": "21:00"}, "reminders": {"days": ["monday"]}}).ok()
    got = ana.patch(PREFERENCES, {"quietHours": {"end": "06:00"}, "reminders": {}}).ok()
    assert got["quietHours"] == {"enabled": True, "start": "21:00", "end": "06:00"} and got["reminders"]["days"] == ["monday"]
    got = ana.patch(PREFERENCES, {"quietHours": None, "units": None}).ok()
    assert got["quietHours"] == {"enabled": False, "start": "22:00", "end": "07:00"} and got["units"] == "kg"
    assert got["reminders"]["days"] == ["monday"]
    for body, field in (({"timeZone": "Mars/Olympus"}, "timeZone"), ({"quietHours": {"start": "7 pm"}}, "quietHours.start"),
                        ({"privacy": {"everything": True}}, "privacy.everything"), ({"language": "???"}, "language")):
        errors = ana.patch(PREFERENCES, body).problem(400)["errors"]
        assert [e["field"].removeprefix("preferences.") for e in errors] == [field], body


def test_leaving_and_coming_back(api, ana):
    email, user = ana.user["email"], ana.user["id"]
    patch(ana, {"displayName": "Still here"}).ok()
    assert ana.delete(ME).status == 204
    assert ana.get(ME).problem(403)["reason"] == "ACCOUNT_INACTIVE"
    assert ana.delete(ME).status == 204
    back = api.sign_in(email)
    assert back.user["id"] == user
    assert back.get(ME).ok()["displayName"] == "Still here"
    back.close()
