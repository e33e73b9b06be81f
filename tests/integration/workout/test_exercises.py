# SPDX-License-Identifier: Apache-2.0
"""The exercise library: search, filters, alternatives, loading."""
import json
import uuid

import pytest

from workout_service import ROOT, Service

with open(f"{ROOT}/services/workout/data/exercises.json", encoding="utf-8") as f:
    LIBRARY = json.load(f)["exercises"]


def names(reply):
    return [e["name"] for e in reply["exercises"]]


def every(athlete, **request):
    """The exercises of all pages."""
    found, token = [], ""
    while True:
        page = athlete.ListExercises(pageSize=200, pageToken=token, **request)
        found += page["exercises"]
        token = page["nextPageToken"]
        if not token:
            return found


@pytest.mark.parametrize("query,first", [
    ("squat", "Back Squat"),            # an alias of its own
    ("Back Squat", "Back Squat"),
    ("BACK squ", "Back Squat"),         # any case, last word unfinished
    ("bench press", "Bench Press"),     # the exact name before "Close-Grip Bench Press"
    ("bench pr", "Bench Press"),
    ("press bench", "Bench Press"),     # any order
    ("pullup", "Pull-Up"),              # alias
    ("pull-up", "Pull-Up"),
    ("pull up", "Pull-Up"),
    ("rdl", "Romanian Deadlift"),
    ("ohp", "Overhead Press"),
    ("squats", "Back Squat"),           # by its stem
    ("benchpress", "Bench Press"),      # joined
    ("db rows", "One-Arm Dumbbell Row"),
    ("jump squat", "Bodyweight Squat"),  # a variation
    ("dedlift", "Deadlift"),            # mistyped
    ("curls with the dumbbell", "Dumbbell Curl"),
    ("farmer", "Farmer's Carry"),
    ("tgu", "Turkish Get-Up"),
    ("  rowing;machine  ", "Rowing Machine"),
])
def test_search_finds(ana, query, first):
    """Ranking by the words themselves is tested over a table of its own (test_workout_search)."""
    found = names(ana.ListExercises(query=query))
    assert found[0] == first, found


@pytest.mark.parametrize("query", ["zzzz", "squat zzzz", "'); DROP TABLE exercises; --zzz", ":* & | !", "\\ % _ zzzz"])
def test_search_finds_nothing(ana, query):
    found = names(ana.ListExercises(query=query))
    if any(c.isalnum() for c in query):
        assert found == []


def test_search_takes_odd_text(ana):
    for query in ("é" * 100, "a" * 100, "'\"\\:*&|!()<->", "the", "🏋", " "):
        ana.ListExercises(query=query)
    assert len(every(ana, query="the")) < len(LIBRARY)


def test_filters(ana):
    for e in ana.ListExercises(muscle=["chest"], pageSize=200)["exercises"]:
        assert "chest" in e["muscleGroups"]
    for e in ana.ListExercises(equipment=["kettlebell", "cable"], pageSize=200)["exercises"]:
        assert {"kettlebell", "cable"} & set(e["equipmentRequired"])
    found = ana.ListExercises(availableEquipment=["dumbbell"], pageSize=200)["exercises"]
    assert {q for e in found for q in e["equipmentRequired"]} == {"dumbbell", "none"}
    found = ana.ListExercises(query="squat", muscle=["quadriceps"], difficulty="beginner", pageSize=200)["exercises"]
    assert found and all(e["difficultyLevel"] == "beginner" and "quadriceps" in e["muscleGroups"] for e in found)
    assert len(every(ana)) == len(LIBRARY) >= 210


@pytest.mark.parametrize("request_", [
    {"difficulty": "hero"}, {"muscle": ["wings"]}, {"pageSize": 201}, {"query": "x" * 101}, {"pageToken": "AAAA"},
    {"equipment": [""]},
])
def test_bad_filters(ana, request_):
    failure = ana.fails("ListExercises", request_)
    assert failure.status == "INVALID_ARGUMENT" and failure.fields, failure


