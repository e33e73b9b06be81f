/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/admit.h"

#include <stdlib.h>
#include <string.h>

#include "gateway/gateway_config.h"
#include "libcommon/base/clock.h"
#include "libcommon/base/lru.h"
#include "libcommon/observe/metrics.h"
#include "libcommon/store/redis_async.h"

#define KEY_MAX 160
#define VALUE_MAX 512
#define SESSION_ID_MAX 64

/*
 * gcra_take with the state in Redis and its clock. Numbers stay below 2^53: microseconds since 1970
 * are 1.8e15. Returns { allowed, remaining, reset_us, retry_us }.
 */
static const char script_text[] =
	"local t = redis.call('TIME')\n"
	"local now = t[1] * 1000000 + t[2]\n"
	"local interval, burst = tonumber(ARGV[1]), tonumber(ARGV[2])\n"
	"local tat = tonumber(redis.call('GET', KEYS[1]) or now)\n"
	"if tat < now then tat = now end\n"
	"local after = tat + interval\n"
	"if after - burst > now then return {0, 0, tat - now, after - burst - now} end\n"
	"redis.call('SET', KEYS[1], string.format('%.0f', after), 'PX', math.ceil((after - now) / "
	"1000))\n"
	"return {1, math.floor((burst - (after - now)) / interval), after - now, 0}\n";

struct admit {
	struct redis_async *redis;
	int64_t timeout_ms;
	struct redis_script script;
	struct lru *local;
	struct admit_call *free_calls;
	struct metric_series *fallbacks;
};

/* Outlives its caller: Redis answers also when nobody waits any more. */
struct admit_call {
	struct admit *admit;
	struct admit_call *next_free;
	admit_fn fn; /* NULL: cancelled */
	void *arg;
	const struct config_rate *rate;
	char key[KEY_MAX];
	size_t key_n; /* of the caller's key, after "rate_limit:{" */
	bool asked_session, retried;
	struct admit_reply reply;
	char value[VALUE_MAX];
};

static struct metric m_fallback =
	METRIC_COUNTER("gateway_limiter_local_total",
		       "Requests limited from local state, Redis being away.");

#define KEY_PREFIX "rate_limit:{"

struct admit *
admit_new(struct redis_async *redis, int64_t timeout_ms)
{
	struct admit *admit = calloc(1, sizeof(*admit));

	if (admit == NULL)
		panic("admit: no memory");
	admit->redis = redis;
	admit->timeout_ms = timeout_ms;
	admit->script.text = script_text;
	redis_script_init(&admit->script);
	admit->local = lru_new(ADMIT_LOCAL_MAX, free);
	metric_register(&m_fallback);
	admit->fallbacks = metric_single(&m_fallback);
	return admit;
}

void
admit_free(struct admit *admit)
{
	if (admit == NULL)
		return;
	while (admit->free_calls != NULL) {
		struct admit_call *call = admit->free_calls;
		admit->free_calls = call->next_free;
		free(call);
	}
	lru_free(admit->local);
	free(admit);
}

/* Appends to a text of KEY_MAX bytes that has n; what does not fit is cut. Returns the new n. */
static size_t
append(char *text, size_t n, struct slice part)
{
	size_t room = KEY_MAX - 1 - n;

	if (part.n > room)
		part.n = room;
	if (part.n > 0)
		memcpy(text + n, part.p, part.n);
	text[n + part.n] = '\0';
	return n + part.n;
}

struct gcra_result
admit_local(struct admit *admit, struct slice key, struct slice class_name,
	    const struct gcra_rate *rate)
{
	char text[KEY_MAX];
	int64_t now_us = clock_mono_ns() / 1000, first = 0;

	size_t n = append(text, 0, class_name);
	n = append(text, n, SLICE_LIT(":"));
	struct slice id = slice_make(text, append(text, n, key));
	int64_t *tat = lru_get(admit->local, id, now_us / 1000);
	struct gcra_result result = gcra_take(rate, tat != NULL ? tat : &first, now_us);
	if (tat == NULL) {
		tat = malloc(sizeof(*tat));
		if (tat == NULL)
			panic("admit: no memory");
		*tat = first;
		/* Kept for the whole window: a TAT never lies further ahead. */
		lru_put(admit->local, id, tat, now_us / 1000 + rate->window_s * 1000 + 1000);
	}
	return result;
}

static struct gcra_result
fall_back(struct admit_call *call)
{
	struct slice key = slice_make(call->key + strlen(KEY_PREFIX), call->key_n);

	metric_add(call->admit->fallbacks, 1);
	return admit_local(call->admit, key, call->rate->name, &call->rate->rate);
}

static void
finish(struct admit_call *call)
{
	struct admit *admit = call->admit;

	if (call->fn != NULL)
		call->fn(&call->reply, call->arg);
	call->next_free = admit->free_calls;
	admit->free_calls = call;
}

