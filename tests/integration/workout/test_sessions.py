# SPDX-License-Identifier: Apache-2.0
"""Training sessions and sets: life, states, refusals, and the traces of each change."""
import datetime
import uuid

import pytest

from workout_service import key


def kinds(athlete):
    return [kind for kind, _ in athlete.outbox()]


@pytest.fixture
def squat(ana):
    return ana.exercise("back squat")


@pytest.fixture
def bench(ana):
    return ana.exercise("bench press")


@pytest.fixture
def session(ana):
    return ana.CreateSession(session={})["id"]


def test_a_session_from_a_plan(ana, squat, bench):
    plan = ana.CreatePlan(plan={"name": "A", "exercises": [
        {"exerciseId": squat, "sets": [{"repsMin": 5}]}, {"exerciseId": bench, "day": 1},
        {"exerciseId": ana.exercise("dip"), "day": 2}]})
    one = ana.CreateSession(session={"planId": plan["id"]})
    assert ana.header["fit-etag"] == '"v1"'
    assert one["status"] == "in_progress" and one["planVersion"] == 1 and one["userId"] == ana.id
    assert [e["exerciseId"] for e in one["exercises"]] == [squat, bench]
    assert all(uuid.UUID(e["entryId"]) and e["sets"] == [] for e in one["exercises"])
    two = ana.CreateSession(session={"planId": plan["id"], "planDay": 2})
    assert [e["exerciseId"] for e in two["exercises"]] == [ana.exercise("dip")]
    assert ana.GetSession(sessionId=one["id"]) == one
    assert kinds(ana) == ["planCreated", "sessionStarted", "sessionStarted"]
    assert ana.synced()[1:] == [("session", one["id"], False), ("session", two["id"], False)]
    # The plan may go, the session stays.
    ana.DeletePlan(planId=plan["id"])
    assert ana.GetSession(sessionId=one["id"])["planId"] == plan["id"]


def test_log_correct_and_remove_sets(ana, session, squat):
    first = ana.AddSet(sessionId=session, set={"exerciseId": squat, "reps": 5, "weight": 100, "rpe": 8.5, "restTime": 120,
                                              "notes": "smooth"})
    assert (first["setNumber"], first["type"], first["sessionId"], first["exerciseId"]) == (1, "normal", session, squat)
    assert first["e1rm"] == 121.667 and first["e1rmConfidence"] == "medium" and first["records"] == []
    second = ana.AddSet(sessionId=session, set={"entryId": first["entryId"], "reps": 3, "weight": 110})
    assert second["setNumber"] == 2 and second["entryId"] == first["entryId"] and second["exerciseId"] == squat
    third = ana.AddSet(sessionId=session, set={"exerciseId": squat.upper(), "type": "warmup", "reps": 10, "weight": 20})
    assert third["setNumber"] == 3 and "e1rm" not in third
    got = ana.GetSession(sessionId=session)
    assert ana.header["fit-etag"] == '"v4"'
    assert [s["setId"] for s in got["exercises"][0]["sets"]] == [s["setId"] for s in (first, second, third)]
    assert got["exercises"][0]["sets"][0]["notes"] == "smooth"
    assert datetime.datetime.fromisoformat(first["completedAt"].replace("Z", "+00:00"))
    changed = ana.UpdateSet(sessionId=session, setId=second["setId"], set={"reps": 4}, updateMask="reps,rpe,notes")
    assert (changed["reps"], changed["weight"], changed["notes"], changed["setNumber"]) == (4, 110, "", 2)
    ana.DeleteSet(sessionId=session, setId=first["setId"])
    got = ana.GetSession(sessionId=session)
    assert [(s["setNumber"], s["reps"]) for s in got["exercises"][0]["sets"]] == [(1, 4), (2, 10)]
    assert got["version"] == 6
    assert kinds(ana) == ["sessionStarted"] + ["setLogged"] * 3 + ["setCorrected", "setRemoved"]
    assert ana.outbox()[1][1] == {"sessionId": session, "setId": first["setId"], "exerciseId": squat, "reps": 5,
                                 "weightG": "100000", "rpeHalves": 17, "setType": "normal"}
    assert ana.synced() == [("session", session, False)] * 6
    assert "smooth" not in str(ana.outbox()), "no free text in events"


