/* SPDX-License-Identifier: Apache-2.0 */
/*
 * analytics_store_ch.c - the statements, in the SQL that ClickHouse 18.16 and its successors share:
 * no CTE, no window function, no join where a group will do.
 *
 * A range of local days is first a range of `time`, a day wider at both ends, by which partitions
 * and keys are skipped; then exact by toDate(time, zone).
 */
#include "services/analytics/analytics_store.h"

#include "libcommon/base/arena.h"
#include "libcommon/store/clickhouse.h"
#include "services/analytics/analytics_event.h"

/* Events that a user does not cause by doing something. */
#define PASSIVE                                                                                    \
	"('session_revoked','refresh_reuse_detected','user_deactivated','record_lost','record_corrected')"
#define ACTIVE "type NOT IN " PASSIVE

/* $1 zone, $2 and $3 first and last day, $4 and $5 the wider range of `time`. */
#define LOCAL_DAY(column) "toDate(" column ", $1)"
#define IN_RANGE                                                                                   \
	"time >= $4 AND time < $5 AND " LOCAL_DAY("time") " >= $2 AND " LOCAL_DAY("time") " <= $3"

static const char sql_range[] = "SELECT toUInt16(toDate($2, $1)), toUInt16(toDate($3, $1))";

/*
 * Innermost, one row a set and one a session itself: the newest word (by sequence) on the set. A
 * session counts while it is completed and not deleted; its day is that of its start. No range of
 * `time`: a session is told when the phone comes back, corrected later, deleted later still.
 */
static const char sql_training[] =
	"SELECT toUInt16(day) AS d, count(), sum(ms), sum(nsets), sum(nreps), sum(load) FROM ("
	" SELECT session_id, " LOCAL_DAY(
		"max(started)") " AS day, max(lasted) AS ms,"
				"  sum(counts) AS nsets, sum(counts * r) AS nreps, sum(counts * r * w) AS load FROM ("
				"  SELECT session_id, set_id, countIf(type = 'session_completed') AS completed,"
				"   countIf(type = 'session_deleted') AS deleted,"
				"   maxIf(at, type = 'session_completed') AS started,"
				"   maxIf(duration_ms, type = 'session_completed') AS lasted,"
				"   toInt64(argMax(reps, sequence)) AS r, argMax(load_g, sequence) AS w,"
				"   argMax(type, sequence) IN ('set_logged','set_corrected')"
				"    AND argMax(kind, sequence) != 'warmup' AND r > 0 AS counts"
				"  FROM events WHERE user_id = $6 AND source = 'workout' AND type IN ('session_completed',"
				"   'session_deleted','set_logged','set_corrected','set_removed')"
				"  GROUP BY session_id, set_id)"
				" GROUP BY session_id HAVING sum(completed) > 0 AND sum(deleted) = 0)"
				" WHERE day >= $2 AND day <= $3 GROUP BY d ORDER BY d";

static const char sql_activity[] = "SELECT toUInt16(" LOCAL_DAY(
	"time") ") AS d, countIf(" ACTIVE ") > 0,"
		" uniqExactIf(event_id, type = 'record_set') FROM events"
		" WHERE user_id = $6 AND " IN_RANGE " GROUP BY d ORDER BY d";

/* $6: limit. An id has one duration, however often it is there. */
#define USES(who, limit)                                                                            \
	"SELECT type, name, count(), uniqExact(user_id), sum(ms) FROM (SELECT type, name, user_id," \
	" event_id, max(duration_ms) AS ms FROM events WHERE source = 'analytics'" who              \
	" AND " IN_RANGE " GROUP BY type, name, user_id, event_id)"                                 \
	" GROUP BY type, name ORDER BY uniqExact(user_id) DESC, count() DESC, type, name LIMIT " limit

static const char sql_uses[] = USES("", "$6");
static const char sql_my_uses[] = USES(" AND user_id = $7", "$6");