static void on_reply(enum status status, const struct redis_value *values, size_t nvalues,
		     void *arg);

static void
send_script(struct admit_call *call, const char *verb, const char *script, const char *session_id)
{
	struct admit *admit = call->admit;
	char session_key[KEY_MAX];
	const char *hget[3] = { "HGET", session_key, session_id };
	const char *eval[6] = {
		verb, script, "1", call->key, call->rate->interval_text, call->rate->burst_text
	};
	size_t hget_n[3], eval_n[6];
	struct redis_cmd cmds[2];
	size_t n = 0;

	if (session_id != NULL) {
		size_t len = append(session_key, 0, SLICE_LIT("session:{"));
		len = append(session_key, len,
			     slice_make(call->key + strlen(KEY_PREFIX), call->key_n));
		append(session_key, len, SLICE_LIT("}"));
		for (int i = 0; i < 3; i++)
			hget_n[i] = strlen(hget[i]);
		cmds[n++] = (struct redis_cmd){ 3, hget, hget_n };
	}
	for (int i = 0; i < 6; i++)
		eval_n[i] = strlen(eval[i]);
	cmds[n++] = (struct redis_cmd){ 6, eval, eval_n };
	redis_async_call(admit->redis, admit->timeout_ms, call->key, cmds, n, on_reply, call);
}

static bool
is_error(const struct redis_value *v, const char *text)
{
	return v->type == REDIS_STATUS && slice_starts_with(v->str, slice_str(text));
}

static bool
read_limit(const struct redis_value *v, struct gcra_result *ret)
{
	if (v->type != REDIS_ARRAY || v->nitems != 4)
		return false;
	for (size_t i = 0; i < 4; i++) {
		if (v->items[i].type != REDIS_INTEGER)
			return false;
	}
	*ret = (struct gcra_result){ v->items[0].num == 1, v->items[1].num, v->items[2].num,
				     v->items[3].num };
	return true;
}

static void
read_session(struct admit_call *call, const struct redis_value *v)
{
	if (v->type == REDIS_NIL) {
		call->reply.session = ADMIT_MISSING;
	} else if (v->type == REDIS_STRING && v->str.n <= VALUE_MAX) {
		/* Copied, for the script may need another trip. */
		memcpy(call->value, v->str.p, v->str.n);
		call->reply.session = ADMIT_FOUND;
		call->reply.session_value = slice_make(call->value, v->str.n);
	}
}

static void
on_reply(enum status status, const struct redis_value *values, size_t nvalues, void *arg)
{
	struct admit_call *call = arg;

	if (call->fn == NULL) {
		finish(call);
		return;
	}
	if (status != STATUS_OK) {
		call->reply.limit = fall_back(call);
		finish(call);
		return;
	}
	const struct redis_value *last = &values[nvalues - 1];
	if (call->asked_session && !call->retried)
		read_session(call, &values[0]);
	if (is_error(last, "-NOSCRIPT") && !call->retried) {
		call->retried = true;
		send_script(call, "EVAL", script_text, NULL);
		return;
	}
	if (!read_limit(last, &call->reply.limit))
		call->reply.limit = fall_back(call);
	finish(call);
}

static struct admit_call *
call_new(struct admit *admit)
{
	struct admit_call *call = admit->free_calls;

	if (call != NULL) {
		admit->free_calls = call->next_free;
		return call;
	}
	call = malloc(sizeof(*call));
	if (call == NULL)
		panic("admit: no memory");
	return call;
}

struct admit_call *
admit_start(struct admit *admit, const struct admit_request *req, struct admit_reply *ret_reply,
	    admit_fn fn, void *arg)
{
	char session_id[KEY_MAX];
	struct admit_call *call;

	if (admit->redis == NULL || !redis_async_up(admit->redis) ||
	    req->session_id.n >= SESSION_ID_MAX) {
		metric_add(admit->fallbacks, 1);
		*ret_reply = (struct admit_reply){
			.session = ADMIT_UNKNOWN,
			.limit = admit_local(admit, req->key, req->rate->name, &req->rate->rate),
		};
		return NULL;
	}
	call = call_new(admit);
	call->admit = admit;
	call->fn = fn;
	call->arg = arg;
	call->rate = req->rate;
	call->key_n = req->key.n < 64 ? req->key.n : 64;
	call->asked_session = req->session_id.n > 0;
	call->retried = false;
	call->reply = (struct admit_reply){ .session = ADMIT_UNKNOWN };
	size_t n = append(call->key, 0, SLICE_LIT(KEY_PREFIX));
	n = append(call->key, n, slice_make(req->key.p, call->key_n));
	n = append(call->key, n, SLICE_LIT("}:"));
	append(call->key, n, req->rate->name);
	append(session_id, 0, req->session_id);
	send_script(call, "EVALSHA", admit->script.sha1, call->asked_session ? session_id : NULL);
	return call;
}

void
admit_cancel(struct admit_call *call)
{
	call->fn = NULL;
}
