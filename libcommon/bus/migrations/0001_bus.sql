-- SPDX-License-Identifier: Apache-2.0
-- A log of events with topics, partitions, consumer groups and dead letters, as Kafka has them.
--
-- Offsets: a produce locks the heads of the partitions it writes (in one order, so that producers do not deadlock) and
-- takes its numbers from there. The lock is held until the commit, so an offset becomes visible only after all lower ones
-- of its partition: a reader can go by "offset >= position" and misses nothing.

CREATE TABLE topic (
	id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	name text NOT NULL UNIQUE,
	partitions integer NOT NULL CHECK (partitions BETWEEN 1 AND 1024)
);

CREATE TABLE partition_head (
	topic_id integer NOT NULL REFERENCES topic,
	part integer NOT NULL,
	next_offset bigint NOT NULL DEFAULT 0,
	PRIMARY KEY (topic_id, part)
) WITH (fillfactor = 50);

-- Append-only; one partition a day, dropped whole when it is past the retention (maintain()).
CREATE TABLE log (
	topic_id integer NOT NULL,
	part integer NOT NULL,
	"offset" bigint NOT NULL,
	produced_at timestamptz NOT NULL DEFAULT now(),
	id uuid NOT NULL,
	key bytea NOT NULL,
	type text NOT NULL,
	source text NOT NULL,
	time timestamptz NOT NULL,
	traceparent text,
	value bytea NOT NULL,
	PRIMARY KEY (topic_id, part, "offset", produced_at)
) PARTITION BY RANGE (produced_at);

CREATE TABLE consumer_group (
	name text PRIMARY KEY,
	created_at timestamptz NOT NULL DEFAULT now()
);

-- A member that does not renew its lease is out; its partitions go to others.
CREATE TABLE group_member (
	grp text NOT NULL REFERENCES consumer_group,
	member uuid NOT NULL,
	topics text[] NOT NULL,
	lease_until timestamptz NOT NULL,
	PRIMARY KEY (grp, member)
) WITH (fillfactor = 50);

-- Who reads a partition, and how far it got. Each change of owner raises `epoch`: a commit under an older one is
-- refused. mark_*: the message under suspicion of ending its reader, written before it is handled.
CREATE TABLE group_partition (
	grp text NOT NULL REFERENCES consumer_group,
	topic_id integer NOT NULL REFERENCES topic,
	part integer NOT NULL,
	committed bigint NOT NULL DEFAULT 0,
	owner uuid,
	epoch bigint NOT NULL DEFAULT 0,
	mark_offset bigint,
	mark_count integer NOT NULL DEFAULT 0,
	PRIMARY KEY (grp, topic_id, part)
) WITH (fillfactor = 50);

-- Messages that failed alone, until their next attempt; `attempt` counts those made.
CREATE TABLE retry (
	seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	grp text NOT NULL,
	topic_id integer NOT NULL,
	part integer NOT NULL,
	"offset" bigint NOT NULL,
	id uuid NOT NULL,
	key bytea NOT NULL,
	type text NOT NULL,
	source text NOT NULL,
	time timestamptz NOT NULL,
	traceparent text,
	value bytea NOT NULL,
	attempt integer NOT NULL,
	due_at timestamptz NOT NULL,
	error text NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0.01);
CREATE INDEX retry_due ON retry (grp, due_at);

-- Messages given up; they wait for a person.
CREATE TABLE dlq (
	seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	grp text NOT NULL,
	topic_id integer NOT NULL,
	part integer NOT NULL,
	"offset" bigint NOT NULL,
	id uuid NOT NULL,
	key bytea NOT NULL,
	type text NOT NULL,
	source text NOT NULL,
	time timestamptz NOT NULL,
	traceparent text,
	value bytea NOT NULL,
	attempt integer NOT NULL,
	error text NOT NULL,
	dead_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE setting (
	one boolean PRIMARY KEY DEFAULT true CHECK (one),
	retention_days integer NOT NULL DEFAULT 7 CHECK (retention_days BETWEEN 1 AND 400),
	dlq_days integer NOT NULL DEFAULT 30 CHECK (dlq_days BETWEEN 1 AND 4000)
);
INSERT INTO setting DEFAULT VALUES;

CREATE FUNCTION add_topic(p_name text, p_partitions integer) RETURNS void
LANGUAGE sql AS $$
	INSERT INTO fit_bus.topic (name, partitions) VALUES (p_name, p_partitions);
	INSERT INTO fit_bus.partition_head (topic_id, part)
		SELECT t.id, g FROM fit_bus.topic t, generate_series(0, p_partitions - 1) g WHERE t.name = p_name;
$$;
REVOKE ALL ON FUNCTION add_topic FROM PUBLIC;

-- The log's partitions of the days around p_now, and none that the retention has passed.
CREATE FUNCTION maintain_at(p_now timestamptz) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
	v_day date;
	v_first date := (p_now AT TIME ZONE 'UTC')::date;
	v_table text;
	v_keep date;
BEGIN
	SELECT v_first - retention_days INTO v_keep FROM fit_bus.setting;
	FOR v_day IN SELECT v_first + g FROM generate_series(-1, 3) g LOOP
		v_table := 'log_' || to_char(v_day, 'YYYYMMDD');
		IF to_regclass('fit_bus.' || v_table) IS NULL THEN
			-- Made aside and attached: that does not wait for readers and writers of the others.
			EXECUTE format('CREATE TABLE fit_bus.%I (LIKE fit_bus.log INCLUDING DEFAULTS INCLUDING INDEXES)', v_table);
			EXECUTE format('ALTER TABLE fit_bus.log ATTACH PARTITION fit_bus.%I FOR VALUES FROM (%L) TO (%L)',
				v_table, v_day::timestamp AT TIME ZONE 'UTC', (v_day + 1)::timestamp AT TIME ZONE 'UTC');
		END IF;
	END LOOP;
	FOR v_table IN
		SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
		WHERE i.inhparent = 'fit_bus.log'::regclass AND c.relname < 'log_' || to_char(v_keep, 'YYYYMMDD')
	LOOP
		EXECUTE format('DROP TABLE fit_bus.%I', v_table);
	END LOOP;
	DELETE FROM fit_bus.dlq WHERE dead_at < p_now - make_interval(days => (SELECT dlq_days FROM fit_bus.setting));
END $$;
REVOKE ALL ON FUNCTION maintain_at FROM PUBLIC;

-- For the application's role, by the hour and whenever a day's partition is missing; one at a time, others pass by.
CREATE FUNCTION maintain() RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = fit_bus, pg_temp SET lock_timeout = '2s' AS $$
BEGIN
	IF NOT pg_try_advisory_xact_lock(hashtextextended('fit_bus maintain', 0)) THEN
		RETURN false;
	END IF;
	PERFORM fit_bus.maintain_at(now());
	RETURN true;
END $$;

SELECT add_topic(name, 8) FROM unnest(ARRAY['fit.auth.v1', 'fit.user.v1', 'fit.workout.v1', 'fit.ai_coaching.v1',
	'fit.analytics.v1']) name;
SELECT maintain();

REVOKE UPDATE, DELETE ON log FROM fit_bus;
REVOKE INSERT, UPDATE, DELETE ON topic, setting FROM fit_bus;