def test_a_finished_session_from_an_offline_phone(ana, squat):
    ids = [str(uuid.uuid4()) for _ in range(3)]
    body = {"id": ids[0], "name": "Morning", "startedAt": "2026-11-02T07:00:00Z", "completedAt": "2026-11-02T07:50:30.250Z",
            "environmentData": {"temperature": -3.5, "humidity": 40,
                                "location": {"type": "Point", "coordinates": [13.4, 52.5]}},
            "userFeedback": {"difficulty": 7, "enjoyment": 9, "energyLevel": 6, "notes": "ok"},
            "exercises": [{"entryId": ids[1], "exerciseId": squat, "sets": [
                {"setId": ids[2], "reps": 5, "weight": 100, "completedAt": "2026-11-02T07:05:00Z"},
                {"reps": 5, "weight": 100, "type": "warmup"}, {"reps": 5, "weight": 102.5}]}]}
    made = ana.CreateSession(session=body)
    assert made["status"] == "completed" and made["duration"] == 3030
    assert made["completedAt"] == "2026-11-02T07:50:30.250Z"
    assert made["environmentData"]["location"] == {"type": "Point", "coordinates": [13.4, 52.5]}
    assert ana.CreateSession(session=body)["id"] == ids[0], "sent again"
    assert kinds(ana) == ["sessionStarted"] + ["setLogged"] * 3 + ["sessionCompleted"]
    done = ana.outbox()[-1][1]
    assert (done["sets"], done["reps"], done["volumeLoadG"], done["duration"]) == (2, 10, "1012500", 3030)
    assert ana.synced() == [("session", ids[0], False)]
    failure = ana.fails("CreateSession", {"session": body | {"name": "Evening"}})
    assert (failure.status, failure.reason) == ("ALREADY_EXISTS", "ID_TAKEN")


def test_complete(ana, session, squat):
    ana.AddSet(sessionId=session, set={"exerciseId": squat, "reps": 5, "weight": 100})
    done = ana.CompleteSession(sessionId=session, userFeedback={"difficulty": 8})
    assert done["status"] == "completed" and done["completedAt"] and done["userFeedback"]["difficulty"] == 8
    again = ana.fails("CompleteSession", {"sessionId": session})
    assert (again.status, again.reason) == ("FAILED_PRECONDITION", "STATE_CONFLICT")
    late = ana.fails("AddSet", {"sessionId": session, "set": {"exerciseId": squat, "reps": 5, "weight": 100}})
    assert (late.status, late.reason) == ("FAILED_PRECONDITION", "STATE_CONFLICT")
    entry = done["exercises"][0]
    for name, more in (("SkipExercise", {}), ("SwapExercise", {"exerciseId": ana.exercise("dip")})):
        assert ana.fails(name, {"sessionId": session, "entryId": entry["entryId"]} | more).reason == "STATE_CONFLICT"
    # What was done can still be corrected.
    ana.UpdateSet(sessionId=session, setId=entry["sets"][0]["setId"], set={"weight": 101}, updateMask="weight")
    assert kinds(ana)[-2:] == ["sessionCompleted", "setCorrected"]


COACH = [("fit-actor", "ai")]


def test_only_the_coach_is_the_ai(ana, squat, bench):
    made = ana.CreateSession(session={"exercises": [{"exerciseId": squat}, {"exerciseId": bench}]})
    entries = [e["entryId"] for e in made["exercises"]]
    swap = {"sessionId": made["id"], "entryId": entries[0], "exerciseId": ana.exercise("dip"), "modifiedBy": "ai"}
    skip = {"sessionId": made["id"], "entryId": entries[1], "modifiedBy": "ai"}
    for name, request in (("SwapExercise", swap), ("SkipExercise", skip)):
        for metadata in ([], [("fit-actor", "user")]):
            e = ana.fails(name, request, metadata)
            assert (e.status, e.fields) == ("INVALID_ARGUMENT", ["modifiedBy"])
    claimed = {"exercises": [{"exerciseId": squat}, {"exerciseId": bench, "modifications": {"modifiedBy": "ai"}}]}
    e = ana.fails("CreateSession", {"session": claimed})
    assert (e.status, e.fields) == ("INVALID_ARGUMENT", ["exercises[1].modifications.modifiedBy"])
    assert kinds(ana) == ["sessionStarted"] and ana.GetSession(sessionId=made["id"])["version"] == 1
    assert ana.call("SwapExercise", swap, COACH)["exercises"][0]["modifications"]["modifiedBy"] == "ai"
    assert ana.call("SkipExercise", skip, COACH)["exercises"][1]["modifications"]["modifiedBy"] == "ai"


