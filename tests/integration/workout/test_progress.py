# SPDX-License-Identifier: Apache-2.0
"""Progress and records: every number worked out by hand."""
import uuid

import pytest


@pytest.fixture
def squat(ana):
    return ana.exercise("back squat")


def weeks_of(reply):
    return {w["weekStart"]: w for w in reply["weeks"]}


def muscles(week):
    return {m["muscle"]: m["sets"] for m in week["muscleSets"]}


def test_weeks(ana, squat):
    bench = ana.exercise("bench press")
    # Monday, Wednesday and the next Monday.
    ana.train(squat, [(10, 20, 5), (5, 100, 8), (5, 102.5, 9)], "2026-11-02T10:00:00Z", "2026-11-02T11:00:00Z")
    second = ana.train(bench, [(8, 60), (8, 60), (6, 65)], "2026-11-04T10:00:00Z", "2026-11-04T10:30:00Z")
    ana.train(squat, [(3, 110)], "2026-11-09T10:00:00Z", "2026-11-09T10:15:00Z")
    # One in progress counts with its sets, not as a session.
    ana.train(squat, [(1, 120)], "2026-11-10T10:00:00Z")
    reply = ana.GetProgress(weeks=3, until="2026-11-11T00:00:00Z")
    assert [w["weekStart"] for w in reply["weeks"]] == ["2026-10-26", "2026-11-02", "2026-11-09"]
    empty, one, two = reply["weeks"]
    assert (empty["sessions"], empty["volumeLoad"], empty["sets"], empty["muscleSets"]) == (0, 0, 0, [])
    assert (one["sessions"], one["sets"], one["reps"], one["duration"]) == (2, 6, 42, 5400)
    # 10x20 + 5x100 + 5x102.5 + 8x60 + 8x60 + 6x65
    assert one["volumeLoad"] == 200 + 500 + 512.5 + 480 + 480 + 390
    # Squat: quadriceps, glutes direct; hamstrings, adductors, lower back help. Bench: chest; triceps, shoulders help.
    assert muscles(one) == {"quadriceps": 3, "glutes": 3, "chest": 3, "hamstrings": 1.5, "adductors": 1.5,
                            "lower_back": 1.5, "triceps": 1.5, "shoulders": 1.5}
    assert [m["sets"] for m in one["muscleSets"]] == sorted((m["sets"] for m in one["muscleSets"]), reverse=True)
    assert (two["sessions"], two["sets"], two["volumeLoad"]) == (1, 2, 330 + 120)
    assert (reply["sessions"], reply["sets"], reply["reps"], reply["duration"]) == (3, 8, 46, 6300)
    assert reply["volumeLoad"] == 2562.5 + 450
    assert reply["streak"] == {"currentWeeks": 2, "longestWeeks": 2}
    assert ana.GetProgress(until="2026-11-11T00:00:00Z", sessionsPerWeek=2)["streak"] == {
        "currentWeeks": 1, "longestWeeks": 1}, "last week had two; this week still has time"
    assert len(ana.GetProgress()["weeks"]) == 12
    # It follows what is corrected and deleted.
    entry = second["exercises"][0]["sets"]
    ana.UpdateSet(sessionId=second["id"], setId=entry[0]["setId"], set={"type": "warmup"}, updateMask="type")
    ana.DeleteSet(sessionId=second["id"], setId=entry[1]["setId"])
    week = weeks_of(ana.GetProgress(weeks=3, until="2026-11-11T00:00:00Z"))["2026-11-02"]
    assert (week["volumeLoad"], week["sets"], muscles(week)["chest"]) == (1212.5 + 390, 4, 1)
    ana.DeleteSession(sessionId=second["id"])
    week = weeks_of(ana.GetProgress(weeks=3, until="2026-11-11T00:00:00Z"))["2026-11-02"]
    assert (week["volumeLoad"], week["sets"], week["sessions"]) == (1212.5, 3, 1) and "chest" not in muscles(week)


