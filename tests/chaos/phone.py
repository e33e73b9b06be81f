# SPDX-License-Identifier: Apache-2.0
"""One user's phone: it repeats every write with the same key until it is acknowledged, and remembers what it was told.

    phone = Phone(api, "ann@example.com", random.Random(1), give_up=time.monotonic() + 60)
    phone.sign_in(); phone.day(); check(db, phone.accounts[-1])
"""
import datetime
import hashlib
import http.client
import random
import time
import uuid

from inbox import Inbox

TRANSIENT = (408, 425, 429, 500, 502, 503, 504)
QUESTIONS = ["what should I train next?", "how is my progress?", "my shoulder hurts", "why rpe?", "what is a deload?"]
SERVICE = {"profile_changed": "fitness_core", "preferences_changed": "fitness_core"}


def behaviour_id(user, client_id):
    """What an app's id becomes, so that nobody can take another's: a UUID version 5 in the user's name space."""
    return str(uuid.UUID(bytes=hashlib.sha1(uuid.UUID(user).bytes + uuid.UUID(client_id).bytes).digest()[:16], version=5))


class Account:
    """What the server confirmed to one user. `acked`: (kind of event, idempotency key or None)."""

    def __init__(self, user):
        self.user = user
        self.acked = []
        self.behaviour = set()  # ids of events that the app told
        self.accepted = []  # (proposal, plan, version)
        self.inbox = None
        self.plans, self.sessions = {}, {}  # id -> version; id -> {"status":, "sets": {setId: reps}}
        self.display_name = self.time_zone = None
        self.sign_ins, self.refresh_token, self.signed_out = 1, None, False
        self.tokens_at = 0.0  # when they came

    def count(self, *kinds):
        return sum(kind in kinds for kind, _ in self.acked)

    def of(self, schema):
        return [(kind, key) for kind, key in self.acked if SERVICE.get(kind, "workout") == schema]


