# SPDX-License-Identifier: Apache-2.0
"""Plans: versions, changesets, history, and the events that the plan rows are a projection of."""
import uuid

import pytest

from workout_service import key


def plan_of(ana, **more):
    return {"name": "A", "description": "Three days", "difficultyLevel": "beginner", "estimatedDurationMinutes": 45,
            "exercises": [
                {"exerciseId": ana.exercise("back squat"), "restTime": 180,
                 "sets": [{"repsMin": 5, "weight": 100, "rpe": 8.5}, {"repsMin": 5, "repsMax": 8, "weight": 102.5}]},
                {"exerciseId": ana.exercise("pull-up"), "day": 2, "sets": [{"type": "failure", "repsMin": 1}]},
            ]} | more


def apply_patch(doc, operations):
    """RFC 6902, add, remove and replace: written apart from the service's own."""
    import copy
    doc = copy.deepcopy(doc)
    for op in operations:
        *way, last = [t.replace("~1", "/").replace("~0", "~") for t in op["path"].split("/")[1:]]
        at = doc
        for token in way:
            at = at[int(token)] if isinstance(at, list) else at[token]
        if isinstance(at, list):
            i = int(last)
            if op["op"] == "add":
                at.insert(i, op["value"])
            elif op["op"] == "remove":
                del at[i]
            else:
                at[i] = op["value"]
        elif op["op"] == "remove":
            del at[last]
        else:
            assert op["op"] == "add" or last in at
            at[last] = op["value"]
    return doc


def stored_document(service, plan_id, number):
    import json
    return json.loads(service.sql("SELECT metadata || jsonb_build_object('exercises', exercises) FROM workout_plan_versions"
                                  f" WHERE plan_id = '{plan_id}' AND version_number = {number}"))


def test_create_and_get(ana):
    made = ana.CreatePlan(plan=plan_of(ana))
    assert ana.header["fit-etag"] == '"v1"'
    assert made["versionNumber"] == 1 and made["isActive"] and not made["isPublic"] and made["createdBy"] == "user"
    assert made["equipmentRequired"] == ["barbell", "plate", "pull_up_bar", "rack"]
    assert made["muscleGroupsTargeted"] == ["glutes", "lats", "quadriceps"]
    assert made["exercises"][0]["sets"] == [{"repsMin": 5, "repsMax": 0, "weight": 100, "rpe": 8.5},
                                            {"repsMin": 5, "repsMax": 8, "weight": 102.5}]
    assert all(uuid.UUID(e["entryId"]) for e in made["exercises"])
    assert ana.GetPlan(planId=made["id"]) == made
    assert ana.header["fit-etag"] == '"v1"'
    assert ana.ListPlans()["plans"] == [made]
    assert ana.outbox() == [("planCreated", {"planId": made["id"], "exercises": 2, "createdBy": "user"})]
    assert ana.synced() == [("plan", made["id"], False)]


def test_bodyweight_plan_needs_no_equipment(ana):
    made = ana.CreatePlan(plan={"name": "Home", "exercises": [{"exerciseId": ana.exercise("push-up")}]})
    assert made["equipmentRequired"] == ["none"]


