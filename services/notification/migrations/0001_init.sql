-- SPDX-License-Identifier: Apache-2.0
-- The inbox, what messengers still have to deliver, and the weeks from which streaks are told.

-- One row per user: its lock puts the changes of one inbox in a line, so that `sequence` is given in the order of commits
-- and a reader who has seen a number has seen all before it.
CREATE TABLE inbox (
	user_id uuid PRIMARY KEY,
	last_sequence bigint NOT NULL DEFAULT 0,
	unread integer NOT NULL DEFAULT 0 CHECK (unread >= 0),
	-- The user's revision of the last change: differs when anything does.
	rev bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 70);

CREATE TABLE notifications (
	id uuid PRIMARY KEY, -- from event and kind: a replay would make the same
	user_id uuid NOT NULL,
	sequence bigint NOT NULL,
	event_id uuid NOT NULL,
	kind text NOT NULL,
	importance text NOT NULL CHECK (importance IN ('low', 'normal', 'high')),
	title text NOT NULL,
	body text NOT NULL,
	parameters text[] NOT NULL, -- name, value, name, value …
	group_key text NOT NULL DEFAULT '',
	occurred_at timestamptz NOT NULL,
	created_at timestamptz NOT NULL DEFAULT now(),
	read_at timestamptz,
	rev bigint NOT NULL,
	deleted_at timestamptz,
	UNIQUE (event_id, kind)
);
CREATE UNIQUE INDEX notifications_inbox ON notifications (user_id, sequence);
CREATE INDEX notifications_unread ON notifications (user_id, sequence) WHERE read_at IS NULL;
CREATE INDEX notifications_age ON notifications (created_at);

-- What push and mail have to deliver. A row that is taken gets a later due_at: whoever took it and died loses it.
CREATE TABLE deliveries (
	notification_id uuid NOT NULL REFERENCES notifications (id) ON DELETE CASCADE,
	user_id uuid NOT NULL,
	channel text NOT NULL CHECK (channel IN ('push', 'mail')),
	due_at timestamptz NOT NULL,
	attempts integer NOT NULL DEFAULT 0,
	state text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'sent', 'skipped', 'failed')),
	error text,
	done_at timestamptz,
	PRIMARY KEY (notification_id, channel)
);
CREATE INDEX deliveries_due ON deliveries (due_at) WHERE state = 'waiting';

-- Weeks (their Mondays, in the user's own calendar) with a completed session.
CREATE TABLE training_weeks (
	user_id uuid NOT NULL,
	week date NOT NULL,
	PRIMARY KEY (user_id, week)
);

-- When something may ring that would ring at `moment`: at once, or when the quiet hours end that it falls into. They are
-- wall-clock times of the zone and may pass midnight; an end that the clocks skip is where they skip to.
CREATE FUNCTION quiet_until(moment timestamptz, zone text, starts time, ends time) RETURNS timestamptz
LANGUAGE sql STABLE
AS $$
	SELECT CASE
		WHEN starts < ends AND clock >= starts AND clock < ends THEN greatest(moment, (day + ends) AT TIME ZONE zone)
		WHEN starts > ends AND clock >= starts THEN (day + 1 + ends) AT TIME ZONE zone
		WHEN starts > ends AND clock < ends THEN greatest(moment, (day + ends) AT TIME ZONE zone)
		ELSE moment
	END
	FROM (SELECT (moment AT TIME ZONE zone)::time AS clock, (moment AT TIME ZONE zone)::date AS day) AS here
$$;