def test_warm_ups_failed_sets_and_bodyweight(ana, squat):
    ana.CreateSession(session={"startedAt": "2026-11-02T10:00:00Z", "completedAt": "2026-11-02T11:00:00Z", "exercises": [
        {"exerciseId": squat, "sets": [{"reps": 10, "weight": 60, "type": "warmup"}, {"reps": 0, "weight": 150},
                                       {"reps": 5, "weight": 100, "type": "failure"}]},
        {"exerciseId": ana.exercise("pull-up"), "sets": [{"reps": 8}, {"reps": 5, "weight": 10}]},
        {"exerciseId": ana.exercise("plank"), "sets": [{"duration": 60}]}]})
    week = ana.GetProgress(weeks=1, until="2026-11-02T12:00:00Z")["weeks"][0]
    assert (week["sets"], week["reps"], week["volumeLoad"]) == (4, 18, 550)
    assert muscles(week)["lats"] == 2 and muscles(week)["abdominals"] == 1 and muscles(week)["quadriceps"] == 1


def test_weeks_belong_to_the_athletes_calendar(ana, squat):
    # Sunday 23:30 in Los Angeles is Monday 07:30 UTC; Monday 00:30 in Auckland is Sunday 11:30 UTC.
    ana.train(squat, [(5, 100)], "2026-11-09T07:30:00Z", "2026-11-09T08:00:00Z")
    for zone, week in (("", "2026-11-09"), ("UTC", "2026-11-09"), ("America/Los_Angeles", "2026-11-02"),
                       ("Europe/Berlin", "2026-11-09")):
        reply = ana.GetProgress(weeks=4, until="2026-11-15T12:00:00Z", timeZone=zone)
        assert [w["weekStart"] for w in reply["weeks"] if w["sessions"]] == [week], zone
        assert [w["weekStart"] for w in reply["weeks"] if w["sets"]] == [week], zone
    ana.train(squat, [(5, 100)], "2026-11-15T11:30:00Z", "2026-11-15T12:00:00Z")
    auckland = ana.GetProgress(weeks=2, until="2026-11-16T00:00:00Z", timeZone="Pacific/Auckland")
    assert [(w["weekStart"], w["sessions"]) for w in auckland["weeks"]] == [("2026-11-09", 1), ("2026-11-16", 1)]
    assert auckland["streak"] == {"currentWeeks": 2, "longestWeeks": 2}
    utc = ana.GetProgress(weeks=2, until="2026-11-15T13:00:00Z")
    assert [(w["weekStart"], w["sessions"]) for w in utc["weeks"]] == [("2026-11-02", 0), ("2026-11-09", 2)]
    # Clocks went back on Sunday 2026-10-25: 22:30 UTC was 23:30 in Berlin, in summer it would have been Monday.
    ana.train(squat, [(5, 100)], "2026-10-25T22:30:00Z", "2026-10-25T23:00:00Z")
    berlin = ana.GetProgress(weeks=4, until="2026-11-15T12:00:00Z", timeZone="Europe/Berlin")
    assert [(w["weekStart"], w["sessions"]) for w in berlin["weeks"]] == [
        ("2026-10-19", 1), ("2026-10-26", 0), ("2026-11-02", 0), ("2026-11-09", 2)]
    for zone in ("Mars/Phobos", "'; DROP TABLE exercises; --", "x" * 64):
        assert ana.fails("GetProgress", {"timeZone": zone}).fields == ["timeZone"]
    assert ana.fails("GetProgress", {"weeks": 105}).fields == ["weeks"]


def test_one_exercise_over_time(ana, squat):
    first = ana.train(squat, [(5, 100, 10), (5, 100, 8), (12, 60)], "2026-11-02T10:00:00Z", "2026-11-02T11:00:00Z")
    ana.train(squat, [(20, 50)], "2026-11-04T10:00:00Z")
    ana.train(squat, [(12, 80, 10)], "2026-11-06T10:00:00Z")
    ana.train(squat, [(1, 115)], "2026-11-09T10:00:00Z")
    reply = ana.GetExerciseProgress(exerciseId=squat)
    points = reply["points"]
    assert [p["time"] for p in points] == [f"2026-11-0{d}T10:00:00Z" for d in (2, 4, 6, 9)]
    assert points[0]["sessionId"] == first["id"]
    # 5 @ RPE 8 is 7 effective repetitions: 100 (1 + 7/30)
    assert (points[0]["e1rm"], points[0]["e1rmConfidence"]) == (123.333, "medium")
    assert (points[0]["volumeLoad"], points[0]["maxWeight"], points[0]["sets"], points[0]["reps"]) == (1720, 100, 3, 22)
    assert "e1rm" not in points[1], "twenty repetitions tell nothing"
    assert (points[2]["e1rm"], points[2]["e1rmConfidence"]) == (115.2, "low")  # 80 x 36 / 25
    assert (points[3]["e1rm"], points[3]["e1rmConfidence"]) == (115, "high")
    best = reply["best"]
    assert (best["e1rm"], best["volumeLoad"], best["maxWeight"], best["maxReps"]) == (123.333, 1720, 115, 20)
    assert {b["kind"]: (b["weight"], b["reps"]) for b in best["brackets"]} == {
        "weight_1": (115, 1), "weight_4_6": (100, 5), "weight_11_15": (80, 12), "weight_16": (50, 20)}
    part = ana.GetExerciseProgress(**{"exerciseId": squat, "from": "2026-11-04T10:00:00Z", "to": "2026-11-09T10:00:00Z"})
    assert len(part["points"]) == 2 and part["best"] == best, "bests are of all time"
    nothing = ana.GetExerciseProgress(exerciseId=ana.exercise("dip"))
    assert nothing["points"] == [] and nothing["best"]["maxWeight"] == 0
    assert ana.fails("GetExerciseProgress", {"exerciseId": str(uuid.uuid4())}).status == "NOT_FOUND"


