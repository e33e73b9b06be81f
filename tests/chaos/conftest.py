# SPDX-License-Identifier: Apache-2.0
"""A durable stack for each module of tests. FIT_BUILD chooses the executables; CHAOS_KEEP=1 keeps data and logs."""
import os
import random
import re
import shutil
import sys
import tempfile

import pytest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path[:0] = [f"{ROOT}/deploy/local", f"{ROOT}/tests/support"]
import servers  # noqa: E402
import stackdefs  # noqa: E402
from localstack import Stack  # noqa: E402

BUILD = os.environ["FIT_BUILD"]
# Roomy limits; and who is dead or frozen loses what it reads and relays before a frozen process wakes up.
OVERRIDES = {"gateway": {"FIT_RATE_CLASSES": "default=100000000/900,auth=100000000/900"}} | {
    name: {"FIT_BUS_LEASE_MS": "2000"} for name in stackdefs.SERVICES}


def steady_ports():
    """Free ports that the system gives to nobody as a connection's own while their server is down."""
    with open("/proc/sys/net/ipv4/ip_local_port_range") as f:
        first = int(f.read().split()[0])
    candidates = random.SystemRandom().sample(range(10240, first), 400)
    free = (port for port in candidates if servers.port_free(port))
    return {name: next(free) for name in stackdefs.PORTS}


@pytest.fixture(scope="module")
def stack():
    directory = tempfile.mkdtemp(prefix="fit-chaos-")
    stack = Stack(directory, BUILD, durable=True, ports=steady_ports(), overrides=OVERRIDES)
    try:
        stack.up(say=lambda text: None)
        yield stack
        stack.down(say=lambda text: None)
        complaints = reports(directory)
        assert not complaints, complaints
    finally:
        stack.down(say=lambda text: None)
        if os.environ.get("CHAOS_KEEP"):
            print("kept:", directory)
        else:
            shutil.rmtree(directory, ignore_errors=True)


def reports(directory):
    """What a sanitizer or an assertion of ours left in the logs."""
    found = []
    for name in sorted(os.listdir(f"{directory}/log")):
        with open(f"{directory}/log/{name}", errors="replace") as f:
            lines = f.readlines()
        for i, line in enumerate(lines):
            if re.search(r"AddressSanitizer|LeakSanitizer|ThreadSanitizer|runtime error:|\"panic\"|\"fatal\"", line):
                found.append(f"{name}: " + "".join(lines[i:i + 30]))
                break
    return "\n".join(found)
