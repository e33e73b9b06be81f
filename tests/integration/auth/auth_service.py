# SPDX-License-Identifier: Apache-2.0
"""Our executables as processes, called by gRPC's official Python client; tokens are verified by PyJWT."""
import base64
import hashlib
import os
import subprocess
import sys
import urllib.request
import uuid

import grpc
import jwt
from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message_factory

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
sys.path.insert(0, f"{ROOT}/tests/support")
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import stack  # noqa: E402

BUILD = os.environ["FIT_BUILD"]
PORTS = (17250, 17299)
AUDIENCE = "fit-test"
REPORTS = ("ERROR: AddressSanitizer", "LeakSanitizer", "runtime error:", "WARNING: ThreadSanitizer")


def load_messages():
    files = descriptor_pb2.FileDescriptorSet()
    with open(f"{BUILD}/gen/fit.protoset", "rb") as f:
        files.ParseFromString(f.read())
    pool = descriptor_pool.DescriptorPool()
    for file in files.file:
        pool.Add(file)
    factory = message_factory.MessageFactory(pool)
    return pool, lambda name: factory.GetPrototype(pool.FindMessageTypeByName(name))


POOL, MESSAGE = load_messages()


class Failure(Exception):
    """A call that did not end with OK: status name, reason of its ErrorInfo, fields of its BadRequest."""

    def __init__(self, error):
        self.status, self.text, self.reason, self.fields = error.code().name, error.details(), None, []
        for key, value in error.trailing_metadata() or ():
            if key == "grpc-status-details-bin":
                for detail in MESSAGE("google.rpc.Status").FromString(value).details:
                    name = detail.type_url.rsplit("/", 1)[1]
                    body = MESSAGE(name).FromString(detail.value)
                    if name.endswith("ErrorInfo"):
                        self.reason = body.reason
                    if name.endswith("BadRequest"):
                        self.fields = [v.field for v in body.field_violations]
        super().__init__(f"{self.status} {self.reason} {self.fields} {self.text}")


def write_secret(path, text):
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as f:
        f.write(text)


def make_key(path, kind=("-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256")):
    made = subprocess.run(["openssl", "genpkey", *kind], check=True, capture_output=True, text=True).stdout
    write_secret(path, made)


class Process:
    """One of our executables; stop() and start() again keep its ports and data."""

    def __init__(self, name, folder, **env):
        self.name, self.folder, self.env = name, folder, env
        self.log = f"{folder}/{name}.log"
        self.process = None
        self.port = stack.free_port(*PORTS)
        self.admin_port = stack.free_port(self.port + 1, PORTS[1])

    def start(self, wait=True):
        env = {k: v for k, v in os.environ.items() if not k.startswith(("FIT_", "PG"))}
        env |= {"ENVIRONMENT": "development", "FIT_LOG_LEVEL": "debug", "FIT_LISTEN": f"127.0.0.1:{self.port}",
                "FIT_ADMIN_LISTEN": f"127.0.0.1:{self.admin_port}"} | self.env
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen([f"{BUILD}/bin/{self.name}"], env=env, stdout=log, stderr=log,
                                            stdin=subprocess.DEVNULL)
        if wait:
            stack.wait_until(self.name, lambda: self.admin("/ready") is not None, 30, self.process, self.log)
        self.channel = grpc.insecure_channel(f"127.0.0.1:{self.port}", [("grpc.max_reconnect_backoff_ms", 200)])
        return self

    def admin(self, path):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.admin_port}{path}", timeout=5) as reply:
                return reply.read().decode()
        except OSError:
            return None

    def stop(self):
        if self.process is None:
            return
        self.channel.close()
        if self.process.poll() is None:
            self.process.terminate()
            assert self.process.wait(30) == 0, self.log_text()[-3000:]
        self.process = None

    def restart(self):
        self.stop()
        return self.start()

    def log_text(self):
        with open(self.log, encoding="utf-8", errors="replace") as f:
            return f.read()

    def check_log(self):
        text = self.log_text()
        for word in REPORTS:
            assert word not in text, text[-8000:]

    def call(self, path, request=None, user=None, session=None, agent=None, ip=None, timeout=20):
        """Calls /package.Service/Method with a request in JSON form; the reply in JSON form."""
        service, method = path.split("/")
        method = POOL.FindServiceByName(service).methods_by_name[method]
        types = [MESSAGE(t.full_name) for t in (method.input_type, method.output_type)]
        metadata = []
        if user is not None:
            who = MESSAGE("fit.api.v1.Principal")(subject=user, role="user", tier="free",
                                                  session_id=session or str(uuid.uuid4()))
            metadata.append(("fit-principal-bin", who.SerializeToString()))
        metadata += [("fit-user-agent", agent)] if agent else []
        metadata += [("fit-client-ip", ip)] if ip else []
        stub = self.channel.unary_unary(f"/{path}", request_serializer=types[0].SerializeToString,
                                        response_deserializer=types[1].FromString)
        try:
            reply = stub(json_format.ParseDict(request or {}, types[0]()), timeout=timeout, metadata=metadata,
                         wait_for_ready=True)
        except grpc.RpcError as e:
            raise Failure(e) from None
        return json_format.MessageToDict(reply)


class Person:
    """Somebody signed in: the reply's members, and what the access token says."""

    def __init__(self, auth, reply):
        self.auth, self.reply = auth, reply
        self.access, self.refresh = reply["accessToken"], reply["refreshToken"]
        self.claims = auth.verify(self.access)
        self.user, self.session = self.claims["sub"], self.claims["sid"]

    def call(self, method, request=None):
        return self.auth.rpc(method, request, user=self.user, session=self.session)

    def refreshed(self, **more):
        return Person(self.auth, self.auth.rpc("RefreshTokens", {"refreshToken": self.refresh}, **more))

    def sessions(self):
        return self.call("ListSessions").get("sessions", [])

    def active(self):
        return self.auth.resolve(self.user, self.session).get("active", False)


class Auth(Process):
    def __init__(self, folder, idp, **env):
        super().__init__("auth", folder, **env)
        self.idp = idp

    def rpc(self, method, request=None, **more):
        return self.call(f"fit.auth.v1.AuthService/{method}", request, **more)

    def jwks(self):
        return jwt.PyJWKSet.from_json(base64_text(self.rpc("GetJwks")["json"]))

    def verify(self, token):
        """By PyJWT, with the keys as published."""
        head = jwt.get_unverified_header(token)
        assert head["typ"] == "at+jwt" and head["alg"] == "ES256"
        key = next(k for k in self.jwks().keys if k.key_id == head["kid"])
        return jwt.decode(token, key.key, algorithms=["ES256"], audience="ai-fitness-coach-app",
                          issuer="ai-fitness-coach", leeway=30)

    def sign_in(self, device="", token=None, route="Google", agent=None, ip=None, **claims):
        device = {"id": device, "name": "Ann's phone", "platform": "ios"} if device is not None else None
        request = {"token": token or self.idp.token(**claims)} | ({"device": device} if device else {})
        return Person(self, self.rpc(f"SignInWith{route}", request, agent=agent, ip=ip))

    def resolve(self, user, session):
        return self.rpc("ResolveSession", {"userId": user, "sessionId": session})


def base64_text(text):
    return base64.b64decode(text).decode()


def hash_of(token):
    return hashlib.sha256(token.encode()).hexdigest()