static const char sql_days[] = "SELECT toUInt16(" LOCAL_DAY(
	"time") ") AS d, uniqExactIf(user_id, " ACTIVE "),"
		" uniqExactIf(user_id, type = 'user_created'),"
		" uniqExactIf(session_id, type = 'session_completed'), uniqExact(event_id)"
		" FROM events WHERE " IN_RANGE " GROUP BY d ORDER BY d";

/* $2 and $3 are the 30 days up to the last one; $6 and $7 begin the 7 and the one. */
static const char sql_active[] = "SELECT uniqExactIf(user_id, " LOCAL_DAY(
	"time") " >= $7),"
		" uniqExactIf(user_id, " LOCAL_DAY("time") " >= $6), uniqExact(user_id)"
							   " FROM events WHERE " ACTIVE
							   " AND " IN_RANGE;

/*
 * A user is in the range's cohorts when the sign-up is in it. The week of sign-up stands in the
 * list of weeks once more as -1, so one pass gives the cohort's size too.
 */
static const char sql_retention[] =
	"SELECT toUInt16(cohort) AS c, o, count() FROM ("
	" SELECT user_id, cohort, arrayJoin(arrayPushBack(arrayMap("
	"   w -> intDiv(toInt32(toUInt16(w)) - toInt32(toUInt16(cohort)), 7), weeks), -1)) AS o FROM ("
	"  SELECT user_id, toMonday(" LOCAL_DAY(
		"minIf(time, type = 'user_created')") ") AS cohort,"
						      "   groupUniqArrayIf(toMonday(" LOCAL_DAY(
							      "time") "), " ACTIVE ") AS weeks"
								      "  FROM events WHERE " IN_RANGE
								      " GROUP BY user_id"
								      "  HAVING countIf(type = 'user_created') > 0))"
								      " WHERE o >= -1 GROUP BY c, o ORDER BY c, o";

/*
 * By the millisecond, and what happened at the same one is in order: an app signs up and makes the
 * first plan in one go. Each step is the earliest that can follow, all within 30 days of the first.
 * (18.16 drops a column that only lambdas use: hence since > 0 where count() would do.)
 */
#define INSTANT "toInt64(toUInt32(time)) * 1000 + time_ms"
#define FUNNEL_TYPES "('user_created','plan_created','session_completed')"

/* clang-format off */
static const char sql_funnel[] =
	"SELECT countIf(since > 0), countIf(plan > 0), countIf(plan > 0 AND done) FROM ("
	" SELECT since, arrayReduce('min',"
	"   arrayFilter(t -> t >= since AND t <= since + 2592000000, planned)) AS plan,"
	"  arrayExists(t -> t >= plan AND t <= since + 2592000000, trained) AS done FROM ("
	"  SELECT user_id, minIf(" INSTANT ", type = 'user_created') AS since,"
	"   groupUniqArrayIf(" INSTANT ", type = 'plan_created') AS planned,"
	"   groupUniqArrayIf(" INSTANT ", type = 'session_completed') AS trained"
	"  FROM events WHERE type IN " FUNNEL_TYPES " AND " IN_RANGE
	"  GROUP BY user_id HAVING countIf(type = 'user_created') > 0))";
/* clang-format on */

#define DAY_S INT64_C(86400)
#define MONTH_DAYS 30
#define WEEK_DAYS 7

/* $1 … $5 of the ranges. */
#define RANGE_FROM(scope, first)                                                                   \
	ch_text(slice_str((scope)->zone)), ch_day(first), ch_day((scope)->last_day),               \
		ch_time(((first)-1) * DAY_S), ch_time(((scope)->last_day + 2) * DAY_S)
#define RANGE(scope) RANGE_FROM(scope, (scope)->first_day)

