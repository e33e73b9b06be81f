# SPDX-License-Identifier: Apache-2.0
"""Proposals: made by the coach or by a button, accepted once, as a version created by ai."""
import concurrent.futures
import signal
import uuid

import pytest
from coach_service import BUILD, Failure, Service
from test_chat import make_plan, train
from workout_service import Service as WorkoutService


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


def has_crash_points():
    with open(f"{BUILD}/bin/ai-coaching", "rb") as f:
        return b"coach.between_plan_and_proposal" in f.read()


def accept_dies(fragile, trainee, proposal):
    with pytest.raises(Failure) as e:
        fragile.call("AcceptProposal", {"proposalId": proposal["id"]}, trainee.id)
    assert e.value.status in ("UNAVAILABLE", "UNKNOWN", "CANCELLED", "DEADLINE_EXCEEDED")


def accepted_once(trainee, plan, proposal):
    """Whatever was killed: accepting again ends with one version, one event of each service, and one record."""
    assert trainee.call("AcceptProposal", {"proposalId": proposal["id"]})["proposal"]["acceptedVersion"] == 2
    assert trainee.call("AcceptProposal", {"proposalId": proposal["id"]})["proposal"]["acceptedVersion"] == 2
    assert versions(trainee, plan) == [(2, "ai"), (1, "user")]
    assert trainee.call("GetProposal", {"proposalId": proposal["id"]})["status"] == "accepted"
    assert [t for t, _ in trainee.outbox()].count("proposalAccepted") == 1
    assert [t for t, _ in trainee.athlete.outbox()].count("planChanged") == 1


@pytest.mark.skipif(not has_crash_points(), reason="this build has no crash points")
@pytest.mark.parametrize("point,made,status", [
    # Workout has the version; the coach has not marked the proposal.
    ("coach.between_plan_and_proposal", 2, "open"),
    # The coach's record is written; its client has no answer.
    ("rpc.before_reply", 2, "accepted"),
])
def test_coach_dies_while_accepting(ana, service, point, made, status):
    fragile = Service(f"{service.folder}/{point}", service.pg, service.redis_url, service.user_target,
                      service.workout_target, FIT_CRASH_POINT=point).start()
    plan = make_plan(ana)
    proposal = propose(ana, plan)
    accept_dies(fragile, ana, proposal)
    assert fragile.process.wait(10) == -signal.SIGKILL
    assert len(versions(ana, plan)) == made
    assert ana.call("GetProposal", {"proposalId": proposal["id"]})["status"] == status
    accepted_once(ana, plan, proposal)


@pytest.mark.skipif(not has_crash_points(), reason="this build has no crash points")
def test_workout_dies_while_accepting(ana, service, workouts):
    """Its transaction is committed, the coach never hears of it."""
    dying = WorkoutService(f"{service.folder}/dying", workouts.pg, FIT_CRASH_POINT="rpc.before_reply").start()
    alone = Service(f"{service.folder}/alone", service.pg, service.redis_url, service.user_target,
                    f"127.0.0.1:{dying.port}").start()
    plan = make_plan(ana)
    proposal = propose(ana, plan)
    accept_dies(alone, ana, proposal)
    assert dying.process.wait(10) == -signal.SIGKILL and alone.stop() == 0
    assert len(versions(ana, plan)) == 2
    assert ana.call("GetProposal", {"proposalId": proposal["id"]})["status"] == "open"
    accepted_once(ana, plan, proposal)


@pytest.mark.skipif(not has_crash_points(), reason="this build has no crash points")
@pytest.mark.parametrize("edited", [False, True])
def test_accepted_again_when_workout_has_forgotten(ana, service, workouts, edited):
    """A day later workout's stored answer is gone: the version itself tells that the change was made."""
    fragile = Service(f"{service.folder}/forgotten-{edited}", service.pg, service.redis_url, service.user_target,
                      service.workout_target, FIT_CRASH_POINT="coach.between_plan_and_proposal").start()
    plan = make_plan(ana)
    proposal, other = propose(ana, plan), propose(ana, plan, 65)
    accept_dies(fragile, ana, proposal)
    assert fragile.process.wait(10) == -signal.SIGKILL
    workouts.sql(f"DELETE FROM idempotency WHERE owner = '{ana.id}'")
    if edited:
        ana.athlete.update_plan(plan["id"], '"v2"', "name", name="other")
    accepted = ana.call("AcceptProposal", {"proposalId": proposal["id"]})
    assert accepted["proposal"]["acceptedVersion"] == 2 and accepted["plan"]["versionNumber"] == (3 if edited else 2)
    assert [t for t, _ in ana.outbox()].count("proposalAccepted") == 1
    assert ana.fails("AcceptProposal", {"proposalId": other["id"]}).reason == "STATE_CONFLICT", "another one was made"
    assert len(versions(ana, plan)) == (3 if edited else 2)


