# SPDX-License-Identifier: Apache-2.0
"""Proposals: made by the coach or by a button, accepted once, as a version created by ai."""
import uuid

from coach_service import Failure, Service
from test_chat import make_plan, train


def versions(trainee, plan):
    return [(v["versionNumber"], v["createdBy"]) for v in trainee.athlete.ListPlanVersions(planId=plan["id"])["versions"]]


def propose(trainee, plan, kg=62.5, metadata=()):
    return trainee.call("ProposeChange", {"planId": plan["id"], "load": {"entryId": plan["exercises"][0]["entryId"],
                                                                         "weight": kg}}, metadata)


def test_chat_proposes_and_accept_changes(ana):
    plan = make_plan(ana)
    train(ana, plan, 1, "bench press", [(12, 60, 8)] * 3, 2)
    done = ana.ask("set bench press to 80kg")
    assert "at 65 kg" in done["text"] and "Nothing has changed yet" in done["text"]
    assert [a["type"] for a in ana.actions] == ["accept_proposal"] and done["actions"] == ana.actions
    proposal = ana.actions[0]["proposal"]
    assert proposal["status"] == "open" and proposal["planVersion"] == 1 and proposal["load"]["weight"] == 65
    assert proposal["diff"] == [{"what": "day 1, Bench Press", "before": "day 1: Bench Press, 3 × 8–12 at 60 kg",
                                 "after": "day 1: Bench Press, 3 × 8–12 at 65 kg"}]
    # Deadlift 3 × 5 × 100 and bench 3 × 8 × 60, then 65.
    assert (proposal["before"]["volumeLoad"], proposal["after"]["volumeLoad"]) == (1500 + 1440, 1500 + 1560)
    assert len(proposal["adjustments"]) == 1 and versions(ana, plan) == [(1, "user")]
    assert "press accept" in ana.ask("yes do it")["text"].lower() and versions(ana, plan) == [(1, "user")]
    accepted = ana.call("AcceptProposal", {"proposalId": proposal["id"]})
    assert accepted["proposal"]["status"] == "accepted" and accepted["proposal"]["acceptedVersion"] == 2
    assert [s["weight"] for s in accepted["plan"]["exercises"][0]["sets"]] == [65] * 3
    assert versions(ana, plan) == [(2, "ai"), (1, "user")]
    again = ana.call("AcceptProposal", {"proposalId": proposal["id"]})
    assert again["plan"]["versionNumber"] == 2 and versions(ana, plan) == [(2, "ai"), (1, "user")]
    assert [t for t, _ in ana.outbox()] == ["proposalMade", "turnFinished", "turnFinished", "proposalAccepted"]
    assert ana.outbox()[-1][1] == {"proposalId": proposal["id"], "planId": plan["id"], "versionNumber": 2, "change": "load"}
    assert ("planChanged", {"planId": plan["id"], "versionNumber": 2, "operations": 3, "reason": "updated",
                            "createdBy": "ai"}) in ana.athlete.outbox()


def test_swap_and_day(ana):
    plan = make_plan(ana)
    ana.ask("swap bench press for dips")
    swap = ana.actions[0]["proposal"]
    made = ana.call("AcceptProposal", {"proposalId": swap["id"]})["plan"]
    assert made["exercises"][0]["exerciseId"] == ana.athlete.exercise("dip")
    assert made["exercises"][0]["entryId"] == plan["exercises"][0]["entryId"]
    assert all(s.get("weight", 0) == 0 and s["repsMin"] == 8 for s in made["exercises"][0]["sets"])
    ana.ask("move deadlift to day 3")
    made = ana.call("AcceptProposal", {"proposalId": ana.actions[0]["proposal"]["id"]})["plan"]
    assert made["exercises"][1]["day"] == 3 and made["versionNumber"] == 3


def test_plan_changed_meanwhile(ana):
    plan = make_plan(ana)
    proposal = propose(ana, plan)
    ana.athlete.update_plan(plan["id"], '"v1"', "name", name="other")
    e = ana.fails("AcceptProposal", {"proposalId": proposal["id"]})
    assert (e.status, e.reason) == ("FAILED_PRECONDITION", "STATE_CONFLICT")
    assert ana.call("GetProposal", {"proposalId": proposal["id"]})["status"] == "outdated"
    assert ana.fails("AcceptProposal", {"proposalId": proposal["id"]}).reason == "STATE_CONFLICT"
    assert versions(ana, plan) == [(2, "user"), (1, "user")]


