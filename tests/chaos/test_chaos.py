# SPDX-License-Identifier: Apache-2.0
"""kill -9 at random under demo-like load: every acknowledged write is there once, with its outbox, sync and idempotency row;
every event is in ClickHouse once, and told in its inbox once.

A few users train at once. Each write carries an idempotency key and is repeated with the same key until it is acknowledged,
as a phone would. Meanwhile a killer picks a victim at random (any executable, Redis, PostgreSQL, ClickHouse), kills it with SIGKILL and
starts it again, or freezes it for a while. At the end nothing is in doubt: what every client was told must be exactly what the databases hold; and
nobody had to sign in again.

CHAOS_MINUTES (default 1) and CHAOS_SEED choose length and order; the seed is printed. CHAOS_SPARE="gateway,workout" names
programs that are left alone: a long run then shows whether they leak what others' deaths leave with them.
"""
import collections
import os
import random
import time

from api import Api
from event_ledger import EventLedger
from havoc import Crew, Killer
from ledger import Ledger
from phone import Phone
from vitals import Vitals

SECONDS = float(os.environ.get("CHAOS_MINUTES") or 1) * 60
SEED = int(os.environ.get("CHAOS_SEED") or random.SystemRandom().randrange(1 << 32))
SPARED = [name for name in os.environ.get("CHAOS_SPARE", "").split(",") if name]
USERS = 6


def test_every_acknowledged_write_is_there_once(stack):
    print(f"seed {SEED}, {SECONDS:.0f} s", flush=True)
    master = random.Random(SEED)
    api = Api("127.0.0.1", stack.ports["gateway"], stack.ports["devidp"])
    crew = Crew(SECONDS)
    phones = [Phone(api, f"chaos{i}", random.Random(master.getrandbits(64)), crew.until + 60, lambda *_: crew.pause()) for i in range(USERS)]
    killer = Killer(stack, random.Random(master.getrandbits(64)), crew.over, SPARED)
    with Vitals([program for name, program in stack.programs.items() if name != "devidp"]) as vitals:
        crew.work(killer.run, *(lambda p=p: p.run(crew.over) for p in phones), *(lambda p=p: p.listen(crew.over) for p in phones))
    acked = sum(len(a.acked) for p in phones for a in p.accounts)
    statuses = sum((collections.Counter(p.statuses) for p in phones), collections.Counter())
    print(f"{acked} writes of {sum(len(p.accounts) for p in phones)} users acknowledged, {sum(p.repeats for p in phones)} repeats"
          f" ({sum(p.resets for p in phones)} resets, {dict(statuses)}), {len(killer.kills)} kills: "
          + ", ".join(f"{name} {n}" for name, n in sorted(collections.Counter(killer.kills).items())))
    grown = vitals.report()
    if crew.errors:
        raise crew.errors[0]
    assert len(killer.kills) >= SECONDS / 5 and acked > 20
    assert sum(p.repeats for p in phones) > 0, "the kills were noticed by nobody"
    with Ledger(stack) as ledger:
        for phone in phones:
            phone.give_up = time.monotonic() + 60
            for account in phone.accounts:
                ledger.check(phone, account)
        events = EventLedger(stack, ledger)
        took = events.settle(90)
        print(f"{events.check(phones)} events, each in ClickHouse once; all were there after {took:.0f} s of peace")
        for phone in phones:
            for account in phone.accounts:
                check_inbox(account, events.entries(account.user), phone.account is account)
    assert not grown, grown


def check_inbox(account, entries, signed_in):
    """The stream told a beginning of the inbox, in order; to the end if it may still be opened."""
    inbox, until = account.inbox, time.monotonic() + 20
    assert inbox.seen == entries[:len(inbox.seen)], (account.user, inbox.seen, entries)
    if signed_in:
        inbox.read(lambda: len(inbox.seen) >= len(entries) or time.monotonic() > until)
        assert inbox.seen == entries, (account.user, inbox.seen, entries)
