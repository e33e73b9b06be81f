-- SPDX-License-Identifier: Apache-2.0
-- One session per device that is signed in, and the line of refresh tokens that keeps it alive.

CREATE TABLE sessions (
	id uuid PRIMARY KEY,
	user_id uuid NOT NULL,
	device_hash text,                  -- keyed hash of the app's device id; NULL: it gave none
	device_name text NOT NULL,
	platform text NOT NULL,
	provider text NOT NULL,            -- identity provider's name in the configuration
	role text NOT NULL,                -- these three: as of the last sign-in or refresh
	tier text NOT NULL,
	permissions text[] NOT NULL,
	last_iat bigint NOT NULL,          -- of the newest access token, seconds; older ones are void
	created_at timestamptz NOT NULL,
	last_used_at timestamptz NOT NULL,
	expires_at timestamptz NOT NULL,   -- moves with each refresh
	ends_at timestamptz NOT NULL,      -- does not move
	revoked_at timestamptz,
	revoked_why text,
	change bigint NOT NULL DEFAULT 1,  -- counts what the copy in Redis has to show …
	copied bigint NOT NULL DEFAULT 0   -- … and how much of it the copy has shown
) WITH (fillfactor = 80);

-- A device has one live session; signing in again replaces it.
CREATE UNIQUE INDEX sessions_device ON sessions (user_id, device_hash)
	WHERE revoked_at IS NULL AND device_hash IS NOT NULL;
CREATE INDEX sessions_user ON sessions (user_id, created_at DESC, id DESC) WHERE revoked_at IS NULL;
CREATE INDEX sessions_uncopied ON sessions (id) WHERE copied < change;
CREATE INDEX sessions_expires_at ON sessions (expires_at);

-- Refresh tokens are 256 random bits; only their SHA-256 is kept. The tokens of a session are one line: each use
-- makes exactly one successor, by compare-and-set on used_at.
CREATE TABLE refresh_tokens (
	hash bytea PRIMARY KEY,
	session_id uuid NOT NULL REFERENCES sessions ON DELETE CASCADE,
	number integer NOT NULL,           -- 1, 2, 3 … in its line
	issued_at timestamptz NOT NULL,
	expires_at timestamptz NOT NULL,
	used_at timestamptz,
	used_by bytea,                     -- hash of what the client that used it looks like
	successor_hash bytea,
	successor bytea,                   -- the next token, sealed under a key made from this one
	UNIQUE (session_id, number)
);
CREATE INDEX refresh_tokens_expires_at ON refresh_tokens (expires_at);
