-- SPDX-License-Identifier: Apache-2.0
-- Proposals that wait for their users, and the log of safety findings. What was said is in neither.

CREATE TABLE proposal (
	id uuid PRIMARY KEY,
	user_id uuid NOT NULL,
	plan_id uuid NOT NULL,
	plan_version integer NOT NULL,
	change text NOT NULL CHECK (change IN ('swap', 'load', 'day')),
	body bytea NOT NULL,  -- fit.ai_coaching.v1.Proposal without id, status and times
	after bytea NOT NULL, -- fit.workout.v1.Plan: its exercises as they would be
	status text NOT NULL DEFAULT 'open' CHECK (status IN ('open', 'accepted', 'outdated')),
	accepted_version integer NOT NULL DEFAULT 0,
	created_at timestamptz NOT NULL,
	expires_at timestamptz NOT NULL
);
CREATE INDEX proposal_user ON proposal (user_id, created_at DESC);

-- The lock after an emergency and what has to be kept in mind (minors, pregnancy) follow from it.
CREATE TABLE safety_event (
	id uuid PRIMARY KEY,
	user_id uuid NOT NULL,
	topic text NOT NULL,
	level integer NOT NULL CHECK (level BETWEEN 1 AND 5), -- 1 adapt … 5 emergency
	created_at timestamptz NOT NULL,
	acknowledged_at timestamptz
);
CREATE INDEX safety_event_user ON safety_event (user_id, created_at DESC);