def test_a_record_beats_an_earlier_session(ana, ben, squat):
    ana.train(squat, [(5, 100, 10), (5, 110, 10)], "2026-11-02T10:00:00Z")
    assert ana.records() == {}, "the first time is none"
    ana.train(squat, [(5, 110, 10)], "2026-11-04T10:00:00Z")
    assert ana.records() == {}, "a tie is none"
    today = ana.train(squat, [(8, 80, 10)], "2026-11-06T10:00:00Z")
    assert ana.records() == {}, "nothing to beat in this bracket"
    made = ana.AddSet(sessionId=today["id"], set={"exerciseId": squat, "reps": 4, "weight": 112.5, "rpe": 9})
    # 4 @ RPE 9: 112.5 (1 + 5/30) = 131.25, before 110 (1 + 5/30) = 128.333
    assert sorted(made["records"]) == ["e1rm", "weight_4_6"]
    records = ana.records()
    assert {k: (r["value"], r["previousValue"], r["reps"], r["weight"]) for k, r in records.items()} == {
        "e1rm": (131.25, 128.333, 4, 112.5), "weight_4_6": (112.5, 110, 4, 112.5)}
    assert all(r["sessionId"] == today["id"] and r["setId"] == made["setId"] and r["exerciseId"] == squat
               and r["achievedAt"] == "2026-11-06T10:00:00Z" for r in records.values())
    kinds = [k for k, _ in ana.outbox()]
    assert kinds[-3:] == ["setLogged", "recordSet", "recordSet"]
    assert {(e["kind"], e["valueG"], e["previousValueG"]) for k, e in ana.outbox() if k == "recordSet"} == {
        ("e1rm", "131250", "128333"), ("weight_4_6", "112500", "110000")}
    assert sorted(ana.synced()[-3:]) == sorted([("session", today["id"], False)] + [
        ("record", r["id"], False) for r in records.values()])
    got = ana.GetSession(sessionId=today["id"])["exercises"][0]["sets"]
    assert [sorted(s["records"]) for s in got] == [[], ["e1rm", "weight_4_6"]]
    assert ben.records() == {} and ana.records(exerciseId=squat) == records
    assert ana.records(exerciseId=ana.exercise("dip")) == {}


