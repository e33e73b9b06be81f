# SPDX-License-Identifier: Apache-2.0
"""The coach through the gateway: events named after the message's member, one JSON answer, problems."""
import json
import os
import sys

import pytest
from coach_service import BUILD, HERE
from test_chat import make_plan

sys.path.insert(0, os.path.dirname(HERE) + "/gateway")
from echo import Types, Upstream, protoset  # noqa: E402
from rawhttp import Conn  # noqa: E402
from test_pipeline import Gateway, render  # noqa: E402

PATH = "/api/v2/ai/chat"


@pytest.fixture(scope="module")
def auth(tmp_path_factory):
    """Keys and sessions, without the service."""
    upstream = Upstream(Types(protoset(str(tmp_path_factory.mktemp("auth") / "echo.protoset"))))
    yield upstream
    upstream.stop()


@pytest.fixture(scope="module")
def gateway(auth, service, redis, workouts, tmp_path_factory):
    settings = {"FIT_UPSTREAMS": f"fit.auth.v1=127.0.0.1:{auth.port},fit.ai_coaching.v1=127.0.0.1:{service.port},"
                                 f"fit.workout.v1=127.0.0.1:{workouts.port}",
                "FIT_PROTOSET": f"{BUILD}/gen/fit.protoset"}
    made = Gateway(str(tmp_path_factory.mktemp("gateway")), auth, redis.port, **settings)
    yield made
    made.stop()


@pytest.fixture
def bearer(auth, redis, ana):
    who = auth.user()
    who.id = ana.id
    auth.users[who.sid] = who
    redis.cli("HSET", f"session:{{{ana.id}}}", who.sid, who.session())
    return auth.token(who)


def ask(gateway, bearer, body, accept="text/event-stream"):
    conn = Conn(gateway.port)
    text = json.dumps(body).encode()
    conn.send(render("POST", PATH, bearer, text, Accept=accept, Content_Type="application/json"))
    return conn


def test_events(gateway, ana, bearer):
    make_plan(ana)
    conn = ask(gateway, bearer, {"message": "set bench press to 62.5 kg", "personality": "steady"})
    status, headers = conn.head()
    assert (status, headers["content-type"]) == (200, "text/event-stream")
    events = []
    for chunk in conn.chunks():
        events += [dict(line.split(": ", 1) for line in block.split("\n")) for block in chunk.decode().strip().split("\n\n")]
        if events[-1]["event"] == "done":
            break
    conn.close()
    names = [e["event"] for e in events]
    assert set(names[:-2]) == {"delta"} and names[-2:] == ["action", "done"]
    done = json.loads(events[-1]["data"])
    assert "".join(json.loads(e["data"])["text"] for e in events[:-2]) == done["text"]
    assert (done["provider"], done["personality"]) == ("builtin", "steady")
    assert json.loads(events[-2]["data"])["proposal"]["load"]["weight"] == 62.5


def test_one_json_answer(gateway, bearer):
    conn = ask(gateway, bearer, {"message": "i have chest pain"}, "application/json")
    reply = conn.reply("POST")
    conn.close()
    assert (reply.status, reply.headers["content-type"]) == (200, "application/json")
    done = reply.json()["done"]
    assert done["safety"]["level"] == "emergency" and "112" in done["text"]


def test_early_failure_is_a_plain_problem(gateway, bearer):
    for body, want in (({"message": ""}, 400), ({"message": "hi", "persona": "x"}, 400)):
        conn = ask(gateway, bearer, body)
        status, headers = conn.head()
        assert (status, headers["content-type"]) == (want, "application/problem+json")
        conn.close()


def test_no_client_is_the_ai(gateway, ana, bearer):
    plan = make_plan(ana)
    conn = Conn(gateway.port)
    conn.send(render("PATCH", f"/api/v1/workouts/plans/{plan['id']}", bearer, b'{"name": "x", "createdBy": "ai"}',
                     Content_Type="application/json", If_Match='"v1"', Fit_Actor="ai"))
    status, _ = conn.head()
    assert status == 400
    conn.close()
