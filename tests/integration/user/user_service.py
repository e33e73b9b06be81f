# SPDX-License-Identifier: Apache-2.0
"""The user service as a process, on a PostgreSQL of its own, called by gRPC's official Python client."""
import os
import secrets
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
PORTS = (17300, 17349)
ISSUER = "https://accounts.example"


def load_messages():
    """Message classes by full name, from the descriptor set that the binaries are built from."""
    files = descriptor_pb2.FileDescriptorSet()
    with open(f"{BUILD}/gen/fit.protoset", "rb") as f:
        files.ParseFromString(f.read())
    pool = descriptor_pool.DescriptorPool()
    for file in files.file:
        pool.Add(file)
    factory = message_factory.MessageFactory(pool)
    return lambda name: factory.GetPrototype(pool.FindMessageTypeByName(name))


MESSAGE = load_messages()


class Failure(Exception):
    """A call that did not end with OK: status name, reason of its ErrorInfo, fields of its BadRequest."""

    def __init__(self, error):
        self.status = error.code().name
        self.text = error.details()
        self.reason, self.fields = None, []
        for key, value in error.trailing_metadata() or ():
            if key == "grpc-status-details-bin":
                self._read(value)
        super().__init__(f"{self.status} {self.reason} {self.fields} {self.text}")

    def _read(self, value):
        status = MESSAGE("google.rpc.Status").FromString(value)
        for detail in status.details:
            name = detail.type_url.rsplit("/", 1)[1]
            body = MESSAGE(name).FromString(detail.value)
            if name.endswith("ErrorInfo"):
                self.reason = body.reason
            if name.endswith("BadRequest"):
                self.fields = [v.field for v in body.field_violations]


class Service:
    """A process of the service; stop() and start() again keep the data."""

    def __init__(self, folder, pg, kek_dir=None, **settings):
        self.folder, self.pg = folder, pg
        self.kek_dir = kek_dir or f"{folder}/kek"
        self.settings = settings
        self.log = f"{folder}/user.log"
        self.process = None
        os.makedirs(self.kek_dir, mode=0o700, exist_ok=True)
        if not os.listdir(self.kek_dir):
            self.add_kek(1)
        self.index_key = f"{folder}/index_key"
        if not os.path.exists(self.index_key):
            write_secret(self.index_key, secrets.token_hex(32))

    def add_kek(self, number, text=None):
        write_secret(f"{self.kek_dir}/{number}.key", text or secrets.token_hex(32))

    def environment(self):
        env = {k: v for k, v in os.environ.items() if not k.startswith(("FIT_", "PG"))}
        env.update({
            "ENVIRONMENT": "development",
            "FIT_LOG_LEVEL": "debug",
            "FIT_LISTEN": f"127.0.0.1:{self.port}",
            "FIT_ADMIN_LISTEN": f"127.0.0.1:{self.admin_port}",
            "FIT_PG_URL": self.pg.url("fit_user", schema="fitness_core"),
            "FIT_PG_OWNER_URL": self.pg.url("fit_owner", schema="fitness_core"),
            "FIT_MIGRATE_AT_START": "true",
            "FIT_KEK_DIR": self.kek_dir,
            "FIT_BLIND_INDEX_KEY_FILE": self.index_key,
        })
        env.update(self.settings)
        return env

    def start(self):
        self.port = stack.free_port(*PORTS)
        self.admin_port = stack.free_port(self.port + 1, PORTS[1])
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen([f"{BUILD}/bin/user"], env=self.environment(), stdout=log, stderr=log,
                                            stdin=subprocess.DEVNULL)
        stack.wait_until("the user service", lambda: self.admin("/ready") is not None, 30, self.process, self.log)
        self.channel = grpc.insecure_channel(f"127.0.0.1:{self.port}")
        return self

    def stop(self):
        if self.process is None:
            return 0
        self.channel.close()
        self.process.terminate()
        code = self.process.wait(30)
        self.process = None
        return code

    def restart(self):
        assert self.stop() == 0
        return self.start()

    def admin(self, path):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.admin_port}{path}", timeout=5) as reply:
                return reply.read().decode()
        except OSError:
            return None

    def call(self, method, request=None, user=None, metadata=(), ret_header=None):
        """Calls a method with a request in JSON form; the reply in JSON form. `user` is the caller's id."""
        return self.as_json(self.start_call(method, request, user, metadata), ret_header)

    def start_call(self, method, request=None, user=None, metadata=()):
        service = MESSAGE("fit.user.v1.User").DESCRIPTOR.file.services_by_name["UserService"].methods_by_name[method]
        types = [MESSAGE(t.full_name) for t in (service.input_type, service.output_type)]
        metadata = list(metadata)
        if user is not None:
            who = MESSAGE("fit.api.v1.Principal")(subject=str(user), role="user", tier="free",
                                                  session_id=str(uuid.uuid4()))
            metadata.append(("fit-principal-bin", who.SerializeToString()))
        stub = self.channel.unary_unary(f"/fit.user.v1.UserService/{method}",
                                        request_serializer=types[0].SerializeToString,
                                        response_deserializer=types[1].FromString)
        return stub.future(json_format.ParseDict(request or {}, types[0]()), timeout=20, metadata=metadata)

    @staticmethod
    def as_json(call, ret_header=None):
        try:
            reply = call.result()
        except grpc.RpcError as e:
            raise Failure(e) from None
        if ret_header is not None:
            ret_header.update(dict(call.initial_metadata()))
        return json_format.MessageToDict(reply)

    def sign_in(self, email=None, subject=None, **more):
        email = email or f"{uuid.uuid4().hex[:12]}@example.org"
        request = {"issuer": ISSUER, "subject": subject or uuid.uuid4().hex, "email": email, "emailVerified": True,
                   "displayName": "Test"} | more
        return self.call("FindOrCreateUser", request)

    def new_user(self, **more):
        return self.sign_in(**more)["user"]["id"]

    def etag(self, user):
        header = {}
        self.call("GetUser", user=user, ret_header=header)
        return header["fit-etag"]

    def patch(self, user, profile, mask, etag=None, metadata=()):
        metadata = list(metadata) + [("fit-if-match", etag or self.etag(user))]
        return self.call("UpdateUser", {"profile": profile, "updateMask": mask}, user, metadata)


def write_secret(path, text):
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as f:
        f.write(text)