@pytest.mark.parametrize("change,field", [
    ({"name": ""}, "plan.name"),
    ({"name": "x" * 121}, "plan.name"),
    ({"difficultyLevel": "hero"}, "plan.difficultyLevel"),
    ({"estimatedDurationMinutes": 601}, "plan.estimatedDurationMinutes"),
    ({"id": "x"}, "id"),
    ({"exercises": [{"exerciseId": "x"}]}, "plan.exercises[0].exerciseId"),
    ({"exercises": [{"exerciseId": None}]}, "plan.exercises[0].exerciseId"),
    ({"exercises": [{"exerciseId": "SQUAT", "sets": [{"weight": 1000.5}]}]}, "plan.exercises[0].sets[0].weight"),
    ({"exercises": [{"exerciseId": "SQUAT", "sets": [{"weight": 45.3592}]}]}, "exercises[0].sets[0].weight"),
    ({"exercises": [{"exerciseId": "SQUAT", "sets": [{"rpe": 8.25}]}]}, "exercises[0].sets[0].rpe"),
    ({"exercises": [{"exerciseId": "SQUAT", "sets": [{"rpe": 11}]}]}, "plan.exercises[0].sets[0].rpe"),
    ({"exercises": [{"exerciseId": "SQUAT", "sets": [{"repsMin": 8, "repsMax": 5}]}]}, "exercises[0].sets[0].repsMax"),
    ({"exercises": [{"exerciseId": "SQUAT", "sets": [{"repsMin": 1001}]}]}, "plan.exercises[0].sets[0].repsMin"),
    ({"exercises": [{"exerciseId": "SQUAT", "sets": [{}] * 101}]}, "plan.exercises[0].sets"),
    ({"exercises": [{"exerciseId": "SQUAT"}] * 51}, "plan.exercises"),
    ({"exercises": [{"exerciseId": "SQUAT", "restTime": 3601}]}, "plan.exercises[0].restTime"),
    ({"exercises": [{"exerciseId": "SQUAT", "notes": "x" * 2001}]}, "plan.exercises[0].notes"),
    ({"exercises": [{"exerciseId": "SQUAT", "entryId": "x"}]}, "exercises[0].entryId"),
    ({"exercises": [{"exerciseId": "SQUAT", "entryId": "11111111-1111-4111-8111-111111111111"}] * 2},
     "exercises[1].entryId"),
])
def test_create_refuses(ana, change, field):
    squat = ana.exercise("back squat")
    for e in change.get("exercises", []):
        if e["exerciseId"] == "SQUAT":
            e["exerciseId"] = squat
    failure = ana.fails("CreatePlan", {"plan": {"name": "A"} | change})
    assert failure.status == "INVALID_ARGUMENT" and failure.fields == [field], failure
    assert ana.ListPlans()["plans"] == [] and ana.outbox() == [] and ana.synced() == []


def test_create_needs_a_name_and_known_exercises(ana):
    assert ana.fails("CreatePlan", {"plan": {}}).fields == ["name"]
    failure = ana.fails("CreatePlan", {"plan": plan_of(ana, exercises=[
        {"exerciseId": ana.exercise("dip")}, {"exerciseId": str(uuid.uuid4())}])})
    assert (failure.status, failure.reason, failure.fields) == ("INVALID_ARGUMENT", "REFERENCE_INVALID",
                                                                ["exercises[1].exerciseId"])


def test_update_makes_the_next_version_with_its_changeset(ana, service):
    made = ana.CreatePlan(plan=plan_of(ana))
    plan_id, first = made["id"], stored_document(service, made["id"], 1)
    changed = ana.update_plan(plan_id, '"v1"', "name,estimatedDurationMinutes,changesDescription", name="B",
                              changesDescription="Less time")
    assert ana.header["fit-etag"] == '"v2"'
    assert (changed["name"], changed["versionNumber"], changed["estimatedDurationMinutes"]) == ("B", 2, 0)
    assert changed["description"] == "Three days" and changed["exercises"] == made["exercises"]
    versions = ana.ListPlanVersions(planId=plan_id)["versions"]
    assert [(v["versionNumber"], v["changesDescription"], v["createdBy"]) for v in versions] == [
        (2, "Less time", "user"), (1, "", "user")]
    assert sorted((op["op"], op["path"], op.get("value")) for op in versions[0]["changeset"]) == [
        ("remove", "/estimatedDurationMinutes", None), ("replace", "/name", "B")]
    assert apply_patch({}, versions[1]["changeset"]) == first
    assert apply_patch(first, versions[0]["changeset"]) == stored_document(service, plan_id, 2)
    assert ana.outbox()[1:] == [("planChanged", {"planId": plan_id, "versionNumber": 2, "operations": 2,
                                                "reason": "updated", "createdBy": "user"})]
    assert ana.synced() == [("plan", plan_id, False)] * 2


def test_changing_one_weight_is_one_operation(ana):
    made = ana.CreatePlan(plan=plan_of(ana))
    exercises = made["exercises"]
    exercises[0]["sets"][1]["weight"] = 105
    ana.update_plan(made["id"], '"v1"', "exercises", exercises=exercises)
    assert ana.GetPlanVersion(planId=made["id"], versionNumber=2)["changeset"] == [
        {"op": "replace", "path": "/exercises/0/sets/1/weight", "value": 105.0}]
    # An exercise in front is one operation too, and brings its equipment along.
    changed = ana.update_plan(made["id"], '"v2"', "exercises",
                              exercises=[{"exerciseId": ana.exercise("goblet squat")}] + exercises)
    paths = [(op["op"], op["path"]) for op in ana.GetPlanVersion(planId=made["id"], versionNumber=3)["changeset"]]
    assert ("add", "/exercises/0") in paths and len([p for p in paths if p[1].startswith("/exercises")]) == 1
    assert "dumbbell" in changed["equipmentRequired"]