static enum status
query(const struct analytics_scope *s, const char *sql, const struct clickhouse_arg *args,
      size_t nargs, size_t ncolumns, struct clickhouse_result **ret_result, struct err *err)
{
	enum status st =
		clickhouse_query(s->ch, s->deadline, sql, args, nargs, s->arena, ret_result, err);

	if (st == STATUS_OK && (*ret_result)->nrows > 0 && (*ret_result)->ncolumns != ncolumns)
		return err_set(err, STATUS_DATA_LOSS, "clickhouse: %zu columns, not %zu",
			       (*ret_result)->ncolumns, ncolumns);
	return st;
}

/* After the cells were read. */
static enum status
numbers_ok(const struct clickhouse_result *res, struct err *err)
{
	return res->bad ? err_set(err, STATUS_DATA_LOSS, "clickhouse: a figure is no number")
			: STATUS_OK;
}

enum status
analytics_store_range(struct analytics_scope *s, int64_t from_ms, int64_t to_ms, struct err *err)
{
	struct clickhouse_result *res;
	enum status st = query(s, sql_range,
			       CLICKHOUSE_ARGS(ch_text(slice_str(s->zone)), ch_time(from_ms / 1000),
					       ch_time(to_ms / 1000)),
			       2, &res, err);

	if (st != STATUS_OK)
		return st;
	if (res->nrows != 1)
		return err_set(err, STATUS_DATA_LOSS, "clickhouse: no range of days");
	s->first_day = clickhouse_int(res, 0, 0);
	s->last_day = clickhouse_int(res, 0, 1);
	return numbers_ok(res, err);
}

enum status
analytics_store_insert(struct clickhouse *ch, struct deadline deadline, struct slice rows,
		       struct err *err)
{
	return clickhouse_insert(ch, deadline, analytics_event_into, rows, err);
}

enum status
analytics_store_training(const struct analytics_scope *s, const struct uuid *user,
			 struct analytics_training **ret_days, size_t *ret_n, struct err *err)
{
	struct clickhouse_result *res;
	struct analytics_training *days;
	enum status st =
		query(s, sql_training, CLICKHOUSE_ARGS(RANGE(s), ch_uuid(user)), 6, &res, err);

	if (st != STATUS_OK)
		return st;
	days = ARENA_ARRAY(s->arena, struct analytics_training, res->nrows + 1);
	for (size_t i = 0; i < res->nrows; i++)
		days[i] = (struct analytics_training){
			.day = clickhouse_int(res, i, 0),
			.sessions = clickhouse_uint(res, i, 1),
			.duration_ms = clickhouse_uint(res, i, 2),
			.sets = clickhouse_uint(res, i, 3),
			.reps = clickhouse_uint(res, i, 4),
			.load_g = clickhouse_int(res, i, 5),
		};
	*ret_days = days;
	*ret_n = res->nrows;
	return numbers_ok(res, err);
}

enum status
analytics_store_activity(const struct analytics_scope *s, const struct uuid *user,
			 struct analytics_activity **ret_days, size_t *ret_n, struct err *err)
{
	struct clickhouse_result *res;
	struct analytics_activity *days;
	enum status st =
		query(s, sql_activity, CLICKHOUSE_ARGS(RANGE(s), ch_uuid(user)), 3, &res, err);

	if (st != STATUS_OK)
		return st;
	days = ARENA_ARRAY(s->arena, struct analytics_activity, res->nrows + 1);
	for (size_t i = 0; i < res->nrows; i++)
		days[i] = (struct analytics_activity){
			.day = clickhouse_int(res, i, 0),
			.active = clickhouse_uint(res, i, 1) != 0,
			.records = clickhouse_uint(res, i, 2),
		};
	*ret_days = days;
	*ret_n = res->nrows;
	return numbers_ok(res, err);
}

