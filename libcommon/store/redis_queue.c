/* SPDX-License-Identifier: Apache-2.0 */
#include "libcommon/store/redis_queue.h"

#include <stdlib.h>

#define ARENA_CAP (1024 * 1024)
#define SPARE_MAX 64

void
redis_queue_fini(struct redis_queue *q)
{
	if (q->ncalls > 0)
		panic("redis: %u calls are in flight at the end", q->ncalls);
	while (q->spare != NULL) {
		struct redis_pending *call = q->spare;

		q->spare = call->next;
		arena_free(call->arena);
		free(call);
	}
	free(q->ring);
}

struct redis_pending *
redis_queue_add(struct redis_queue *q)
{
	struct redis_pending *call = q->spare;

	q->ncalls++;
	if (call == NULL) {
		call = calloc(1, sizeof(*call));
		if (call == NULL)
			panic("redis: no memory");
		call->arena = arena_new(ARENA_CAP);
		return call;
	}
	q->spare = call->next;
	q->nspare--;
	struct arena *arena = call->arena;
	*call = (struct redis_pending){ .arena = arena };
	return call;
}

void
redis_queue_end(struct redis_queue *q, struct redis_pending *call)
{
	q->ncalls--;
	if (q->nspare >= SPARE_MAX) {
		arena_free(call->arena);
		free(call);
		return;
	}
	arena_reset(call->arena);
	call->next = q->spare;
	q->spare = call;
	q->nspare++;
}

/* Callers use few different timeouts: the place is at the tail or near it. */
void
redis_queue_expires(struct redis_queue *q, struct redis_pending *call)
{
	struct redis_pending *after = q->last;

	while (after != NULL && after->due_ms > call->due_ms)
		after = after->prev;
	call->prev = after;
	call->next = after != NULL ? after->next : q->first;
	*(call->next != NULL ? &call->next->prev : &q->last) = call;
	*(after != NULL ? &after->next : &q->first) = call;
}

void
redis_queue_answered(struct redis_queue *q, struct redis_pending *call)
{
	*(call->prev != NULL ? &call->prev->next : &q->first) = call->next;
	*(call->next != NULL ? &call->next->prev : &q->last) = call->prev;
}

void
redis_queue_expect(struct redis_queue *q, struct redis_pending *call, unsigned index)
{
	if (q->ring_len == q->ring_cap) {
		size_t cap = q->ring_cap == 0 ? 64 : 2 * q->ring_cap;
		struct redis_expected *ring = malloc(cap * sizeof(*ring));

		if (ring == NULL)
			panic("redis: no memory");
		for (size_t i = 0; i < q->ring_len; i++)
			ring[i] = q->ring[(q->ring_head + i) & (q->ring_cap - 1)];
		free(q->ring);
		q->ring = ring;
		q->ring_cap = cap;
		q->ring_head = 0;
	}
	q->ring[(q->ring_head + q->ring_len++) & (q->ring_cap - 1)] =
		(struct redis_expected){ call, index };
}

struct redis_expected
redis_queue_next(struct redis_queue *q)
{
	struct redis_expected e = q->ring[q->ring_head];

	q->ring_head = (q->ring_head + 1) & (q->ring_cap - 1);
	q->ring_len--;
	return e;
}
