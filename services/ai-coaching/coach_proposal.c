/* SPDX-License-Identifier: Apache-2.0 */
#include "services/ai-coaching/coach_proposal.h"

#include <math.h>

#include "libcommon/base/arena.h"
#include "libcommon/base/compiler.h"
#include "libcommon/base/strbuf.h"
#include "libcommon/rpc/pb_arena.h"

#define KG_PER_LB 0.45359237
#define SET_SECONDS 45
#define REST_SECONDS 90
#define SIMILAR_MIN 0.2

const char *
coach_change_name(enum coach_change_type type)
{
	static const char *const names[] = { "swap", "load", "day" };

	return names[type];
}

/* ---- texts ---- */

char *
coach_weight_text(int64_t grams, bool pounds, struct arena *arena)
{
	double v = pounds ? round((double)grams / 1000 / KG_PER_LB * 2) / 2 : (double)grams / 1000;
	char *text = arena_printf(arena, "%.2f", v);
	size_t n = strlen(text);

	while (text[n - 1] == '0')
		text[--n] = '\0';
	if (text[n - 1] == '.')
		text[n - 1] = '\0';
	return arena_printf(arena, "%s %s", text, pounds ? "lb" : "kg");
}

static char *
reps_text(unsigned low, unsigned high, struct arena *arena)
{
	return high > low ? arena_printf(arena, "%u–%u", low, high)
			  : arena_printf(arena, "%u", low);
}

char *
coach_proposal_sets_text(const coach_entry *entry, bool pounds, struct arena *arena)
{
	struct strbuf out = STRBUF_ARENA(arena);
	unsigned sets = 0, low = 0, high = 0, seconds = 0;
	double weight = 0;

	for (size_t i = 0; i < entry->n_sets; i++) {
		const Fit__Workout__V1__PlannedSet *s = entry->sets[i];

		if (strcmp(s->type, "warmup") == 0)
			continue;
		if (sets++ == 0) {
			low = s->reps_min;
			high = s->reps_max;
			seconds = s->duration;
		}
		weight = s->weight > weight ? s->weight : weight;
	}
	strbuf_addf(&out, "%u × ", sets);
	if (low > 0 || seconds == 0)
		strbuf_adds(&out, reps_text(low, high, arena));
	else
		strbuf_addf(&out, "%u s", seconds);
	if (weight > 0)
		strbuf_addf(&out, " at %s",
			    coach_weight_text(llround(weight * 1000), pounds, arena));
	return (char *)(uintptr_t)strbuf_cstr(&out);
}

/* ---- simulation ---- */

static unsigned
hard_sets(const coach_entry *entry)
{
	unsigned n = 0;

	for (size_t i = 0; i < entry->n_sets; i++)
		n += strcmp(entry->sets[i]->type, "warmup") != 0;
	return n;
}

static double
muscle_sets(const struct coach_library *library, coach_entry *const *entries, size_t n,
	    const char *muscle)
{
	double sum = 0;

	for (size_t i = 0; i < n; i++) {
		const coach_exercise *e = coach_library_find(library, entries[i]->exercise_id);

		if (e != NULL)
			sum += hard_sets(entries[i]) * (coach_exercise_trains(e, muscle)  ? 1.0
							: coach_exercise_helps(e, muscle) ? 0.5
											  : 0.0);
	}
	return sum;
}

static unsigned
day_seconds(coach_entry *const *entries, size_t n, unsigned day)
{
	unsigned sum = 0;

	for (size_t i = 0; i < n; i++) {
		const coach_entry *e = entries[i];

		if (coach_entry_day(e) != day)
			continue;
		for (size_t k = 0; k < e->n_sets; k++)
			sum += (e->sets[k]->duration > 0 ? e->sets[k]->duration : SET_SECONDS) +
			       (e->rest_time > 0 ? e->rest_time : REST_SECONDS);
	}
	return sum;
}

void
coach_proposal_simulate(const struct coach_library *library, coach_entry *const *entries, size_t n,
			struct arena *arena, Fit__AiCoaching__V1__Simulation *ret_simulation)
{
	coach_plan plan;
	unsigned last, longest = 0;