enum status
analytics_store_uses(const struct analytics_scope *s, const struct uuid *user, unsigned limit,
		     struct analytics_use **ret_uses, size_t *ret_n, struct err *err)
{
	static const struct uuid nobody;
	struct clickhouse_result *res;
	struct analytics_use *uses;
	enum status st = query(s, user != NULL ? sql_my_uses : sql_uses,
			       CLICKHOUSE_ARGS(RANGE(s), ch_int(limit),
					       ch_uuid(user != NULL ? user : &nobody)),
			       5, &res, err);

	if (st != STATUS_OK)
		return st;
	uses = ARENA_ARRAY(s->arena, struct analytics_use, res->nrows + 1);
	for (size_t i = 0; i < res->nrows; i++)
		uses[i] = (struct analytics_use){
			.kind = clickhouse_text(res, i, 0),
			.name = clickhouse_text(res, i, 1),
			.uses = clickhouse_uint(res, i, 2),
			.users = clickhouse_uint(res, i, 3),
			.duration_ms = clickhouse_uint(res, i, 4),
		};
	*ret_uses = uses;
	*ret_n = res->nrows;
	return numbers_ok(res, err);
}

enum status
analytics_store_days(const struct analytics_scope *s, struct analytics_day **ret_days,
		     size_t *ret_n, struct err *err)
{
	struct clickhouse_result *res;
	struct analytics_day *days;
	enum status st = query(s, sql_days, CLICKHOUSE_ARGS(RANGE(s)), 5, &res, err);

	if (st != STATUS_OK)
		return st;
	days = ARENA_ARRAY(s->arena, struct analytics_day, res->nrows + 1);
	for (size_t i = 0; i < res->nrows; i++)
		days[i] = (struct analytics_day){
			.day = clickhouse_int(res, i, 0),
			.active_users = clickhouse_uint(res, i, 1),
			.new_users = clickhouse_uint(res, i, 2),
			.sessions = clickhouse_uint(res, i, 3),
			.events = clickhouse_uint(res, i, 4),
		};
	*ret_days = days;
	*ret_n = res->nrows;
	return numbers_ok(res, err);
}

/* One row of three numbers. */
static enum status
three(const struct analytics_scope *s, const char *sql, const struct clickhouse_arg *args,
      size_t nargs, uint64_t ret_users[3], struct err *err)
{
	struct clickhouse_result *res;
	enum status st = query(s, sql, args, nargs, 3, &res, err);

	if (st != STATUS_OK)
		return st;
	for (size_t i = 0; i < 3; i++)
		ret_users[i] = res->nrows > 0 ? clickhouse_uint(res, 0, i) : 0;
	return numbers_ok(res, err);
}

enum status
analytics_store_active(const struct analytics_scope *s, uint64_t ret_users[3], struct err *err)
{
	return three(s, sql_active,
		     CLICKHOUSE_ARGS(RANGE_FROM(s, s->last_day - (MONTH_DAYS - 1)),
				     ch_day(s->last_day - (WEEK_DAYS - 1)), ch_day(s->last_day)),
		     ret_users, err);
}

enum status
analytics_store_retention(const struct analytics_scope *s, struct analytics_retained **ret_rows,
			  size_t *ret_n, struct err *err)
{
	struct clickhouse_result *res;
	struct analytics_retained *rows;
	enum status st = query(s, sql_retention, CLICKHOUSE_ARGS(RANGE(s)), 3, &res, err);

	if (st != STATUS_OK)
		return st;
	rows = ARENA_ARRAY(s->arena, struct analytics_retained, res->nrows + 1);
	for (size_t i = 0; i < res->nrows; i++)
		rows[i] = (struct analytics_retained){ clickhouse_int(res, i, 0),
						       clickhouse_int(res, i, 1),
						       clickhouse_uint(res, i, 2) };
	*ret_rows = rows;
	*ret_n = res->nrows;
	return numbers_ok(res, err);
}

enum status
analytics_store_funnel(const struct analytics_scope *s, uint64_t ret_users[3], struct err *err)
{
	return three(s, sql_funnel, CLICKHOUSE_ARGS(RANGE(s)), ret_users, err);
}
