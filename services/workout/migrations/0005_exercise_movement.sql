-- SPDX-License-Identifier: Apache-2.0
-- What kind of movement an exercise is, and how common. The search is the service's own now: `search`, its index and
-- exercise_query() are read by the version before this one only, and go with the migration after.

ALTER TABLE exercises ADD COLUMN movement text NOT NULL DEFAULT '', -- '': not told, as of a user's own
	ADD COLUMN popularity smallint NOT NULL DEFAULT 1 CHECK (popularity BETWEEN 1 AND 5);
