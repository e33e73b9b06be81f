# SPDX-License-Identifier: Apache-2.0
"""mTLS: who may connect, and who may assert a principal."""
import subprocess
import uuid

import grpc
import pytest

from rpc_support import EchoRequest, Server, connect, method
from test_rpc_client import UNARY, Client
from test_rpc_server import principal

GATEWAY = "spiffe://fit/gateway"


def openssl(*args):
    subprocess.run(["openssl", *args], check=True, capture_output=True)


@pytest.fixture(scope="module")
def pki(tmp_path_factory):
    """A CA, and certificates of a server, the gateway, another service, and one of a stranger's CA."""
    folder = tmp_path_factory.mktemp("pki")

    def ca(name):
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj",
                f"/CN={name}", "-keyout", f"{folder}/{name}.key", "-out", f"{folder}/{name}.pem")

    def leaf(name, names, issuer="ca"):
        openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={name}",
                "-keyout", f"{folder}/{name}.key", "-out", f"{folder}/{name}.csr")
        (folder / f"{name}.ext").write_text(f"subjectAltName={names}\n")
        openssl("x509", "-req", "-in", f"{folder}/{name}.csr", "-CA", f"{folder}/{issuer}.pem", "-CAkey",
                f"{folder}/{issuer}.key", "-days", "2", "-extfile", f"{folder}/{name}.ext", "-out", f"{folder}/{name}.pem")

    ca("ca")
    ca("strangers")
    leaf("server", "IP:127.0.0.1,DNS:localhost")
    leaf("wrong-host", "IP:192.0.2.1,DNS:elsewhere")
    leaf("gateway", f"URI:{GATEWAY}")
    leaf("workout", "URI:spiffe://fit/workout")
    leaf("two-ids", f"URI:{GATEWAY},URI:spiffe://fit/other")
    leaf("stranger", f"URI:{GATEWAY}", issuer="strangers")
    return folder


def serve(pki, *options, name="server", **more):
    return Server(f"cert={pki}/{name}.pem", f"key={pki}/{name}.key", f"ca={pki}/ca.pem", f"entitled={GATEWAY}", *options,
                  **more)


@pytest.fixture(scope="module")
def server(pki):
    with serve(pki) as running:
        yield running


def secure(server, pki, name):
    read = lambda f: (pki / f).read_bytes()  # noqa: E731
    pair = (read(f"{name}.key"), read(f"{name}.pem")) if name else (None, None)
    return grpc.secure_channel(server.target, grpc.ssl_channel_credentials(read("ca.pem"), *pair),
                               options=[("grpc.use_local_subchannel_pool", 1)])


def code_of(channel, name, **more):
    try:
        method(channel, name)(EchoRequest(text="x"), timeout=5, **more)
        return grpc.StatusCode.OK
    except grpc.RpcError as error:
        return error.code()


@pytest.mark.parametrize("name,asserting", [("gateway", "OK"), ("workout", "PERMISSION_DENIED"),
                                            ("two-ids", "PERMISSION_DENIED")])
def test_only_the_entitled_assert_a_principal(server, pki, name, asserting):
    who = principal(subject=str(uuid.uuid4()), role="user")
    with secure(server, pki, name) as channel:
        assert code_of(channel, "Unary") is grpc.StatusCode.OK
        assert code_of(channel, "User") is grpc.StatusCode.UNAUTHENTICATED
        assert code_of(channel, "User", metadata=who) is grpc.StatusCode[asserting]
        assert code_of(channel, "Unary", metadata=who) is grpc.StatusCode[asserting]


@pytest.mark.parametrize("name", [None, "stranger"])
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
    with Client(server.target, f"cert={pki}/gateway.pem", f"key={pki}/gateway.key", f"ca={pki}/ca.pem") as client:
        answer = client("unary", UNARY, 5000, EchoRequest(text="hi", reply_bytes=3_000_000))
        assert (answer["status"], answer["bytes"]) == ("OK", 3_000_000)
        assert client("many", UNARY, 10000, EchoRequest(text="x" * 100), 16, 50) == {"OK": 800}


@pytest.mark.parametrize("server_name,ca,text", [("server", "strangers", "certificate"),
                                                 ("wrong-host", "ca", "IP address mismatch")])
def test_our_client_checks_the_server(pki, server_name, ca, text):
    with serve(pki, name=server_name) as running, \
            Client(running.target, f"cert={pki}/gateway.pem", f"key={pki}/gateway.key", f"ca={pki}/{ca}.pem") as client:
        answer = client("unary", UNARY, 5000, EchoRequest())
        assert answer["status"] == "UNAVAILABLE" and text in answer["text"]


def test_our_client_by_name(server, pki):
    with Client(f"dns:localhost:{server.port}", f"cert={pki}/gateway.pem", f"key={pki}/gateway.key",
                f"ca={pki}/ca.pem") as client:
        assert client("unary", UNARY, 5000, EchoRequest())["status"] == "OK"


def test_beyond_loopback_with_tls(pki):
    with serve(pki, address="0.0.0.0:0") as running, secure(running, pki, "gateway") as channel:
        assert code_of(channel, "Unary") is grpc.StatusCode.OK


def test_connection_age_over_tls(pki):
    with serve(pki, "max_age_ms=100") as running, \
            Client(running.target, f"cert={pki}/gateway.pem", f"key={pki}/gateway.key", f"ca={pki}/ca.pem") as client:
        for _ in range(5):
            assert client("many", UNARY, 10000, EchoRequest(sleep_ms=1), 8, 30) == {"OK": 240}
