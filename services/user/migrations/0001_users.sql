-- SPDX-License-Identifier: Apache-2.0
-- Users. E-mail address, provider's subject and display name are AES-256-GCM ciphertext under a key
-- of the user's own (wrapped_key, itself encrypted by the key ring); the *_bidx columns are keyed
-- hashes to find a row by.

CREATE TABLE users (
	id uuid PRIMARY KEY,
	email bytea NOT NULL,
	email_bidx bytea NOT NULL UNIQUE CHECK (octet_length(email_bidx) = 32),
	google_id bytea,
	google_bidx bytea UNIQUE CHECK (octet_length(google_bidx) = 32),
	display_name bytea NOT NULL,
	profile_image_url text NOT NULL DEFAULT '',
	fitness_level text CHECK (fitness_level IN ('beginner', 'intermediate', 'advanced')),
	goals jsonb NOT NULL DEFAULT '[]' CHECK (jsonb_typeof(goals) = 'array'),
	limitations jsonb NOT NULL DEFAULT '[]' CHECK (jsonb_typeof(limitations) = 'array'),
	-- fit.user.v1.Preferences in the proto3 JSON mapping: what was chosen; defaults are not stored.
	preferences jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(preferences) = 'object'),
	role text NOT NULL DEFAULT 'user' CHECK (role IN ('user', 'coach', 'admin')),
	subscription_tier text NOT NULL DEFAULT 'free'
		CHECK (subscription_tier IN ('free', 'premium', 'pro')),
	is_active boolean NOT NULL DEFAULT true,
	-- The owner asked for it; the account can be restored for the grace time.
	deletion_requested_at timestamptz,
	wrapped_key bytea NOT NULL,
	-- Entity tags: of the profile, and of the preferences.
	version bigint NOT NULL DEFAULT 1,
	preferences_version bigint NOT NULL DEFAULT 1,
	-- The owner's revision of the last change of each, for devices that synchronise.
	rev bigint NOT NULL DEFAULT 0,
	preferences_rev bigint NOT NULL DEFAULT 0,
	created_at timestamptz NOT NULL,
	updated_at timestamptz NOT NULL,
	deleted_at timestamptz,
	CHECK ((google_id IS NULL) = (google_bidx IS NULL)),
	CHECK (deletion_requested_at IS NULL OR NOT is_active)
);

-- Users whose data key an older key-encryption key wraps: its number is bytes 2 to 5.
CREATE INDEX users_wrapped_by ON users (substr(wrapped_key, 2, 4));

-- Accounts whose grace time ends.
CREATE INDEX users_deletion_requested_at ON users (deletion_requested_at)
	WHERE deletion_requested_at IS NOT NULL AND deleted_at IS NULL;