def test_a_plan_keeps_exercises_that_the_library_gave_up(ana, service):
    squat, dip = ana.exercise("back squat"), ana.exercise("dip")
    made = ana.CreatePlan(plan={"name": "A", "exercises": [{"exerciseId": squat}]})
    service.sql(f"UPDATE exercises SET deleted_at = now() WHERE id = '{squat}'")
    try:
        changed = ana.update_plan(made["id"], '"v1"', "exercises", exercises=made["exercises"] + [{"exerciseId": dip}])
        assert changed["muscleGroupsTargeted"] == ["chest", "glutes", "quadriceps", "triceps"]
        new = ana.fails("CreatePlan", {"plan": {"name": "B", "exercises": [{"exerciseId": squat}]}})
        assert new.reason == "REFERENCE_INVALID"
    finally:
        service.sql(f"UPDATE exercises SET deleted_at = NULL WHERE id = '{squat}'")


def test_update_that_changes_nothing_makes_no_version(ana):
    made = ana.CreatePlan(plan=plan_of(ana))
    assert ana.update_plan(made["id"], '"v1"', "name", name="A")["versionNumber"] == 1
    assert ana.update_plan(made["id"], '"v1"', "")["versionNumber"] == 1
    assert len(ana.outbox()) == 1 and len(ana.synced()) == 1


def test_update_refuses(ana, ben):
    made = ana.CreatePlan(plan=plan_of(ana))
    request = {"planId": made["id"], "plan": {"name": "B"}, "updateMask": "name"}
    missing = ana.fails("UpdatePlan", request)
    assert (missing.status, missing.reason) == ("FAILED_PRECONDITION", "ETAG_REQUIRED")
    for tag in ('"v2"', '"v0"', '"x"', "v1", 'W/"v1"'):
        stale = ana.fails("UpdatePlan", request, [("fit-if-match", tag)])
        assert (stale.status, stale.reason) == ("FAILED_PRECONDITION", "ETAG_MISMATCH"), tag
    match = [("fit-if-match", '"v1"')]
    assert ben.fails("UpdatePlan", request, match).status == "NOT_FOUND"
    assert ana.fails("UpdatePlan", request | {"planId": str(uuid.uuid4())}, match).status == "NOT_FOUND"
    assert ana.fails("UpdatePlan", request | {"plan": {}}, match).fields == ["name"], "null clears, but a name must be"
    assert ana.fails("UpdatePlan", request | {"updateMask": "id"}, match).fields == ["id"]
    assert ana.fails("UpdatePlan", request | {"updateMask": "exercises", "plan": {"exercises": [
        {"exerciseId": str(uuid.uuid4())}]}}, match).reason == "REFERENCE_INVALID"
    assert ana.GetPlan(planId=made["id"]) == made
    assert ana.call("UpdatePlan", request, [("fit-if-match", "*")])["versionNumber"] == 2


def test_only_one_of_two_racing_updates_wins(ana):
    made = ana.CreatePlan(plan=plan_of(ana))
    calls = [ana.service.future("UpdatePlan", {"planId": made["id"], "plan": {"name": f"N{i}"}, "updateMask": "name"},
                                ana.id, [("fit-if-match", '"v1"')]) for i in range(8)]
    codes = sorted(c.code().name for c in calls)
    assert codes == ["FAILED_PRECONDITION"] * 7 + ["OK"]
    assert ana.GetPlan(planId=made["id"])["versionNumber"] == 2