class Phone:
    """`on_trouble(what, failures)`: called after an attempt that was not answered or not taken, the request's how many-th
    (restarts what has died, say)."""

    def __init__(self, api, name, rng, give_up, on_trouble=None):
        self.api, self.name, self.rng, self.give_up = api.clone(), name, rng, give_up
        self.on_trouble = on_trouble or (lambda *_: time.sleep(0.02 + rng.random() * 0.1))
        self.rng_listen = random.Random(rng.getrandbits(64))
        self.device = {"id": f"phone of {name}", "name": "phone", "platform": "android"}
        self.accounts, self.exercises = [], []
        self.repeats, self.statuses, self.resets = 0, {}, 0

    @property
    def account(self):
        return self.accounts[-1]

    def until_answered(self, what, attempt, good):
        """The first reply whose status is in `good`; (reply, True) when an earlier attempt may have had its effect."""
        doubt, failures = False, 0
        while True:
            try:
                reply = attempt()
                if reply.status in good and (doubt or reply.status < 300):
                    return reply, doubt
                self.statuses[reply.status] = self.statuses.get(reply.status, 0) + 1
                in_progress = reply.status == 409 and b"IN_PROGRESS" in reply.body
                assert reply.status not in (429, 503) or "retry-after" in reply.headers, f"{what}: {reply.status} without Retry-After"
                assert reply.status in TRANSIENT or in_progress, f"{self.name}: {what}: {reply.status} {reply.body[:400]!r}"
            except (OSError, http.client.HTTPException):
                self.resets += 1
            doubt = True
            failures += 1
            self.repeats += 1
            assert time.monotonic() < self.give_up, f"{self.name}: {what} was never answered"
            self.on_trouble(what, failures)

    # ---- requests ----

    def write(self, kind, method, path, body, etag=None):
        key = f'"{uuid.UUID(int=self.rng.getrandbits(128), version=4)}"'
        headers = {"Idempotency-Key": key} | ({"If-Match": etag} if etag else {})
        reply, _ = self.until_answered(f"{kind} {method} {path}", lambda: self.api.request(method, path, body, headers), (200, 201))
        self.account.acked.append((kind, key))
        return reply

    def delete(self, kind, path):
        """A deletion is itself idempotent: once it may have happened, "there is no such thing" says that it did."""
        self.until_answered(f"{kind} DELETE {path}", lambda: self.api.request("DELETE", path), (204, 404))
        self.account.acked.append((kind, None))

    def read(self, path):
        return self.until_answered(f"GET {path}", lambda: self.api.get(path), (200,))[0]

    def pages(self, path, member):
        token = ""
        while True:
            page = self.read(f"{path}?pageSize=200&pageToken={token}").json
            yield from page[member]
            token = page["nextPageToken"]
            if not token:
                return

    # ---- coming and going ----

    def sign_in(self, email=None):
        """A new account, unless the e-mail address names an old one."""
        email = email or f"{self.name}-{len(self.accounts)}@example.com"
        body = {"token": self.api.id_token(email), "device": self.device}
        self.api.token = None
        reply, doubt = self.until_answered("sign_in", lambda: self.api.post("/api/v1/auth/google", body), (200,))
        self.take_tokens(reply.json, new=True)
        if doubt:
            self.account.sign_ins = None  # one or more

    def refresh(self):
        """The token that came last goes out until its successor is here, however many answers get lost on the way."""
        body = {"refreshToken": self.account.refresh_token}
        reply, _ = self.until_answered("refresh", lambda: self.api.request("POST", "/api/v1/auth/refresh", body), (200,))
        self.take_tokens(reply.json)

    def sign_out(self):
        self.until_answered("sign_out", lambda: self.api.post("/api/v1/auth/logout", {}), (204, 401))
        self.account.signed_out = True

    def take_tokens(self, reply, new=False):
        self.api.token = reply["accessToken"]
        if new:
            self.accounts.append(Account(reply["user"]["id"]))
            self.account.inbox = Inbox(self.api)
        self.account.refresh_token = reply["refreshToken"]
        self.account.inbox.api.token = self.api.token
        self.account.tokens_at = time.monotonic()

    # ---- what a day is made of ----

    def change_profile(self):
        etag = self.read("/api/v1/users/me").headers["etag"]
        name = f"n{self.rng.getrandbits(30)}"
        reply = self.write("profile_changed", "PATCH", "/api/v1/users/me", {"displayName": name}, etag)
        assert reply.json["displayName"] == name
        self.account.display_name = name

    def change_preferences(self):
        zones = ["Europe/Berlin", "America/Lima", "Asia/Tokyo", "Africa/Lagos"]
        zone = self.rng.choice([z for z in zones if z != self.account.time_zone])
        self.write("preferences_changed", "PATCH", "/api/v1/users/me/preferences", {"timeZone": zone})
        self.account.time_zone = zone

    def allow_analytics(self):
        """Before anything is told: a no is remembered for a while."""
        self.write("preferences_changed", "PATCH", "/api/v1/users/me/preferences", {"privacy": {"behaviourAnalytics": True}})

    def make_plan(self):
        reply = self.write("plan_created", "POST", "/api/v1/workouts/plans", {
            "name": "p", "exercises": [{"exerciseId": e, "sets": [{"repsMin": 5, "weight": 50}]} for e in self.exercises[:2]]})
        self.account.plans[reply.json["id"]] = 1
        return reply.json["id"], reply.headers["etag"]

    def change_plan(self, plan, etag, restore=False):
        path = f"/api/v1/workouts/plans/{plan}"
        if restore:
            reply = self.write("plan_changed", "POST", path + "/restore", {"versionNumber": 1}, etag)
        else:
            reply = self.write("plan_changed", "PATCH", path, {"name": f"p{self.rng.getrandbits(30)}"}, etag)
        self.account.plans[plan] += 1
        assert reply.json["versionNumber"] == self.account.plans[plan]
        return reply.headers["etag"]

    def delete_plan(self, plan):
        self.delete("plan_deleted", f"/api/v1/workouts/plans/{plan}")
        del self.account.plans[plan]

    def start_session(self, plan):
        reply = self.write("session_started", "POST", "/api/v1/workouts/sessions", {"planId": plan})
        self.account.sessions[reply.json["id"]] = {"status": reply.json["status"], "sets": {}}
        return reply.json["id"], [e["entryId"] for e in reply.json["exercises"]]

    def log_set(self, session):
        reps = 1 + self.rng.randrange(30)
        reply = self.write("set_logged", "POST", f"/api/v1/workouts/sessions/{session}/sets",
                           {"exerciseId": self.exercises[0], "reps": reps, "weight": 50 + self.rng.randrange(100)})
        self.account.sessions[session]["sets"][reply.json["setId"]] = reps
        return reply.json["setId"]

    def correct_set(self, session, set_id):
        reps = 31 + self.rng.randrange(30)
        self.write("set_corrected", "PATCH", f"/api/v1/workouts/sessions/{session}/sets/{set_id}", {"reps": reps})
        self.account.sessions[session]["sets"][set_id] = reps

    def remove_set(self, session, set_id):
        self.delete("set_removed", f"/api/v1/workouts/sessions/{session}/sets/{set_id}")
        del self.account.sessions[session]["sets"][set_id]

    def swap(self, session, entry):
        self.write("exercise_swapped", "POST", f"/api/v1/workouts/sessions/{session}/swap",
                   {"entryId": entry, "exerciseId": self.exercises[2]})

    def skip(self, session, entry):
        self.write("exercise_skipped", "POST", f"/api/v1/workouts/sessions/{session}/skip", {"entryId": entry})

    def complete(self, session):
        self.write("session_completed", "POST", f"/api/v1/workouts/sessions/{session}/complete", {})
        self.account.sessions[session]["status"] = "completed"

    def delete_session(self, session):
        self.delete("session_deleted", f"/api/v1/workouts/sessions/{session}")
        del self.account.sessions[session]

    def find_exercises(self):
        if not self.exercises:
            self.exercises = [e["id"] for e in self.read("/api/v1/exercises?pageSize=3").json["exercises"]]

    def tell_behaviour(self):
        """The ids make it safe to send again."""
        when = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
        events = [{"id": str(uuid.UUID(int=self.rng.getrandbits(128), version=4)), "time": when, "screen": {"name": f"screen{i}"}}
                  for i in range(1 + self.rng.randrange(3))]
        body = {"platform": "android", "events": events}
        reply, _ = self.until_answered("behaviour_told", lambda: self.api.post("/api/v2/analytics/events", body), (202,))
        assert reply.json["accepted"] == len(events)
        self.account.behaviour.update(behaviour_id(self.account.user, event["id"]) for event in events)

    def ask_coach(self, message):
        """A question that is asked again may be answered twice; it changes nothing."""
        reply, _ = self.until_answered("coach_asked", lambda: self.api.post("/api/v2/ai/chat", {"message": message}), (200,))
        assert reply.json["done"]["text"]

    def take_advice(self, plan):
        """A proposal, accepted: as often as need be, and the plan has one version more. Returns its ETag."""
        entry = self.read(f"/api/v1/workouts/plans/{plan}").json["exercises"][0]
        body = {"planId": plan, "load": {"entryId": entry["entryId"], "weight": entry["sets"][0]["weight"] + 1}}
        reply, _ = self.until_answered("proposal_made", lambda: self.api.post("/api/v2/ai/plans", body), (200, 201))
        proposal = reply.json["id"]
        reply, _ = self.until_answered("proposal_accepted", lambda: self.api.post(f"/api/v2/ai/plans/{proposal}/accept", {}), (200,))
        self.account.acked.append(("plan_changed", f"coach proposal {proposal}"))
        self.account.plans[plan] += 1
        self.account.accepted.append((proposal, plan, self.account.plans[plan]))
        assert reply.json["plan"]["versionNumber"] == self.account.plans[plan]
        assert reply.json["proposal"]["status"] == "accepted"
        return self.read(f"/api/v1/workouts/plans/{plan}").headers["etag"]

    def read_all(self):
        """How many entries are unread is nobody's business after that."""
        self.until_answered("inbox_read", lambda: self.api.post("/api/v1/notifications/read-all", {}), (200,))

    # ---- days ----

    def fixed_day(self):
        """Every kind of write once, in an order that never changes."""
        self.sign_in()
        self.allow_analytics()
        self.find_exercises()
        self.change_profile()
        self.change_preferences()
        plan, etag = self.make_plan()
        self.change_plan(plan, self.change_plan(plan, etag), restore=True)
        self.take_advice(plan)
        self.ask_coach("what should I train next?")
        self.tell_behaviour()
        session, entries = self.start_session(plan)
        first, second = self.log_set(session), self.log_set(session)
        self.correct_set(session, first)
        self.remove_set(session, second)
        self.swap(session, entries[1])
        self.skip(session, entries[1])
        self.refresh()
        self.complete(session)
        self.read_all()
        gone, _ = self.start_session(plan)
        self.delete_session(gone)
        self.delete_plan(plan)

    def day(self):
        """As it comes."""
        chance = lambda p: self.rng.random() < p  # noqa: E731
        if not self.accounts or len(self.account.sessions) >= 50:
            self.sign_in()
            self.allow_analytics()
            self.find_exercises()
        # A session's tokens differ by a second at least; who asks for more of them for long gets 429.
        if chance(0.3) and time.monotonic() - self.account.tokens_at > 1:
            self.refresh()
        if chance(0.3):
            self.change_profile()
        if chance(0.3):
            self.change_preferences()
        plan, etag = self.make_plan()
        for n in range(self.rng.randrange(4)):
            etag = self.change_plan(plan, etag, restore=n % 2 == 1 and chance(0.5))
        if chance(0.3):
            self.take_advice(plan)
        if chance(0.3):
            self.ask_coach(self.rng.choice(QUESTIONS))
        if chance(0.5):
            self.tell_behaviour()
        session, entries = self.start_session(plan)
        sets = [self.log_set(session) for _ in range(1 + self.rng.randrange(4))]
        if chance(0.3):
            self.correct_set(session, sets[0])
        if chance(0.3):
            self.swap(session, entries[1])
        if chance(0.3):
            self.skip(session, entries[1])
        if chance(0.3):
            self.remove_set(session, sets[-1])
        self.complete(session)
        if chance(0.2):
            self.read_all()
        if chance(0.2):
            self.delete_session(session)
        if chance(0.5):
            self.delete_plan(plan)

    def run(self, over):
        while not over():
            self.day()

    # ---- the open stream, on a thread of its own ----

    def listen(self, over):
        """The inbox of the account that the phone is signed in to."""
        while not over():
            if not self.accounts:
                time.sleep(0.05)
                continue
            account = self.account
            account.inbox.read(lambda: over() or account is not self.account, 0.5 + self.rng_listen.random() * 5)
