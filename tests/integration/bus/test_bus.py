# SPDX-License-Identifier: Apache-2.0
"""What every driver of the bus keeps: order per key, at least once, each effect once, poison aside, retention, replay.

The processes are killed for real, at every named place and at random; what counts is what is in the database at the end.
"""
import random
import signal
import time

import pytest
from conftest import SCHEMA, wait_until

TOPIC = "fit.workout.v1"


def test_commit_to_effect(bus):
    """Slow and fast transactions, a relay, a consumer: every event once, in order, no gap per subject."""
    bus.run("relay")
    bus.run("consume", "g", 2, 50, TOPIC)
    bus.start("outbox", 20, 50, 8, 5).finish()
    bus.wait_applied("g", 1000)
    bus.check_exact("g")
    gaps = bus.number(f"""SELECT count(*) FROM (SELECT key, count(*) AS n, max(sequence) AS last FROM {SCHEMA}.applied
        GROUP BY key) x WHERE n <> last""")
    assert gaps == 0


def test_groups_are_apart(bus):
    for group in ("a", "b"):
        bus.run("consume", group, 1, 50, TOPIC)
    bus.start("produce", TOPIC, 300, "x").finish()
    for group in ("a", "b"):
        bus.wait_applied(group, 300)
        assert bus.repeated(group) == 0