	fit__workout__v1__plan__init(&plan);
	plan.n_exercises = n;
	plan.exercises = arena_memdup(arena, entries, n * sizeof(*entries));
	ret_simulation->training_days = coach_facts_days(&plan, &last);
	for (unsigned day = 1; day <= last; day++) {
		unsigned s = day_seconds(entries, n, day);

		longest = s > longest ? s : longest;
	}
	ret_simulation->longest_day_minutes = (longest + 59) / 60;
	ret_simulation->volume_load = 0;
	ret_simulation->top_muscle_sets = 0;
	for (size_t i = 0; i < n; i++) {
		const coach_exercise *e = coach_library_find(library, entries[i]->exercise_id);

		for (size_t k = 0; k < entries[i]->n_sets; k++) {
			if (strcmp(entries[i]->sets[k]->type, "warmup") != 0 &&
			    (e == NULL || strcmp(e->tracking, "assisted") != 0))
				ret_simulation->volume_load +=
					entries[i]->sets[k]->reps_min * entries[i]->sets[k]->weight;
		}
		for (size_t k = 0; e != NULL && k < e->n_muscle_groups; k++) {
			double sets = muscle_sets(library, entries, n, e->muscle_groups[k]);

			if (sets > ret_simulation->top_muscle_sets) {
				ret_simulation->top_muscle_sets = sets;
				ret_simulation->top_muscle = e->muscle_groups[k];
			}
		}
	}
}

/* ---- making ---- */

struct maker {
	const struct coach_facts *facts;
	const struct coach_change *change;
	struct arena *arena;
	const coach_exercise *exercise; /* of the entry */
	coach_proposal *p;
	coach_plan *after;
	coach_entry *entry; /* the copy in `after` that changes */
	struct strbuf why;
};

static void
adjust(struct maker *m, char *text)
{
	char **list = ARENA_ARRAY(m->arena, char *, m->p->n_adjustments + 1);

	if (m->p->n_adjustments > 0)
		memcpy(list, m->p->adjustments, m->p->n_adjustments * sizeof(*list));
	list[m->p->n_adjustments++] = text;
	m->p->adjustments = list;
}

/* The plan's entries, the changed one as a copy of its own. */
static void
copy_entries(struct maker *m)
{
	const coach_plan *plan = m->facts->plan;

	m->after = pb_arena_new(m->arena, &fit__workout__v1__plan__descriptor);
	m->after->n_exercises = plan->n_exercises;
	m->after->exercises = arena_memdup(m->arena, plan->exercises,
					   plan->n_exercises * sizeof(*plan->exercises));
	for (size_t i = 0; i < plan->n_exercises; i++) {
		coach_entry *e;

		if (plan->exercises[i] != m->change->entry)
			continue;
		e = m->entry = arena_memdup(m->arena, plan->exercises[i], sizeof(*e));
		m->after->exercises[i] = e;
		e->sets = ARENA_ARRAY(m->arena, Fit__Workout__V1__PlannedSet *, e->n_sets + 1);
		for (size_t k = 0; k < e->n_sets; k++)
			e->sets[k] = arena_memdup(m->arena, plan->exercises[i]->sets[k],
						  sizeof(**e->sets));
	}
}

/* What its sets are counted in; a plan's sets say one of these. */
static const char *
measure(const coach_exercise *e)
{
	return strstr(e->tracking, "reps") != NULL       ? "repetitions"
	       : strstr(e->tracking, "distance") != NULL ? "distance"
							 : "seconds";
}

