# SPDX-License-Identifier: Apache-2.0
"""A stack whose programs speak mTLS with each other: a day goes through it, and nobody else gets in."""
import os
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile

import grpc
import pytest

from api import Api
from conftest import BUILD, ROOMY, sanitizer_reports
from localstack import Stack, free_ports
from pki import Pki
from test_12_coach_and_events import Stream, trained, until

PROGRAMS = ("gateway", "auth", "user", "workout", "ai-coaching", "analytics", "notification")


@pytest.fixture(scope="module")
def pki(tmp_path_factory):
    pki = Pki(tmp_path_factory.mktemp("pki"))
    pki.ca("ca")
    pki.ca("strangers")
    for name in PROGRAMS:
        pki.leaf(name, f"URI:spiffe://fit/{name},IP:127.0.0.1")
    pki.leaf("expired", "URI:spiffe://fit/auth", days=-1)
    pki.leaf("stranger", "URI:spiffe://fit/auth", issuer="strangers")
    return pki


@pytest.fixture(scope="module")
def secure(pki):
    directory = tempfile.mkdtemp(prefix="fit-mtls-")
    overrides = {name: ROOMY.get(name, {}) | {"FIT_TLS_CERT": pki.file(f"{name}.pem"), "FIT_TLS_KEY": pki.file(f"{name}.key"),
                                              "FIT_TLS_CA": pki.file("ca.pem")} for name in PROGRAMS}
    stack = Stack(directory, BUILD, durable=False, ports=free_ports(), overrides=overrides)
    try:
        stack.up(say=lambda text: None)
        yield stack
        problems = sanitizer_reports(stack)
        assert not problems, "\n".join(problems)
    finally:
        stack.down(say=lambda text: None)
        shutil.rmtree(directory, ignore_errors=True)


def test_a_day_goes_through(secure):
    api = Api("127.0.0.1", secure.ports["gateway"], secure.ports["devidp"])
    ana = api.sign_in()  # gateway → auth → user
    trained(ana)  # gateway → workout
    stream = Stream(ana, "POST", "/api/v2/ai/chat", {"message": "what should I do next?"})
    last = [event for _, event, _ in stream.events()][-1]  # gateway → ai-coaching → user, workout
    assert last == "done"
    stream.close()
    inbox = lambda: ana.get("/api/v1/notifications").ok()["notifications"]  # noqa: E731
    assert until(lambda: [n for n in inbox() if n["kind"] == "record_weight"])
    assert ana.get("/api/v2/analytics/me").ok()
    for client in (ana, api):
        client.close()


def call(secure, pki, name, service, method, request=b""):
    """The status of a call with somebody's certificate; None: without one."""
    package = "ai-coaching" if service.startswith("fit.ai_coaching") else service.split(".")[1]
    target = f"127.0.0.1:{secure.ports[package]}"
    if name is None:
        channel = grpc.insecure_channel(target, options=[("grpc.use_local_subchannel_pool", 1)])
    else:
        pair = (pki.read(f"{name}.key"), pki.read(f"{name}.pem")) if name else (None, None)
        channel = grpc.secure_channel(target, grpc.ssl_channel_credentials(pki.read("ca.pem"), *pair),
                                      options=[("grpc.use_local_subchannel_pool", 1)])
    with channel:
        try:
            channel.unary_unary(f"/{service}/{method}", request_serializer=bytes, response_deserializer=bytes)(request, timeout=10)
            return "OK"
        except grpc.RpcError as error:
            return error.code().name


USER, AUTH, PLAN = "fit.user.v1.UserService", "fit.auth.v1.AuthService", "fit.workout.v1.PlanService"


@pytest.mark.parametrize("name,service,method,status", [
    # Let in, an empty request is judged.
    ("auth", USER, "FindOrCreateUser", "INVALID_ARGUMENT"),
    ("notification", USER, "FindContact", "INVALID_ARGUMENT"),
    ("gateway", AUTH, "ResolveSession", "INVALID_ARGUMENT"),
    ("ai-coaching", PLAN, "ListPlans", "UNAUTHENTICATED"),
    # Of ours, but not for this one.
    ("gateway", USER, "FindOrCreateUser", "PERMISSION_DENIED"),
    ("notification", USER, "FindOrCreateUser", "PERMISSION_DENIED"),
    ("auth", USER, "FindContact", "PERMISSION_DENIED"),
    ("workout", AUTH, "ResolveSession", "PERMISSION_DENIED"),
    ("analytics", PLAN, "ListPlans", "PERMISSION_DENIED"),
    ("notification", USER, "GetUser", "PERMISSION_DENIED"),
    # Not of ours.
    ("stranger", USER, "FindOrCreateUser", "UNAVAILABLE"),
    ("expired", USER, "FindOrCreateUser", "UNAVAILABLE"),
    ("", USER, "FindOrCreateUser", "UNAVAILABLE"),
    (None, USER, "FindOrCreateUser", "UNAVAILABLE"),
])
def test_who_may_call_what(secure, pki, name, service, method, status):
    assert call(secure, pki, name, service, method) == status


def served(secure, pki, program):
    """The certificate that a program's port shows to auth."""
    context = ssl.create_default_context(cafile=pki.file("ca.pem"))
    context.load_cert_chain(pki.file("auth.pem"), pki.file("auth.key"))
    context.set_alpn_protocols(["h2"])
    with socket.create_connection(("127.0.0.1", secure.ports[program])) as raw, \
            context.wrap_socket(raw, server_hostname="127.0.0.1") as conn:
        return conn.getpeercert()["serialNumber"]


def test_a_new_certificate_counts_after_sighup(secure, pki):
    before = served(secure, pki, "user")
    user = secure.programs["user"]
    pki.leaf("next", "URI:spiffe://fit/user,IP:127.0.0.1")
    shutil.copy(pki.file("next.pem"), pki.file("user.pem"))
    os.kill(user.pid(), signal.SIGHUP)  # the key is still the old one
    until(lambda: "reload_failed" in log(secure, "user"))
    assert served(secure, pki, "user") == before
    shutil.copy(pki.file("next.key"), pki.file("user.key"))
    os.kill(user.pid(), signal.SIGHUP)
    until(lambda: served(secure, pki, "user") != before)
    os.kill(secure.programs["gateway"].pid(), signal.SIGHUP)
    until(lambda: '"event":"reloaded"' in log(secure, "gateway"))
    api = Api("127.0.0.1", secure.ports["gateway"], secure.ports["devidp"])
    api.sign_in().close()


def log(secure, name):
    with open(f"{secure.dir}/log/{name}.log", errors="replace") as f:
        return f.read()


def test_half_of_the_settings_is_refused(secure, pki):
    program = secure.programs["user"]
    for missing in ("FIT_TLS_CERT", "FIT_TLS_KEY", "FIT_TLS_CA"):
        env = {k: v for k, v in program.env.items() if k != missing}
        done = subprocess.run([f"{BUILD}/bin/user", "--check-config"],
                              env={"PATH": os.environ["PATH"]} | env, capture_output=True, text=True)
        assert done.returncode == 2 and missing in done.stderr
