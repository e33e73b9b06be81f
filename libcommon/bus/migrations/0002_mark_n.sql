-- SPDX-License-Identifier: Apache-2.0
-- A batch under suspicion of ending its reader, not only one message: how long it is. mark_count counts the same batch.
ALTER TABLE group_partition ADD COLUMN mark_n integer NOT NULL DEFAULT 1;
