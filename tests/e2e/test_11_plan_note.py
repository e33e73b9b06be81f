# SPDX-License-Identifier: Apache-2.0
"""The endpoint that docs/adding-an-endpoint.md adds."""

PLANS = "/api/v1/workouts/plans"


def test_a_note_on_a_plan(stack, ana):
    plan = ana.post(PLANS, {"name": "A"}).ok(201)
    assert ana.get(f"{PLANS}/{plan['id']}/note").ok()["text"] == ""
    note = ana.put(f"{PLANS}/{plan['id']}/note", {"text": "Gym closes at nine"}).ok(200)
    assert note["planId"] == plan["id"] and note["text"] == "Gym closes at nine" and note["updatedAt"]
    assert ana.get(f"{PLANS}/{plan['id']}/note").ok() == note
    assert ana.put(f"{PLANS}/{plan['id']}/note", {"text": ""}).ok(200)["text"] == ""
    assert ana.get(f"{PLANS}/{plan['id']}").ok()["versionNumber"] == 1, "a note makes no version"
    rows = stack.postgres.psql(
        f"SELECT type FROM workout.outbox WHERE subject = '{ana.user['id']}' ORDER BY sequence;"
        f"SELECT kind FROM workout.sync_change WHERE user_id = '{ana.user['id']}' ORDER BY rev",
        f"{stack.dir}/secrets/pg_super", database="fitness").split()
    assert rows == ["plan_created", "plan_note_set", "plan_note_set", "plan", "plan_note", "plan_note"]


def test_a_note_that_is_too_long_or_on_nothing(ana, ben):
    plan = ana.post(PLANS, {"name": "A"}).ok(201)
    problem = ana.put(f"{PLANS}/{plan['id']}/note", {"text": "x" * 2001}).problem(400)
    assert "text" in problem["errors"][0]["field"]
    ben.put(f"{PLANS}/{plan['id']}/note", {"text": "mine?"}).problem(404)