def test_swap_and_skip(ana, squat, bench):
    dip, push = ana.exercise("dip"), ana.exercise("push-up")
    made = ana.CreateSession(session={"exercises": [{"exerciseId": squat}, {"exerciseId": bench}]})
    session, entries = made["id"], [e["entryId"] for e in made["exercises"]]
    got = ana.SwapExercise(sessionId=session, entryId=entries[1], exerciseId=dip, reason="bench taken")
    assert [e["exerciseId"] for e in got["exercises"]] == [squat, dip]
    assert got["exercises"][1]["entryId"] == entries[1]
    assert got["exercises"][1]["modifications"] == {"originalExercise": bench, "reason": "bench taken", "modifiedBy": "user"}
    got = ana.SwapExercise(sessionId=session, entryId=entries[1], exerciseId=push, modifiedBy="user")
    assert got["exercises"][1]["modifications"]["originalExercise"] == bench, "still what the plan had"
    # With sets logged, the new exercise follows.
    ana.AddSet(sessionId=session, set={"exerciseId": squat, "reps": 5, "weight": 60})
    got = ana.SwapExercise(sessionId=session, entryId=entries[0], exerciseId=ana.exercise("leg press"))
    assert [e["exerciseId"] for e in got["exercises"]] == [squat, ana.exercise("leg press"), push]
    assert len(got["exercises"][0]["sets"]) == 1 and got["exercises"][1]["sets"] == []
    got = ana.SkipExercise(sessionId=session, entryId=entries[1], reason="tired")
    assert got["exercises"][2]["skipped"] and got["exercises"][2]["modifications"]["reason"] == "tired"
    ana.AddSet(sessionId=session, set={"entryId": entries[1], "reps": 10})
    assert not ana.GetSession(sessionId=session)["exercises"][2]["skipped"], "done after all"
    assert kinds(ana) == ["sessionStarted", "exerciseSwapped", "exerciseSwapped", "setLogged", "exerciseSwapped",
                          "exerciseSkipped", "setLogged"]
    assert "bench taken" not in str(ana.outbox()) and "tired" not in str(ana.outbox())
    assert ana.fails("SwapExercise", {"sessionId": session, "entryId": entries[0], "exerciseId": squat}).fields == [
        "exerciseId"]
    unknown = ana.fails("SwapExercise", {"sessionId": session, "entryId": entries[0], "exerciseId": str(uuid.uuid4())})
    assert unknown.reason == "REFERENCE_INVALID"
    for name, more in (("SkipExercise", {}), ("SwapExercise", {"exerciseId": dip})):
        failure = ana.fails(name, {"sessionId": session, "entryId": str(uuid.uuid4())} | more)
        assert failure.status == "NOT_FOUND"
    for type_, complexity in (("swap", "simple"), ("swap", "compound"), ("skip", "simple")):
        line = f'workout_modifications_total{{type="{type_}",complexity="{complexity}",success="true"}} '
        assert line in ana.service.metrics()


