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