def test_versions_diff_and_restore(ana, ben, service):
    made = ana.CreatePlan(plan=plan_of(ana))
    plan_id = made["id"]
    ana.update_plan(plan_id, '"v1"', "name,exercises", name="B", exercises=[])
    assert ana.GetPlan(planId=plan_id)["equipmentRequired"] == []
    ana.ArchivePlan(planId=plan_id)
    docs = {n: stored_document(service, plan_id, n) for n in (1, 2, 3)}
    for a in docs:
        for b in docs:
            diff = ana.DiffPlan(**{"planId": plan_id, "from": a, "to": b})
            assert apply_patch(docs[a], diff["changeset"]) == docs[b]
            assert (diff["from"], diff["to"]) == (a, b)
            assert a != b or diff["changeset"] == []
    old = ana.GetPlanVersion(planId=plan_id, versionNumber=1)
    assert old["plan"]["name"] == "A" and old["plan"]["exercises"] == made["exercises"]
    back = ana.call("RestorePlan", {"planId": plan_id, "versionNumber": 1}, [("fit-if-match", '"v3"')])
    assert back["versionNumber"] == 4 and back["exercises"] == made["exercises"] and not back["isActive"]
    assert ana.GetPlanVersion(planId=plan_id, versionNumber=4)["changesDescription"] == "Restored version 1"
    assert [e["reason"] for t, e in ana.outbox() if t == "planChanged"] == ["updated", "archived", "restored"]
    page = ana.ListPlanVersions(planId=plan_id, pageSize=3)
    rest = ana.ListPlanVersions(planId=plan_id, pageSize=3, pageToken=page["nextPageToken"])
    assert [v["versionNumber"] for v in page["versions"] + rest["versions"]] == [4, 3, 2, 1]
    assert rest["nextPageToken"] == ""
    for name, request in (("GetPlanVersion", {"versionNumber": 1}), ("ListPlanVersions", {}),
                          ("DiffPlan", {"from": 1, "to": 1}), ("ClonePlan", {}), ("ArchivePlan", {}), ("GetPlan", {}),
                          ("DeletePlan", {}), ("RestorePlan", {"versionNumber": 1})):
        metadata = [("fit-if-match", '"v4"')]
        assert ben.fails(name, {"planId": plan_id} | request, metadata).status == "NOT_FOUND", name
        assert ana.fails(name, {"planId": str(uuid.uuid4())} | request, metadata).status == "NOT_FOUND", name
    for request in ({"versionNumber": 5}, {"versionNumber": 2000000000}):
        assert ana.fails("GetPlanVersion", {"planId": plan_id} | request).status == "NOT_FOUND"
    assert ana.fails("GetPlanVersion", {"planId": plan_id}).fields == ["versionNumber"]
    assert ana.fails("DiffPlan", {"planId": plan_id, "from": 1, "to": 9}).status == "NOT_FOUND"
    assert ana.fails("RestorePlan", {"planId": plan_id, "versionNumber": 1}).reason == "ETAG_REQUIRED"


def test_archive_hides_from_the_list(ana):
    kept, put_away = ana.CreatePlan(plan={"name": "kept"}), ana.CreatePlan(plan={"name": "away"})
    away = ana.ArchivePlan(planId=put_away["id"])
    assert not away["isActive"] and away["versionNumber"] == 2
    assert ana.ArchivePlan(planId=put_away["id"])["versionNumber"] == 2
    assert ana.ListPlans()["plans"] == [kept]
    assert [p["name"] for p in ana.ListPlans(includeArchived=True)["plans"]] == ["away", "kept"]
    assert ana.update_plan(put_away["id"], '"v2"', "isActive", isActive=True)["isActive"]
    assert len(ana.ListPlans()["plans"]) == 2


def test_clone(ana):
    made = ana.CreatePlan(plan=plan_of(ana))
    copy_id = str(uuid.uuid4())
    copy = ana.ClonePlan(planId=made["id"], id=copy_id, name="Mine")
    assert copy["id"] == copy_id and copy["name"] == "Mine" and copy["versionNumber"] == 1
    assert [e["exerciseId"] for e in copy["exercises"]] == [e["exerciseId"] for e in made["exercises"]]
    assert not {e["entryId"] for e in copy["exercises"]} & {e["entryId"] for e in made["exercises"]}
    ana.update_plan(copy_id, '"v1"', "name", name="Other")
    assert ana.GetPlan(planId=made["id"]) == made