def test_update(ana, squat):
    made = ana.CreateSession(session={"startedAt": "2026-11-02T07:00:00Z", "completedAt": "2026-11-02T08:00:00Z",
                                      "environmentData": {"temperature": 20, "humidity": 50}, "name": "A"})
    session = made["id"]

    def update(mask, metadata=(), **body):
        return ana.call("UpdateSession", {"sessionId": session, "session": body, "updateMask": mask}, metadata)

    # What a merge patch of a nested object becomes: only the member that is named changes.
    got = update("environmentData,environmentData.humidity", environmentData={"humidity": 60})
    assert got["environmentData"] == {"temperature": 20.0, "humidity": 60.0}
    got = update("environmentData,name")
    assert "environmentData" not in got and got["name"] == ""
    got = update("startedAt,userFeedback", startedAt="2026-11-02T07:30:00Z", userFeedback={"difficulty": 3})
    assert got["duration"] == 1800 and got["userFeedback"]["difficulty"] == 3 and got["version"] == 4
    assert update("", [("fit-if-match", '"v4"')])["version"] == 4, "an empty patch changes nothing"
    assert kinds(ana).count("sessionChanged") == 3 and len(ana.synced()) == 4
    for mask, body, field in (("startedAt", {"startedAt": "2026-11-02T09:00:00Z"}, "completedAt"),
                              ("startedAt", {"startedAt": "1969-01-01T00:00:00Z"}, "startedAt"),
                              ("completedAt", {"completedAt": "2030-01-01T00:00:00Z"}, "completedAt"),
                              ("startedAt", {}, "started_at"), ("status", {"status": "x"}, "status"),
                              ("exercises", {}, "exercises")):
        request = {"sessionId": session, "session": body, "updateMask": mask}
        assert ana.fails("UpdateSession", request).fields == [field], mask
    stale = ana.fails("UpdateSession", {"sessionId": session, "session": {}, "updateMask": "name"},
                      [("fit-if-match", '"v1"')])
    assert stale.reason == "ETAG_MISMATCH"
    assert ana.GetSession(sessionId=session) == got


@pytest.mark.parametrize("change,field", [
    ({"id": "x"}, "id"),
    ({"planId": "x"}, "planId"),
    ({"planId": "11111111-1111-4111-8111-111111111111"}, "planId"),
    ({"startedAt": "1969-12-31T23:59:59Z"}, "startedAt"),
    ({"startedAt": "2100-01-01T00:00:00Z"}, "startedAt"),
    ({"startedAt": "2026-11-02T07:00:00Z", "completedAt": "2026-11-02T06:00:00Z"}, "completedAt"),
    ({"startedAt": "2026-11-02T07:00:00Z", "completedAt": "2026-11-12T06:00:00Z"}, "completedAt"),
    ({"environmentData": {"location": {"type": "Point", "coordinates": [1, 91]}}}, "environmentData.location.coordinates"),
    ({"environmentData": {"location": {"type": "Line", "coordinates": [1, 1]}}}, "session.environmentData.location.type"),
    ({"userFeedback": {"difficulty": 11}}, "session.userFeedback.difficulty"),
    ({"name": "x" * 121}, "session.name"),
    ({"exercises": [{"exerciseId": "11111111-1111-4111-8111-111111111111"}] * 51}, "session.exercises"),
    ({"exercises": [{"exerciseId": "11111111-1111-4111-8111-111111111111"}]}, "exercises[0].exerciseId"),
])
def test_create_refuses(ana, change, field):
    failure = ana.fails("CreateSession", {"session": change})
    assert failure.status == "INVALID_ARGUMENT" and failure.fields[0] == field, failure
    assert ana.ListSessions()["sessions"] == [] and ana.outbox() == [] and ana.synced() == []


def test_create_refuses_doubled_ids_and_too_many_sets(ana, squat):
    one = str(uuid.uuid4())
    sets = [{"setId": one, "reps": 5}]
    assert ana.fails("CreateSession", {"session": {"exercises": [
        {"exerciseId": squat, "entryId": one}, {"exerciseId": squat, "entryId": one.upper()}]}}).fields == [
            "exercises[1].entryId"]
    assert ana.fails("CreateSession", {"session": {"exercises": [
        {"exerciseId": squat, "sets": sets}, {"exerciseId": squat, "sets": sets}]}}).fields[0].startswith("exercises[1].sets[0]")
    many = [{"exerciseId": squat, "sets": [{"reps": 5}] * 100}] * 5
    assert ana.fails("CreateSession", {"session": {"exercises": many + [
        {"exerciseId": squat, "sets": [{"reps": 5}]}]}}).fields == ["exercises"]
    full = ana.CreateSession(session={"exercises": many})
    more = ana.fails("AddSet", {"sessionId": full["id"], "set": {"exerciseId": squat, "reps": 5}})
    assert (more.status, more.reason) == ("FAILED_PRECONDITION", "QUOTA_EXCEEDED")
    assert len(ana.outbox()) == 501