def test_of_somebody_else(ana, ben):
    plan = make_plan(ana)
    proposal = propose(ana, plan)
    for method in ("GetProposal", "AcceptProposal"):
        assert ben.fails(method, {"proposalId": proposal["id"]}).status == "NOT_FOUND"
        assert ben.fails(method, {"proposalId": str(uuid.uuid4())}).status == "NOT_FOUND"
    assert ben.fails("ProposeChange", {"planId": plan["id"], "day": {"entryId": plan["exercises"][0]["entryId"], "day": 2}}
                     ).status == "NOT_FOUND"


def test_expired(ana):
    proposal = propose(ana, make_plan(ana))
    ana.service.sql(f"UPDATE proposal SET expires_at = now() - interval '1 s' WHERE id = '{proposal['id']}'")
    assert ana.fails("AcceptProposal", {"proposalId": proposal["id"]}).reason == "STATE_CONFLICT"
    assert ana.call("GetProposal", {"proposalId": proposal["id"]})["status"] == "expired"


def test_button_is_checked_too(ana):
    plan = make_plan(ana)
    entry = plan["exercises"][0]["entryId"]
    assert propose(ana, plan, 300)["load"]["weight"] == 65, "10 % above the plan's 60, in steps of 2.5"
    assert ana.fails("ProposeChange", {"planId": plan["id"]}).fields == ["swap"]
    assert ana.fails("ProposeChange", {"planId": plan["id"], "day": {"entryId": entry, "day": 1}}).status == \
        "FAILED_PRECONDITION"
    assert ana.fails("ProposeChange", {"planId": plan["id"], "swap": {"entryId": entry, "exerciseId": str(uuid.uuid4())}}
                     ).status == "INVALID_ARGUMENT"
    assert ana.fails("ProposeChange", {"planId": plan["id"], "day": {"entryId": str(uuid.uuid4()), "day": 2}}).status == \
        "NOT_FOUND"


def test_idempotency_key(ana):
    plan = make_plan(ana)
    meta = [("fit-idempotency-key", "k1"), ("fit-idempotency-fp-bin", b"x" * 32)]
    first = propose(ana, plan, metadata=meta)
    assert propose(ana, plan, metadata=meta)["id"] == first["id"]


def test_crash_between_plan_and_proposal(ana, service):
    """The version is made, the process dies before it marks the proposal: accepting again finds the same version."""
    fragile = Service(service.folder + "/fragile", service.pg, service.redis_url, service.user_target, service.workout_target,
                      FIT_CRASH_POINT="coach.between_plan_and_proposal").start()
    plan = make_plan(ana)
    proposal = propose(ana, plan)
    try:
        fragile.call("AcceptProposal", {"proposalId": proposal["id"]}, ana.id)
        fragile.stop()
        return  # this build has no crash points
    except Failure as e:
        assert e.status in ("UNAVAILABLE", "UNKNOWN", "CANCELLED")
    fragile.process.wait(10)
    assert versions(ana, plan) == [(2, "ai"), (1, "user")]
    assert ana.call("GetProposal", {"proposalId": proposal["id"]})["status"] == "open"
    assert ana.call("AcceptProposal", {"proposalId": proposal["id"]})["proposal"]["acceptedVersion"] == 2
    assert versions(ana, plan) == [(2, "ai"), (1, "user")]


def test_clients_cannot_say_ai(ana):
    plan = make_plan(ana)
    e = ana.athlete.fails("UpdatePlan", {"planId": plan["id"], "plan": {"name": "x", "createdBy": "ai"}, "updateMask": "name"},
                          [("fit-if-match", '"v1"')])
    assert (e.status, e.fields) == ("INVALID_ARGUMENT", ["plan.createdBy"])
    e = ana.athlete.fails("CreatePlan", {"plan": {"name": "x", "createdBy": "ai"}})
    assert (e.status, e.fields) == ("INVALID_ARGUMENT", ["plan.createdBy"])
