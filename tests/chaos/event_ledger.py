# SPDX-License-Identifier: Apache-2.0
"""What became of the events: each committed outbox row is in ClickHouse once, and told once in the inbox it belongs to.

    events = EventLedger(stack, ledger)
    events.settle(60)       until relays and consumers have nothing left to do
    events.check(phones)
"""
import collections
import http.client
import time

SOURCES = {"auth": "auth", "fitness_core": "user", "workout": "workout", "ai_coaching": "ai-coaching"}  # schema -> source
# Events of which every single one is told, whatever else the user did: type -> kinds of notification.
TOLD = {"user_created": {"welcome"}, "record_set": {"record_e1rm", "record_weight"}}


class EventLedger:
    def __init__(self, stack, ledger):
        self.stack, self.ledger = stack, ledger

    def clickhouse(self, sql):
        """Rows of text fields."""
        conn = http.client.HTTPConnection("127.0.0.1", self.stack.ports["clickhouse"], timeout=60)
        conn.request("POST", "/?database=analytics", sql + " FORMAT TabSeparated", {
            "X-ClickHouse-User": "default", "X-ClickHouse-Key": self.stack.clickhouse.password})
        reply = conn.getresponse()
        text = reply.read().decode()
        conn.close()
        assert reply.status == 200, text
        return [line.split("\t") for line in text.splitlines()]

    # ---- until it is quiet ----

    def settle(self, seconds):
        """Everything that was committed has gone all the way; says what has not when time is up. Returns how long it took."""
        start = time.monotonic()
        while True:
            left = {what: n for what, n in self.unfinished().items() if n}
            if not left:
                return time.monotonic() - start
            assert time.monotonic() < start + seconds, f"after {seconds} s of peace still unfinished: {left}"
            time.sleep(0.1)

    def unfinished(self):
        left = {f"outbox of {schema}": int(self.ledger.column(f"SELECT count(*) FROM {schema}.outbox WHERE published_at IS NULL")[0])
                for schema in SOURCES}
        for group, topic, n in self.ledger.rows(
                "SELECT p.grp, t.name, sum(h.next_offset - p.committed) FROM fit_bus.group_partition p"
                " JOIN fit_bus.partition_head h USING (topic_id, part) JOIN fit_bus.topic t ON t.id = topic_id GROUP BY 1, 2"):
            left[f"{group} behind in {topic}"] = int(n)
        left["retries"] = int(self.ledger.column("SELECT count(*) FROM fit_bus.retry")[0])
        return left

    # ---- the check ----

    def check(self, phones, behaviour_of_all=True, besides=frozenset()):
        """`behaviour_of_all`: the phones are all that ever told behaviour; else what they told is a part. `besides`: ids of
        events that are nobody's business here."""
        outbox = {row[0]: row[1:] for row in self.ledger.rows(
            " UNION ALL ".join(f"SELECT id, '{source}', type, subject, sequence::text FROM {schema}.outbox"
                               for schema, source in SOURCES.items())) if row[0] not in besides}
        told = self.check_clickhouse(outbox, besides)
        acknowledged = {event for p in phones for a in p.accounts for event in a.behaviour}
        assert not acknowledged - told, f"{len(acknowledged - told)} of {len(acknowledged)} that apps told are lost"
        assert not behaviour_of_all or told == acknowledged, f"{len(told - acknowledged)} were not acknowledged"
        self.check_inboxes(outbox, besides)
        assert self.ledger.rows("SELECT * FROM fit_bus.dlq") == [], "dead letters"
        return len(outbox)

    def check_clickhouse(self, outbox, besides):
        """Exactly the committed rows, each with its own type, user and number; returns the ids of what apps told."""
        rows = self.clickhouse("SELECT event_id, source, type, user_id, toString(sequence), count() FROM (SELECT DISTINCT * FROM events)"
                               " GROUP BY event_id, source, type, user_id, sequence")
        have = {row[0]: row[1:5] for row in rows if row[0] not in besides}
        assert len({row[0] for row in rows}) == len(rows) and all(row[5] == "1" for row in rows), "an event is there in two forms"
        server = {event: row for event, row in have.items() if row[0] != "analytics"}
        lost, made_up = outbox.keys() - server.keys(), server.keys() - outbox.keys()
        assert not lost and not made_up, (f"{len(lost)} of {len(outbox)} not in ClickHouse, {len(made_up)} there and not committed",
                                          [outbox[e] for e in list(lost)[:5]], [server[e] for e in list(made_up)[:5]])
        other = [(outbox[e], server[e]) for e in outbox if outbox[e] != server[e]]
        assert not other, (f"{len(other)} events are not what was committed", other[:5])
        numbers = collections.defaultdict(list)
        for source, _, user, sequence in server.values():
            numbers[source, user].append(int(sequence))
        for owner, found in numbers.items():
            assert sorted(found) == list(range(1, len(found) + 1)), (owner, "gapless sequence")
        return have.keys() - server.keys()

    def check_inboxes(self, outbox, besides):
        """Every entry comes from a committed event of its user, once; what must be told is."""
        rows = self.ledger.rows("SELECT event_id, kind, user_id, sequence FROM notification.notifications ORDER BY user_id, sequence")
        told = collections.defaultdict(collections.Counter)
        places = collections.defaultdict(list)
        for event, kind, user, sequence in rows:
            assert event in besides or event in outbox and outbox[event][2] == user, (event, kind, "of no event")
            told[event][kind] += 1
            places[user].append(int(sequence))
        for event, (_, type_, user, _) in outbox.items():
            kinds = told.pop(event, collections.Counter())
            assert max(kinds.values(), default=0) <= 1, (event, kinds, "told twice")
            if type_ in TOLD:
                assert sum(kinds.values()) == 1 and set(kinds) <= TOLD[type_], (event, type_, user, kinds)
        assert told.keys() <= besides
        for user, sequences in places.items():
            assert sequences == list(range(1, len(sequences) + 1)), (user, "gapless inbox")

    def entries(self, user):
        return self.ledger.column(f"SELECT id FROM notification.notifications WHERE user_id = '{user}' ORDER BY sequence")