@pytest.mark.parametrize("change,field", [
    ({"reps": 1001}, "set.reps"), ({"weight": 1000.001}, "set.weight"), ({"weight": -1}, "set.weight"),
    ({"weight": 0.0001}, "weight"), ({"rpe": 7.25}, "rpe"), ({"rpe": 0.5}, "set.rpe"), ({"rpe": 10.5}, "set.rpe"),
    ({"restTime": 3601}, "set.restTime"), ({"notes": "x" * 2001}, "set.notes"), ({"type": "fun"}, "set.type"),
    ({"setId": "x"}, "setId"), ({"completedAt": "2100-01-01T00:00:00Z"}, "completedAt"),
    ({"weight": "NaN"}, "set.weight"), ({"reps": 0, "weight": 0}, "reps"), ({"exerciseId": ""}, "exerciseId"),
    ({"exerciseId": "11111111-1111-4111-8111-111111111111"}, "exerciseId"),
])
def test_add_set_refuses(ana, session, squat, change, field):
    failure = ana.fails("AddSet", {"sessionId": session, "set": {"exerciseId": squat, "reps": 5, "weight": 100} | change})
    assert failure.status == "INVALID_ARGUMENT" and failure.fields == [field], failure
    assert ana.GetSession(sessionId=session)["exercises"] == [] and len(ana.outbox()) == 1


def test_update_set_refuses(ana, session, squat):
    made = ana.AddSet(sessionId=session, set={"exerciseId": squat, "reps": 5, "weight": 100})
    before = ana.GetSession(sessionId=session)
    for mask, body, field in (("weight", {"weight": 0.0001}, "weight"), ("rpe", {"rpe": 9.1}, "rpe"),
                              ("setNumber", {}, "set_number"), ("reps,weight", {}, "reps")):
        assert ana.fails("UpdateSet", {"sessionId": session, "setId": made["setId"], "set": body,
                                       "updateMask": mask}).fields == [field], mask
    assert ana.fails("UpdateSet", {"sessionId": session, "setId": str(uuid.uuid4()), "set": {},
                                   "updateMask": "reps"}).status == "NOT_FOUND"
    assert ana.fails("DeleteSet", {"sessionId": session, "setId": str(uuid.uuid4())}).status == "NOT_FOUND"
    assert ana.fails("AddSet", {"sessionId": session, "set": {"entryId": str(uuid.uuid4()), "reps": 1}}).status == "NOT_FOUND"
    assert ana.fails("AddSet", {"sessionId": session, "set": {
        "entryId": made["entryId"], "exerciseId": ana.exercise("dip"), "reps": 1}}).fields == ["exerciseId"]
    assert ana.GetSession(sessionId=session) == before
    assert ana.UpdateSet(sessionId=session, setId=made["setId"], set={}, updateMask="")["reps"] == 5
    assert ana.GetSession(sessionId=session) == before


def test_sets_with_ids_of_the_client(ana, session, squat):
    body = {"setId": str(uuid.uuid4()), "exerciseId": squat, "reps": 5, "weight": 100, "completedAt": "2026-11-02T07:00:00Z"}
    made = ana.AddSet(sessionId=session, set=body)
    assert ana.AddSet(sessionId=session, set=body) == made
    assert len(ana.outbox()) == 2 and len(ana.synced()) == 2
    for change in ({"reps": 6}, {"weight": 101}, {"exerciseId": ana.exercise("dip")}, {"completedAt": "2026-11-02T07:00:01Z"}):
        failure = ana.fails("AddSet", {"sessionId": session, "set": body | change})
        assert (failure.status, failure.reason) == ("ALREADY_EXISTS", "ID_TAKEN"), change
    ana.CompleteSession(sessionId=session)
    assert ana.AddSet(sessionId=session, set=body) == made, "it was logged before the session ended"


