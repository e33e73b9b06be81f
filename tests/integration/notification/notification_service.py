# SPDX-License-Identifier: Apache-2.0
"""Replicas of the notification service on a PostgreSQL, Redis and user service of their own, called by gRPC's official
Python client; and the consumer's handler as a process that takes batches of events."""
import os
import subprocess
import sys
import time
import urllib.request
import uuid

import grpc
from google.protobuf import json_format

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE) + "/user")
from user_service import BUILD, MESSAGE, Failure, stack  # noqa: E402

PORTS = (17700, 17749)
SERVICE = "fit.notification.v1.NotificationService"


def principal(user, session=None):
    who = MESSAGE("fit.api.v1.Principal")(subject=str(user), role="user", tier="free",
                                          session_id=str(session or uuid.uuid4()))
    return ("fit-principal-bin", who.SerializeToString())


def bus_environment(pg, owner=False):
    env = {"FIT_BUS_URL": "pg:" + pg.url("fit_bus", schema="fit_bus")}
    return env | ({"FIT_BUS_OWNER_URL": "pg:" + pg.url("fit_owner", schema="fit_bus")} if owner else {})


def start_postgres(folder):
    server = stack.start_postgres(folder, stack.free_port(*PORTS))
    for role in ("fit_notification", "fit_bus"):
        server.sql(f"DO $$ BEGIN CREATE ROLE {role} LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$")
    return server


class Replica:
    """One process of the service."""

    def __init__(self, folder, pg, redis_url, user_target, **settings):
        self.folder, self.pg, self.redis_url, self.user_target, self.settings = folder, pg, redis_url, user_target, settings
        self.process, self.port = None, None
        self.log = f"{folder}/notification-{uuid.uuid4().hex[:8]}.log"
        self.spool = f"{folder}/spool"

    def environment(self):
        env = {k: v for k, v in os.environ.items() if not k.startswith(("FIT_", "PG"))}
        env.update({
            "ENVIRONMENT": "development", "FIT_LOG_LEVEL": "debug",
            "FIT_LISTEN": f"127.0.0.1:{self.port}", "FIT_ADMIN_LISTEN": f"127.0.0.1:{self.admin_port}",
            "FIT_PG_URL": self.pg.url("fit_notification", schema="notification"),
            "FIT_PG_OWNER_URL": self.pg.url("fit_owner", schema="notification"),
            "FIT_MIGRATE_AT_START": "true", "FIT_USER_TARGET": self.user_target,
            "FIT_NOTIFICATION_SPOOL_DIR": self.spool,
            **bus_environment(self.pg, owner=True),
        })
        if self.redis_url:
            env["FIT_REDIS_SESSION_URL"] = self.redis_url
        env.update(self.settings)
        return env

    def start(self):
        self.start_only()
        stack.wait_until("the notification service", lambda: self.admin("/ready") is not None, 30, self.process, self.log)
        self.channel = grpc.insecure_channel(f"127.0.0.1:{self.port}", options=[("grpc.use_local_subchannel_pool", 1)])
        return self

    def start_only(self):
        self.port = self.port or stack.free_port(*PORTS)
        self.admin_port = stack.free_port(*PORTS)
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen([f"{BUILD}/bin/notification"], env=self.environment(), stdout=log, stderr=log,
                                            stdin=subprocess.DEVNULL)

    def stop(self):
        if self.process is None:
            return
        self.channel.close()
        self.process.terminate()
        code = self.process.wait(30)
        self.process = None
        with open(self.log, encoding="utf-8", errors="replace") as f:
            log = f.read()
        assert code == 0, log[-4000:]
        for word in ("ERROR: AddressSanitizer", "LeakSanitizer", "runtime error:", "WARNING: ThreadSanitizer"):
            assert word not in log, log[-8000:]

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process = None

    def admin(self, path):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.admin_port}{path}", timeout=5) as reply:
                return reply.read().decode()
        except OSError:
            return None

    def metric(self, name):
        for line in self.admin("/metrics").splitlines():
            if line.startswith((name + " ", name + "{")):
                return float(line.rsplit(" ", 1)[1])
        return None

    def call(self, method, request=None, user=None):
        types = [MESSAGE(f"fit.notification.v1.{n}") for n in {
            "ListNotifications": ("ListNotificationsRequest", "ListNotificationsResponse"),
            "ReadNotification": ("ReadNotificationRequest", "Notification"),
            "ReadAllNotifications": ("ReadAllNotificationsRequest", "ReadAllNotificationsResponse"),
        }[method]]
        stub = self.channel.unary_unary(f"/{SERVICE}/{method}", request_serializer=types[0].SerializeToString,
                                        response_deserializer=types[1].FromString)
        try:
            reply = stub(json_format.ParseDict(request or {}, types[0]()), timeout=20,
                         metadata=[principal(user)] if user else [])
        except grpc.RpcError as e:
            raise Failure(e) from None
        return json_format.MessageToDict(reply)

    def inbox(self, user, **request):
        return self.call("ListNotifications", request, user).get("notifications", [])

    def kinds(self, user):
        """Kinds in the inbox, oldest first."""
        return [n["kind"] for n in reversed(self.inbox(user))]

    def stream(self, user, last=None, timeout=60, session=None):
        metadata = [principal(user, session)] + ([("fit-last-event-id", str(last))] if last is not None else [])
        stub = self.channel.unary_stream(f"/{SERVICE}/StreamNotifications",
                                         request_serializer=MESSAGE("fit.notification.v1.StreamNotificationsRequest").SerializeToString,
                                         response_deserializer=MESSAGE("fit.notification.v1.InboxEvent").FromString)
        return Stream(stub(MESSAGE("fit.notification.v1.StreamNotificationsRequest")(), timeout=timeout, metadata=metadata))


