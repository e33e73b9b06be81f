# SPDX-License-Identifier: Apache-2.0
"""The analytics service as a process on a ClickHouse and a bus (in PostgreSQL) of its own, called by gRPC's official
Python client."""
import atexit
import json
import os
import signal
import subprocess
import sys
import urllib.parse
import urllib.request
import uuid

import grpc
from google.protobuf import json_format

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE) + "/user")
from user_service import BUILD, MESSAGE, Failure, stack  # noqa: E402

PORTS = (17650, 17699)
PASSWORD = "correct horse"
SERVICE = "fit.analytics.v1.AnalyticsService"
TYPES = {"RecordEvents": ("RecordEventsRequest", "RecordEventsResponse"), "GetMySummary": ("GetMySummaryRequest", "MySummary"),
         "GetOverview": ("GetOverviewRequest", "Overview")}


class Clickhouse(stack.servers.Clickhouse):
    def __init__(self, folder, port):
        super().__init__(os.path.abspath(folder), port, PASSWORD, dies_with_parent=True)
        atexit.register(self.stop)

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def sql(self, text, database="analytics"):
        """Rows of a SELECT as lists of texts."""
        request = urllib.request.Request(
            f"{self.url}/?" + urllib.parse.urlencode({"database": database}), text.encode(),
            {"X-ClickHouse-User": "default", "X-ClickHouse-Key": PASSWORD})
        with urllib.request.urlopen(request, timeout=30) as reply:
            return [line.split("\t") for line in reply.read().decode().splitlines()]

    def number(self, text):
        return int(self.sql(text)[0][0])


def start_postgres(folder):
    server = stack.start_postgres(folder, stack.free_port())
    server.sql("DO $$ BEGIN CREATE ROLE fit_bus LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$")
    return server


class Service:
    """A process of the service; stop() and start() again keep the data."""

    def __init__(self, folder, pg, clickhouse, user_target, **settings):
        self.pg, self.clickhouse, self.user_target, self.settings = pg, clickhouse, user_target, settings
        self.log = f"{folder}/analytics.log"
        self.process = None
        os.makedirs(folder, exist_ok=True)
        self.port, self.admin_port = stack.free_port(), stack.free_port()

    def environment(self):
        env = {k: v for k, v in os.environ.items() if not k.startswith(("FIT_", "PG"))}
        return env | {
            "ENVIRONMENT": "development", "FIT_MIGRATE_AT_START": "true",
            "FIT_LISTEN": f"127.0.0.1:{self.port}", "FIT_ADMIN_LISTEN": f"127.0.0.1:{self.admin_port}",
            "FIT_BUS_URL": "pg:" + self.pg.url("fit_bus", schema="fit_bus"),
            "FIT_BUS_OWNER_URL": "pg:" + self.pg.url("fit_owner", schema="fit_bus"),
            "FIT_CLICKHOUSE_URL": self.clickhouse.url, "FIT_CLICKHOUSE_PASSWORD": PASSWORD, "FIT_BUS_LEASE_MS": "2000",
            "FIT_USER_TARGET": self.user_target,
        } | self.settings

    def start(self, crash=None):
        env = self.environment() | ({"FIT_CRASH_POINT": crash} if crash else {})
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen([f"{BUILD}/bin/analytics"], env=env, stdout=log, stderr=log,
                                            stdin=subprocess.DEVNULL)
        # With a crash point it may be gone before it could be asked.
        stack.wait_until("the analytics service", lambda: self.admin("/ready") is not None or
                         (crash and self.process.poll() is not None), 30, None if crash else self.process, self.log)
        self.channel = grpc.insecure_channel(f"127.0.0.1:{self.port}", options=[("grpc.use_local_subchannel_pool", 1)])
        return self

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
        self.wait_killed()

    def wait_killed(self):
        code = self.process.wait(30)
        self.channel.close()
        with open(self.log, encoding="utf-8", errors="replace") as f:
            assert code == -signal.SIGKILL, f"{code}: {f.read()[-4000:]}"
        self.process = None

    def admin(self, path):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.admin_port}{path}", timeout=5) as reply:
                return reply.read().decode()
        except OSError:
            return None

    def rss_mb(self):
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as f:
            return next(int(line.split()[1]) for line in f if line.startswith("VmRSS")) / 1024

    def sanitized(self):
        """Under a sanitizer freed memory is kept for a while."""
        with open(f"{BUILD}/bin/analytics", "rb") as f:
            return b"__asan_init" in f.read()

    def call(self, method, request=None, user=None, permissions=(), **principal):
        request_type, reply_type = (MESSAGE(f"fit.analytics.v1.{name}") for name in TYPES[method])
        metadata = []
        if user is not None:
            who = MESSAGE("fit.api.v1.Principal")(subject=str(user), role="user", tier="pro", session_id=str(uuid.uuid4()),
                                                  permissions=permissions, **principal)
            metadata = [("fit-principal-bin", who.SerializeToString())]
        stub = self.channel.unary_unary(f"/{SERVICE}/{method}", request_serializer=request_type.SerializeToString,
                                        response_deserializer=reply_type.FromString)
        try:
            reply = stub(json_format.ParseDict(request or {}, request_type()), timeout=20, metadata=metadata)
        except grpc.RpcError as e:
            raise Failure(e) from None
        return json_format.MessageToDict(reply, including_default_value_fields=True)

    def fails(self, *args, **kw):
        try:
            reply = self.call(*args, **kw)
        except Failure as e:
            return e
        raise AssertionError(json.dumps(reply))
