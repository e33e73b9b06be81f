# SPDX-License-Identifier: Apache-2.0
"""Processes die at every crash point on an event's way, from outbox row to ClickHouse and inbox; all of it arrives once.

For each point, all programs that pass it are armed at the same time, and each dies several times while a phone lives through
its day: at the first hit, then at the second after that, and so on. Then everybody lives, and when it is quiet the ledger of
events must balance.
"""
import random
import time

import pytest

from api import Api
from conftest import BUILD, ROOT
from event_ledger import EventLedger
from ledger import Ledger
from phone import Phone
from reaper import Keeper, Reaper, armed_build, points_in

RELAYS = ["auth", "user", "workout", "ai-coaching"]
CONSUMERS = ["analytics", "notification"]
# Who passes the points of libcommon, by the beginning of their names; analytics produces behaviour directly.
PASSES = {"relay.": RELAYS, "bus.": RELAYS + ["analytics"], "consumer.": CONSUMERS, "rpc.": CONSUMERS, "tx.": ["notification"]}

pytestmark = pytest.mark.skipif(not armed_build(BUILD), reason=f"{BUILD} has no crash points (build with CRASH_POINTS=1 or a SANITIZER)")


def points():
    """(point, programs)"""
    for point in points_in(ROOT, "libcommon"):
        yield point, next(programs for beginning, programs in PASSES.items() if point.startswith(beginning))
    for program in CONSUMERS:
        for point in points_in(ROOT, f"services/{program}"):
            yield point, [program]


@pytest.mark.parametrize("point, programs", points(), ids=lambda value: value if isinstance(value, str) else "-".join(value))
def test_death_at_each_point(stack, point, programs):
    api = Api("127.0.0.1", stack.ports["gateway"], stack.ports["devidp"])
    phone = Phone(api, point, random.Random(point), time.monotonic() + 120)
    with Keeper([Reaper(stack.programs[name], point) for name in programs]) as keeper:
        phone.fixed_day()
        keeper.wait_for_deaths(30)
    print(f"deaths: {keeper.deaths}", end=" ")
    with Ledger(stack) as ledger:
        ledger.check(phone, phone.account)
        events = EventLedger(stack, ledger)
        events.settle(60)
        events.check([phone], behaviour_of_all=False)
