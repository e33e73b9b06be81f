-- SPDX-License-Identifier: Apache-2.0
-- Events in and out: which ones were applied, and which relay carries which part of the outbox.

-- An event's effect and its row here are committed together (consumer_seen), so that it is applied once.
CREATE TABLE consumed_event (
	grp text NOT NULL,
	id uuid NOT NULL,
	seen_at timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (grp, id)
);
CREATE INDEX consumed_event_seen_at ON consumed_event USING brin (seen_at) WITH (pages_per_range = 16);

-- A relay that does not renew its lease is out; its shards go to others.
CREATE TABLE outbox_relay (
	relay uuid PRIMARY KEY,
	lease_until timestamptz NOT NULL
) WITH (fillfactor = 50);

-- Subjects by the low 4 bits of their id.
CREATE TABLE outbox_shard (
	shard integer PRIMARY KEY CHECK (shard BETWEEN 0 AND 15),
	relay uuid
) WITH (fillfactor = 50);
INSERT INTO outbox_shard (shard) SELECT generate_series(0, 15);
