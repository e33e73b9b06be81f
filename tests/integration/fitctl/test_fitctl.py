# SPDX-License-Identifier: Apache-2.0
"""fitctl against a folder made by hand, a real devidp, and a peer that answers what the test wants.

The whole way through the real gateway is tested end to end; here is what that cannot show: states, refusals, usage.
"""
import http.server
import json
import os
import socket
import subprocess
import sys
import threading

import pytest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
sys.path.insert(0, f"{ROOT}/tests/support")
import stack  # noqa: E402

BUILD = os.environ["FIT_BUILD"]
PORTS = (17330, 17349)


def fitctl(*args, **env):
    clean = {k: v for k, v in os.environ.items() if not k.startswith("FIT_")}
    return subprocess.run([f"{BUILD}/bin/fitctl", *args], env=clean | env, capture_output=True, text=True, timeout=60,
                          check=False)


class Peer:
    """An HTTP server on a port of its own; `answers` maps a path to (status, body), `seen` keeps requests."""

    def __init__(self):
        self.answers, self.seen = {}, []
        peer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                peer.seen.append((self.command, self.path, body))
                status, text = peer.answers.get(self.path.split("?")[0], (404, ""))
                self.send_response(status)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text.encode())

            do_POST = do_GET

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_port
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def peer():
    made = Peer()
    yield made
    made.close()