def test_idempotency_keys(ana, session, squat):
    request = {"sessionId": session, "set": {"exerciseId": squat, "reps": 5, "weight": 100}}
    made = ana.call("AddSet", request, key("s1", 1))
    assert ana.call("AddSet", request, key("s1", 1)) == made
    assert ana.fails("AddSet", request, key("s1", 2)).reason == "IDEMPOTENCY_KEY_REUSED"
    assert ana.fails("CompleteSession", {"sessionId": session}, key("s1", 1)).reason == "IDEMPOTENCY_KEY_REUSED"
    done = ana.call("CompleteSession", {"sessionId": session}, key("c1", 1))
    assert ana.call("CompleteSession", {"sessionId": session}, key("c1", 1)) == done
    assert ana.header["fit-etag"] == '"v3"'
    started = ana.call("CreateSession", {"session": {}}, key("n1", 1))
    assert ana.call("CreateSession", {"session": {}}, key("n1", 1)) == started
    assert kinds(ana) == ["sessionStarted", "setLogged", "sessionCompleted", "sessionStarted"]
    assert len(ana.synced()) == 4


def test_an_answer_stands_though_what_it_was_made_of_is_gone(ana, service, squat):
    plan = ana.CreatePlan(plan={"name": "A", "exercises": [{"exerciseId": squat}]})
    calls = [("CreateSession", {"session": {"planId": plan["id"]}}, []),
             ("ClonePlan", {"planId": plan["id"], "name": "B"}, []),
             ("CreatePlan", {"plan": {"name": "C", "exercises": [{"exerciseId": squat}]}}, []),
             ("RestorePlan", {"planId": plan["id"], "versionNumber": 1}, [("fit-if-match", '"v1"')])]
    session = ana.CreateSession(session={})["id"]
    calls += [("AddSet", {"sessionId": session, "set": {"exerciseId": squat, "reps": 1}}, [])]
    answers = [ana.call(name, request, more + key(name, 1)) for name, request, more in calls]
    ana.DeletePlan(planId=plan["id"])
    service.sql(f"UPDATE exercises SET deleted_at = now() WHERE id = '{squat}'")
    try:
        before = len(ana.outbox())
        assert [ana.call(name, request, more + key(name, 1)) for name, request, more in calls] == answers
        for name, request, more in calls:
            assert ana.fails(name, request, more + key(name, 2)).reason == "IDEMPOTENCY_KEY_REUSED"
            fresh = ana.fails(name, request, more + key(f"new {name}", 1))
            assert fresh.status == "NOT_FOUND" or fresh.reason == "REFERENCE_INVALID", name
        assert len(ana.outbox()) == before
    finally:
        service.sql(f"UPDATE exercises SET deleted_at = NULL WHERE id = '{squat}'")


def test_sets_logged_at_the_same_time_are_all_there(ana, session, squat):
    calls = [ana.service.future("AddSet", {"sessionId": session, "set": {"exerciseId": squat, "reps": i + 1, "weight": 50}},
                                ana.id) for i in range(16)]
    assert [c.code().name for c in calls] == ["OK"] * 16
    sets = ana.GetSession(sessionId=session)["exercises"][0]["sets"]
    assert sorted(s["reps"] for s in sets) == list(range(1, 17))
    assert [s["setNumber"] for s in sets] == list(range(1, 17))
    assert kinds(ana) == ["sessionStarted"] + ["setLogged"] * 16 and len(ana.synced()) == 17


def test_delete(ana, session, squat):
    ana.AddSet(sessionId=session, set={"exerciseId": squat, "reps": 5, "weight": 100})
    ana.DeleteSession(sessionId=session)
    for name in ("GetSession", "DeleteSession", "CompleteSession"):
        assert ana.fails(name, {"sessionId": session}).status == "NOT_FOUND"
    assert ana.ListSessions()["sessions"] == []
    assert kinds(ana)[-1] == "sessionDeleted" and ana.synced()[-1] == ("session", session, True)
    assert ana.fails("CreateSession", {"session": {"id": session}}).reason == "ID_TAKEN"