@pytest.mark.parametrize("query", ["", "press", "dumbbell"])
def test_pages_give_all_once(ana, query):
    whole = [e["name"] for e in every(ana, query=query)]
    seen, token = [], ""
    while True:
        page = ana.ListExercises(query=query, pageSize=7, pageToken=token)
        seen += names(page)
        token = page["nextPageToken"]
        if not token:
            break
        assert len(page["exercises"]) == 7
    assert seen == whole and len(set(seen)) == len(seen)
    if query == "":
        assert seen == sorted(seen)


def test_a_token_belongs_to_its_filters(ana):
    token = ana.ListExercises(query="press", pageSize=2)["nextPageToken"]
    assert ana.fails("ListExercises", {"query": "curl", "pageToken": token}).fields == ["pageToken"]
    broken = ("A" if token[5] != "A" else "B").join([token[:5], token[6:]])
    assert ana.fails("ListExercises", {"query": "press", "pageToken": broken}).fields == ["pageToken"]


def test_get_has_what_the_file_says(ana):
    by_slug = {e["externalId"]: e for e in every(ana)}
    for entry in LIBRARY:
        e = by_slug[entry["slug"]]
        for member in ("name", "aliases", "description", "instructions", "muscleGroups", "secondaryMuscles",
                       "equipmentRequired", "difficultyLevel", "tracking", "safetyNotes", "variations", "movement",
                       "popularity"):
            assert e[member] == entry[member], (entry["slug"], member)
        assert e["source"] == "library" and e["isVerified"]
    squat = by_slug["back-squat"]
    assert ana.GetExercise(exerciseId=squat["id"]) == squat
    assert uuid.UUID(squat["id"]).version == 5
    assert squat["id"] == str(uuid.uuid5(uuid.UUID("1d4b7d6e-58a1-5f0e-9c3e-0b6f1f0c8a52"), "back-squat"))


def test_get_refuses(ana, service):
    assert ana.fails("GetExercise", {"exerciseId": str(uuid.uuid4())}).status == "NOT_FOUND"
    assert ana.fails("GetExercise", {"exerciseId": "x"}).fields == ["exerciseId"]
    with pytest.raises(Exception, match="UNAUTHENTICATED"):
        service.call("GetExercise", {"exerciseId": str(uuid.uuid4())})


def test_alternatives(ana):
    bench = ana.exercise("bench press")
    found = ana.ListAlternatives(exerciseId=bench)["alternatives"]
    assert 1 <= len(found) <= 10
    similar = [a["similarity"] for a in found]
    assert similar == sorted(similar, reverse=True) and all(0 < s <= 1 for s in similar)
    assert bench not in [a["exercise"]["id"] for a in found]
    # Chest directly, triceps and shoulders helping: the same muscles in the same parts.
    assert "Dumbbell Bench Press" in [a["exercise"]["name"] for a in found if a["similarity"] == 1]
    home = ana.ListAlternatives(exerciseId=bench, availableEquipment=["resistance_band"])["alternatives"]
    assert home and all(set(a["exercise"]["equipmentRequired"]) <= {"none", "resistance_band"} for a in home)
    # chest 2, triceps 1, shoulders 1 against chest 2, triceps 1, shoulders 1, abdominals 1: 4 of 5
    assert {a["exercise"]["name"]: a["similarity"] for a in home}["Push-Up"] == 0.8
    assert ana.fails("ListAlternatives", {"exerciseId": str(uuid.uuid4())}).status == "NOT_FOUND"


def alternatives(athlete, name):
    return [a["exercise"]["name"] for a in athlete.ListAlternatives(exerciseId=athlete.exercise(name), pageSize=50)["alternatives"]]


