-- SPDX-License-Identifier: Apache-2.0
-- Sessions that have ended, as auth tells. An open stream of one ends when it is next looked at, on whichever replica it
-- is, hint or no hint. Kept for longer than a stream can live.
CREATE TABLE ended_sessions (
	user_id uuid NOT NULL,
	session_id uuid NOT NULL,
	ended_at timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (user_id, session_id)
);
CREATE INDEX ended_sessions_age ON ended_sessions (ended_at);