def test_records_follow_corrections_and_deletions(ana, squat):
    first = ana.train(squat, [(5, 100)], "2026-11-02T10:00:00Z")
    second = ana.train(squat, [(5, 105)], "2026-11-04T10:00:00Z")
    third = ana.train(squat, [(5, 110)], "2026-11-06T10:00:00Z")
    assert (ana.records()["weight_4_6"]["value"], ana.records()["weight_4_6"]["previousValue"]) == (110, 105)
    record = ana.records()["weight_4_6"]["id"]
    set_of = {s["id"]: s["exercises"][0]["sets"][0]["setId"] for s in (first, second, third)}

    def correct(session, **change):
        return ana.UpdateSet(sessionId=session["id"], setId=set_of[session["id"]], set=change,
                             updateMask=",".join(change))

    assert correct(third, weight=104)["records"] == []
    assert ana.records()["weight_4_6"]["sessionId"] == second["id"], "the one before holds it again"
    assert ana.records()["weight_4_6"]["id"] == record
    correct(first, weight=107.5)
    assert ana.records() == {}, "the first session was the best, and a first time is none"
    assert ("record", record, True) in ana.synced() and [k for k, _ in ana.outbox()][-1] == "recordLost"
    assert sorted(correct(third, weight=120)["records"]) == ["e1rm", "weight_4_6"]
    assert ana.records()["weight_4_6"]["previousValue"] == 107.5
    correct(third, type="warmup")
    assert ana.records() == {}
    correct(third, type="normal")
    # A late session of an earlier day changes what was beaten, and may take the record away.
    late = ana.train(squat, [(5, 115)], "2026-11-05T10:00:00Z")
    assert ana.records()["weight_4_6"]["previousValue"] == 115
    ana.UpdateSession(sessionId=late["id"], session={"startedAt": "2026-11-08T10:00:00Z"}, updateMask="startedAt")
    assert ana.records()["weight_4_6"]["previousValue"] == 107.5
    ana.DeleteSession(sessionId=third["id"])
    assert ana.records()["weight_4_6"]["sessionId"] == late["id"]
    ana.DeleteSet(sessionId=late["id"], setId=late["exercises"][0]["sets"][0]["setId"])
    assert ana.records() == {}
    assert [p["maxWeight"] for p in ana.GetExerciseProgress(exerciseId=squat)["points"]] == [107.5, 105]


def told(athlete, kind="weight_4_6"):
    """What the events say of one kind of record: (type, value in grams), oldest first."""
    return [(t, e.get("valueG")) for t, e in athlete.outbox() if t.startswith("record") and e["kind"] == kind]


def test_only_a_higher_value_is_news(ana, squat):
    ana.train(squat, [(5, 90)], "2026-11-02T10:00:00Z")
    ana.train(squat, [(5, 95)], "2026-11-04T10:00:00Z")
    third = ana.train(squat, [(5, 100)], "2026-11-06T10:00:00Z")
    news = [("recordSet", "95000"), ("recordSet", "100000")]
    assert told(ana) == news
    ana.DeleteSet(sessionId=third["id"], setId=third["exercises"][0]["sets"][0]["setId"])
    assert told(ana)[2:] == [("recordCorrected", "95000")], "it was told when it was lifted"
    ana.AddSet(sessionId=third["id"], set={"exerciseId": squat, "reps": 5, "weight": 97})
    assert told(ana)[3:] == [("recordSet", "97000")]
    # Only what was beaten changes.
    ana.train(squat, [(5, 96)], "2026-11-05T10:00:00Z")
    assert told(ana)[4:] == [("recordCorrected", "97000")]


def test_a_record_that_comes_back_is_no_news(ana, squat):
    first = ana.train(squat, [(5, 90)], "2026-11-02T10:00:00Z")
    second = ana.train(squat, [(5, 95)], "2026-11-04T10:00:00Z")

    def correct(session, **change):
        ana.UpdateSet(sessionId=session["id"], setId=session["exercises"][0]["sets"][0]["setId"], set=change,
                      updateMask=",".join(change))
    correct(first, weight=98)
    correct(first, weight=90)
    assert told(ana) == [("recordSet", "95000"), ("recordLost", None), ("recordCorrected", "95000")]
    correct(second, type="warmup")
    ana.train(squat, [(5, 93)], "2026-11-06T10:00:00Z")
    assert told(ana)[3:] == [("recordLost", None), ("recordSet", "93000")], "another set, though a lower value"