def start_time(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as f:
        return int(f.read().rsplit(")", 1)[1].split()[19])


@pytest.fixture
def folder(tmp_path):
    for name in ("run", "log"):
        (tmp_path / name).mkdir()

    def make(*programs):
        """programs: (name, port, admin port, pid file's text or None)."""
        (tmp_path / "run/ports").write_text("".join(f"{n} {p} {a}\n" for n, p, a, _ in programs))
        for name, _, _, text in programs:
            if text is not None:
                (tmp_path / f"run/{name}.pid").write_text(text)
                (tmp_path / f"run/{name}.ready_ms").write_text("42\n")
        return str(tmp_path)
    return make


def me():
    return f"{os.getpid()} {start_time(os.getpid())}\n"


def closed_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def states(run):
    return {p["name"]: p["state"] for p in json.loads(run.stdout)}


def test_status_all_ready(folder, peer):
    peer.answers["/ready"] = (200, "{}")
    where = folder(("api", 1, peer.port, me()), ("store", peer.port, 0, me()))
    run = fitctl("status", "--dir", where)
    assert run.returncode == 0, run.stdout + run.stderr
    head, first, second = run.stdout.splitlines()
    assert head.split()[:4] == ["NAME", "ADDRESS", "PID", "STATE"]
    assert first.split()[:6] == ["api", "127.0.0.1:1", str(os.getpid()), "ready", "42", "ms"]
    assert first.endswith(f"{where}/log/api.log") and " MB " in first
    assert second.split()[3] == "ready"
    run = fitctl("status", "--json", FIT_STACK_DIR=where)
    api = json.loads(run.stdout)[0]
    assert api["pid"] == os.getpid() and api["readyMs"] == 42 and api["adminPort"] == peer.port
    assert 1000 < api["rssKb"] < 10_000_000


@pytest.mark.parametrize("text", [None, "", "x y", "1", f"{os.getpid()} 7", "999999999 1", "-1 1"])
def test_status_stopped(folder, peer, text):
    """No file, a broken one, or one whose pid is another process by now."""
    peer.answers["/ready"] = (200, "{}")
    run = fitctl("status", "--json", "--dir", folder(("api", 1, peer.port, text)))
    assert run.returncode == 1 and states(run) == {"api": "stopped"}
    assert json.loads(run.stdout)[0]["pid"] is None


def test_status_not_ready(folder, peer):
    peer.answers["/ready"] = (503, '{"status":"draining"}')
    run = fitctl("status", "--json", "--dir",
                 folder(("api", 1, peer.port, me()), ("gone", 1, closed_port(), me()), ("store", closed_port(), 0, me())))
    assert run.returncode == 1
    assert states(run) == {"api": "not ready", "gone": "not ready", "store": "not ready"}


@pytest.mark.parametrize("ports", ["api 1\n", "api x 1\n", "../api 1 1\n", "api 70000 0\n", "a 1 0\n" * 33])
def test_status_broken_folder(folder, ports):
    where = folder()
    with open(f"{where}/run/ports", "w", encoding="ascii") as f:
        f.write(ports)
    run = fitctl("status", "--dir", where)
    assert run.returncode == 1 and "run/ports" in run.stderr and not run.stdout


# ---- login ----

@pytest.fixture(scope="module")
def devidp(tmp_path_factory):
    path = tmp_path_factory.mktemp("devidp")
    key = path / "devidp.pem"
    subprocess.run(["openssl", "genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", key],
                   check=True, capture_output=True)
    key.chmod(0o600)
    port = stack.free_port(*PORTS)
    env = {"PATH": os.environ["PATH"], "ENVIRONMENT": "development", "FIT_DEVIDP_LISTEN": f"127.0.0.1:{port}",
           "FIT_DEVIDP_KEY_FILE": str(key)}
    with open(path / "log", "wb") as log:
        process = subprocess.Popen([f"{BUILD}/bin/devidp"], env=env, stdout=log, stderr=log)
    stack.wait_until("devidp", lambda: socket.socket().connect_ex(("127.0.0.1", port)) == 0, 20, process, path / "log")
    yield f"http://127.0.0.1:{port}"
    process.terminate()
    assert process.wait(20) == 0


REPLY = {"accessToken": "a.b.c", "refreshToken": "r", "user": {"email": "x"}}


def login(devidp, peer, *args):
    return fitctl("login", *args, FIT_DEVIDP_URL=devidp, FIT_GATEWAY_URL=peer.url)


def test_login_prints_the_token_only(devidp, peer):
    peer.answers["/api/v1/auth/google"] = (200, json.dumps(REPLY))
    run = login(devidp, peer, "--email", "ada+gym@example.org", "--role", "coach", "--device", "d-1")
    assert (run.returncode, run.stdout, run.stderr) == (0, "a.b.c\n", "")
    (verb, path, body), = peer.seen
    sent = json.loads(body)
    assert (verb, path) == ("POST", "/api/v1/auth/google")
    assert sent["device"] == {"id": "d-1", "name": "fitctl", "platform": "other"}
    claims = json.loads(decode(sent["token"].split(".")[1]))
    assert claims["email"] == "ada+gym@example.org" and claims["fit_role"] == "coach"


def decode(text):
    import base64
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def test_login_json_and_a_new_device_each_time(devidp, peer):
    peer.answers["/api/v1/auth/google"] = (200, json.dumps(REPLY))
    for _ in range(2):
        run = login(devidp, peer, "--email", "ada@example.org", "--json")
        assert run.returncode == 0 and json.loads(run.stdout) == REPLY
    devices = {json.loads(body)["device"]["id"] for _, _, body in peer.seen}
    assert len(devices) == 2


@pytest.mark.parametrize("status, body, text", [
    (401, '{"title":"Unauthorized","detail":"The token expired."}', "refused with 401: The token expired."),
    (503, "busy", "refused with 503: busy"),
    (200, "[]", "no JSON object"),
    (200, "{}", "no accessToken"),
    (302, "", "refused with 302"),
])
def test_login_refused(devidp, peer, status, body, text):
    peer.answers["/api/v1/auth/google"] = (status, body)
    run = login(devidp, peer, "--email", "ada@example.org")
    assert run.returncode == 1 and text in run.stderr and run.stdout == ""


def test_login_devidp_says_why(devidp, peer):
    run = login(devidp, peer, "--email", "no address")
    assert run.returncode == 1 and "devidp" in run.stderr and "refused with 400" in run.stderr


def test_login_nobody_there(devidp, peer):
    run = login(f"http://127.0.0.1:{closed_port()}", peer, "--email", "ada@example.org")
    assert run.returncode == 1 and "devidp" in run.stderr and "make up" in run.stderr


# ---- usage ----

@pytest.mark.parametrize("args, text", [
    ([], "Usage"),
    (["frob"], '"frob" is not a command'),
    (["status", "--frob"], '"--frob" is not an option'),
    (["status", "more"], '"more" is too much'),
    (["login"], "--email is missing"),
    (["login", "--email"], "--email needs a value"),
    (["login", "--email", "a@b.c", "--role", "king"], '"king" is not user, coach or admin'),
])
def test_usage(args, text):
    run = fitctl(*args)
    assert run.returncode == 2 and text in run.stderr and run.stdout == ""


@pytest.mark.parametrize("args", [["--help"], ["--version"], ["status", "--help"], ["login", "--help"]])
def test_help(args):
    run = fitctl(*args)
    assert run.returncode == 0 and "fitctl" in run.stdout and run.stderr == ""


def test_output_that_cannot_be_written(folder):
    with open("/dev/full", "w", encoding="ascii") as full:
        run = subprocess.run([f"{BUILD}/bin/fitctl", "--help"], stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert run.returncode == 1 and "can't be written" in run.stderr
