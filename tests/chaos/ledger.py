# SPDX-License-Identifier: Apache-2.0
"""Nothing is in doubt at the end: what a phone was told must be exactly what the databases hold, each effect with its traces."""
import collections
import subprocess
import tempfile

from servers import clean_env


class Ledger:
    """Reads through one psql that stays open; `with Ledger(stack) as ledger`."""

    END = "--end of rows--"

    def __init__(self, stack):
        postgres = stack.postgres
        with open(stack._secret_path("pg_super")) as f:
            password = f.read().strip()
        self._pass = tempfile.NamedTemporaryFile("w", prefix="fit-chaos-pgpass-")  # mode 0600
        self._pass.write(f"127.0.0.1:{postgres.port}:*:postgres:{password}\n")
        self._pass.flush()
        self._psql = subprocess.Popen(
            [f"{postgres.bindir()}/psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-p", str(postgres.port),
             "-U", "postgres", "-d", "fitness", "-f", "-"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=clean_env() | {"PGPASSFILE": self._pass.name})

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._psql.stdin.close()
        self._psql.wait()
        self._psql.stdout.close()
        self._pass.close()

    def rows(self, sql):
        self._psql.stdin.write(f"{sql};\n\\echo '{self.END}'\n")
        self._psql.stdin.flush()
        found = []
        for line in self._psql.stdout:
            if line.rstrip("\n") == self.END:
                return [row.split("|") for row in found]
            found.append(line.rstrip("\n"))
        raise AssertionError(f"psql ended: {sql}")

    def column(self, sql):
        return [row[0] for row in self.rows(sql)]

    def check(self, phone, account):
        """All of one account. `phone` is signed in to it, or reads nothing more (its session has ended)."""
        self.check_traces(account, "workout")
        self.check_traces(account, "fitness_core")
        self.check_plans(account)
        self.check_sessions(account)
        self.check_profile(account)
        self.check_proposals(account)
        self.check_sign_in(account)
        if phone.account is account and not account.signed_out:
            self.check_what_the_phone_sees(phone, account)

    def check_traces(self, account, schema):
        """One idempotency row for each acknowledged key, one event for each effect, a revision for each change."""
        owner, acked = account.user, account.of(schema)
        keys = [key.strip('"') for _, key in acked if key]
        found = [key.strip('"') for key in
                 self.column(f"SELECT convert_from(key, 'UTF8') FROM {schema}.idempotency WHERE owner = '{owner}' AND reply IS NOT NULL")]
        assert sorted(found) == sorted(keys), (schema, owner, "idempotency rows")
        events = self.rows(f"SELECT type, sequence FROM {schema}.outbox WHERE subject = '{owner}' ORDER BY sequence")
        assert [int(seq) for _, seq in events] == list(range(1, len(events) + 1)), (schema, owner, "gapless sequence")
        want = collections.Counter(kind for kind, _ in acked)
        if schema == "fitness_core":
            want["user_created"] = 1
        derived = ("record_set", "record_lost", "record_corrected")
        have = collections.Counter(type_ for type_, _ in events if type_ not in derived)
        assert have == want, (schema, owner, have - want, want - have)
        changes = len(acked) + (schema == "fitness_core")
        revisions = [int(r) for r in self.column(f"SELECT DISTINCT rev FROM {schema}.sync_change WHERE user_id = '{owner}' ORDER BY rev")]
        assert revisions == list(range(1, changes + 1)), (schema, owner, "gapless revisions")
        counter = self.rows(f"SELECT sequence, rev FROM {schema}.subject_counter WHERE subject = '{owner}'")
        assert counter in ([[str(len(events)), str(changes)]], []), (schema, owner, counter)

    def check_plans(self, account):
        rows = self.rows(f"SELECT id, version_number FROM workout.workout_plans WHERE user_id = '{account.user}' AND deleted_at IS NULL")
        assert {plan: int(version) for plan, version in rows} == account.plans
        events = self.rows("SELECT plan_id, count(*), max(seq) FROM workout.plan_events WHERE user_id = "
                           f"'{account.user}' GROUP BY plan_id")
        assert all(n == last for _, n, last in events), "gapless plan events"
        assert sum(int(n) for _, n, _ in events) == account.count("plan_created", "plan_changed", "plan_deleted")
        versions = self.column("SELECT count(*) FROM workout.workout_plan_versions v JOIN workout.workout_plans p ON p.id = v.plan_id"
                               f" WHERE p.user_id = '{account.user}'")
        assert int(versions[0]) == account.count("plan_created", "plan_changed")

    def check_sessions(self, account):
        """The documents, and the sets that are taken out of them."""
        rows = self.rows("SELECT s.id, s.status, x->>'setId', x->>'reps' FROM workout.workout_sessions s"
                         " LEFT JOIN LATERAL jsonb_path_query(s.document, '$.exercises[*].sets[*]') x ON true"
                         f" WHERE s.user_id = '{account.user}' AND s.deleted_at IS NULL")
        found = {}
        for session, status, set_id, reps in rows:
            document = found.setdefault(session, {"status": status, "sets": {}})
            if set_id:
                assert set_id not in document["sets"], "a set is there twice"
                document["sets"][set_id] = int(reps)
        assert found == account.sessions, account.user
        derived = self.rows(f"SELECT set_id, reps FROM workout.session_sets WHERE user_id = '{account.user}'")
        assert {i: int(n) for i, n in derived} == {i: n for s in account.sessions.values() for i, n in s["sets"].items()}

    def check_proposals(self, account):
        """What was accepted, and only that, is a version that the coach made."""
        rows = self.rows(f"SELECT id, plan_id, accepted_version FROM ai_coaching.proposal WHERE user_id = '{account.user}' AND status = 'accepted'")
        assert sorted((p, plan, int(version)) for p, plan, version in rows) == sorted(account.accepted), account.user
        made = self.rows("SELECT v.plan_id, v.version_number FROM workout.workout_plan_versions v JOIN workout.workout_plans p ON p.id = v.plan_id"
                         f" WHERE p.user_id = '{account.user}' AND v.created_by = 'ai'")
        assert sorted((plan, int(version)) for plan, version in made) == sorted(a[1:] for a in account.accepted), account.user

    def check_profile(self, account):
        version = int(self.column(f"SELECT version FROM fitness_core.users WHERE id = '{account.user}'")[0])
        assert version == 1 + account.count("profile_changed")

    def check_sign_in(self, account):
        """One living session on the one device, and in it one living refresh token, the last of an unbroken line."""
        live = "revoked_at IS NULL AND expires_at > now()"
        sessions = self.rows(f"SELECT id, {live} FROM auth.sessions WHERE user_id = '{account.user}'")
        living = [session for session, alive in sessions if alive == "t"]
        assert len(living) == (0 if account.signed_out else 1), (account.user, sessions)
        if account.sign_ins is not None:
            assert len(sessions) == account.sign_ins, account.user
        for session, alive in sessions:
            tokens = self.rows("SELECT number, used_at IS NULL FROM auth.refresh_tokens"
                               f" WHERE session_id = '{session}' ORDER BY number")
            assert [int(n) for n, _ in tokens] == list(range(1, len(tokens) + 1)), session
            assert [unused for _, unused in tokens] == ["f"] * (len(tokens) - 1) + ["t"], (session, "a line that forks")
        events = self.rows(f"SELECT type, sequence FROM auth.outbox WHERE subject = '{account.user}' ORDER BY sequence")
        assert [int(seq) for _, seq in events] == list(range(1, len(events) + 1)), account.user
        have = collections.Counter(type_ for type_, _ in events)
        ended = len(sessions) - len(living)
        assert have["signed_in"] == len(sessions) and have["signed_out"] + have["session_revoked"] == ended, (have, sessions)
        assert have["refresh_reuse_detected"] == 0, have

    def check_what_the_phone_sees(self, phone, account):
        phone.refresh()  # the last refresh token that it was given is good
        assert {p["id"] for p in phone.pages("/api/v1/workouts/plans", "plans")} == set(account.plans)
        assert {s["id"] for s in phone.pages("/api/v1/workouts/sessions", "sessions")} == set(account.sessions)
        if account.display_name:
            assert phone.read("/api/v1/users/me").json["displayName"] == account.display_name
        if account.time_zone:
            assert phone.read("/api/v1/users/me/preferences").json["timeZone"] == account.time_zone
