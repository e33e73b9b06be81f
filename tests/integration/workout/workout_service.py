# SPDX-License-Identifier: Apache-2.0
"""The workout service as a process, on a PostgreSQL of its own, called by gRPC's official Python client."""
import hashlib
import os
import subprocess
import sys
import urllib.request
import uuid

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message_factory

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
sys.path.insert(0, f"{ROOT}/tests/support")
import stack  # noqa: E402

BUILD = os.environ["FIT_BUILD"]
PORTS = (17350, 17399)
SERVICES = {"exercise": "ExerciseService", "plan": "PlanService", "session": "SessionService",
            "progress": "ProgressService"}


def load_pool():
    files = descriptor_pb2.FileDescriptorSet()
    with open(f"{BUILD}/gen/fit.protoset", "rb") as f:
        files.ParseFromString(f.read())
    pool = descriptor_pool.DescriptorPool()
    for file in files.file:
        pool.Add(file)
    return pool


POOL = load_pool()
_factory = message_factory.MessageFactory(POOL)


def message(name):
    return _factory.GetPrototype(POOL.FindMessageTypeByName(name))


def method_of(name):
    for service in SERVICES.values():
        methods = POOL.FindServiceByName(f"fit.workout.v1.{service}").methods_by_name
        if name in methods:
            return f"/fit.workout.v1.{service}/{name}", methods[name]
    raise KeyError(name)


def event(payload):
    """An outbox payload as JSON."""
    return json_format.MessageToDict(message("fit.workout.v1.Event").FromString(payload))


class Failure(Exception):
    """A call that did not end with OK: status name, reason of its ErrorInfo, fields of its BadRequest."""

    def __init__(self, error):
        self.status = error.code().name
        self.text = error.details()
        self.reason, self.fields = None, []
        for key, value in error.trailing_metadata() or ():
            if key == "grpc-status-details-bin":
                for detail in message("google.rpc.Status").FromString(value).details:
                    body = message(detail.type_url.rsplit("/", 1)[1]).FromString(detail.value)
                    self.reason = getattr(body, "reason", self.reason)
                    self.fields += [v.field for v in getattr(body, "field_violations", [])]
        super().__init__(f"{self.status} {self.reason} {self.fields} {self.text}")


class Service:
    """A process of the service; stop() and start() again keep the data."""

    def __init__(self, folder, pg, **settings):
        self.folder, self.pg, self.settings = folder, pg, settings
        self.log = f"{folder}/workout.log"
        self.process = None
        os.makedirs(folder, exist_ok=True)

    def environment(self):
        env = {k: v for k, v in os.environ.items() if not k.startswith(("FIT_", "PG"))}
        env.update({
            "ENVIRONMENT": "development",
            "FIT_LISTEN": f"127.0.0.1:{self.port}",
            "FIT_ADMIN_LISTEN": f"127.0.0.1:{self.admin_port}",
            "FIT_PG_URL": self.pg.url("fit_workout", schema="workout"),
            "FIT_PG_OWNER_URL": self.pg.url("fit_owner", schema="workout"),
            "FIT_MIGRATE_AT_START": "true",
        })
        env.update(self.settings)
        return env

    def start(self):
        self.port = stack.free_port(*PORTS)
        self.admin_port = stack.free_port(self.port + 1, PORTS[1])
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen([f"{BUILD}/bin/workout"], env=self.environment(), stdout=log, stderr=log,
                                            stdin=subprocess.DEVNULL)
        stack.wait_until("the workout service", self._ready, 30, self.process, self.log)
        self.channel = grpc.insecure_channel(f"127.0.0.1:{self.port}")
        return self

    def _ready(self):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.admin_port}/ready", timeout=5):
                return True
        except OSError:
            return False

    def metrics(self):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.admin_port}/metrics", timeout=5) as reply:
            return reply.read().decode()

    def stop(self):
        if self.process is None:
            return 0
        self.channel.close()
        self.process.terminate()
        code = self.process.wait(30)
        self.process = None
        return code

    def future(self, name, request=None, user=None, metadata=()):
        path, method = method_of(name)
        request_type, reply_type = message(method.input_type.full_name), message(method.output_type.full_name)
        metadata = list(metadata)
        if user is not None:
            who = message("fit.api.v1.Principal")(subject=str(user), role="user", tier="free",
                                                  session_id=str(uuid.uuid4()))
            metadata.append(("fit-principal-bin", who.SerializeToString()))
        stub = self.channel.unary_unary(path, request_serializer=request_type.SerializeToString,
                                        response_deserializer=reply_type.FromString)
        return stub.future(json_format.ParseDict(request or {}, request_type()), timeout=20, metadata=metadata)

    def call(self, name, request=None, user=None, metadata=(), header=None):
        """Calls a method with a request in JSON form; the reply in JSON form, scalars always there."""
        call = self.future(name, request, user, metadata)
        try:
            reply = call.result()
        except grpc.RpcError as e:
            raise Failure(e) from None
        if header is not None:
            header.update(dict(call.initial_metadata()))
        return json_format.MessageToDict(reply, including_default_value_fields=True)

    def sql(self, text):
        return self.pg.sql("SET search_path TO workout;\n" + text).removeprefix("SET\n").removeprefix("SET")


