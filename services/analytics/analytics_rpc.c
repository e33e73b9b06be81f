/* SPDX-License-Identifier: Apache-2.0 */
#include "services/analytics/analytics_rpc.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "fit/analytics/v1/analytics.pb-c.h"

#include "libcommon/base/arena.h"
#include "libcommon/base/compiler.h"
#include "libcommon/bus/bus.h"
#include "libcommon/observe/metrics.h"
#include "libcommon/rpc/pb_arena.h"
#include "libcommon/rpc/pb_time.h"
#include "services/analytics/analytics.h"
#include "services/analytics/analytics_allowed.h"
#include "services/analytics/analytics_behaviour.h"
#include "services/analytics/analytics_store.h"
#include "services/analytics/analytics_summary.h"

#define DAY_MS INT64_C(86400000)
#define MY_DEFAULT_DAYS 84
#define MY_DAYS_MAX 731
#define MY_NAMES 20
#define OVERVIEW_DEFAULT_DAYS 28
#define OVERVIEW_DAYS_MAX 400
#define OVERVIEW_NAMES 50

static struct metric m_behaviour =
	METRIC_COUNTER("analytics_behaviour_events_total",
		       "Behaviour events of the apps, by outcome.", "outcome");
static const double engagement_bounds[] = { 1, 5, 15, 60, 300, 900, 1800, 3600, 7200 };
static struct metric m_engagement = {
	.kind = METRIC_KIND_HISTOGRAM,
	.name = "user_engagement_duration",
	.help = "Seconds spent with a screen or feature.",
	.labels = { "feature", "user_tier" },
	.bounds = engagement_bounds,
	.nbounds = ARRAY_LEN(engagement_bounds),
};

void
analytics_rpc_register_metrics(void)
{
	metric_register(&m_behaviour);
	metric_register(&m_engagement);
}

/* ---- what handlers begin with ---- */

static enum status
for_myself(struct rpc_call *call, struct err *err)
{
	if (uuid_is_nil(&rpc_call_principal(call)->acting_for))
		return STATUS_OK;
	return err_public(err, STATUS_PERMISSION_DENIED, "This is open to the person itself only.");
}

/* RFC 8536 section 3.1; names begin with a capital ("posix/…", "localtime" are none). */
static bool
zone_known(const char *tz_dir, const char *name)
{
	char path[256], magic[4];
	ssize_t n;
	int fd;

	if (name[0] < 'A' || name[0] > 'Z' || strstr(name, "..") != NULL ||
	    name[strspn(name,
			"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+-/")] !=
		    '\0')
		return false;
	if ((size_t)snprintf(path, sizeof(path), "%s/%s", tz_dir, name) >= sizeof(path))
		return false;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return false;
	n = read(fd, magic, sizeof(magic));
	close(fd);
	return n == (ssize_t)sizeof(magic) && memcmp(magic, "TZif", 4) == 0;
}

static int64_t
time_or(const Google__Protobuf__Timestamp *t, int64_t otherwise_ms)
{
	return t != NULL ? pb_time_ms(t) : otherwise_ms;
}

/* The days of a request. */
static enum status
begin_range(struct rpc_call *call, const Google__Protobuf__Timestamp *from,
	    const Google__Protobuf__Timestamp *to, const char *zone, int default_days, int max_days,
	    struct analytics_scope *ret_scope, struct err *err)
{
	const struct analytics *service = rpc_call_service(call);
	int64_t to_ms = time_or(to, clock_wall_ms());
	int64_t from_ms = time_or(from, to_ms - (default_days - 1) * DAY_MS);
	struct analytics_scope s = { .ch = service->ch,
				     .deadline = rpc_call_deadline(call),
				     .arena = rpc_call_arena(call),
				     .zone = zone[0] != '\0' ? zone : "UTC" };
	enum status st;

	err_init(err);
	if (!zone_known(service->tz_dir, s.zone))
		return err_add_field(err, "timeZone",
				     "must be a name of the IANA time zone database such as"
				     " \"Europe/Berlin\"");
	if (from_ms < 0 || to_ms < from_ms)
		return err_add_field(err, from_ms < 0 ? "from" : "to", "must be %s",
				     from_ms < 0 ? "after 1970" : "after from");
	if (to_ms > INT64_C(4102444800000))
		return err_add_field(err, "to", "must be before 2100");
	st = analytics_store_range(&s, from_ms, to_ms, err);
	if (st != STATUS_OK)
		return st;
	if (s.last_day - s.first_day >= max_days)
		return err_add_field(err, "from", "must be at most %d days before to", max_days);
	*ret_scope = s;
	return STATUS_OK;
}

/* ---- events in ---- */

static void
observe(const Fit__Analytics__V1__RecordEventsRequest *req, const char *tier)
{
	for (size_t i = 0; i < req->n_events; i++) {
		const Fit__Analytics__V1__BehaviourEvent *e = req->events[i];

		if (e->type_case == FIT__ANALYTICS__V1__BEHAVIOUR_EVENT__TYPE_DURATION)
			metric_observe(metric_series(&m_engagement, e->duration->name, tier),
				       e->duration->milliseconds / 1000.0);
	}
}