static enum status
make_swap(struct maker *m, struct err *err)
{
	const coach_exercise *to = m->change->exercise;
	const Fit__User__V1__Limitation *limit;
	bool loads = false;

	if (to == NULL)
		return err_public(err, STATUS_INVALID_ARGUMENT,
				  "That exercise is not in the library.");
	if (to == m->exercise)
		return err_public(err, STATUS_INVALID_ARGUMENT, "That is the same exercise.");
	if (strcmp(measure(to), measure(m->exercise)) != 0)
		return err_public(err, STATUS_FAILED_PRECONDITION,
				  "%s is counted in %s, %s in %s: that is no swap.", to->name,
				  measure(to), m->exercise->name, measure(m->exercise));
	limit = coach_facts_forbids(m->facts, to);
	if (limit != NULL)
		return err_public(err, STATUS_FAILED_PRECONDITION,
				  "Your profile says that your %s needs care, and %s loads it.",
				  limit->body_area, to->name);
	if (coach_exercise_similarity(m->exercise, to) < SIMILAR_MIN)
		return err_public(err, STATUS_FAILED_PRECONDITION,
				  "%s trains other muscles than %s; ask me for a substitute.",
				  to->name, m->exercise->name);
	for (size_t i = 0; i < m->facts->plan->n_exercises; i++) {
		const coach_entry *e = m->facts->plan->exercises[i];

		if (e != m->change->entry && strcmp(e->exercise_id, to->id) == 0 &&
		    coach_entry_day(e) == coach_entry_day(m->change->entry))
			return err_public(err, STATUS_FAILED_PRECONDITION,
					  "%s is on that day already.", to->name);
	}
	m->entry->exercise_id = to->id;
	for (size_t k = 0; k < m->entry->n_sets; k++) {
		loads |= m->entry->sets[k]->weight > 0;
		m->entry->sets[k]->weight = 0;
	}
	if (loads)
		adjust(m, arena_strdup(m->arena,
				       "The planned loads are cleared: they belong to the other "
				       "exercise. Start with "
				       "a load that leaves 2 to 3 repetitions in reserve."));
	m->p->change_case = FIT__AI_COACHING__V1__PROPOSAL__CHANGE_SWAP;
	m->p->swap = pb_arena_new(m->arena, &fit__ai_coaching__v1__swap_exercise__descriptor);
	m->p->swap->entry_id = m->entry->entry_id;
	m->p->swap->exercise_id = to->id;
	strbuf_addf(&m->why, "%s in the place of %s trains %.0f %% of the same muscles.", to->name,
		    m->exercise->name, 100 * coach_exercise_similarity(m->exercise, to));
	return STATUS_OK;
}

/* The load that may be planned, and why it is less than asked for. */
static int64_t
clamp_load(struct maker *m, const struct coach_target *target, int64_t wanted)
{
	struct coach_history h;
	int64_t step = target->step > 0 ? target->step : 1000, last, most, best, limit;

	coach_facts_history(m->facts, m->exercise->id, true, &h);
	last = target->grams;
	for (size_t i = 0; h.n > 0 && i < h.performances[0].n; i++)
		last = h.performances[0].sets[i].grams > last || i == 0
			       ? h.performances[0].sets[i].grams
			       : last;
	best = coach_facts_best_e1rm(m->facts, m->exercise->id);
	if (last > 0) {
		most = last * 110 / 100 / step * step;
		most = most < last + step ? last + step : most;
		if (wanted > most) {
			adjust(m,
			       arena_printf(
				       m->arena,
				       "Made smaller: at most 10 %% or one step above the last %s.",
				       coach_weight_text(last, m->facts->pounds, m->arena)));
			wanted = most;
		}
	}
	if (best > 0 && target->reps_min > 0) {
		limit = coach_load_for(best, target->reps_min, 0) * 110 / 100 / step * step;
		if (wanted > limit) {
			adjust(m,
			       arena_printf(m->arena, "Made smaller: your best e1RM is %s.",
					    coach_weight_text(best, m->facts->pounds, m->arena)));
			wanted = limit;
		}
	}
	return wanted;
}

