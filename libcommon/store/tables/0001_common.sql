-- SPDX-License-Identifier: Apache-2.0
-- What every service's schema has beside its own tables: the traces that a change leaves.

-- One row per subject (a user): the lock on it puts the transactions of one subject in a line, so that event
-- numbers and revisions are given in commit order, without gaps in the former.
CREATE TABLE subject_counter (
	subject uuid PRIMARY KEY,
	sequence bigint NOT NULL, -- of its last event
	rev bigint NOT NULL       -- of its last change that clients synchronise
) WITH (fillfactor = 70);

CREATE VIEW outbox_sequence AS SELECT subject, sequence + 1 AS next FROM subject_counter;
CREATE VIEW sync_revision AS SELECT subject AS user_id, rev FROM subject_counter;

-- Events wait here for the relay. A reader in order of `seq` takes only rows whose txid is below
-- pg_snapshot_xmin(pg_current_snapshot()): a slower transaction with a lower seq may still appear above that.
CREATE TABLE outbox (
	seq bigint GENERATED ALWAYS AS IDENTITY,
	id uuid NOT NULL,
	topic text NOT NULL,
	type text NOT NULL,
	subject uuid NOT NULL,
	sequence bigint NOT NULL, -- per subject: 1, 2, 3 …
	payload bytea NOT NULL,
	traceparent text,
	created_at timestamptz NOT NULL DEFAULT now(),
	txid xid8 NOT NULL DEFAULT pg_current_xact_id(),
	attempts integer NOT NULL DEFAULT 0,
	next_attempt_at timestamptz,
	locked_by text,
	locked_until timestamptz,
	published_at timestamptz,
	PRIMARY KEY (id)
) WITH (autovacuum_vacuum_scale_factor = 0.01);
CREATE INDEX outbox_unpublished ON outbox (seq) WHERE published_at IS NULL;
CREATE UNIQUE INDEX outbox_subject_sequence ON outbox (subject, sequence);

-- What changed for a user at which revision; changes of one transaction share theirs.
CREATE TABLE sync_change (
	user_id uuid NOT NULL,
	rev bigint NOT NULL,
	kind text NOT NULL,
	id uuid NOT NULL,
	deleted boolean NOT NULL,
	changed_at timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (user_id, rev, kind, id)
);

-- The reply of a call that carried an idempotency key, committed with the call's effect.
CREATE TABLE idempotency (
	owner uuid NOT NULL,
	key bytea NOT NULL,
	method text NOT NULL,
	fingerprint bytea NOT NULL,
	reply bytea, -- NULL only inside the transaction that makes it
	created_at timestamptz NOT NULL DEFAULT now(),
	expires_at timestamptz NOT NULL,
	PRIMARY KEY (owner, key)
) WITH (autovacuum_vacuum_scale_factor = 0.05);
CREATE INDEX idempotency_expires_at ON idempotency (expires_at);
