-- SPDX-License-Identifier: Apache-2.0
-- Finds the users whose data key an older key-encryption key wraps: its number is bytes 2 to 5 of wrapped_key.
CREATE INDEX users_wrapped_by ON users (substr(wrapped_key, 2, 4));