static enum status
make_load(struct maker *m, struct err *err)
{
	struct coach_target target = coach_facts_target(m->change->entry, m->exercise);
	int64_t grams;

	if (strstr(m->exercise->tracking, "reps") == NULL)
		return err_public(err, STATUS_FAILED_PRECONDITION, "%s has no load to change.",
				  m->exercise->name);
	if (target.sets == 0)
		return err_public(err, STATUS_FAILED_PRECONDITION,
				  "%s has no working sets in this plan.", m->exercise->name);
	grams = coach_round(m->change->grams, target.step > 0 ? target.step / 2 : 500);
	if (grams != m->change->grams)
		adjust(m, arena_printf(m->arena, "Rounded to what can be loaded: %s.",
				       coach_weight_text(grams, m->facts->pounds, m->arena)));
	grams = clamp_load(m, &target, grams);
	if (grams > target.grams && (m->facts->minor || m->facts->pregnant))
		return err_public(err, STATUS_FAILED_PRECONDITION, "%s",
				  m->facts->minor
					  ? "Under 18 I do not propose heavier loads; add clean "
					    "repetitions instead."
					  : "During pregnancy I do not propose heavier loads.");
	if (grams == target.grams)
		return err_public(err, STATUS_FAILED_PRECONDITION, "%s is planned at %s already.",
				  m->exercise->name,
				  coach_weight_text(grams, m->facts->pounds, m->arena));
	for (size_t k = 0; k < m->entry->n_sets; k++) {
		if (strcmp(m->entry->sets[k]->type, "warmup") != 0)
			m->entry->sets[k]->weight = (double)grams / 1000;
	}
	m->p->change_case = FIT__AI_COACHING__V1__PROPOSAL__CHANGE_LOAD;
	m->p->load = pb_arena_new(m->arena, &fit__ai_coaching__v1__change_load__descriptor);
	m->p->load->entry_id = m->entry->entry_id;
	m->p->load->weight = (double)grams / 1000;
	strbuf_addf(&m->why, "%s at %s for the working sets.", m->exercise->name,
		    coach_weight_text(grams, m->facts->pounds, m->arena));
	return STATUS_OK;
}

/* Everything of a day; what is on the new day takes its place. */
static enum status
make_whole_day(struct maker *m, struct err *err)
{
	unsigned from = m->change->from_day, to = m->change->day;
	size_t moved = 0, back = 0;

	if (from == to)
		return err_public(err, STATUS_FAILED_PRECONDITION, "That is day %u already.", to);
	for (size_t i = 0; i < m->after->n_exercises; i++) {
		coach_entry *e = arena_memdup(m->arena, m->after->exercises[i], sizeof(*e));

		moved += coach_entry_day(e) == from;
		back += coach_entry_day(e) == to;
		e->day = coach_entry_day(e) == from ? to : coach_entry_day(e) == to ? from : e->day;
		m->after->exercises[i] = e;
	}
	if (moved == 0)
		return err_public(err, STATUS_FAILED_PRECONDITION, "The plan has no day %u.", from);
	m->p->day->from_day = from;
	strbuf_addf(&m->why,
		    back > 0 ? "Day %u and day %u change places." : "Day %u becomes day %u.", from,
		    to);
	return STATUS_OK;
}

static enum status
make_day(struct maker *m, struct err *err)
{
	if (m->change->day < 1 || m->change->day > 14)
		return err_public(err, STATUS_INVALID_ARGUMENT, "A plan has days 1 to 14.");
	m->p->change_case = FIT__AI_COACHING__V1__PROPOSAL__CHANGE_DAY;
	m->p->day = pb_arena_new(m->arena, &fit__ai_coaching__v1__move_day__descriptor);
	m->p->day->day = m->change->day;
	if (m->change->entry == NULL)
		return make_whole_day(m, err);
	if (m->change->day == coach_entry_day(m->change->entry))
		return err_public(err, STATUS_FAILED_PRECONDITION, "%s is on day %u already.",
				  m->exercise->name, m->change->day);
	m->entry->day = m->change->day;
	m->entry->superset = 0;
	m->p->day->entry_id = m->entry->entry_id;
	strbuf_addf(&m->why, "%s moves from day %u to day %u.", m->exercise->name,
		    coach_entry_day(m->change->entry), m->change->day);
	return STATUS_OK;
}

