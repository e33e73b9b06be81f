# SPDX-License-Identifier: Apache-2.0
"""The messenger beside a user service that takes its time: leases are kept, and what was lost is not written to."""
import datetime
import os
import queue
import uuid
from concurrent import futures

import grpc
import pytest
from notification_service import MESSAGE, PORTS, Apply, Replica, record, stack, start_postgres


class Users:
    """The user service as a test directs it: who is asked for waits until the test answers, or is answered at once."""

    def __init__(self):
        self.port = stack.free_port(*PORTS)
        self.asked = queue.Queue()
        self.hold = False
        self.answers = queue.Queue()
        self.executor = futures.ThreadPoolExecutor(32)
        self.server = grpc.server(self.executor)
        answer = grpc.unary_unary_rpc_method_handler(
            self.find, MESSAGE("fit.user.v1.FindPreferencesRequest").FromString,
            MESSAGE("fit.user.v1.FindPreferencesResponse").SerializeToString)
        self.server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(
            "fit.user.v1.UserService", {"FindPreferences": answer}),))
        assert self.server.add_insecure_port(f"127.0.0.1:{self.port}") == self.port
        self.server.start()

    def find(self, request, context):
        reply = MESSAGE("fit.user.v1.FindPreferencesResponse")(active=True)
        if self.hold:
            context.add_callback(lambda: self.answers.put(None))  # the caller has given up
            self.asked.put(request.user_id)
            answer = self.answers.get()
            if answer == "unavailable":
                context.abort(grpc.StatusCode.UNAVAILABLE, "away")
            if answer == "quiet":
                now = datetime.datetime.now(datetime.timezone.utc)
                quiet = reply.preferences.quiet_hours
                reply.preferences.time_zone = "UTC"
                quiet.enabled = True
                quiet.start, quiet.end = ((now + datetime.timedelta(minutes=m)).strftime("%H:%M") for m in (-5, 30))
        return reply

    def stop(self):
        self.hold = False
        self.server.stop(0).wait()


@pytest.fixture(scope="module")
def pg(tmp_path_factory):
    """Its own, so that no other messenger takes what is due."""
    server = start_postgres(str(tmp_path_factory.mktemp("messenger") / "pg"))
    yield server
    server.stop()


@pytest.fixture
def place(pg, redis, tmp_path):
    users = Users()

    def replica(**settings):
        return Replica(str(tmp_path), pg, redis.url(), f"127.0.0.1:{users.port}", **settings)
    first = replica().start()  # migrates
    first.stop()
    pg.sql("DELETE FROM notification.deliveries")
    apply = Apply(pg, redis.url(), f"127.0.0.1:{users.port}")
    yield users, replica, apply
    apply.stop()
    users.stop()


def row(pg, user):
    return pg.sql("SELECT state, attempts, due_at > now() + interval '50 minutes' FROM notification.deliveries"
                  f" WHERE user_id = '{user}'")


@pytest.mark.parametrize("answer", ["send", "unavailable", "quiet"])
def test_who_lost_the_lease_writes_nothing(pg, place, answer):
    users, make, apply = place
    late, after = str(uuid.uuid4()), str(uuid.uuid4())
    event = record(late)
    assert apply.batch(event) == "OK"
    users.hold = True
    replica = make().start()
    assert users.asked.get(timeout=20) == late
    # The lease has run out, as it were, and another process took the delivery for an hour.
    pg.sql(f"UPDATE notification.deliveries SET attempts = attempts + 1, due_at = now() + interval '1 hour'"
           f" WHERE user_id = '{late}'")
    users.hold = False
    users.answers.put(answer)
    assert apply.batch(record(after)) == "OK"
    stack.wait_until("the next delivery", lambda: row(pg, after).startswith("sent"), 20)
    assert row(pg, late) == "waiting|2|t"
    assert os.path.exists(f"{replica.spool}/push/{event.id}-record_e1rm.json") == (answer == "send")
    replica.stop()


def test_no_delivery_is_begun_that_outlasts_the_lease(pg, place):
    users, make, apply = place
    waiting = [str(uuid.uuid4()) for _ in range(5)]
    assert apply.batch(*[record(u) for u in waiting]) == "OK"
    users.hold = True
    replica = make(FIT_NOTIFICATION_LEASE_S="16").start()
    for _ in range(3):
        user = users.asked.get(timeout=30)
        left = float(pg.sql("SELECT extract(epoch FROM due_at - now()) FROM notification.deliveries"
                            f" WHERE user_id = '{user}' AND state = 'waiting'"))
        assert left > 10, "a delivery takes up to ten seconds"
    replica.stop()
    # Those that were not begun went back: they wait for nobody, and nothing was tried.
    counts = pg.sql("SELECT attempts, count(*) FROM notification.deliveries WHERE due_at <= now() OR attempts > 0"
                    " GROUP BY 1 ORDER BY 1").splitlines()
    assert sum(int(c.split("|")[1]) for c in counts) == 5 and counts[0].startswith("0|"), counts
    assert sum(int(a) * int(n) for a, n in (c.split("|") for c in counts)) == 3, counts
