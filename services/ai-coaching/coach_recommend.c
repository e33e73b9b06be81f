/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Recommendations: for the muscles that get less than their weekly range, the exercise that fits
 * best.
 *
 * Fits: trains the muscle directly, is not in the plan, spares what the profile limits, is not too
 * hard, and needs only what the plan's exercises need already (without a plan: little). Cached
 * under a hash of all that goes in, but for half an hour at most: what changes makes another hash.
 */
#include "libcommon/base/codec.h"
#include "libcommon/base/compiler.h"
#include "libcommon/base/strbuf.h"
#include "libcommon/crypto/digest.h"
#include "libcommon/observe/log.h"
#include "libcommon/rpc/pb_arena.h"
#include "libcommon/rpc/pb_time.h"
#include "services/ai-coaching/coach_gather.h"
#include "services/ai-coaching/coach_memory.h"
#include "services/ai-coaching/coach_recommend.h"
#include "services/ai-coaching/coach_rpc.h"

#define DEFAULT_MAX 5

static const char *const muscles[] = { "chest",      "upper_back", "lats",      "shoulders",
				       "quadriceps", "hamstrings", "glutes",    "biceps",
				       "triceps",    "calves",     "abdominals" };

/* ---- choosing ---- */

struct lack {
	const char *muscle;
	struct coach_range range;
	double sets, share; /* of the range's lower end that is there */
};

static size_t
find_lacks(const struct coach_facts *facts, struct lack *out)
{
	size_t n = 0, at;

	for (size_t i = 0; i < ARRAY_LEN(muscles); i++) {
		struct lack lack = { .muscle = muscles[i] };

		if (!coach_weekly_range(muscles[i], facts->level, &lack.range) ||
		    lack.range.min == 0)
			continue;
		lack.sets = coach_facts_weekly_sets(facts, muscles[i]);
		lack.share = lack.sets / lack.range.min;
		if (lack.share >= 1)
			continue;
		for (at = n++; at > 0 && out[at - 1].share > lack.share; at--)
			out[at] = out[at - 1];
		out[at] = lack;
	}
	return n;
}

static bool
planned(const coach_plan *plan, const char *exercise_id)
{
	return coach_facts_entry(plan, exercise_id, 0) != NULL;
}

/* Everything that an exercise needs is needed by one of the plan's. */
static bool
at_hand(const struct coach_facts *facts, const coach_exercise *e)
{
	static const char *const few[] = { "none", "dumbbell", "resistance_band", "pull_up_bar" };

	for (size_t k = 0; k < e->n_equipment_required; k++) {
		const char *need = e->equipment_required[k];
		bool found = strcmp(need, "none") == 0;

		for (size_t i = 0;
		     !found && facts->plan != NULL && i < facts->plan->n_equipment_required; i++)
			found = strcmp(facts->plan->equipment_required[i], need) == 0;
		for (size_t i = 0; !found && facts->plan == NULL && i < ARRAY_LEN(few); i++)
			found = strcmp(few[i], need) == 0;
		if (!found)
			return false;
	}
	return true;
}

static int
difficulty(const char *level)
{
	return strcmp(level, "advanced") == 0 ? 2 : strcmp(level, "intermediate") == 0 ? 1 : 0;
}

static const coach_exercise *
choose(const struct coach_facts *facts, const char *muscle, const coach_exercise *const *taken,
       size_t ntaken)
{
	const coach_exercise *best = NULL;
	double best_score = 0;

	for (size_t i = 0; i < coach_library_size(facts->library); i++) {
		const coach_exercise *e = coach_library_at(facts->library, i);
		bool fits = coach_exercise_trains(e, muscle) && coach_exercise_strengthens(e) &&
			    !planned(facts->plan, e->id) && at_hand(facts, e) &&
			    difficulty(e->difficulty_level) <= difficulty(facts->level) &&
			    coach_facts_forbids(facts, e) == NULL;
		double score;

		for (size_t k = 0; k < ntaken; k++)
			fits = fits && taken[k] != e;
		if (!fits)
			continue;
		/* The fewer other muscles, the more it is for this one; loads can grow where there
		 * is a weight. */
		score = 2.0 / (double)(e->n_muscle_groups + 1) +
			(strcmp(e->tracking, "weight_reps") == 0 ? 0.3 : 0) +
			(difficulty(e->difficulty_level) == difficulty(facts->level) ? 0.1 : 0);
		if (best == NULL || score > best_score ||
		    (score == best_score && coach_exercise_order(e, best) < 0)) {
			best = e;
			best_score = score;
		}
	}
	return best;
}

