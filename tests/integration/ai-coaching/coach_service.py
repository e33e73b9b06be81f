# SPDX-License-Identifier: Apache-2.0
"""The ai-coaching service as a process, with real workout and user services, PostgreSQL and Redis, called by gRPC's
official Python client."""
import os
import subprocess
import sys
import urllib.request
import uuid

import grpc
from google.protobuf import json_format

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.dirname(HERE) + "/user", os.path.dirname(HERE) + "/workout"]
from user_service import BUILD, MESSAGE, Failure, stack  # noqa: E402

PORTS = (17750, 17799)
SERVICE = MESSAGE("fit.ai_coaching.v1.ChatRequest").DESCRIPTOR.file.services_by_name["CoachService"]


def start_postgres(folder):
    server = stack.start_postgres(folder, stack.free_port(*PORTS))
    server.sql("DO $$ BEGIN CREATE ROLE fit_ai_coaching LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$")
    return server


def principal(user):
    who = MESSAGE("fit.api.v1.Principal")(subject=str(user), role="user", tier="free", session_id=str(uuid.uuid4()))
    return who.SerializeToString()


class Service:
    """A process of the service; stop() and start() again keep the data."""

    def __init__(self, folder, pg, redis_url, user_target, workout_target, **settings):
        self.folder, self.pg, self.redis_url = folder, pg, redis_url
        self.user_target, self.workout_target, self.settings = user_target, workout_target, settings
        self.log = f"{folder}/ai-coaching.log"
        self.process = None
        os.makedirs(folder, exist_ok=True)

    def environment(self):
        env = {k: v for k, v in os.environ.items() if not k.startswith(("FIT_", "PG"))}
        env.update({
            "ENVIRONMENT": "development", "FIT_LOG_LEVEL": "debug",
            "FIT_LISTEN": f"127.0.0.1:{self.port}", "FIT_ADMIN_LISTEN": f"127.0.0.1:{self.admin_port}",
            "FIT_PG_URL": self.pg.url("fit_ai_coaching", schema="ai_coaching"),
            "FIT_PG_OWNER_URL": self.pg.url("fit_owner", schema="ai_coaching"),
            "FIT_MIGRATE_AT_START": "true", "FIT_REDIS_SESSION_URL": self.redis_url,
            "FIT_USER_TARGET": self.user_target, "FIT_WORKOUT_TARGET": self.workout_target,
        })
        env.update(self.settings)
        return env

    def start(self):
        self.port = stack.free_port(*PORTS)
        self.admin_port = stack.free_port(*PORTS)
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen([f"{BUILD}/bin/ai-coaching"], env=self.environment(), stdout=log, stderr=log,
                                            stdin=subprocess.DEVNULL)
        stack.wait_until("the ai-coaching service", self._ready, 30, self.process, self.log)
        self.channel = grpc.insecure_channel(f"127.0.0.1:{self.port}")
        return self

    def _ready(self):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.admin_port}/ready", timeout=5):
                return True
        except OSError:
            return False

    def stop(self):
        if self.process is None:
            return 0
        self.channel.close()
        self.process.terminate()
        code = self.process.wait(30)
        self.process = None
        return code

    def gauge(self, name):
        """A metric without labels, or the sum over them."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.admin_port}/metrics", timeout=5) as reply:
            lines = [line.rsplit(" ", 1) for line in reply.read().decode().splitlines()]
        return sum(float(value) for key, value in lines if key.split("{")[0] == name)

    def call(self, name, request=None, user=None, metadata=()):
        """A method's reply in JSON form; of a stream the list of its messages."""
        method = SERVICE.methods_by_name[name]
        types = [MESSAGE(t.full_name) for t in (method.input_type, method.output_type)]
        metadata = list(metadata)
        if user is not None:
            metadata.append(("fit-principal-bin", principal(user)))
        kind = self.channel.unary_stream if name == "Chat" else self.channel.unary_unary
        stub = kind(f"/fit.ai_coaching.v1.CoachService/{name}", request_serializer=types[0].SerializeToString,
                    response_deserializer=types[1].FromString)
        message = json_format.ParseDict(request or {}, types[0]())
        as_json = json_format.MessageToDict
        try:
            if name == "Chat":
                return [as_json(m) for m in stub(message, timeout=20, metadata=metadata)]
            return as_json(stub(message, timeout=20, metadata=metadata))
        except grpc.RpcError as e:
            raise Failure(e) from None

    def sql(self, text):
        return self.pg.sql("SET search_path TO ai_coaching;\n" + text).removeprefix("SET\n").removeprefix("SET")


class Trainee:
    """A user with an account, who trains (self.athlete calls workout) and asks the coach."""

    def __init__(self, service, users, athlete):
        self.service, self.users, self.athlete = service, users, athlete
        self.id = users.new_user()
        athlete.id = self.id
        self.header = {}

    def ask(self, message, **more):
        """The turn's end; .deltas and .actions of the stream are kept."""
        self.events = self.service.call("Chat", {"message": message} | more, self.id)
        self.deltas = "".join(e["delta"]["text"] for e in self.events if "delta" in e)
        self.actions = [e["action"] for e in self.events if "action" in e]
        done = self.events[-1]["done"]
        assert self.deltas == done["text"]
        assert [list(e) for e in self.events] == [["delta"]] * (len(self.events) - 1 - len(self.actions)) + \
            [["action"]] * len(self.actions) + [["done"]]
        return done

    def call(self, name, request=None, metadata=()):
        return self.service.call(name, request, self.id, metadata)

    def fails(self, name, request=None, metadata=()):
        try:
            reply = self.call(name, request, metadata)
        except Failure as e:
            return e
        raise AssertionError(f"{name} {request}: {reply}")

    def outbox(self):
        """(type, body) of the events, in order of their sequence, which has no gap."""
        rows = self.service.sql("SELECT encode(payload, 'hex') FROM outbox WHERE subject = "
                                f"'{self.id}' ORDER BY sequence").split()
        events = [json_format.MessageToDict(MESSAGE("fit.ai_coaching.v1.Event").FromString(bytes.fromhex(r))) for r in rows]
        assert [int(e["sequence"]) for e in events] == list(range(1, len(events) + 1))
        return [next((k, v) for k, v in e.items() if k not in ("id", "time", "subject", "sequence")) for e in events]