def test_help_is_no_load(ana, ben):
    help_ = ana.exercise("assisted pull-up")
    first = ana.train(help_, [(8, 60)], "2026-11-02T10:00:00Z", completed="2026-11-02T11:00:00Z")
    assert first["exercises"][0]["tracking"] == "assisted"
    second = ana.CreateSession(session={"startedAt": "2026-11-04T10:00:00Z",
                                        "exercises": [{"exerciseId": help_, "tracking": "weight_reps"}]})
    for kg in (20, 90):
        made = ana.AddSet(sessionId=second["id"], set={"exerciseId": help_, "reps": 8, "weight": kg})
        assert "e1rm" not in made and made["records"] == [] and made["weight"] == kg
    assert ana.records() == {} and told(ana, "weight_7_10") == []
    reply = ana.GetExerciseProgress(exerciseId=help_)
    assert [(p["reps"], p["volumeLoad"], p["maxWeight"], "e1rm" in p) for p in reply["points"]] == [
        (8, 0, 0, False), (16, 0, 0, False)]
    assert reply["best"]["brackets"] == [] and "e1rm" not in reply["best"]
    week = ana.GetProgress(until="2026-11-05T10:00:00Z", weeks=1)
    assert (week["sets"], week["reps"], week["volumeLoad"]) == (3, 24, 0)
    done = next(e for t, e in ana.outbox() if t == "sessionCompleted")
    assert (done["reps"], done.get("volumeLoadG")) == (8, None)
    # Swapped to something that is lifted: from there on the weight is load.
    pulldown = ben.exercise("lat pulldown")
    session = ben.CreateSession(session={"exercises": [{"exerciseId": help_}]})
    entry = session["exercises"][0]["entryId"]
    assert ben.SwapExercise(sessionId=session["id"], entryId=entry, exerciseId=pulldown)["exercises"][0]["tracking"] == "weight_reps"
    assert ben.AddSet(sessionId=session["id"], set={"entryId": entry, "reps": 8, "weight": 60})["e1rm"] > 0


def test_a_record_names_the_exercise_of_the_library_only(ana, service, squat):
    own = str(uuid.uuid4())
    service.sql("INSERT INTO exercises (id, owner_id, name, muscle_groups, difficulty_level, tracking, source, created_at,"
                f" updated_at, rev) VALUES ('{own}', '{ana.id}', 'For Tom', '{{chest}}', 'beginner', 'weight_reps', 'own',"
                " now(), now(), 1)")
    for exercise in (squat, own):
        ana.train(exercise, [(5, 90)], "2026-11-02T10:00:00Z")
        ana.train(exercise, [(5, 95)], "2026-11-04T10:00:00Z")
    names = {(e["exerciseId"], e.get("exerciseName", "")) for t, e in ana.outbox() if t == "recordSet"}
    assert names == {(squat, "Back Squat"), (own, "")}


def test_records_page_newest_first(ana):
    for name in ("back squat", "bench press", "deadlift"):
        exercise = ana.exercise(name)
        ana.train(exercise, [(5, 100)], "2026-11-02T10:00:00Z")
    for day, name in enumerate(("back squat", "bench press", "deadlift")):
        ana.train(ana.exercise(name), [(5, 110)], f"2026-11-0{4 + day}T10:00:00Z")
    whole = ana.ListRecords()["records"]
    assert len(whole) == 6 and [r["achievedAt"] for r in whole] == sorted((r["achievedAt"] for r in whole), reverse=True)
    seen, token = [], ""
    while True:
        page = ana.ListRecords(pageSize=4, pageToken=token)
        seen += page["records"]
        token = page["nextPageToken"]
        if not token:
            break
    assert seen == whole


def test_two_sessions_at_once_do_not_compute_past_each_other(ana, squat):
    ana.train(squat, [(5, 100)], "2026-11-02T10:00:00Z")
    sessions = [ana.CreateSession(session={"startedAt": f"2026-11-0{d}T10:00:00Z"})["id"] for d in range(3, 9)]
    calls = [ana.service.future("AddSet", {"sessionId": s, "set": {"exerciseId": squat, "reps": 5, "weight": 101 + i}},
                                ana.id) for i, s in enumerate(sessions)]
    assert [c.code().name for c in calls] == ["OK"] * 6
    record = ana.records()["weight_4_6"]
    assert (record["value"], record["previousValue"], record["sessionId"]) == (106, 105, sessions[-1])


def test_the_ends_of_the_calendar(ana, squat):
    ana.train(squat, [(5, 100)], "1970-01-01T00:00:00Z")
    for until in ("0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999Z", "1970-01-01T00:00:00Z"):
        reply = ana.GetProgress(until=until, weeks=104, timeZone="Pacific/Kiritimati")
        assert len(reply["weeks"]) == 104 and all(len(w["weekStart"]) == 10 for w in reply["weeks"])
        assert reply["sets"] == (1 if until.startswith("1970") else 0)
    for bounds in ({"from": "0001-01-01T00:00:00Z"}, {"to": "9999-12-31T23:59:59Z"}):
        assert len(ana.ListSessions(**bounds)["sessions"]) == 1
        assert len(ana.GetExerciseProgress(exerciseId=squat, **bounds)["points"]) == 1
