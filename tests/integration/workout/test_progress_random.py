# SPDX-License-Identifier: Apache-2.0
"""Random training, corrected and deleted at random, against a model that knows only the definitions."""
import datetime
import os
import random

UTC = datetime.timezone.utc
START = datetime.datetime(2026, 9, 7, tzinfo=UTC)  # a Monday
BRACKETS = ((1, 1, "weight_1"), (2, 3, "weight_2_3"), (4, 6, "weight_4_6"), (7, 10, "weight_7_10"),
            (11, 15, "weight_11_15"), (16, 1000, "weight_16"))


def e1rm(kg, reps, rpe):
    """(kg, surety) by the definition, in grams rounded to the nearest."""
    effective = reps + (10 - rpe if rpe else 0)
    if kg == 0 or reps == 0 or effective > 15:
        return None, 0
    if effective == 1:
        grams = kg * 1000
    elif effective <= 10:
        grams = int(kg * 1000 * (60 + 2 * effective) / 60 + 0.5)
    else:
        grams = int(kg * 1000 * 72 / (74 - 2 * effective) + 0.5)
    return grams / 1000, 2 if effective <= 10 else 1


def values(s):
    """What a set is worth: {kind: kg}."""
    if s["type"] == "warmup" or not s["reps"] or not s["weight"]:
        return {}
    found = {kind: s["weight"] for low, high, kind in BRACKETS if low <= s["reps"] <= high}
    value, sure = e1rm(s["weight"], s["reps"], s.get("rpe"))
    return found | ({"e1rm": value} if sure == 2 else {})


class Model:
    """All sessions: {id: {"start", "done", "sets": [{"id", "exercise", …}]}}."""

    def __init__(self):
        self.sessions = {}

    def sets(self, exercise):
        order = sorted(self.sessions.items(), key=lambda item: (item[1]["start"], item[0]))
        return [(i, s) for i, session in order for s in session["sets"] if s["exercise"] == exercise]

    def records(self, exercise):
        found, lifts = {}, self.sets(exercise)
        for kind in [b[2] for b in BRACKETS] + ["e1rm"]:
            worth = [(values(s).get(kind), i, s["id"]) for i, s in lifts]
            worth = [w for w in worth if w[0] is not None]
            if not worth:
                continue
            best = max(w[0] for w in worth)
            value, session, set_id = next(w for w in worth if w[0] == best)
            begun = (self.sessions[session]["start"], session)
            before = [w[0] for w in worth if (self.sessions[w[1]]["start"], w[1]) < begun]
            if before:
                found[kind] = (value, max(before), session, set_id)
        return found

    def week(self, first):
        end = first + datetime.timedelta(days=7)
        sessions = [s for s in self.sessions.values() if first <= s["start"] < end]
        sets = [s for session in sessions for s in session["sets"] if s["type"] != "warmup" and s["reps"]]
        return (sum(s["done"] for s in sessions), len(sets), sum(s["reps"] for s in sets),
                sum(s["reps"] * s["weight"] for s in sets))


def make_set(rng, exercises):
    s = {"exercise": rng.choice(exercises), "reps": rng.choice([0, 1, 1, 3, 5, 5, 5, 8, 12, 20]),
         "weight": rng.choice([0, 60, 80, 82.5, 100, 102.5]), "type": rng.choice(["normal", "normal", "warmup", "failure"])}
    if rng.random() < 0.5:
        s["rpe"] = rng.choice([7, 8, 8.5, 9, 10])
    if not s["reps"] and not s["weight"]:
        s["reps"] = 1
    return s


def body(s):
    return {k: v for k, v in s.items() if k not in ("exercise", "id")} | {"exerciseId": s["exercise"]}


def step(rng, ana, model, exercises):
    ids = list(model.sessions)
    what = rng.random()
    if not ids or what < 0.15:
        start = START + datetime.timedelta(days=rng.randrange(28), hours=rng.randrange(24))
        done = rng.random() < 0.5
        made = ana.CreateSession(session={"startedAt": start.isoformat()} | (
            {"completedAt": (start + datetime.timedelta(hours=1)).isoformat()} if done else {}))
        model.sessions[made["id"]] = {"start": start, "done": done, "sets": []}
        return
    session_id = rng.choice(ids)
    session = model.sessions[session_id]
    if what < 0.6:
        if session["done"]:
            return
        s = make_set(rng, exercises)
        made = ana.AddSet(sessionId=session_id, set=body(s))
        # One entry an exercise, in the order in which they came.
        s["id"] = made["setId"]
        same = [i for i, other in enumerate(session["sets"]) if other["exercise"] == s["exercise"]]
        session["sets"].insert(same[-1] + 1 if same else len(session["sets"]), s)
    elif what < 0.75 and session["sets"]:
        s = rng.choice(session["sets"])
        change = {k: v for k, v in make_set(rng, exercises).items() if k in ("reps", "weight", "type")}
        ana.UpdateSet(sessionId=session_id, setId=s["id"], set=change, updateMask="reps,weight,type")
        s.update(change)
    elif what < 0.85 and session["sets"]:
        s = session["sets"].pop(rng.randrange(len(session["sets"])))
        ana.DeleteSet(sessionId=session_id, setId=s["id"])
    elif what < 0.9:
        ana.DeleteSession(sessionId=session_id)
        del model.sessions[session_id]
    elif not session["done"]:
        start = START + datetime.timedelta(days=rng.randrange(28), hours=rng.randrange(24))
        ana.UpdateSession(sessionId=session_id, session={"startedAt": start.isoformat()}, updateMask="startedAt")
        session["start"] = start


def check(ana, model, exercises):
    reply = ana.GetProgress(weeks=4, until=(START + datetime.timedelta(days=27)).isoformat())
    for i, week in enumerate(reply["weeks"]):
        want = model.week(START + datetime.timedelta(days=7 * i))
        assert (week["sessions"], week["sets"], week["reps"], round(week["volumeLoad"], 3)) == want, week["weekStart"]
    for exercise in exercises:
        got = {k: (r["value"], r["previousValue"], r["sessionId"], r["setId"])
               for k, r in ana.records(exerciseId=exercise).items()}
        assert got == model.records(exercise)
        points = ana.GetExerciseProgress(exerciseId=exercise)["points"]
        by_session = {}
        for session_id, s in model.sets(exercise):
            if s["type"] != "warmup" and s["reps"]:
                by_session.setdefault(session_id, []).append(s)
        assert [p["sessionId"] for p in points] == list(by_session)
        for p in points:
            sets = by_session[p["sessionId"]]
            assert p["volumeLoad"] == sum(s["reps"] * s["weight"] for s in sets)
            estimates = [(sure, value) for value, sure in (e1rm(s["weight"], s["reps"], s.get("rpe")) for s in sets) if sure]
            assert p.get("e1rm") == (max(estimates)[1] if estimates else None)


def test_progress_follows_whatever_happens(ana):
    seed = int(os.environ.get("TEST_SEED", random.randrange(1 << 32)))
    print(f"TEST_SEED={seed}")
    rng = random.Random(seed)
    exercises = [ana.exercise(name) for name in ("back squat", "bench press", "deadlift")]
    model = Model()
    for i in range(300):
        step(rng, ana, model, exercises)
        if i % 20 == 19:
            check(ana, model, exercises)
    # What is told adds up to what is there.
    live = set()
    for kind, e in ana.outbox():
        if kind in ("recordSet", "recordCorrected"):
            live.add((e["exerciseId"], e["kind"]))
        elif kind == "recordLost":
            live.remove((e["exerciseId"], e["kind"]))
    assert live == {(x, kind) for x in exercises for kind in model.records(x)}