/* Only what gets worse is refused: an overlong plan may still be made shorter. */
static enum status
check_after(struct maker *m, struct err *err)
{
	const Fit__AiCoaching__V1__Simulation *before = m->p->before, *after = m->p->after;
	unsigned last;

	(void)coach_facts_days(m->after, &last);
	if (after->longest_day_minutes > COACH_DAY_MINUTES_MAX &&
	    after->longest_day_minutes > before->longest_day_minutes)
		return err_public(err, STATUS_FAILED_PRECONDITION,
				  "That day would take about %u minutes; %d is the most.",
				  after->longest_day_minutes, COACH_DAY_MINUTES_MAX);
	if (last <= 7 && after->training_days > COACH_DAYS_A_WEEK_MAX &&
	    after->training_days > before->training_days)
		return err_public(err, STATUS_FAILED_PRECONDITION,
				  "That leaves no day of rest in the week.");
	if (after->top_muscle_sets > COACH_MUSCLE_SETS_MAX &&
	    after->top_muscle_sets > before->top_muscle_sets)
		return err_public(err, STATUS_FAILED_PRECONDITION,
				  "That would be %.1f sets for %s; %d a week is the most.",
				  after->top_muscle_sets, after->top_muscle, COACH_MUSCLE_SETS_MAX);
	return STATUS_OK;
}

static char *
line_text(const struct maker *m, const coach_entry *e)
{
	const coach_exercise *exercise = coach_library_find(m->facts->library, e->exercise_id);

	return arena_printf(m->arena, "day %u: %s, %s", coach_entry_day(e),
			    exercise != NULL ? exercise->name : "an exercise that is gone",
			    coach_proposal_sets_text(e, m->facts->pounds, m->arena));
}

/* A line for each entry that is another one after. */
static void
make_diff(struct maker *m)
{
	const coach_plan *before = m->facts->plan;

	m->p->diff = ARENA_ARRAY(m->arena, Fit__AiCoaching__V1__DiffLine *, before->n_exercises);
	for (size_t i = 0; i < before->n_exercises; i++) {
		const coach_entry *was = before->exercises[i], *is = m->after->exercises[i];
		const coach_exercise *exercise =
			coach_library_find(m->facts->library, was->exercise_id);
		Fit__AiCoaching__V1__DiffLine *line;

		if (is != m->entry && coach_entry_day(is) == coach_entry_day(was))
			continue;
		line = pb_arena_new(m->arena, &fit__ai_coaching__v1__diff_line__descriptor);
		line->what = arena_printf(m->arena, "day %u, %s", coach_entry_day(was),
					  exercise != NULL ? exercise->name : "an exercise");
		line->before = line_text(m, was);
		line->after = line_text(m, is);
		m->p->diff[m->p->n_diff++] = line;
	}
}

enum status
coach_proposal_make(const struct coach_facts *facts, const struct coach_change *change,
		    struct arena *arena, struct coach_draft *ret_draft, struct err *err)
{
	struct maker m = {
		.facts = facts, .change = change, .arena = arena, .why = STRBUF_ARENA(arena)
	};
	enum status st;

	if (change->entry != NULL)
		m.exercise = coach_library_find(facts->library, change->entry->exercise_id);
	if (change->entry != NULL && m.exercise == NULL)
		return err_public(err, STATUS_FAILED_PRECONDITION,
				  "The coach only changes exercises of the library.");
	m.p = pb_arena_new(arena, &fit__ai_coaching__v1__proposal__descriptor);
	m.p->plan_id = facts->plan->id;
	m.p->plan_version = facts->plan->version_number;
	copy_entries(&m);
	st = change->type == COACH_CHANGE_SWAP   ? make_swap(&m, err)
	     : change->type == COACH_CHANGE_LOAD ? make_load(&m, err)
						 : make_day(&m, err);
	if (st != STATUS_OK)
		return st;
	m.p->before = pb_arena_new(arena, &fit__ai_coaching__v1__simulation__descriptor);
	m.p->after = pb_arena_new(arena, &fit__ai_coaching__v1__simulation__descriptor);
	coach_proposal_simulate(facts->library, facts->plan->exercises, facts->plan->n_exercises,
				arena, m.p->before);
	coach_proposal_simulate(facts->library, m.after->exercises, m.after->n_exercises, arena,
				m.p->after);
	st = check_after(&m, err);
	if (st != STATUS_OK)
		return st;
	make_diff(&m);
	if (change->reason != NULL)
		strbuf_addf(&m.why, " %s", change->reason);
	m.p->reason = (char *)(uintptr_t)strbuf_cstr(&m.why);
	*ret_draft = (struct coach_draft){ m.p, m.after, change->type };
	return STATUS_OK;
}