def test_alternatives_are_of_the_same_movement(ana, service):
    movement = {e["name"]: e["movement"] for e in LIBRARY}
    assert alternatives(ana, "tibialis raise") == ["Heel Walk"], "not the calf raises, which do the opposite"
    assert "Tibialis Raise" not in alternatives(ana, "standing calf raise")
    assert "Seated Calf Raise" in alternatives(ana, "standing calf raise")
    assert alternatives(ana, "cat-cow") == ["Child's Pose"]
    assert alternatives(ana, "cable external rotation") == ["Side-Lying External Rotation"]
    assert alternatives(ana, "overhead press")[0] in ("Dumbbell Shoulder Press", "Machine Shoulder Press")
    for name, kind in movement.items():
        assert {movement[a] for a in alternatives(ana, name)} <= {kind}, name
    # Nobody told the movement of one's own: its muscles alone.
    own = str(uuid.uuid4())
    service.sql("INSERT INTO exercises (id, owner_id, name, muscle_groups, difficulty_level, tracking, source, created_at,"
                f" updated_at, rev) VALUES ('{own}', '{ana.id}', 'Mine', '{{calves}}', 'beginner', 'weight_reps', 'own', now(),"
                " now(), 1)")
    found = ana.ListAlternatives(exerciseId=own)["alternatives"]
    assert "Standing Calf Raise" in [a["exercise"]["name"] for a in found]
    assert names(ana.ListExercises(query="mine"))[0] == "Mine"


def test_the_data_is_complete():
    """What the store does not check: every entry can be taught, searched and replaced."""
    for field in ("slug", "name"):
        values = [e[field] for e in LIBRARY]
        assert len(set(values)) == len(values)
    other_names = [a for e in LIBRARY for a in e["aliases"] + [e["name"].lower()]]
    assert {a for a in other_names if other_names.count(a) > 1} == set(), "two exercises with one name"
    for e in LIBRARY:
        assert e["muscleGroups"] and not set(e["muscleGroups"]) & set(e["secondaryMuscles"]), e["slug"]
        assert e["equipmentRequired"] and e["description"] and len(e["instructions"]) >= 2 and e["safetyNotes"], e["slug"]
        assert e["difficultyLevel"] in ("beginner", "intermediate", "advanced") and 1 <= e["popularity"] <= 5, e["slug"]
        assert e["tracking"] in ("weight_reps", "bodyweight_reps", "assisted", "duration", "weight_duration",
                                 "distance_duration"), e["slug"]
        assert all(a == a.lower() for a in e["aliases"]), e["slug"]
        assert all(v["name"] and v["description"] for v in e["variations"]), e["slug"]


def test_library_loads_once_and_follows_the_file(service, ana, pg, folder):
    before = service.sql("SELECT count(*), max(rev), min(updated_at) FROM exercises")
    nobody = "00000000-0000-0000-0000-000000000000"
    count = service.sql(f"SELECT count(*) FROM sync_change WHERE user_id = '{nobody}' AND kind = 'exercise'")
    assert int(count) >= len(LIBRARY)
    second = Service(f"{folder}/second", pg).start()
    assert second.stop() == 0
    assert service.sql("SELECT count(*), max(rev), min(updated_at) FROM exercises") == before
    # As if the last load had been of an older file: one entry said something else, one has gone since.
    squat, gone = ana.exercise("back squat"), str(uuid.uuid4())
    service.sql(f"UPDATE exercises SET name = 'Old' WHERE id = '{squat}'; UPDATE exercise_library SET content_hash = 'x';"
                "INSERT INTO exercises (id, name, muscle_groups, difficulty_level, tracking, source, external_id, created_at,"
                f" updated_at, rev) VALUES ('{gone}', 'Gone', '{{chest}}', 'beginner', 'duration', 'library', 'gone', now(),"
                " now(), 1)")
    assert ana.GetExercise(exerciseId=squat)["name"] == "Old"
    second = Service(f"{folder}/second", pg).start()
    assert second.stop() == 0
    assert ana.GetExercise(exerciseId=squat)["name"] == "Back Squat"
    assert ana.fails("GetExercise", {"exerciseId": gone}).status == "NOT_FOUND"
    rows = service.sql(f"SELECT id, deleted FROM sync_change WHERE user_id = '{nobody}' ORDER BY rev DESC, id LIMIT 2")
    assert set(rows.split("\n")) == {f"{squat}|f", f"{gone}|t"}
