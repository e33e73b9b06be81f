-- SPDX-License-Identifier: Apache-2.0
-- A session's document is written anew with each set. An index over the document, or over what each write changes, made
-- every one of these writes go to all five indexes; now none changes, so that a write stays on its page (a HOT update).

-- The ids alone, instead of an index over the document: they change when an exercise comes or goes.
DROP INDEX workout_sessions_exercises;
ALTER TABLE workout_sessions ADD COLUMN exercise_ids jsonb NOT NULL
	GENERATED ALWAYS AS (jsonb_path_query_array(document, '$.exercises[*].exerciseId')) STORED;
CREATE INDEX workout_sessions_exercises ON workout_sessions USING gin (exercise_ids);

-- What changed since a revision is read from sync_change.
DROP INDEX workout_sessions_rev;

ALTER TABLE workout_sessions SET (fillfactor = 70);

-- Documents beyond 2 kB are compressed with each write; servers that were built without lz4 stay with pglz.
DO $$
BEGIN
	ALTER TABLE workout_sessions ALTER COLUMN document SET COMPRESSION lz4;
EXCEPTION WHEN feature_not_supported THEN
	NULL;
END $$;