static enum status
on_record_events(struct rpc_call *call, const void *request, void *reply, struct err *err)
{
	const Fit__Analytics__V1__RecordEventsRequest *req = request;
	Fit__Analytics__V1__RecordEventsResponse *res = reply;
	const struct analytics *service = rpc_call_service(call);
	const struct principal *who = rpc_call_principal(call);
	char traceparent[TRACE_PARENT_SIZE];
	struct behaviour_origin origin = { .user = &who->user_id,
					   .tier = who->tier,
					   .traceparent = traceparent,
					   .now_ms = clock_wall_ms() };
	struct bus_message *messages;
	enum status st = for_myself(call, err);
	bool allowed = false;
	size_t n;

	trace_format(rpc_call_trace(call), traceparent);
	if (st == STATUS_OK)
		st = analytics_behaviour(req, &origin, rpc_call_arena(call), &messages, &n, err);
	if (st == STATUS_OK)
		st = analytics_allowed(service->allowed, rpc_call_deadline(call), &who->user_id,
				       rpc_call_arena(call), &allowed, err);
	if (st == STATUS_OK && !allowed) {
		res->dropped = (uint32_t)req->n_events;
		metric_add(metric_series(&m_behaviour, "switched_off"), res->dropped);
		return STATUS_OK;
	}
	if (st == STATUS_OK && service->bus == NULL)
		st = err_set(err, STATUS_UNAVAILABLE, "FIT_BUS_URL is not set");
	if (st == STATUS_OK && n > 0)
		st = bus_produce(service->bus, rpc_call_deadline(call), messages, n, err);
	if (st != STATUS_OK)
		return st;
	observe(req, who->tier);
	res->accepted = (uint32_t)n;
	res->dropped = (uint32_t)(req->n_events - n);
	metric_add(metric_series(&m_behaviour, "accepted"), res->accepted);
	metric_add(metric_series(&m_behaviour, "dropped"), res->dropped);
	return STATUS_OK;
}

/* ---- figures out ---- */

static enum status
on_get_my_summary(struct rpc_call *call, const void *request, void *reply, struct err *err)
{
	const Fit__Analytics__V1__GetMySummaryRequest *req = request;
	Fit__Analytics__V1__MySummary *res = reply;
	const struct uuid *me = &rpc_call_principal(call)->user_id;
	struct analytics_training *training;
	struct analytics_activity *activity;
	struct analytics_use *uses;
	struct analytics_scope scope;
	size_t ntraining, nactivity, nuses;
	enum status st = for_myself(call, err);

	if (st == STATUS_OK)
		st = begin_range(call, req->from, req->to, req->time_zone, MY_DEFAULT_DAYS,
				 MY_DAYS_MAX, &scope, err);
	if (st == STATUS_OK)
		st = analytics_store_training(&scope, me, &training, &ntraining, err);
	if (st == STATUS_OK)
		st = analytics_store_activity(&scope, me, &activity, &nactivity, err);
	if (st == STATUS_OK)
		st = analytics_store_uses(&scope, me, MY_NAMES, &uses, &nuses, err);
	if (st != STATUS_OK)
		return st;
	analytics_fill_summary(&scope, training, ntraining, activity, nactivity, res);
	analytics_fill_uses(scope.arena, uses, nuses, &res->n_features, &res->features);
	return STATUS_OK;
}

static enum status
fill_overview(const struct analytics_scope *scope, Fit__Analytics__V1__Overview *res,
	      struct err *err)
{
	struct analytics_day *days;
	struct analytics_retained *retained;
	struct analytics_use *uses;
	uint64_t active[3], funnel[3];
	size_t ndays, nretained, nuses;
	enum status st = analytics_store_days(scope, &days, &ndays, err);

	if (st == STATUS_OK)
		st = analytics_store_active(scope, active, err);
	if (st == STATUS_OK)
		st = analytics_store_retention(scope, &retained, &nretained, err);
	if (st == STATUS_OK)
		st = analytics_store_funnel(scope, funnel, err);
	if (st == STATUS_OK)
		st = analytics_store_uses(scope, NULL, OVERVIEW_NAMES, &uses, &nuses, err);
	if (st != STATUS_OK)
		return st;
	analytics_fill_days(scope, days, ndays, res);
	analytics_fill_retention(scope, retained, nretained, res);
	analytics_fill_uses(scope->arena, uses, nuses, &res->n_features, &res->features);
	res->dau = active[0];
	res->wau = active[1];
	res->mau = active[2];
	res->funnel = pb_arena_new(scope->arena, &fit__analytics__v1__funnel__descriptor);
	res->funnel->signed_up = funnel[0];
	res->funnel->created_plan = funnel[1];
	res->funnel->completed_session = funnel[2];
	return STATUS_OK;
}

static enum status
on_get_overview(struct rpc_call *call, const void *request, void *reply, struct err *err)
{
	const Fit__Analytics__V1__GetOverviewRequest *req = request;
	struct analytics_scope scope;
	enum status st = begin_range(call, req->from, req->to, req->time_zone,
				     OVERVIEW_DEFAULT_DAYS, OVERVIEW_DAYS_MAX, &scope, err);

	return st == STATUS_OK ? fill_overview(&scope, reply, err) : st;
}

static const struct rpc_method methods[] = {
	{ "RecordEvents", on_record_events },
	{ "GetMySummary", on_get_my_summary },
	{ "GetOverview", on_get_overview },
};

const struct rpc_service analytics_rpc_service = {
	&fit__analytics__v1__analytics_service__descriptor, methods, ARRAY_LEN(methods)
};
