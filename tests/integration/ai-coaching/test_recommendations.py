# SPDX-License-Identifier: Apache-2.0
"""Recommendations follow from weekly sets, plan and profile, and are kept for half an hour."""
from test_chat import make_plan, train


def test_from_what_is_lacking(ana, ben, redis):
    plan = make_plan(ana)
    for week in range(4):
        train(ana, plan, 1, "bench press", [(10, 60)] * 10, 8 + 7 * week)
    found = ana.call("GetRecommendations")["recommendations"]
    assert 3 <= len(found) <= 5
    planned = {e["exerciseId"] for e in plan["exercises"]}
    for r in found:
        assert r["muscle"] in r["exercise"]["muscleGroups"] and r["exercise"]["id"] not in planned
        assert r.get("weeklySets", 0) < r["weeklySetsMin"] <= r["weeklySetsMax"]
        assert set(r["exercise"]["equipmentRequired"]) <= set(plan["equipmentRequired"]) | {"none"}
        assert r["exercise"]["difficultyLevel"] == "beginner", "no level in the profile"
    assert "chest" not in [r["muscle"] for r in found], "40 sets in four weeks"
    keys = redis.cli("--scan", "--pattern", f"recommendations:{{{ana.id}}}:*").split()
    assert len(keys) == 1 and 1700 < int(redis.cli("TTL", keys[0])) <= 1800
    again = ana.call("GetRecommendations")
    assert again["recommendations"] == found
    train(ana, plan, 2, "deadlift", [(5, 100)], 1)
    ana.call("GetRecommendations")
    assert len(redis.cli("--scan", "--pattern", f"recommendations:{{{ana.id}}}:*").split()) == 2
    assert ben.call("GetRecommendations", {"pageSize": 2})["recommendations"]


def kept(ana, redis):
    return set(redis.cli("--scan", "--pattern", f"recommendations:{{{ana.id}}}:*").split())


def test_kept_only_while_nothing_changes(ana, redis):
    """The key is a hash of all that goes in: a change of any of it is another key, so nothing has to be invalidated."""
    plan = make_plan(ana)
    made = train(ana, plan, 1, "bench press", [(10, 60)], 8)
    first = ana.call("GetRecommendations")
    assert ana.call("GetRecommendations")["createdAt"] == first["createdAt"], "from the cache"
    changes = [
        lambda: ana.athlete.UpdateSet(sessionId=made["id"], setId=made["exercises"][0]["sets"][0]["setId"],
                                      set={"reps": 11}, updateMask="reps"),
        lambda: train(ana, plan, 1, "bench press", [(10, 60)], 3),
        lambda: ana.athlete.update_plan(plan["id"], '"v1"', "name", name="other"),
        lambda: ana.users.patch(ana.id, {"fitnessLevel": "advanced"}, "fitnessLevel"),
        lambda: ana.users.patch(ana.id, {"limitations": [{"type": "injury", "bodyArea": "knee", "severity": "severe"}]},
                                "limitations"),
        lambda: ana.athlete.DeleteSession(sessionId=made["id"]),
    ]
    before = first
    for n, change in enumerate(changes):
        change()
        after = ana.call("GetRecommendations")
        assert after["createdAt"] != before["createdAt"], n
        assert len(kept(ana, redis)) == n + 2
        before = after
    # A knee that needs care is spared.
    assert not {"quadriceps", "hamstrings"} & {m for r in before["recommendations"] for m in r["exercise"]["muscleGroups"]}


def test_what_is_kept_is_what_was_made(ana, redis):
    """The cache is read: what stands there is given. A broken entry is made anew; without Redis it is made each time."""
    make_plan(ana)
    first = ana.call("GetRecommendations")
    key, = kept(ana, redis)
    redis.cli("SET", key, "broken", "EX", "60")
    again = ana.call("GetRecommendations")
    assert again["recommendations"] == first["recommendations"]
    redis.stop()
    try:
        assert ana.call("GetRecommendations")["recommendations"] == first["recommendations"]
    finally:
        redis.start()