def test_clone_of_the_coachs_work_is_its_users(ana):
    coach = [("fit-actor", "ai")]
    made = ana.call("CreatePlan", {"plan": plan_of(ana) | {"createdBy": "ai"}}, coach)
    assert made["createdBy"] == "ai"
    copy = ana.ClonePlan(planId=made["id"])
    assert copy["createdBy"] == "user" and ana.GetPlan(planId=copy["id"])["createdBy"] == "user"
    assert [v["createdBy"] for v in ana.ListPlanVersions(planId=copy["id"])["versions"]] == ["user"]
    assert ana.outbox()[-1][0] == "planCreated" and ana.outbox()[-1][1]["createdBy"] == "user"


def test_delete(ana):
    made = ana.CreatePlan(plan=plan_of(ana))
    ana.DeletePlan(planId=made["id"])
    for name in ("GetPlan", "DeletePlan", "ListPlanVersions", "ArchivePlan"):
        assert ana.fails(name, {"planId": made["id"]}).status == "NOT_FOUND"
    assert ana.ListPlans(includeArchived=True)["plans"] == []
    assert ana.outbox()[-1] == ("planDeleted", {"planId": made["id"]})
    assert ana.synced() == [("plan", made["id"], False), ("plan", made["id"], True)]
    # A tombstone keeps its id.
    failure = ana.fails("CreatePlan", {"plan": {"id": made["id"], "name": "again"}})
    assert (failure.status, failure.reason) == ("ALREADY_EXISTS", "ID_TAKEN")


def test_client_ids(ana, ben):
    body = plan_of(ana, id=str(uuid.uuid4()))
    made = ana.CreatePlan(plan=body)
    assert made["id"] == body["id"]
    assert ana.CreatePlan(plan=body) == made, "the same plan again is the same plan"
    assert len(ana.outbox()) == 1 and len(ana.synced()) == 1
    for athlete, change in ((ana, {"name": "other"}), (ben, {})):
        failure = athlete.fails("CreatePlan", {"plan": body | change})
        assert (failure.status, failure.reason) == ("ALREADY_EXISTS", "ID_TAKEN")
        assert "A" not in failure.text.replace("ALREADY", "")
    assert ben.outbox() == [] and ben.synced() == []


def test_racing_creates_of_one_id_make_one(ana):
    body = {"plan": {"id": str(uuid.uuid4()), "name": "once"}}
    calls = [ana.service.future("CreatePlan", body, ana.id) for _ in range(8)]
    assert [c.code().name for c in calls] == ["OK"] * 8
    assert len(ana.outbox()) == 1 and len(ana.synced()) == 1


def test_idempotency_key_replays(ana):
    request = {"plan": plan_of(ana)}
    made = ana.call("CreatePlan", request, key("k1", 1))
    assert ana.call("CreatePlan", request, key("k1", 1)) == made
    assert ana.header["fit-etag"] == '"v1"'
    reused = ana.fails("CreatePlan", request, key("k1", 2))
    assert (reused.status, reused.reason) == ("INVALID_ARGUMENT", "IDEMPOTENCY_KEY_REUSED")
    match = [("fit-if-match", '"v1"')]
    update = {"planId": made["id"], "plan": {"name": "B"}, "updateMask": "name"}
    changed = ana.call("UpdatePlan", update, match + key("k2", 1))
    assert ana.call("UpdatePlan", update, match + key("k2", 1)) == changed, "though the version is 2 now"
    assert ana.header["fit-etag"] == '"v2"'
    assert len(ana.outbox()) == 2 and len(ana.synced()) == 2
    # A failure is not kept: the same key works once its cause is gone.
    bad = {"planId": made["id"], "plan": {"name": "C"}, "updateMask": "name"}
    assert ana.fails("UpdatePlan", bad, match + key("k3", 1)).reason == "ETAG_MISMATCH"
    assert ana.call("UpdatePlan", bad, [("fit-if-match", '"v2"')] + key("k3", 1))["versionNumber"] == 3


def test_list_pages(ana):
    for i in range(7):
        ana.CreatePlan(plan={"name": f"P{i}"})
    seen, token = [], ""
    while True:
        page = ana.ListPlans(pageSize=3, pageToken=token)
        seen += [p["name"] for p in page["plans"]]
        token = page["nextPageToken"]
        if not token:
            break
    assert seen == [f"P{i}" for i in reversed(range(7))]
    token = ana.ListPlans(pageSize=3)["nextPageToken"]
    assert ana.fails("ListPlans", {"pageToken": token, "includeArchived": True}).fields == ["pageToken"]