def test_other_peoples_sessions_are_not_there(ana, ben, session, squat):
    made = ana.AddSet(sessionId=session, set={"exerciseId": squat, "reps": 5, "weight": 100})
    before = ana.GetSession(sessionId=session)
    plan = ana.CreatePlan(plan={"name": "mine"})
    for name, more in (("GetSession", {}), ("DeleteSession", {}), ("CompleteSession", {}),
                       ("UpdateSession", {"session": {"name": "x"}, "updateMask": "name"}),
                       ("AddSet", {"set": {"exerciseId": squat, "reps": 1}}),
                       ("UpdateSet", {"setId": made["setId"], "set": {"reps": 1}, "updateMask": "reps"}),
                       ("DeleteSet", {"setId": made["setId"]}), ("SkipExercise", {"entryId": made["entryId"]}),
                       ("SwapExercise", {"entryId": made["entryId"], "exerciseId": squat})):
        assert ben.fails(name, {"sessionId": session} | more).status == "NOT_FOUND", name
        assert ana.fails(name, {"sessionId": str(uuid.uuid4())} | more).status == "NOT_FOUND", name
    taken = ben.fails("CreateSession", {"session": {"id": session}})
    assert (taken.status, taken.reason) == ("ALREADY_EXISTS", "ID_TAKEN")
    foreign = ben.fails("CreateSession", {"session": {"planId": plan["id"]}})
    assert (foreign.reason, foreign.fields) == ("REFERENCE_INVALID", ["planId"])
    assert ben.ListSessions()["sessions"] == [] and ben.outbox() == [] and ben.synced() == []
    assert ana.GetSession(sessionId=session) == before


def test_list_filters_and_pages(ana, squat, bench):
    made = {}
    for day in range(1, 8):
        made[day] = ana.train(squat if day % 2 else bench, [(5, 100)], f"2026-11-0{day}T10:00:00Z",
                              f"2026-11-0{day}T11:00:00Z" if day < 7 else None)["id"]

    def days(**request):
        return [day for s in ana.ListSessions(**request)["sessions"] for day, i in made.items() if i == s["id"]]

    assert days() == [7, 6, 5, 4, 3, 2, 1]
    assert days(status="in_progress") == [7]
    assert days(exerciseId=bench) == [6, 4, 2]
    assert days(**{"from": "2026-11-03T10:00:00Z", "to": "2026-11-05T10:00:00Z"}) == [4, 3]
    seen, token = [], ""
    while True:
        page = ana.ListSessions(pageSize=3, pageToken=token)
        seen += [s["id"] for s in page["sessions"]]
        token = page["nextPageToken"]
        if not token:
            break
    assert seen == [made[d] for d in range(7, 0, -1)]
    token = ana.ListSessions(pageSize=3)["nextPageToken"]
    assert ana.fails("ListSessions", {"pageSize": 3, "pageToken": token, "status": "completed"}).fields == ["pageToken"]


def test_a_page_of_long_sessions_stays_below_the_message_limit(ana, squat):
    long = {"exercises": [{"exerciseId": squat, "sets": [{"reps": 5, "notes": "x" * 2000}] * 100}] * 5}
    ids = [ana.CreateSession(session=long)["id"] for _ in range(4)]
    seen, token, pages = [], "", 0
    while True:
        page = ana.ListSessions(pageToken=token)
        seen += [s["id"] for s in page["sessions"]]
        token = page["nextPageToken"]
        pages += 1
        if not token:
            break
    assert seen == ids[::-1] and pages > 1


def test_sessions_of_one_user_are_bounded(service, ana, squat):
    first = ana.CreateSession(session={})
    service.sql("INSERT INTO workout_sessions SELECT gen_random_uuid(), user_id, plan_id, status, started_at, completed_at, version,"
                " document, created_at, updated_at, rev, CASE WHEN i % 2 = 0 THEN now() END FROM workout_sessions,"
                f" generate_series(1, 19998) i WHERE user_id = '{ana.id}'")
    last = ana.CreateSession(session={})
    refused = ana.fails("CreateSession", {"session": {}})
    assert (refused.status, refused.reason) == ("FAILED_PRECONDITION", "QUOTA_EXCEEDED")
    # What there is can be used on, and a repeat is no new one.
    ana.AddSet(sessionId=first["id"], set={"exerciseId": squat, "reps": 5})
    assert ana.CreateSession(session={"id": last["id"]})["id"] == last["id"]
    ana.DeleteSession(sessionId=last["id"])
    assert service.sql(f"SELECT count(*) FROM workout_sessions WHERE user_id = '{ana.id}'") == "20000"
