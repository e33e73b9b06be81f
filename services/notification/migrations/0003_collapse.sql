-- SPDX-License-Identifier: Apache-2.0
-- Of the deliveries of one key one goes out: the records of one exercise in one session ring once.
ALTER TABLE deliveries ADD COLUMN collapse text;
CREATE INDEX deliveries_collapse ON deliveries (user_id, channel, collapse) WHERE collapse IS NOT NULL;