def test_rows_are_a_projection_of_the_events(ana, service, rebuild):
    plan_id = ana.CreatePlan(plan=plan_of(ana))["id"]
    ana.update_plan(plan_id, '"v1"', "name,exercises,changesDescription", name="B", changesDescription="why",
                    exercises=[{"exerciseId": ana.exercise("dip"), "sets": [{"weight": 0.001}]}])
    ana.ArchivePlan(planId=plan_id)
    ana.call("RestorePlan", {"planId": plan_id, "versionNumber": 1}, [("fit-if-match", '"v3"')])
    deleted = ana.CreatePlan(plan=plan_of(ana))["id"]
    ana.update_plan(deleted, '"v1"', "isPublic", isPublic=True)
    ana.DeletePlan(planId=deleted)

    def rows():
        return service.sql(f"SELECT * FROM workout_plans WHERE user_id = '{ana.id}' ORDER BY id; SELECT v.* FROM"
                           " workout_plan_versions v JOIN workout_plans p ON p.id = v.plan_id WHERE"
                           f" p.user_id = '{ana.id}' ORDER BY 2, 3")

    before = rows()
    assert before.count("\n") == 2 + 4 + 2 - 1
    service.sql(f"UPDATE workout_plans SET name = 'damaged', rev = 0 WHERE user_id = '{ana.id}';"
                f"DELETE FROM workout_plan_versions WHERE plan_id = '{plan_id}' AND version_number = 2")
    assert rows() != before
    for plan in (plan_id, deleted):
        rebuild(ana.id, plan)
    assert rows() == before


def test_events_cannot_be_changed(ana, service):
    plan_id = ana.CreatePlan(plan={"name": "A"})["id"]
    with pytest.raises(RuntimeError, match="append-only"):
        service.sql(f"UPDATE plan_events SET type = 'deleted' WHERE plan_id = '{plan_id}'")


def test_pages_of_large_plans_end_early(ana):
    """The documents of a page stay below the bound of a reply; walking through still gives each plan and version once."""
    exercise = ana.exercise("back squat")
    plan = {"name": "large", "exercises": [{"exerciseId": exercise, "notes": "\U0001f600" * 2000,
                                            "sets": [{"repsMin": 10, "weight": 100.123}] * 100}] * 50}
    made = [ana.CreatePlan(plan=plan | {"name": str(i)})["id"] for i in range(12)]
    seen, pages, token = [], 0, ""
    while pages == 0 or token:
        page = ana.ListPlans(pageSize=200, pageToken=token)
        seen += [p["id"] for p in page["plans"]]
        pages, token = pages + 1, page["nextPageToken"]
    assert sorted(seen) == sorted(made) and pages > 2
    for i in range(2, 10):
        changed = plan["exercises"][0] | {"notes": "\U0001f600" * (2000 - i)}
        ana.update_plan(made[0], f'"v{i - 1}"', "exercises", exercises=[changed] * 50)
    versions, pages, token = [], 0, ""
    while pages == 0 or token:
        page = ana.ListPlanVersions(planId=made[0], pageSize=200, pageToken=token)
        versions += [v["versionNumber"] for v in page["versions"]]
        pages, token = pages + 1, page["nextPageToken"]
    assert versions == list(range(9, 0, -1)) and pages > 1


def test_versions_of_one_user_are_bounded(service, ana):
    plan = ana.CreatePlan(plan=plan_of(ana))
    service.sql("INSERT INTO plan_events (plan_id, seq, user_id, type, created_by, rev, created_at) SELECT gen_random_uuid(), 1,"
                f" '{ana.id}', 'created', 'user', 1, now() FROM generate_series(1, 19998)")
    change = lambda name: {"planId": plan["id"], "plan": {"name": name}, "updateMask": "name"}  # noqa: E731
    ana.call("UpdatePlan", change("the last"), [("fit-if-match", '"v1"')])
    for method, request in (("UpdatePlan", change("one more")), ("CreatePlan", {"plan": plan_of(ana)})):
        refused = ana.fails(method, request, [("fit-if-match", '"v2"')])
        assert (refused.status, refused.reason) == ("FAILED_PRECONDITION", "QUOTA_EXCEEDED")
    ana.DeletePlan(planId=plan["id"])
    assert service.sql(f"SELECT count(*) FROM plan_events WHERE user_id = '{ana.id}'") == "20001"
