# SPDX-License-Identifier: Apache-2.0
"""Under load: ClickHouse is away for a minute; events that nobody can handle. And what an operator sees and does then."""
import json
import os
import random
import subprocess
import time
import uuid

from api import Api
from conftest import BUILD
from event_ledger import EventLedger
from havoc import Crew
from ledger import Ledger
from phone import Phone
from servers import clean_env

USERS = 6
AWAY_S = float(os.environ.get("CHAOS_AWAY_S") or 60)
GROWTH_MAX_MB = 48  # a batch of 10,000 events, its rows and the copies that a request needs
POISONS = 16  # with as many subjects, so that about every partition has some


def fitctl(stack, *arguments):
    done = subprocess.run([f"{BUILD}/bin/fitctl", *arguments, "--dir", stack.dir], capture_output=True, text=True, timeout=20,
                          env=clean_env())
    assert done.returncode == 0, (arguments, done.stdout, done.stderr)
    return done.stdout


def until(what, seconds):
    end = time.monotonic() + seconds
    while True:
        found = what()
        if found:
            return found
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.2)


def rss_mb(program):
    with open(f"/proc/{program.pid()}/status") as f:
        return int(next(line for line in f if line.startswith("VmRSS")).split()[1]) / 1024


def poison(ledger):
    """Committed outbox rows that are no events, as a faulty version of the service would leave them; returns their ids."""
    ids = [str(uuid.uuid4()) for _ in range(POISONS)]
    for event in ids:
        ledger.rows("INSERT INTO workout.outbox (id, topic, type, subject, sequence, payload) VALUES "
                    f"('{event}', 'fit.workout.v1', 'record_set', '{uuid.uuid4()}', 1, '\\xffffffff')")
    return ids


class Trouble:
    """What happens beside the phones; on a thread of its own."""

    def __init__(self, stack):
        self.stack, self.api = stack, Api("127.0.0.1", stack.ports["gateway"], stack.ports["devidp"])

    def run(self, crew):
        analytics = self.stack.programs["analytics"]
        with Ledger(self.stack) as ledger:
            time.sleep(2)
            self.poisons = poison(ledger)
            me = self.api.sign_in()
            self.rss_before = self.rss_peak = rss_mb(analytics)
            self.stack.clickhouse.kill9()
            end = time.monotonic() + AWAY_S
            while time.monotonic() < end and not crew.errors:
                time.sleep(0.25)
                self.rss_peak = max(self.rss_peak, rss_mb(analytics))
            self.refusal = me.get("/api/v2/analytics/me")
            self.lag = fitctl(self.stack, "events", "lag")
            self.stack.clickhouse.start()
            time.sleep(2)
            crew.until = 0


def test_clickhouse_away_and_events_that_nobody_can_handle(stack):
    api = Api("127.0.0.1", stack.ports["gateway"], stack.ports["devidp"])
    crew = Crew(AWAY_S + 60)
    phones = [Phone(api, f"trouble{i}", random.Random(i), crew.until + 60, lambda *_: crew.pause()) for i in range(USERS)]
    trouble = Trouble(stack)
    crew.work(lambda: trouble.run(crew), *(lambda p=p: p.run(crew.over) for p in phones))
    if crew.errors:
        raise crew.errors[0]

    # Nobody but who asks for figures has noticed.
    assert [(p.statuses, p.resets) for p in phones if p.statuses or p.resets] == []
    assert trouble.refusal.status == 503 and "retry-after" in trouble.refusal.headers, trouble.refusal.body
    lines = {tuple(line.split()[:2]): line.split()[2:] for line in trouble.lag.splitlines()[1:]}
    behind = sum(int(rest[0]) for (group, _), rest in lines.items() if group == "analytics")
    assert behind > 100, trouble.lag
    print(f"{behind} events behind after {AWAY_S:.0f} s, analytics {trouble.rss_before:.0f} -> {trouble.rss_peak:.0f} MB", end=" ")

    with Ledger(stack) as ledger:
        events = EventLedger(stack, ledger)
        handle_dead_letters(stack, ledger, events, trouble)
        events.settle(60)
        events.check(phones, besides=set(trouble.poisons))
    peak = max(trouble.rss_peak, rss_mb(stack.programs["analytics"]))
    assert peak < trouble.rss_before + GROWTH_MAX_MB, (trouble.rss_before, peak)


def handle_dead_letters(stack, ledger, events, trouble):
    """As an operator: look, repair what is repaired in the code (here: in the row), replay, drop the rest."""
    def listed():
        return [line.split(None, 4) for line in fitctl(stack, "dlq", "list").splitlines()[1:]]

    until(lambda: len(listed()) == 2 * POISONS, 150)
    rows = listed()
    assert {(row[2], row[3]) for row in rows} == {("analytics", "record_set"), ("notification", "record_set")}, rows
    numbers = {(group, event): number for number, group, event in ledger.rows("SELECT seq, grp, id FROM fit_bus.dlq")}
    first = trouble.poisons[0]
    shown = fitctl(stack, "dlq", "show", numbers["notification", first])
    assert first in shown and "fit.workout.v1" in shown and "record_set" in shown, shown

    # A record that is told by the tail, under the poisoned event's id: what a mended program would read.
    tail = fitctl(stack, "events", "tail", "fit.workout.v1", "--oldest")
    record = json.loads(next(line[line.index("{"):] for line in tail.splitlines() if '"recordSet"' in line))
    payload = ledger.column(f"SELECT encode(payload, 'hex') FROM workout.outbox WHERE id = '{record['id']}'")[0]
    payload = payload.replace(record["id"].encode().hex(), first.encode().hex())
    ledger.rows(f"UPDATE fit_bus.dlq SET value = '\\x{payload}' WHERE id = '{first}'")
    fitctl(stack, "dlq", "replay", numbers["analytics", first], numbers["notification", first])
    until(lambda: events.clickhouse(f"SELECT 1 FROM events WHERE event_id = '{first}'"), 30)
    until(lambda: ledger.rows(f"SELECT 1 FROM notification.notifications WHERE event_id = '{first}'"), 30)

    fitctl(stack, "dlq", "drop", *(number for (_, event), number in numbers.items() if event != first))
    assert listed() == []
