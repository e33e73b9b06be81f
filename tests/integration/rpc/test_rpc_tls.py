# SPDX-License-Identifier: Apache-2.0
"""mTLS: who may connect, and who may call what."""
import sys
import uuid

import grpc
import pytest

from rpc_support import ROOT, EchoRequest, Server, connect, method
from test_rpc_client import UNARY, Client
from test_rpc_server import principal

sys.path.insert(0, str(ROOT / "tests" / "support"))
from pki import Pki  # noqa: E402

GATEWAY = "spiffe://fit/gateway"


@pytest.fixture(scope="module")
def pki(tmp_path_factory):
    """A CA, and certificates of a server, of programs, and of those that are not quite."""
    pki = Pki(tmp_path_factory.mktemp("pki"))
    pki.ca("ca")
    pki.ca("strangers")
    pki.leaf("server", "IP:127.0.0.1,DNS:localhost")
    pki.leaf("wrong-host", "IP:192.0.2.1,DNS:elsewhere")
    pki.leaf("gateway", f"URI:{GATEWAY}")
    pki.leaf("workout", "URI:spiffe://fit/workout")
    pki.leaf("coach", "URI:spiffe://fit/ai-coaching")
    pki.leaf("elsewhere", "URI:spiffe://elsewhere/gateway")
    pki.leaf("longer", f"URI:{GATEWAY}/2")
    pki.leaf("expired", f"URI:{GATEWAY}", days=-1)
    pki.leaf("two-ids", f"URI:{GATEWAY},URI:spiffe://fit/other")
    pki.leaf("stranger", f"URI:{GATEWAY}", issuer="strangers")
    return pki


def serve(pki, *options, name="server", **more):
    return Server(f"cert={pki.folder}/{name}.pem", f"key={pki.folder}/{name}.key", f"ca={pki.folder}/ca.pem", *options,
                  **more)


@pytest.fixture(scope="module")
def server(pki):
    with serve(pki) as running:
        yield running


def secure(server, pki, name):
    pair = (pki.read(f"{name}.key"), pki.read(f"{name}.pem")) if name else (None, None)
    return grpc.secure_channel(server.target, grpc.ssl_channel_credentials(pki.read("ca.pem"), *pair),
                               options=[("grpc.use_local_subchannel_pool", 1)])


def code_of(channel, name, **more):
    try:
        method(channel, name)(EchoRequest(text="x"), timeout=5, **more)
        return grpc.StatusCode.OK
    except grpc.RpcError as error:
        return error.code()


# What each certificate may do: a method INTERNAL to gateway and workout, one INTERNAL to nobody, one for users that
# ai-coaching may call too.
@pytest.mark.parametrize("name,unary,slow,user", [("gateway", True, False, True), ("workout", True, False, False),
                                                  ("coach", False, False, True), ("server", False, False, False),
                                                  ("two-ids", False, False, False), ("elsewhere", False, False, False),
                                                  ("longer", False, False, False)])
def test_only_the_named_call(server, pki, name, unary, slow, user):
    who = principal(subject=str(uuid.uuid4()), role="user")
    denied = grpc.StatusCode.PERMISSION_DENIED
    with secure(server, pki, name) as channel:
        assert code_of(channel, "Unary") is (grpc.StatusCode.OK if unary else denied)
        assert code_of(channel, "Unary", metadata=who) is (grpc.StatusCode.OK if unary else denied)
        assert code_of(channel, "Slow") is (grpc.StatusCode.OK if slow else denied)
        assert code_of(channel, "User") is (grpc.StatusCode.UNAUTHENTICATED if user else denied)
        assert code_of(channel, "User", metadata=who) is (grpc.StatusCode.OK if user else denied)


@pytest.mark.parametrize("name", ["gateway", "server"])
def test_health_is_for_any_of_ours(server, pki, name):
    with secure(server, pki, name) as channel:
        check = channel.unary_unary("/grpc.health.v1.Health/Check", request_serializer=bytes, response_deserializer=bytes)
        assert check(b"", timeout=5) == b"\x08\x01"


@pytest.mark.parametrize("name", [None, "stranger", "expired"])
def test_strangers_are_not_served(server, pki, name):
    with secure(server, pki, name) as channel:
        assert code_of(channel, "Unary") is grpc.StatusCode.UNAVAILABLE


def test_plain_text_is_not_served(server):
    with connect(server) as channel:
        assert code_of(channel, "Unary") is grpc.StatusCode.UNAVAILABLE


def test_big_messages_over_tls(server, pki):
    with secure(server, pki, "gateway") as channel:
        payload = bytes(range(256)) * 12000
        assert method(channel, "Unary")(EchoRequest(payload=payload), timeout=20).payload == payload


def test_our_client_over_tls(server, pki):
    with Client(server.target, f"cert={pki.folder}/gateway.pem", f"key={pki.folder}/gateway.key", f"ca={pki.folder}/ca.pem") as client:
        answer = client("unary", UNARY, 5000, EchoRequest(text="hi", reply_bytes=3_000_000))
        assert (answer["status"], answer["bytes"]) == ("OK", 3_000_000)
        assert client("many", UNARY, 10000, EchoRequest(text="x" * 100), 16, 50) == {"OK": 800}


@pytest.mark.parametrize("server_name,ca,text", [("server", "strangers", "certificate"),
                                                 ("wrong-host", "ca", "IP address mismatch")])
def test_our_client_checks_the_server(pki, server_name, ca, text):
    with serve(pki, name=server_name) as running, \
            Client(running.target, f"cert={pki.folder}/gateway.pem", f"key={pki.folder}/gateway.key", f"ca={pki.folder}/{ca}.pem") as client:
        answer = client("unary", UNARY, 5000, EchoRequest())
        assert answer["status"] == "UNAVAILABLE" and text in answer["text"]


def test_our_client_by_name(server, pki):
    with Client(f"dns:localhost:{server.port}", f"cert={pki.folder}/gateway.pem", f"key={pki.folder}/gateway.key",
                f"ca={pki.folder}/ca.pem") as client:
        assert client("unary", UNARY, 5000, EchoRequest())["status"] == "OK"


def test_beyond_loopback_with_tls(pki):
    with serve(pki, address="0.0.0.0:0") as running, secure(running, pki, "gateway") as channel:
        assert code_of(channel, "Unary") is grpc.StatusCode.OK


def test_connection_age_over_tls(pki):
    with serve(pki, "max_age_ms=100") as running, \
            Client(running.target, f"cert={pki.folder}/gateway.pem", f"key={pki.folder}/gateway.key", f"ca={pki.folder}/ca.pem") as client:
        for _ in range(5):
            assert client("many", UNARY, 10000, EchoRequest(sleep_ms=1), 8, 30) == {"OK": 240}
