# SPDX-License-Identifier: Apache-2.0
"""A process dies at every crash point during every kind of write; repeated until acknowledged, each is there once.

For each program and each point in it, a phone lives through a fixed day. The program is armed to die at the n-th hit; when
it has died it is started again, armed for its second hit: the request in doubt gets through, the next one that passes the point
kills again. A repeat that dies too, since it passes the point more than once (so does what the start makes up for), finds one
hit more each time. Days with n = 1, 2, … follow until every request that goes through the program has met the
death of it, and after each day the ledger must balance.
"""
import random
import time

import pytest

from api import Api
from conftest import BUILD, ROOT
from ledger import Ledger
from phone import Phone
from reaper import Reaper, armed_build, points_in

DAYS_MAX = 6
WORKOUT = {"plan_created", "plan_changed", "plan_deleted", "session_started", "session_completed", "session_deleted",
           "set_logged", "set_corrected", "set_removed", "exercise_swapped", "exercise_skipped"}
USER = {"sign_in", "profile_changed", "preferences_changed"}
AUTH = {"sign_in", "refresh", "sign_out"}
COACH = {"coach_asked", "proposal_made", "proposal_accepted"}
OTHERS = {"behaviour_told", "inbox_read"}
# Which requests pass the points that every service has.
PASSES = {"gateway": WORKOUT | USER | AUTH | COACH | OTHERS, "workout": WORKOUT, "user": USER, "auth": AUTH, "ai-coaching": COACH}
# For points of one service, and where it differs: those that do.
SPECIAL = {
    ("ai-coaching", "rpc.before_reply"): COACH - {"coach_asked"},  # a stream replies bit by bit
    "auth.sign_in.after_commit": {"sign_in"},
    "auth.refresh.after_commit": {"refresh"},
    "auth.end.after_commit": {"sign_out"},
    # Not sign_out: the second time its session has ended, and its copy was shown.
    "auth.show.after_copy": {"sign_in", "refresh"},
    "coach.between_plan_and_proposal": {"proposal_accepted"},
}


def points():
    """(program, point), as they are in the sources of what is linked into the program."""
    shared = [point for point in points_in(ROOT, "libcommon") if point not in points_in(ROOT, "libcommon/bus")]
    for program in PASSES:
        own = points_in(ROOT, "gateway") if program == "gateway" else sorted(shared + points_in(ROOT, f"services/{program}"))
        yield from ((program, point) for point in own)


pytestmark = pytest.mark.skipif(not armed_build(BUILD), reason=f"{BUILD} has no crash points (build with CRASH_POINTS=1 or a SANITIZER)")


@pytest.fixture(scope="module", autouse=True)
def quiet(stack):
    """Without relays, whose transactions pass the points of tx.c at any time: here only requests pass them."""
    for name in ("auth", "user", "workout", "ai-coaching"):
        for key in ("FIT_BUS_URL", "FIT_BUS_PASSWORD_FILE"):
            stack.programs[name].env.pop(key)
        stack.programs[name].stop()
        stack.programs[name].start()


class Nemesis:
    """Kills by request; `trouble` is what a phone calls when an attempt failed."""

    def __init__(self, program, point):
        self.reaper, self.died_in = Reaper(program, point), set()
        self.deaths = 0  # of the request in doubt

    def trouble(self, what, failures):
        if failures == 1:
            self.deaths = 0
        if self.reaper.dead:
            self.died_in.add(what.split()[0])
            self.deaths += 1
            self.reaper.arm(1 + self.deaths)
        else:
            time.sleep(0.02)


@pytest.mark.parametrize("program, point", points())
def test_death_at_each_point(stack, program, point):
    api = Api("127.0.0.1", stack.ports["gateway"], stack.ports["devidp"])
    must_die = SPECIAL.get((program, point)) or SPECIAL.get(point) or PASSES[program]
    nemesis = Nemesis(stack.programs[program], point)
    accounts = 0
    with Ledger(stack) as ledger:
        for n in range(1, DAYS_MAX + 1):
            nemesis.reaper.arm(n)
            phone = Phone(api, f"{point}.{program}.{n}", random.Random(n), time.monotonic() + 120, nemesis.trouble)
            phone.fixed_day()
            ledger.check(phone, phone.account)
            phone.sign_out()
            ledger.check_sign_in(phone.account)
            accounts += 1
            if must_die <= nemesis.died_in:
                break
    nemesis.reaper.disarm()
    print(f"{accounts} days, death in {len(nemesis.died_in)} kinds of request", end=" ")
    assert must_die <= nemesis.died_in, f"never met the death of {program}: {must_die - nemesis.died_in}"


def test_a_refresh_needs_nobody_once_it_is_committed(stack):
    """The user service dies on the last question that a refresh has for it. The token has not been used up by then: without
    any time of grace its repeat is not taken for a theft."""
    auth, user = stack.programs["auth"], stack.programs["user"]
    api = Api("127.0.0.1", stack.ports["gateway"], stack.ports["devidp"])
    auth.kill9()
    auth.env["FIT_AUTH_REFRESH_GRACE_S"] = "0"
    auth.start()
    reaper = Reaper(user, "rpc.before_reply")
    try:
        for n in range(1, 10):
            phone = Phone(api, f"refresh{n}", random.Random(n), time.monotonic() + 60,
                          lambda *_: reaper.dead and reaper.disarm())
            phone.sign_in()
            reaper.arm(n)
            phone.refresh()
            if not phone.repeats:
                break
            assert phone.read("/api/v1/users/me").status == 200
    finally:
        reaper.disarm()
        auth.kill9()
        del auth.env["FIT_AUTH_REFRESH_GRACE_S"]
        auth.start()
    assert 2 <= n < 9, "a refresh asks the user service at least once"
