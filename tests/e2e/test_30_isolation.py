# SPDX-License-Identifier: Apache-2.0
"""Somebody else's id is NOT_FOUND, on every route that takes one (OWASP API1). Driven by the interface itself: a new route with
an id that is not covered here fails the test."""
import re
import time

import pytest


@pytest.fixture(scope="module")
def things(stack):
    from api import Api
    ana = Api("127.0.0.1", stack.ports["gateway"], stack.ports["devidp"]).sign_in()
    exercise = ana.get("/api/v1/exercises?query=squat&pageSize=1").ok()["exercises"][0]["id"]
    plan = ana.post("/api/v1/workouts/plans", {"name": "mine", "exercises": [{"exerciseId": exercise, "sets": [{"repsMin": 5, "weight": 19}]}]}).ok(201)
    session = ana.post("/api/v1/workouts/sessions", {"planId": plan["id"]}).ok(201)
    logged = ana.post(f"/api/v1/workouts/sessions/{session['id']}/sets", {"exerciseId": exercise, "reps": 5, "weight": 50}).ok(201)
    device = ana.get("/api/v1/auth/sessions").ok()["sessions"][0]["id"]
    proposal = ana.post("/api/v2/ai/plans", {"planId": plan["id"], "load": {"entryId": plan["exercises"][0]["entryId"], "weight": 20}}).ok(201)
    yield ana, {"plan_id": plan["id"], "session_id": session["id"], "set_id": logged["setId"], "exercise_id": exercise,
                "entry_id": session["exercises"][0]["entryId"], "version_number": "1", "proposal_id": proposal["id"],
                "/api/v1/auth/sessions/{sessionId}": device, "/api/v1/notifications/{id}/read": first_notification(ana)}
    ana.close()


def first_notification(ana):
    """The id of the welcome, which arrives by the event bus."""
    end = time.monotonic() + 30
    while time.monotonic() < end:
        found = ana.get("/api/v1/notifications").ok()["notifications"]
        if found:
            return found[0]["id"]
        time.sleep(0.05)
    raise AssertionError("no welcome after 30 s")


# Path parameters that anybody may name.
SHARED = {"exercise_id"}


def snapshot(ana, ids):
    return [ana.get(path).json for path in (f"/api/v1/workouts/plans/{ids['plan_id']}", f"/api/v1/workouts/sessions/{ids['session_id']}",
                                            f"/api/v1/workouts/plans/{ids['plan_id']}/versions", "/api/v1/auth/sessions")]


def body_for(method, path, ids):
    if path.endswith("/swap"):
        return {"entryId": ids["entry_id"], "exerciseId": ids["exercise_id"]}
    if path.endswith("/skip"):
        return {"entryId": ids["entry_id"]}
    if path.endswith("/restore"):
        return {"versionNumber": 1}
    if path.endswith("/sets"):
        return {"exerciseId": ids["exercise_id"], "reps": 1, "weight": 1}
    return {} if method in ("post", "patch", "put") else None


def test_every_route_with_an_id_hides_other_peoples(things, stack):
    from api import Api
    ana, ids = things
    ben = Api("127.0.0.1", stack.ports["gateway"], stack.ports["devidp"]).sign_in()
    before = snapshot(ana, ids)
    tried = 0
    for path, verbs in ben.get("/openapi.json").ok()["paths"].items():
        parameters = [re.sub(r"(?<!^)(?=[A-Z])", "_", p).lower() for p in re.findall(r"{(\w+)}", path)]
        if not parameters or set(parameters) <= SHARED:
            continue
        unknown = [p for p in parameters if p not in ids and path not in ids]
        assert not unknown, f"{path}: tell this test an id for {unknown}"
        real = re.sub(r"{(\w+)}", lambda m: ids.get(path) or ids[re.sub(r"(?<!^)(?=[A-Z])", "_", m.group(1)).lower()], path)
        if path.endswith("/diff"):
            real += "?from=1&to=1"
        for verb in verbs:
            if verb not in ("get", "post", "put", "patch", "delete"):
                continue
            reply = ben.request(verb.upper(), real, body_for(verb, path, ids), {"If-Match": '"v1"'})
            assert reply.status == 404, f"{verb} {path} as somebody else: {reply.status} {reply.body[:200]!r}"
            nobody = ana.clone()
            nobody.token = None
            assert nobody.request(verb.upper(), real, body_for(verb, path, ids), {"If-Match": '"v1"'}).status == 401, f"{verb} {path}"
            tried += 1
    assert tried >= 15
    assert snapshot(ana, ids) == before, "nothing of Ana's changed"


def test_an_id_taken_by_another_says_nothing_of_it(ana, ben):
    plan = ana.post("/api/v1/workouts/plans", {"name": "secret name"}).ok(201)
    problem = ben.post("/api/v1/workouts/plans", {"id": plan["id"], "name": "x"}).problem(409)
    assert problem["reason"] == "ID_TAKEN" and "secret name" not in str(problem)
