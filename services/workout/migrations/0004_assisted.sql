-- SPDX-License-Identifier: Apache-2.0
-- The assisted pull-up, until now tracked like a lift, counted its help as load. Its records go when its sets change next: they
-- are owed an event and a revision, which only the service gives.

UPDATE workout_sessions SET document = jsonb_set(document, '{exercises}', (
	SELECT jsonb_agg(CASE WHEN e->>'exerciseId' = 'bc2778e8-3ec2-5031-bd5b-efca08159684'
		THEN e || '{"tracking": "assisted"}' ELSE e END ORDER BY n)
	FROM jsonb_array_elements(document->'exercises') WITH ORDINALITY AS t (e, n)))
	WHERE document->'exercises' @> '[{"exerciseId": "bc2778e8-3ec2-5031-bd5b-efca08159684"}]';
UPDATE session_sets SET weight_g = 0 WHERE exercise_id = 'bc2778e8-3ec2-5031-bd5b-efca08159684';
