-- SPDX-License-Identifier: Apache-2.0
-- Everything that happened, one row an event. A replay inserts equal rows again: they fall into the same partition and
-- under the same key, for all three come from the event itself, so a merge removes them; until then queries count ids.
-- `at` is when the thing itself took place (a session's start), `time` when it was told. load_g is a volume load (sessions),
-- a weight (sets) or a record's value, in grams. What has no column of its own is in `extra`, as JSON.
CREATE TABLE IF NOT EXISTS events
(
	event_id UUID,
	time DateTime('UTC'),
	time_ms UInt16,
	user_id UUID,
	source String,
	type String,
	sequence Int64,
	at DateTime('UTC'),
	session_id UUID,
	plan_id UUID,
	exercise_id UUID,
	set_id UUID,
	name String,
	kind String,
	platform String,
	tier String,
	duration_ms UInt64,
	sets UInt32,
	reps UInt32,
	load_g Int64,
	extra String
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(time)
ORDER BY (user_id, time, event_id);
