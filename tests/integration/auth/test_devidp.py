# SPDX-License-Identifier: Apache-2.0
"""devidp: discovery, keys, tokens; where it refuses to run."""
import json
import os
import subprocess
import urllib.error
import urllib.parse
import urllib.request

import jwt
import pytest
import stack
from auth_service import BUILD, PORTS


class Devidp:
    def __init__(self, folder, **env):
        self.port = stack.free_port(*PORTS)
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = f"{folder}/devidp.log"
        self.env = {k: v for k, v in os.environ.items() if not k.startswith("FIT_")} | {
            "ENVIRONMENT": "development", "FIT_DEVIDP_LISTEN": f"127.0.0.1:{self.port}", "FIT_DEVIDP_KEY_FILE": f"{folder}/devidp.pem"} | env
        self.env = {k: v for k, v in self.env.items() if v is not None}

    def start(self):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen([f"{BUILD}/bin/devidp"], env=self.env, stdout=log, stderr=log)
        stack.wait_until("devidp", self.healthy, 20, self.process, self.log)
        return self

    def healthy(self):
        try:
            return self.get("/health")[0] == 200
        except OSError:
            return False

    def get(self, path, data=None, headers=None):
        request = urllib.request.Request(self.url + path, data=data, headers=headers or {})
        try:
            with urllib.request.urlopen(request, timeout=5) as reply:
                return reply.status, reply.read().decode(), reply.headers
        except urllib.error.HTTPError as e:
            return e.code, e.read().decode(), e.headers

    def token(self, **query):
        status, body, _ = self.get("/token?" + urllib.parse.urlencode(query))
        assert status == 200, body
        return json.loads(body)["id_token"]

    def claims(self, token):
        keys = jwt.PyJWKSet.from_json(self.get("/jwks")[1]).keys
        return jwt.decode(token, keys[0].key, algorithms=["RS256"], audience="fit-dev", issuer=self.url)

    def stop(self):
        self.process.terminate()
        assert self.process.wait(20) == 0
        with open(self.log, encoding="utf-8") as f:
            assert "Sanitizer" not in f.read()


@pytest.fixture(scope="module")
def devidp(folder):
    os.makedirs(f"{folder}/devidp")
    process = Devidp(f"{folder}/devidp").start()
    yield process
    process.stop()


def test_discovery(devidp):
    status, body, headers = devidp.get("/.well-known/openid-configuration")
    doc = json.loads(body)
    assert status == 200 and headers["Content-Type"] == "application/json" and headers["Cache-Control"] == "max-age=300"
    assert doc["issuer"] == devidp.url and doc["jwks_uri"] == f"{devidp.url}/jwks"
    assert doc["id_token_signing_alg_values_supported"] == ["RS256"]


def test_token(devidp):
    claims = devidp.claims(devidp.token(email="ann.lee@example.org", role="coach"))
    assert claims["email"] == "ann.lee@example.org" and claims["email_verified"] is True
    assert claims["name"] == "Ann Lee" and claims["fit_role"] == "coach" and claims["exp"] - claims["iat"] == 3600
    other = devidp.claims(devidp.token(email="Ann.Lee@example.org", name='Ä "b" <c>'))
    assert other["sub"] == claims["sub"] and other["name"] == 'Ä "b" <c>' and "fit_role" not in other
    assert devidp.claims(devidp.token(email="ben@example.org"))["sub"] != claims["sub"]


def test_token_for_tests_of_refusals(devidp):
    assert devidp.claims(devidp.token(email="a@b", email_verified="false"))["email_verified"] is False
    with pytest.raises(jwt.ExpiredSignatureError):
        devidp.claims(devidp.token(email="a@b", expires_in="-60"))
    with pytest.raises(jwt.InvalidAudienceError):
        devidp.claims(devidp.token(email="a@b", aud="x"))


def test_form(devidp):
    status, page, headers = devidp.get("/")
    assert status == 200 and '<form method="post" action="/token">' in page
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    form = urllib.parse.urlencode({"email": "ann@example.org", "role": "admin"}).encode()
    status, body, _ = devidp.get("/token", form)
    assert devidp.claims(json.loads(body)["id_token"])["fit_role"] == "admin"
    status, page, _ = devidp.get("/token", form, {"Accept": "text/html"})
    token = page.split("<textarea readonly>")[1].split("<")[0]
    assert devidp.claims(token)["email"] == "ann@example.org"


@pytest.mark.parametrize("query", ["", "email=", "email=ann", "email=a@b@c", "email=@b", "email=a@", "email=a%20b@c",
                                   "email=a@b&role=emperor", "email=a@b&expires_in=x", "email=a@b&expires_in=86401",
                                   "email=" + "a" * 250 + "@bcde", "email=a%0ab@c"])
def test_token_refuses(devidp, query):
    status, body, _ = devidp.get("/token?" + query)
    assert status == 400 and json.loads(body)["error"] == "invalid_request"


def test_other_paths_and_methods(devidp):
    assert devidp.get("/nothing")[0] == 404
    assert devidp.get("/jwks", b"x")[0] == 405


def test_key_is_kept(folder):
    os.makedirs(f"{folder}/kept")
    first = Devidp(f"{folder}/kept").start()
    keys = first.get("/jwks")[1]
    first.stop()
    assert os.stat(f"{folder}/kept/devidp.pem").st_mode & 0o777 == 0o600
    second = Devidp(f"{folder}/kept").start()
    assert second.get("/jwks")[1] == keys
    second.stop()


@pytest.mark.parametrize("env, text", [
    ({"ENVIRONMENT": None}, "does not start in production"),
    ({"ENVIRONMENT": "prod"}, '"prod" is not development'),
    ({"ENVIRONMENT": "production"}, "does not start in production"),
    ({"FIT_DEVIDP_LISTEN": "0.0.0.0:7900"}, "not on loopback"),
    ({"FIT_DEVIDP_LISTEN": "127.0.0.1.example:7900"}, "not on loopback"),
    ({"FIT_DEVIDP_LISTEN": "7900"}, "is not host:port"),
    ({"FIT_DEVIDP_KEY_FILE": "/nonexistent/x.pem"}, "/nonexistent/x.pem"),
    ({"FIT_DEVIDP_NAME": "x"}, "FIT_DEVIDP_NAME"),
])
def test_refuses_to_start(folder, env, text):
    idp = Devidp(folder, **env)
    run = subprocess.run([f"{BUILD}/bin/devidp"], env=idp.env, capture_output=True, text=True, timeout=20)
    assert run.returncode in (1, 2) and text in run.stderr


def test_signs_in_at_auth(devidp, extra):
    auth = extra(FIT_AUTH_ISSUERS=f"devidp={devidp.url}|fit-dev")
    ann = auth.sign_in(token=devidp.token(email="demo@example.org", role="admin"))
    assert ann.claims["email"] == "demo@example.org" and ann.claims["role"] == "admin"
