# SPDX-License-Identifier: Apache-2.0
"""The day goes on after the record: the coach proposes, the inbox tells, analytics counts. Events travel by the bus."""
import datetime
import http.client
import json
import time
import uuid


def ago(**kw):
    return (datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(**kw)).strftime("%Y-%m-%dT%H:%M:%SZ")


def until(what, seconds=40):
    """Polls what() until it gives something."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = what()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError(f"not within {seconds} s: {what}")


class Stream:
    """A live SSE stream."""

    def __init__(self, client, method, path, body=None, headers=None):
        self.conn = http.client.HTTPConnection(client.host, client.port, timeout=30)
        self.conn.request(method, path, json.dumps(body) if body is not None else None, {
            "Authorization": f"Bearer {client.token}", "Content-Type": "application/json", "Accept": "text/event-stream"} | (headers or {}))
        self.reply = self.conn.getresponse()
        assert self.reply.status == 200, self.reply.read()
        assert self.reply.getheader("content-type").startswith("text/event-stream")

    def events(self):
        event = {}
        while True:
            line = self.reply.readline().decode()
            if line == "":
                return
            line = line.rstrip("\n")
            if line == "" and "data" in event:
                yield event.get("id"), event.get("event"), json.loads(event["data"])
                event = {}
            elif ": " in line and not line.startswith(":"):
                name, value = line.split(": ", 1)
                event[name] = value

    def close(self):
        self.conn.close()


def trained(ana):
    """A plan, and a record over last week."""
    squat = ana.get("/api/v1/exercises?query=back%20squat&pageSize=1").ok()["exercises"][0]["id"]
    plan = ana.post("/api/v1/workouts/plans", {"name": "A", "exercises": [{"exerciseId": squat, "sets": [{"repsMin": 5, "weight": 100}] * 3}]}).ok(201)
    ana.post("/api/v1/workouts/sessions", {"planId": plan["id"], "startedAt": ago(days=7), "completedAt": ago(days=7, minutes=-50), "exercises": [
        {"exerciseId": squat, "sets": [{"reps": 5, "weight": 100, "rpe": 8, "completedAt": ago(days=7)}] * 3}]}).ok(201)
    session = ana.post("/api/v1/workouts/sessions", {"planId": plan["id"]}).ok(201)
    ana.post(f"/api/v1/workouts/sessions/{session['id']}/sets", {"exerciseId": squat, "reps": 5, "weight": 105, "rpe": 9}).ok(201)
    ana.post(f"/api/v1/workouts/sessions/{session['id']}/complete", {}).ok(200)
    return squat, plan


def test_the_record_arrives_live_on_the_open_stream_and_can_be_resumed(ana):
    stream = Stream(ana, "GET", "/api/v1/notifications/stream")
    events = stream.events()
    assert next(events)[1] == "inbox"
    trained(ana)
    seen = []
    for event_id, name, data in events:
        seen.append((event_id, name, data))
        if name == "notification" and data["kind"] == "record_weight":
            break
    stream.close()
    assert "105" in data["title"] + data["body"]
    listed = until(lambda: [n for n in ana.get("/api/v1/notifications").ok()["notifications"] if n["kind"] == "record_weight"])
    assert [n["id"] for n in listed] == [data["id"]], "once"
    # A phone that comes back with an older id gets what it missed.
    again = Stream(ana, "GET", "/api/v1/notifications/stream", headers={"Last-Event-ID": seen[0][0] or "0"})
    for _, name, missed in again.events():
        if name == "notification" and missed["id"] == data["id"]:
            break
    again.close()
    ana.post(f"/api/v1/notifications/{data['id']}/read", {}).ok(200, 204)
    ana.post("/api/v1/notifications/read-all", {}).ok(200)
    assert ana.get("/api/v1/notifications").ok()["unreadCount"] == 0


def test_the_coach_proposes_and_what_is_accepted_is_in_the_plan(ana):
    squat, plan = trained(ana)
    stream = Stream(ana, "POST", "/api/v2/ai/chat", {"message": "set back squat to 102.5 kg", "planId": plan["id"]})
    got = list(stream.events())
    stream.close()
    names = [name for _, name, _ in got]
    assert "delta" in names and names[-1] == "done"
    done = got[-1][2]
    assert done["provider"] == "builtin" and "".join(d["text"] for _, n, d in got if n == "delta").strip() == done["text"].strip()
    proposal = [d["proposal"] for _, n, d in got if n == "action"][0]
    assert ana.get(f"/api/v1/workouts/plans/{plan['id']}").ok()["versionNumber"] == 1, "nothing is done before it is accepted"
    accepted = ana.post(f"/api/v2/ai/plans/{proposal['id']}/accept", {}).ok(200)
    assert accepted["plan"]["versionNumber"] == 2
    now = ana.get(f"/api/v1/workouts/plans/{plan['id']}").ok()
    assert now["createdBy"] == "ai" and {s["weight"] for s in now["exercises"][0]["sets"]} == {102.5}
    assert ana.post(f"/api/v2/ai/plans/{proposal['id']}/accept", {}).ok(200)["plan"]["versionNumber"] == 2, "twice is once"
    until(lambda: [n for n in ana.get("/api/v1/notifications").ok()["notifications"] if n["kind"] == "plan_changed_by_ai"])


def test_safety_comes_before_anything_else(ana):
    reply = ana.post("/api/v2/ai/chat", {"message": "I have chest pain and my arm is numb, what should I lift today?"}).ok(200)
    assert reply["done"]["safety"]["level"] == "emergency"
    assert {a["type"] for a in reply["done"]["actions"]} <= {"acknowledge_safety"}, "and no training"


def test_analytics_counts_the_day(api, ana):
    trained(ana)
    ben = api.sign_in()
    ana.patch("/api/v1/users/me/preferences", {"privacy": {"behaviourAnalytics": True}}).ok()
    events = {"platform": "android", "events": [
        {"id": str(uuid.uuid4()), "time": ago(seconds=5), "screen": {"name": "plan"}},
        {"id": str(uuid.uuid4()), "time": ago(seconds=4), "duration": {"name": "plan", "milliseconds": 1500}}]}
    assert ana.post("/api/v2/analytics/events", events).ok(202) == {"accepted": 2, "dropped": 0}
    assert ben.post("/api/v2/analytics/events", events).ok(202) == {"accepted": 0, "dropped": 2}
    me = until(lambda: (lambda s: s if s["sessions"] == 2 and s["sets"] == 4 else None)(ana.get("/api/v2/analytics/me").ok()))
    assert me["volumeLoad"] == 3 * 5 * 100 + 5 * 105 and me["reps"] == 20 and me["trainingDays"] == 2
    ana.get("/api/v2/analytics/overview").problem(403)
    admin = api.sign_in(fit_role="admin", role="admin")
    overview = admin.get("/api/v2/analytics/overview").ok()
    assert int(overview["dau"]) >= 1 and overview["days"]
    assert int(overview["funnel"]["completedSession"]) >= 1, "planned right after the sign-up"
