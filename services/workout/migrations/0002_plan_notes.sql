-- SPDX-License-Identifier: Apache-2.0
-- A remark of the owner's on a plan; not part of the plan's document, so it makes no version.
-- No foreign key: a plan's rows are thrown away and made again when they are rebuilt from its events.

CREATE TABLE plan_notes (
	plan_id uuid PRIMARY KEY,
	user_id uuid NOT NULL,
	text text NOT NULL,
	updated_at timestamptz NOT NULL,
	rev bigint NOT NULL,
	deleted_at timestamptz
);
CREATE INDEX plan_notes_user ON plan_notes (user_id, rev);
