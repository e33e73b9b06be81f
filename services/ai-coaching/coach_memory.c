/* SPDX-License-Identifier: Apache-2.0 */
#include "services/ai-coaching/coach_memory.h"

#include "libcommon/rpc/pb_arena.h"
#include "libcommon/store/redis.h"

static char *
conversation_key(const struct coach_scope *scope)
{
	return arena_printf(scope->arena, "conversation:{%s}", scope->owner_text);
}

static struct slice
packed(const ProtobufCMessage *message, struct arena *arena)
{
	size_t n = protobuf_c_message_get_packed_size(message);
	uint8_t *wire = arena_alloc(arena, n + 1);

	protobuf_c_message_pack(message, wire);
	return slice_make(wire, n);
}

enum status
coach_memory_add(struct coach *coach, const struct coach_scope *scope,
		 const Fit__AiCoaching__V1__Turn *turn, struct err *err)
{
	static const char script[] = "redis.call('RPUSH', KEYS[1], ARGV[1])\n"
				     "redis.call('LTRIM', KEYS[1], -tonumber(ARGV[2]), -1)\n"
				     "redis.call('EXPIRE', KEYS[1], ARGV[3])\n"
				     "return 1\n";
	char *key = conversation_key(scope);
	struct slice wire = packed(&turn->base, scope->arena);
	struct redis_value *v;

	return redis_call(coach->redis, scope->deadline, key, scope->arena, &v, err,
			  "EVAL %s 1 %s %b %d %d", script, key, wire.p, wire.n, COACH_TURNS_MAX,
			  COACH_CONVERSATION_S);
}

enum status
coach_memory_turns(struct coach *coach, const struct coach_scope *scope, unsigned max,
		   Fit__AiCoaching__V1__Turn ***ret_turns, size_t *ret_n, struct err *err)
{
	char *key = conversation_key(scope);
	struct redis_value *v;
	size_t n = 0;
	enum status st = redis_call(coach->redis, scope->deadline, key, scope->arena, &v, err,
				    "LRANGE %s %d -1", key, -(int)max);

	if (st != STATUS_OK)
		return st;
	*ret_turns = ARENA_ARRAY(scope->arena, Fit__AiCoaching__V1__Turn *, v->nitems + 1);
	for (size_t i = 0; i < v->nitems; i++) {
		void *turn;

		if (pb_arena_unpack(scope->arena, &fit__ai_coaching__v1__turn__descriptor,
				    v->items[i].str, &turn, NULL) == STATUS_OK)
			(*ret_turns)[n++] = turn;
	}
	*ret_n = n;
	return STATUS_OK;
}

enum status
coach_memory_forget(struct coach *coach, const struct coach_scope *scope, struct err *err)
{
	char *key = conversation_key(scope);
	struct redis_value *v;

	return redis_call(coach->redis, scope->deadline, key, scope->arena, &v, err, "DEL %s", key);
}

static char *
recommendations_key(const struct coach_scope *scope, const char *hash)
{
	return arena_printf(scope->arena, "recommendations:{%s}:%s", scope->owner_text, hash);
}

enum status
coach_memory_recommendations(struct coach *coach, const struct coach_scope *scope, const char *hash,
			     Fit__AiCoaching__V1__Recommendations **ret, struct err *err)
{
	char *key = recommendations_key(scope, hash);
	struct redis_value *v;
	void *list = NULL;
	enum status st = redis_call(coach->redis, scope->deadline, key, scope->arena, &v, err,
				    "GET %s", key);

	if (st != STATUS_OK)
		return st;
	if (v->type == REDIS_STRING &&
	    pb_arena_unpack(scope->arena, &fit__ai_coaching__v1__recommendations__descriptor,
			    v->str, &list, NULL) != STATUS_OK)
		list = NULL;
	*ret = list;
	return STATUS_OK;
}

enum status
coach_memory_recommend(struct coach *coach, const struct coach_scope *scope, const char *hash,
		       const Fit__AiCoaching__V1__Recommendations *list, struct err *err)
{
	char *key = recommendations_key(scope, hash);
	struct slice wire = packed(&list->base, scope->arena);
	struct redis_value *v;

	return redis_call(coach->redis, scope->deadline, key, scope->arena, &v, err,
			  "SET %s %b EX %d", key, wire.p, wire.n, COACH_RECOMMENDATIONS_S);
}