class Stream:
    """Events of an open stream, one by one."""

    def __init__(self, call):
        self.call = call
        self.last = None

    def next(self):
        event = next(self.call)
        self.last = event.event_id
        return event

    def notification(self):
        """The next new notification; what tells the unread count is passed over."""
        while True:
            event = self.next()
            if event.WhichOneof("type") == "notification":
                return event.notification

    def unread(self):
        while True:
            event = self.next()
            if event.WhichOneof("type") == "inbox":
                return event.inbox.unread_count

    def close(self):
        self.call.cancel()


class Apply:
    """The consumer's handler: batch([...]) returns its status."""

    def __init__(self, pg, redis_url, user_target):
        env = {k: v for k, v in os.environ.items() if not k.startswith("FIT_")}
        env |= {"TEST_PG_URL": pg.url("fit_notification", schema="notification"), "TEST_REDIS_URL": redis_url,
                "TEST_USER_TARGET": user_target}
        self.process = subprocess.Popen([f"{BUILD}/test/notification_apply_test"], env=env, text=True, stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE)

    def send(self, events):
        for e in events:
            self.process.stdin.write(f"{e.topic} {e.type} {e.wire.hex()}\n")
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def answer(self):
        return self.process.stdout.readline().strip()

    def batch(self, *events):
        self.send(events)
        return self.answer()

    def stop(self):
        self.process.stdin.close()
        assert self.process.wait(20) == 0


class Event:
    """An event of a service as it is on the bus: Event("workout", user, "record_set", {...})."""

    def __init__(self, service, user, type, members=None, time_s=None, event_id=None):
        self.topic, self.type = f"fit.{service}.v1", type
        self.id = event_id or str(uuid.uuid4())
        self.user = str(user)
        message = MESSAGE(f"fit.{service}.v1.Event")(id=self.id, subject=self.user, sequence=1)
        message.time.FromMilliseconds(int((time_s or time.time()) * 1000))
        json_format.ParseDict(members or {}, getattr(message, type))
        getattr(message, type).SetInParent()
        self.wire = message.SerializeToString()


def record(user, grams=102500, previous=100000, kind="e1rm", name="", session=None, exercise=None, **more):
    return Event("workout", user, "record_set", {"exerciseId": exercise or str(uuid.uuid4()), "kind": kind, "valueG": str(grams),
                                                 "previousValueG": str(previous), "sessionId": session or str(uuid.uuid4()),
                                                 "setId": str(uuid.uuid4()), "exerciseName": name}, **more)
