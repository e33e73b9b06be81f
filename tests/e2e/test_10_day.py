# SPDX-License-Identifier: Apache-2.0
"""A user's day through the gateway, every number computed by hand."""
import datetime
import uuid

import pytest


def exercise(api, **query):
    found = api.get("/api/v1/exercises?" + "&".join(f"{k}={v}" for k, v in query.items())).ok()["exercises"]
    assert found, query
    return found[0]


def ago(**kw):
    return (datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(**kw)).strftime("%Y-%m-%dT%H:%M:%SZ")


def test_day_from_sign_in_to_a_record(ana):
    squat = exercise(ana, query="squat", equipment="barbell")
    bench = exercise(ana, query="bench%20press", equipment="barbell")

    # Profile
    me = ana.get("/api/v1/users/me")
    assert me.ok()["id"] == ana.user["id"]
    changed = ana.patch("/api/v1/users/me", {"displayName": "Ana", "fitnessLevel": "intermediate"}, etag=me.headers["etag"])
    assert changed.ok()["displayName"] == "Ana" and changed.headers["etag"] != me.headers["etag"]

    # Plan, version 1 and 2
    made = ana.post("/api/v1/workouts/plans", {"name": "A", "exercises": [
        {"exerciseId": squat["id"], "sets": [{"repsMin": 5, "weight": 100}] * 3},
        {"exerciseId": bench["id"], "sets": [{"repsMin": 8, "weight": 60}]}]}, key='"plan-1"')
    plan = made.ok(201)
    assert plan["versionNumber"] == 1 and made.headers["location"] == f"/api/v1/workouts/plans/{plan['id']}"
    second = ana.patch(f"/api/v1/workouts/plans/{plan['id']}", {"name": "B"}, etag=made.headers["etag"])
    assert second.ok()["versionNumber"] == 2 and second.json["name"] == "B"
    versions = ana.get(f"/api/v1/workouts/plans/{plan['id']}/versions").ok()["versions"]
    assert [v["versionNumber"] for v in versions] == [2, 1]
    assert [(op["op"], op["path"], op["value"]) for op in versions[0]["changeset"]] == [("replace", "/name", "B")]

    # Last week, as a phone that was offline sends it: 3 x 5 x 100 kg
    first = ana.post("/api/v1/workouts/sessions", {"planId": plan["id"], "startedAt": ago(days=7), "completedAt": ago(days=7, minutes=-50),
                     "exercises": [{"exerciseId": squat["id"], "sets": [
                         {"reps": 5, "weight": 100, "rpe": 10, "completedAt": ago(days=7)}] * 3}]}).ok(201)
    assert first["status"] == "completed"
    # Today: 5 x 105 @ RPE 10
    session = ana.post("/api/v1/workouts/sessions", {"planId": plan["id"]}).ok(201)
    assert [e["exerciseId"] for e in session["exercises"]] == [squat["id"], bench["id"]]
    logged = ana.post(f"/api/v1/workouts/sessions/{session['id']}/sets",
                      {"exerciseId": squat["id"], "reps": 5, "weight": 105, "rpe": 10}).ok(201)
    # Epley at r_eff 5: 105 x (1 + 5/30)
    assert logged["e1rm"] == pytest.approx(122.5, abs=0.01) and logged["e1rmConfidence"] == "high"
    assert "weight_4_6" in logged["records"] and "e1rm" in logged["records"]
    done = ana.post(f"/api/v1/workouts/sessions/{session['id']}/complete", {}).ok(200)
    assert done["status"] == "completed" and done["completedAt"]

    # Progress
    progress = ana.get("/api/v1/workouts/progress?weeks=2").ok()
    assert progress["sessions"] == 2
    assert progress["volumeLoad"] == pytest.approx(3 * 5 * 100 + 5 * 105)
    assert progress["sets"] == 4 and progress["reps"] == 20
    assert [w["volumeLoad"] for w in progress["weeks"]] == [1500, 525]
    quads = {m["muscle"]: m["sets"] for m in progress["weeks"][0]["muscleSets"]}
    assert 3 in quads.values()
    lift = ana.get(f"/api/v1/workouts/progress/exercises/{squat['id']}").ok()
    assert [round(p["e1rm"], 2) for p in lift["points"]] == [116.67, 122.5]
    assert lift["best"]["maxWeight"] == 105
    records = {r["kind"]: r for r in ana.get("/api/v1/workouts/progress/records").ok()["records"]}
    assert records["weight_4_6"]["value"] == 105 and records["weight_4_6"]["previousValue"] == 100


def test_an_idempotency_key_makes_one_plan(ana):
    body, key = {"name": "Once"}, f'"{uuid.uuid4()}"'
    first = ana.post("/api/v1/workouts/plans", body, key=key).ok(201)
    again = ana.post("/api/v1/workouts/plans", body, key=key).ok(201)
    assert first == again
    assert len(ana.get("/api/v1/workouts/plans").ok()["plans"]) == 1
    other = ana.post("/api/v1/workouts/plans", {"name": "Other"}, key=key).problem(422)
    assert other["reason"] == "IDEMPOTENCY_KEY_REUSED"


def test_lists_page_without_loss_or_repeat(ana):
    for i in range(7):
        ana.post("/api/v1/workouts/plans", {"name": f"P{i}"}).ok(201)
    seen, token = [], ""
    while True:
        page = ana.get(f"/api/v1/workouts/plans?pageSize=3&pageToken={token}").ok()
        seen += [p["name"] for p in page["plans"]]
        token = page["nextPageToken"]
        if not token:
            break
    assert sorted(seen) == [f"P{i}" for i in range(7)]


def test_preferences_round_trip(ana):
    put = ana.put("/api/v1/users/me/preferences", {"units": "lb", "timeZone": "Europe/Berlin", "personality": "steady"}).ok()
    assert put["units"] == "lb"
    assert ana.patch("/api/v1/users/me/preferences", {"units": "kg"}).ok()["timeZone"] == "Europe/Berlin"
    got = ana.get("/api/v1/users/me/preferences").ok()
    assert (got["units"], got["personality"]) == ("kg", "steady")