def key(text, request):
    """Metadata of an idempotency key, as the gateway sends it."""
    return [("fit-idempotency-key", text),
            ("fit-idempotency-fp-bin", hashlib.sha256(repr(request).encode()).digest())]


class Athlete:
    """A user of the service: athlete.GetPlan(planId=…) calls the method."""

    def __init__(self, service):
        self.service = service
        self.id = str(uuid.uuid4())
        self.header = {}

    def call(self, name, request=None, metadata=()):
        self.header = {}
        return self.service.call(name, request, self.id, metadata, self.header)

    def __getattr__(self, name):
        if not name[0].isupper():
            raise AttributeError(name)
        return lambda **request: self.call(name, request)

    def fails(self, name, request=None, metadata=()):
        try:
            reply = self.call(name, request, metadata)
        except Failure as e:
            return e
        raise AssertionError(f"{name} {request}: {reply}")

    # ---- what writes left beside themselves ----

    def outbox(self):
        """Events in order of their sequence, as (type, body)."""
        rows = self.service.sql("SELECT encode(payload, 'hex') FROM outbox WHERE subject = "
                                f"'{self.id}' ORDER BY sequence").split()
        events = [event(bytes.fromhex(row)) for row in rows]
        assert [int(e["sequence"]) for e in events] == list(range(1, len(events) + 1)), "no gap"
        assert all(e["subject"] == self.id and e["time"] for e in events)
        assert len({e["id"] for e in events}) == len(events)
        return [next((k, v) for k, v in e.items() if k not in ("id", "time", "subject", "sequence")) for e in events]

    def synced(self):
        """(kind, id, deleted) of sync_change, in order of revision."""
        rows = self.service.sql(f"SELECT kind, id, deleted FROM sync_change WHERE user_id = '{self.id}' "
                                "ORDER BY rev, kind, id").split("\n")
        return [(k, i, d == "t") for k, i, d in (row.split("|") for row in rows if row)]

    # ---- short ways ----

    def exercise(self, query):
        found = self.ListExercises(query=query, pageSize=1)["exercises"]
        assert found, query
        return found[0]["id"]

    def update_plan(self, plan_id, etag, mask, **plan):
        return self.call("UpdatePlan", {"planId": plan_id, "plan": plan, "updateMask": mask}, [("fit-if-match", etag)])

    def train(self, exercise, sets, started="2026-11-02T10:00:00Z", completed=None, **session):
        """A session of one exercise; a set is (reps, kg) or (reps, kg, rpe)."""
        sets = [{"reps": s[0], "weight": s[1]} | ({"rpe": s[2]} if len(s) > 2 else {}) for s in sets]
        body = {"startedAt": started, "exercises": [{"exerciseId": exercise, "sets": sets}]} | session
        if completed:
            body["completedAt"] = completed
        return self.CreateSession(session=body)

    def records(self, **kw):
        return {r["kind"]: r for r in self.ListRecords(**kw)["records"]}