Fit__AiCoaching__V1__Recommendations *
coach_recommend(const struct coach_facts *facts, size_t max, struct arena *arena)
{
	Fit__AiCoaching__V1__Recommendations *list =
		pb_arena_new(arena, &fit__ai_coaching__v1__recommendations__descriptor);
	const coach_exercise *taken[ARRAY_LEN(muscles)];
	struct lack lacks[ARRAY_LEN(muscles)];
	size_t n = find_lacks(facts, lacks);

	list->recommendations = ARENA_ARRAY(arena, Fit__AiCoaching__V1__Recommendation *, n + 1);
	for (size_t i = 0; i < n && list->n_recommendations < max; i++) {
		const coach_exercise *e =
			choose(facts, lacks[i].muscle, taken, list->n_recommendations);
		Fit__AiCoaching__V1__Recommendation *r;

		if (e == NULL)
			continue;
		taken[list->n_recommendations] = e;
		r = pb_arena_new(arena, &fit__ai_coaching__v1__recommendation__descriptor);
		r->exercise = (coach_exercise *)(uintptr_t)e;
		r->muscle = (char *)(uintptr_t)lacks[i].muscle;
		r->weekly_sets = lacks[i].sets;
		r->weekly_sets_min = lacks[i].range.min;
		r->weekly_sets_max = lacks[i].range.max;
		r->reason = arena_printf(
			arena,
			"%.1f sets a week over the last four weeks; %u to %u fit your level.",
			lacks[i].sets, lacks[i].range.min, lacks[i].range.max);
		list->recommendations[list->n_recommendations++] = r;
	}
	return list;
}

/* ---- the call ---- */

static void
add_text(struct strbuf *sb, const char *text)
{
	strbuf_adds(sb, text);
	strbuf_addch(sb, '\0');
}

/* All that the answer is made from. */
static char *
context_hash(const struct coach_facts *facts, size_t max, struct arena *arena)
{
	struct strbuf sb = STRBUF_ARENA(arena);
	char *hex = arena_alloc(arena, 2 * DIGEST_SHA256_SIZE + 1);
	unsigned char hash[DIGEST_SHA256_SIZE];

	strbuf_addf(&sb, "%zu %zu %d ", max, coach_library_size(facts->library),
		    coach_facts_week(facts->now_ms));
	add_text(&sb, facts->level);
	for (size_t i = 0; i < facts->nlimitations; i++) {
		add_text(&sb, facts->limitations[i]->type);
		add_text(&sb, facts->limitations[i]->body_area);
		add_text(&sb, facts->limitations[i]->severity);
	}
	if (facts->plan != NULL)
		strbuf_addf(&sb, "%s %u ", facts->plan->id, facts->plan->version_number);
	for (size_t i = 0; i < facts->nsessions; i++)
		strbuf_addf(&sb, "%s %u ", facts->sessions[i]->id, facts->sessions[i]->version);
	digest_sha256(strbuf_slice(&sb), hash);
	codec_hex_encode(hash, sizeof(hash), hex);
	return hex;
}

enum status
coach_on_recommendations(struct rpc_call *call, const void *request, void *reply, struct err *err)
{
	const Fit__AiCoaching__V1__GetRecommendationsRequest *req = request;
	const struct coach_ask first = {
		COACH_NEEDS_PROFILE | COACH_NEEDS_PLAN | COACH_NEEDS_SESSIONS, "", ""
	};
	const struct coach_ask then = { COACH_NEEDS_PROGRESS, "", "" };
	struct coach_facts facts = { .level = "", .last_intent = "" };
	size_t max = req->page_size > 0 ? req->page_size : DEFAULT_MAX;
	struct coach *coach = rpc_call_service(call);
	Fit__AiCoaching__V1__Recommendations *list = NULL;
	struct coach_scope scope;
	struct err cache;
	char *hash;
	enum status st = coach_rpc_begin(call, &scope, err);

	if (st != STATUS_OK)
		return st;
	err_init(&cache);
	facts.library = coach_brain_library(coach_snapshot_hold(coach, &scope)->brain);
	st = coach_gather(coach, &scope, &first, &facts, err);
	if (st != STATUS_OK)
		return st;
	hash = context_hash(&facts, max, scope.arena);
	if (coach_memory_recommendations(coach, &scope, hash, &list, &cache) != STATUS_OK)
		log_warn_err("recommendations_not_read", &cache);
	if (list == NULL) {
		st = coach_gather(coach, &scope, &then, &facts, err);
		if (st != STATUS_OK)
			return st;
		list = coach_recommend(&facts, max, scope.arena);
		list->created_at = pb_time_new(scope.arena, facts.now_ms);
		if (coach_memory_recommend(coach, &scope, hash, list, &cache) != STATUS_OK)
			log_warn_err("recommendations_not_kept", &cache);
	}
	*(Fit__AiCoaching__V1__Recommendations *)reply = *list;
	return STATUS_OK;
}
