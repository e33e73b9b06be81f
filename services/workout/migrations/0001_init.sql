-- SPDX-License-Identifier: Apache-2.0
-- The exercise library, plans with their history, training sessions, and what is derived from their sets.
-- Every row that a phone can see has `rev` (the owner's revision of its last change) and `deleted_at` (a tombstone).

-- ---- exercises ----

CREATE FUNCTION exercise_words(words text[]) RETURNS text
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
	AS $$ SELECT coalesce(replace(array_to_string(words, ' '), '_', ' '), '') $$;

CREATE FUNCTION array_of(list jsonb) RETURNS text[]
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
	AS $$ SELECT coalesce(array_agg(value ORDER BY n), '{}') FROM jsonb_array_elements_text(list)
		WITH ORDINALITY AS t (value, n) $$;

CREATE TABLE exercises (
	id uuid PRIMARY KEY,
	owner_id uuid, -- NULL: of the library, for all
	name text NOT NULL CHECK (name <> ''),
	aliases text[] NOT NULL DEFAULT '{}',
	description text NOT NULL DEFAULT '',
	instructions jsonb NOT NULL DEFAULT '[]',
	muscle_groups text[] NOT NULL,
	secondary_muscles text[] NOT NULL DEFAULT '{}',
	equipment_required text[] NOT NULL DEFAULT '{}',
	difficulty_level text NOT NULL CHECK (difficulty_level IN ('beginner', 'intermediate', 'advanced')),
	tracking text NOT NULL,
	video_url text,
	image_urls text[] NOT NULL DEFAULT '{}',
	safety_notes text[] NOT NULL DEFAULT '{}',
	variations jsonb NOT NULL DEFAULT '[]',
	external_id text,
	source text NOT NULL,
	is_verified boolean NOT NULL DEFAULT false,
	created_at timestamptz NOT NULL,
	updated_at timestamptz NOT NULL,
	rev bigint NOT NULL,
	deleted_at timestamptz,
	-- Names and aliases as they are (prefixes work on any word), the rest by English stems.
	search tsvector NOT NULL GENERATED ALWAYS AS (
		setweight(to_tsvector('simple', name), 'A') ||
		setweight(to_tsvector('simple', exercise_words(aliases)), 'B') ||
		setweight(to_tsvector('english', name || ' ' || exercise_words(aliases)), 'B') ||
		setweight(to_tsvector('english', exercise_words(muscle_groups) || ' ' ||
			exercise_words(equipment_required)), 'C') ||
		setweight(to_tsvector('english', description), 'D')
	) STORED
);
CREATE INDEX exercises_muscle_groups ON exercises USING gin (muscle_groups);
CREATE INDEX exercises_equipment_required ON exercises USING gin (equipment_required);
CREATE INDEX exercises_search ON exercises USING gin (search);
CREATE INDEX exercises_name ON exercises (name, id) WHERE deleted_at IS NULL;
CREATE UNIQUE INDEX exercises_external_id ON exercises (source, external_id) WHERE owner_id IS NULL;
CREATE INDEX exercises_owner ON exercises (owner_id, rev) WHERE owner_id IS NOT NULL;

-- SHA-256 of the data file that the library was last loaded from.
CREATE TABLE exercise_library (
	source text PRIMARY KEY,
	content_hash bytea NOT NULL,
	loaded_at timestamptz NOT NULL
);

-- Free words to a query: every word must occur, as itself, as the beginning of a word, or by its English stem.
-- Words that carry no meaning ("with", "the") are let go unless nothing else is there.
CREATE FUNCTION exercise_query(words text) RETURNS tsquery
	LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
	AS $$
DECLARE
	word text;
	stem tsquery;
	query tsquery;
	weak tsquery;
BEGIN
	FOR word IN
		SELECT w FROM regexp_split_to_table(lower(words), '[^[:alnum:]]+') WITH ORDINALITY AS t (w, n)
		WHERE w <> '' ORDER BY n LIMIT 10
	LOOP
		stem := plainto_tsquery('english', word);
		IF numnode(stem) = 0 THEN
			weak := to_tsquery('simple', word || ':*');
		ELSE
			stem := stem || to_tsquery('simple', word || ':*');
			query := CASE WHEN query IS NULL THEN stem ELSE query && stem END;
		END IF;
	END LOOP;
	RETURN coalesce(query, weak, ''::tsquery);
END $$;

-- Muscles that two exercises share, direct ones counted double, as a share of all muscles of both: 0..1.
CREATE FUNCTION muscle_similarity(direct1 text[], helping1 text[], direct2 text[], helping2 text[]) RETURNS float8
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
	AS $$
	SELECT coalesce(sum(least(a, b))::float8 / nullif(sum(greatest(a, b)), 0), 0) FROM (
		SELECT coalesce(max(weight) FILTER (WHERE side = 1), 0) AS a,
			coalesce(max(weight) FILTER (WHERE side = 2), 0) AS b
		FROM (SELECT unnest(direct1), 2, 1 UNION ALL SELECT unnest(helping1), 1, 1
			UNION ALL SELECT unnest(direct2), 2, 2 UNION ALL SELECT unnest(helping2), 1, 2)
			AS m (muscle, weight, side)
		GROUP BY muscle) AS pairs
	$$;

-- ---- plans: plan_events is the truth, the plan rows are its projection ----

CREATE TABLE plan_events (
	plan_id uuid NOT NULL,
	seq integer NOT NULL CHECK (seq > 0),
	user_id uuid NOT NULL,
	type text NOT NULL CHECK (type IN ('created', 'updated', 'restored', 'archived', 'deleted')),
	changeset jsonb NOT NULL DEFAULT '[]', -- RFC 6902, over the document of the event before
	changes_description text NOT NULL DEFAULT '',
	created_by text NOT NULL CHECK (created_by IN ('user', 'ai')),
	rev bigint NOT NULL,
	created_at timestamptz NOT NULL,
	PRIMARY KEY (plan_id, seq)
);
CREATE INDEX plan_events_user ON plan_events (user_id, plan_id, seq);
-- What happened stays as it was; whole plans go only with their owner's account.
CREATE FUNCTION refuse_update() RETURNS trigger
	LANGUAGE plpgsql
	AS $$ BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME; END $$;
CREATE TRIGGER plan_events_append_only BEFORE UPDATE ON plan_events
	FOR EACH STATEMENT EXECUTE FUNCTION refuse_update();

CREATE TABLE workout_plans (
	id uuid PRIMARY KEY,
	user_id uuid NOT NULL,
	name text NOT NULL,
	description text NOT NULL DEFAULT '',
	difficulty_level text,
	estimated_duration_minutes integer NOT NULL DEFAULT 0,
	equipment_required text[] NOT NULL DEFAULT '{}',
	muscle_groups_targeted text[] NOT NULL DEFAULT '{}',
	is_active boolean NOT NULL,
	is_public boolean NOT NULL,
	version_number integer NOT NULL,
	created_at timestamptz NOT NULL,
	updated_at timestamptz NOT NULL,
	rev bigint NOT NULL,
	deleted_at timestamptz
);
CREATE INDEX workout_plans_user ON workout_plans (user_id, updated_at DESC, id DESC) WHERE deleted_at IS NULL;
CREATE INDEX workout_plans_active ON workout_plans (user_id, updated_at DESC, id DESC)
	WHERE is_active AND deleted_at IS NULL;
CREATE INDEX workout_plans_rev ON workout_plans (user_id, rev);
CREATE INDEX workout_plans_equipment ON workout_plans USING gin (equipment_required);
CREATE INDEX workout_plans_muscles ON workout_plans USING gin (muscle_groups_targeted);

-- The document of a version is `metadata` with `exercises` as a member of that name.
CREATE TABLE workout_plan_versions (
	id uuid PRIMARY KEY,
	plan_id uuid NOT NULL REFERENCES workout_plans (id) ON DELETE CASCADE,
	version_number integer NOT NULL,
	exercises jsonb NOT NULL,
	changes_description text NOT NULL DEFAULT '',
	changeset jsonb NOT NULL,
	created_by text NOT NULL CHECK (created_by IN ('user', 'ai')),
	created_at timestamptz NOT NULL,
	metadata jsonb NOT NULL,
	UNIQUE (plan_id, version_number)
);

-- ---- sessions: one document each ----

CREATE TABLE workout_sessions (
	id uuid PRIMARY KEY,
	user_id uuid NOT NULL,
	plan_id uuid,
	status text NOT NULL CHECK (status IN ('in_progress', 'completed')),
	started_at timestamptz NOT NULL,
	completed_at timestamptz,
	version integer NOT NULL,
	document jsonb NOT NULL,
	created_at timestamptz NOT NULL,
	updated_at timestamptz NOT NULL,
	rev bigint NOT NULL,
	deleted_at timestamptz
);
CREATE INDEX workout_sessions_started ON workout_sessions (user_id, started_at DESC, id DESC)
	WHERE deleted_at IS NULL;
CREATE INDEX workout_sessions_completed ON workout_sessions (user_id, completed_at DESC)
	WHERE deleted_at IS NULL;
CREATE INDEX workout_sessions_rev ON workout_sessions (user_id, rev);
CREATE INDEX workout_sessions_exercises ON workout_sessions
	USING gin ((document -> 'exercises') jsonb_path_ops);

-- ---- derived from the documents: one row a set, and the records ----

-- Grows fastest of all tables here, and every statement names the user: so it is split by user from the beginning.
CREATE TABLE session_sets (
	user_id uuid NOT NULL,
	session_id uuid NOT NULL,
	set_id uuid NOT NULL,
	exercise_id uuid NOT NULL,
	started_at timestamptz NOT NULL, -- of the session
	position integer NOT NULL,	 -- in the session
	set_type text NOT NULL,
	reps integer NOT NULL,
	weight_g bigint NOT NULL,
	rpe_halves integer NOT NULL, -- 0: not given
	duration_s integer NOT NULL,
	PRIMARY KEY (user_id, session_id, set_id)
) PARTITION BY HASH (user_id);
DO $$
BEGIN
	FOR i IN 0..15 LOOP
		EXECUTE format('CREATE TABLE session_sets_%s PARTITION OF session_sets
			FOR VALUES WITH (MODULUS 16, REMAINDER %s)', lpad(i::text, 2, '0'), i);
	END LOOP;
END $$;
CREATE INDEX session_sets_exercise ON session_sets (user_id, exercise_id, started_at);
CREATE INDEX session_sets_started ON session_sets (user_id, started_at);

CREATE TABLE personal_records (
	id uuid PRIMARY KEY, -- made of user, exercise and kind
	user_id uuid NOT NULL,
	exercise_id uuid NOT NULL,
	kind text NOT NULL,
	value_g bigint NOT NULL,
	previous_g bigint NOT NULL,
	reps integer NOT NULL,
	weight_g bigint NOT NULL,
	session_id uuid NOT NULL,
	set_id uuid NOT NULL,
	achieved_at timestamptz NOT NULL,
	rev bigint NOT NULL,
	deleted_at timestamptz
);
CREATE UNIQUE INDEX personal_records_exercise ON personal_records (user_id, exercise_id, kind);
CREATE INDEX personal_records_achieved ON personal_records (user_id, achieved_at DESC, id DESC)
	WHERE deleted_at IS NULL;
CREATE INDEX personal_records_rev ON personal_records (user_id, rev);

-- ---- calendars ----

CREATE FUNCTION is_time_zone(zone text) RETURNS boolean
	LANGUAGE plpgsql STABLE
	AS $$
BEGIN
	PERFORM now() AT TIME ZONE zone;
	RETURN true;
EXCEPTION WHEN invalid_parameter_value THEN
	RETURN false;
END $$;

-- Week of an instant in a time zone's calendar, numbered from the one with 1970-01-01; weeks start on Monday.
CREATE FUNCTION local_week(at timestamptz, zone text) RETURNS integer
	LANGUAGE sql STABLE PARALLEL SAFE
	AS $$ SELECT ((at AT TIME ZONE zone)::date - DATE '1969-12-29') / 7 $$;
