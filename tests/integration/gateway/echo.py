# SPDX-License-Identifier: Apache-2.0
"""Services behind a gateway under test: auth's keys and sessions, and an echo service, in one grpcio server."""
import json
import os
import subprocess
import threading
import time
import uuid
from concurrent import futures

import grpc
import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))


def protoset(path):
    """Compiles echo.proto and auth's to one descriptor set."""
    here = os.path.dirname(os.path.abspath(__file__))
    subprocess.run(["protoc", f"-I{ROOT}/proto", f"-I{here}", "-I/usr/include", "--include_imports", "--include_source_info", "-o",
                    path, "echo.proto", "fit/auth/v1/auth.proto", "fit/api/v1/principal.proto", "fit/api/v1/reason.proto"],
                   check=True)
    return path


class Types:
    def __init__(self, path):
        pool = descriptor_pool.DescriptorPool()
        files = descriptor_pb2.FileDescriptorSet()
        with open(path, "rb") as f:
            files.ParseFromString(f.read())
        for file in files.file:
            pool.Add(file)
        self.pool, self.factory = pool, message_factory.MessageFactory(pool)

    def __getitem__(self, name):
        return self.factory.GetPrototype(self.pool.FindMessageTypeByName(name))


def b64(n):
    return jwt.utils.base64url_encode(n.to_bytes(32, "big")).decode()


class Key:
    def __init__(self, kid):
        self.kid, self.private = kid, ec.generate_private_key(ec.SECP256R1())
        point = self.private.public_key().public_numbers()
        self.jwk = {"kty": "EC", "crv": "P-256", "x": b64(point.x), "y": b64(point.y), "kid": kid, "alg": "ES256", "use": "sig"}


class User:
    def __init__(self, *permissions):
        self.id, self.sid, self.permissions = str(uuid.uuid4()), str(uuid.uuid4()), permissions

    def token(self, key, **changes):
        now = int(time.time())
        claims = {"iss": "ai-fitness-coach", "aud": "ai-fitness-coach-app", "sub": self.id, "sid": self.sid, "iat": now - 5,
                  "exp": now + 600, "jti": str(uuid.uuid4())}
        claims.update(changes)
        return jwt.encode({k: v for k, v in claims.items() if v is not None}, key.private, "ES256",
                          headers={"typ": "at+jwt", "kid": key.kid})

    def session(self, exp_ms=None, min_iat=0):
        exp = int(time.time() * 1000) + 600000 if exp_ms is None else exp_ms
        return f"v1|{exp}|{min_iat}|user|free|{','.join(self.permissions)}"


class Upstream:
    """`calls` counts by method; a thing's id tells the echo service what to do."""

    def __init__(self, types, port=0):
        self.types, self.calls, self.users, self.keys = types, {}, {}, [Key("first")]
        self.cancelled = threading.Event()
        self.server = grpc.server(futures.ThreadPoolExecutor(16))
        self.server.add_generic_rpc_handlers((self,))
        self.port = self.server.add_insecure_port(f"127.0.0.1:{port}")
        self.server.start()

    def stop(self):
        self.server.stop(None).wait()

    def user(self, *permissions):
        user = User(*permissions)
        self.users[user.sid] = user
        return user

    def token(self, user, **changes):
        return user.token(self.keys[0], **changes)

    def service(self, details):
        name = details.method.rsplit("/", 1)[1]
        handler = getattr(self, "on_" + name, None)
        if handler is None:
            return None
        request = {"GetJwks": "fit.auth.v1.GetJwksRequest", "ResolveSession": "fit.auth.v1.ResolveSessionRequest",
                   "ListThings": "fit.echo.v1.ListThingsRequest", "UpdateThing": "fit.echo.v1.UpdateThingRequest",
                   "CreateThing": "fit.echo.v1.Thing", "Upload": "fit.echo.v1.Thing"}.get(name, "fit.echo.v1.GetThingRequest")
        metadata = dict(details.invocation_metadata)

        def call(req, context):
            self.calls[name] = self.calls.get(name, 0) + 1
            return handler(req, context, metadata)
        kind = grpc.unary_stream_rpc_method_handler if name == "Watch" else grpc.unary_unary_rpc_method_handler
        return kind(call, self.types[request].FromString, lambda m: m.SerializeToString())

    # ---- auth ----
    def on_GetJwks(self, req, context, metadata):
        return self.types["fit.auth.v1.GetJwksResponse"](json=json.dumps({"keys": [k.jwk for k in self.keys]}).encode())

    def on_ResolveSession(self, req, context, metadata):
        reply = self.types["fit.auth.v1.ResolveSessionResponse"]()
        user = self.users.get(req.session_id)
        if user is not None and user.id == req.user_id:
            reply.active, reply.exp_ms, reply.role, reply.tier = True, int(time.time() * 1000) + 600000, "user", "free"
            reply.permissions.extend(user.permissions)
        return reply

    # ---- echo ----
    def thing(self, metadata, **fields):
        thing = self.types["fit.echo.v1.Thing"](**fields)
        for name, value in metadata.items():
            if name == "fit-principal-bin":
                value = self.types["fit.api.v1.Principal"].FromString(value).subject
            elif isinstance(value, bytes):
                value = value.hex()
            thing.metadata[name] = value
        return thing

    def on_GetThing(self, req, context, metadata):
        if req.id.startswith("code-"):
            context.abort(grpc.StatusCode[req.id[5:]], "as asked")
        if req.id == "slow":
            context.add_callback(self.cancelled.set)
            self.cancelled.wait(10)
        if req.id == "tagged":
            context.send_initial_metadata((("fit-etag", '"v7"'),))
        if req.id == "bad-tag":
            context.send_initial_metadata((("fit-etag", '"v 7"'),))
        return self.thing(metadata, id=req.id, size=req.count)

    on_GetOpen = on_GetAdmin = on_GetThing

    def on_ListThings(self, req, context, metadata):
        reply = self.types["fit.echo.v1.ListThingsResponse"]()
        reply.things.append(self.thing({}, id="a", size=req.page_size, tags=req.tags))
        return reply

    def on_CreateThing(self, req, context, metadata):
        return self.thing(metadata, id=req.id or "new", name=req.name, size=req.size, tags=req.tags)

    on_Upload = on_CreateThing

    def on_UpdateThing(self, req, context, metadata):
        return self.thing(metadata | {"mask": ",".join(req.update_mask.paths)}, id=req.id, name=req.thing.name)

    def on_DeleteThing(self, req, context, metadata):
        return self.types["google.protobuf.Empty"]()

    def on_Watch(self, req, context, metadata):
        event = self.types["fit.echo.v1.WatchEvent"]
        if req.id == "early":
            context.abort(grpc.StatusCode.NOT_FOUND, "no such thing")
        if req.id == "endless":
            context.add_callback(self.cancelled.set)
        for i in range(1 << 30 if req.id == "endless" else req.count):
            if not context.is_active():
                return
            if req.id == "numbered":
                yield event(event_id=str(i), delta=self.thing(metadata, id=str(i)))
                continue
            yield event(delta=self.thing({}, id=str(i), name="x"))
            if req.id == "endless":
                time.sleep(0.01)
        if req.id == "late":
            context.abort(grpc.StatusCode.UNAVAILABLE, "broke off")
        yield event(done=self.thing({}, id="end"))