def test_accepted_by_many_at_once(ana):
    plan = make_plan(ana)
    proposal = propose(ana, plan)
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        replies = list(pool.map(lambda _: ana.call("AcceptProposal", {"proposalId": proposal["id"]}), range(8)))
    assert {r["proposal"]["acceptedVersion"] for r in replies} == {2}
    accepted_once(ana, plan, proposal)


def test_what_was_said_since_counts(ana, ben):
    """An open emergency stops accepting as it stops proposing; a heavier load ends when its user turns out to be a minor."""
    plan = make_plan(ana)
    proposal = propose(ana, plan)
    ana.ask("crushing chest pain")
    assert ana.fails("AcceptProposal", {"proposalId": proposal["id"]}).status == "FAILED_PRECONDITION"
    assert versions(ana, plan) == [(1, "user")]
    ana.ask("I have been checked and cleared by a doctor")
    assert ana.call("AcceptProposal", {"proposalId": proposal["id"]})["proposal"]["acceptedVersion"] == 2
    plan = make_plan(ben)
    heavier, lighter = propose(ben, plan, 62.5), propose(ben, plan, 55)
    ben.ask("im 15")
    assert ben.fails("AcceptProposal", {"proposalId": heavier["id"]}).status == "FAILED_PRECONDITION"
    assert ben.call("AcceptProposal", {"proposalId": lighter["id"]})["proposal"]["acceptedVersion"] == 2


def test_whole_day(ana):
    plan = make_plan(ana)
    ana.ask("move bench day to friday")
    done = ana.ask("move monday to thursdy")
    assert "Thursday is day 4" in done["text"] and "Day 1 becomes day 4" in done["text"]
    proposal = ana.actions[0]["proposal"]
    assert proposal["day"] == {"day": 4, "fromDay": 1} and len(proposal["diff"]) == 1
    made = ana.call("AcceptProposal", {"proposalId": proposal["id"]})["plan"]
    assert [e["day"] for e in made["exercises"]] == [4, 2]
    button = ana.call("ProposeChange", {"planId": plan["id"], "day": {"fromDay": 4, "day": 2}})
    made = ana.call("AcceptProposal", {"proposalId": button["id"]})["plan"]
    assert [e["day"] for e in made["exercises"]] == [2, 4], "they change places"
    assert [e["entryId"] for e in made["exercises"]] == [e["entryId"] for e in plan["exercises"]]
    for bad in ({"day": 3}, {"day": 3, "fromDay": 2, "entryId": plan["exercises"][0]["entryId"]}):
        e = ana.fails("ProposeChange", {"planId": plan["id"], "day": bad})
        assert (e.status, e.fields) == ("INVALID_ARGUMENT", ["day"])
    assert ana.fails("ProposeChange", {"planId": plan["id"], "day": {"day": 3, "fromDay": 7}}).status == \
        "FAILED_PRECONDITION"


def test_clients_cannot_say_ai(ana):
    plan = make_plan(ana)
    e = ana.athlete.fails("UpdatePlan", {"planId": plan["id"], "plan": {"name": "x", "createdBy": "ai"}, "updateMask": "name"},
                          [("fit-if-match", '"v1"')])
    assert (e.status, e.fields) == ("INVALID_ARGUMENT", ["plan.createdBy"])
    e = ana.athlete.fails("CreatePlan", {"plan": {"name": "x", "createdBy": "ai"}})
    assert (e.status, e.fields) == ("INVALID_ARGUMENT", ["plan.createdBy"])
