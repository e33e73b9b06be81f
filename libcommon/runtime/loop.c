/* SPDX-License-Identifier: Apache-2.0 */
/*
 * loop.c - libevent turned into "one thread, one mailbox".
 *
 * The mailbox is a stack that any thread pushes to with one compare-and-swap; the loop takes
 * the whole stack at once and turns it round, so messages of one sender keep their order. Only
 * the push onto an empty stack writes to the eventfd: a busy loop costs its senders no system
 * calls. The base has no locks of its own (EVENT_BASE_FLAG_NOLOCK): nobody else touches it.
 */
#include "libcommon/runtime/loop.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include <event2/event.h>

#include "libcommon/base/compiler.h"
#include "libcommon/base/status.h"

#define STACK_SIZE (1024 * 1024)
#define DEFER_MIN 16

struct message {
	struct message *next;
	loop_fn fn;
	void *arg;
};

struct deferred {
	loop_fn fn;
	void *arg;
};

/* Calls asked for in this turn, in order; `index` finds a pair that is there already. */
struct defer_set {
	struct deferred *calls;
	size_t n;
	size_t cap;      /* power of two */
	uint32_t *index; /* 2 x cap slots: position + 1, 0 = free */
};

struct loop {
	char name[16];
	struct event_base *base;
	struct event *wake;
	int wake_fd;
	_Atomic(struct message *) mailbox;
	atomic_bool stop;
	atomic_bool running;
	atomic_bool has_thread; /* loop_start made one that nobody has joined yet */
	pthread_t thread;
	struct defer_set asked, spare;
};

struct loop_timer {
	struct loop *loop;
	struct event *ev;
	loop_fn fn;
	void *arg;
	int64_t due_ms; /* real monotonic time */
};

static _Thread_local const struct loop *current;

/* Timers run on real time, also under the fake clock of tests. */
static int64_t
real_mono_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* Returns how many messages ran. */
static size_t
run_mailbox(struct loop *loop)
{
	struct message *m = atomic_exchange_explicit(&loop->mailbox, NULL, memory_order_acquire);
	struct message *in_order = NULL;
	size_t n = 0;

	while (m != NULL) {
		struct message *next = m->next;
		m->next = in_order;
		in_order = m;
		m = next;
	}
	while (in_order != NULL) {
		m = in_order;
		in_order = m->next;
		loop_fn fn = m->fn;
		void *arg = m->arg;
		free(m);
		fn(arg);
		n++;
	}
	return n;
}

static void
on_wake(evutil_socket_t fd, short what, void *arg)
{
	uint64_t count;

	(void)what;
	/* Before the mailbox is taken, so that a push behind our back wakes us again. */
	if (read(fd, &count, sizeof(count)) < 0 && errno != EAGAIN && errno != EINTR)
		panic("loop: reading the eventfd: %s", strerror(errno));
	run_mailbox(arg);
}

static void
wake(struct loop *loop)
{
	const uint64_t one = 1;

	/* EAGAIN: the counter is full, so the loop is awake anyway. */
	while (write(loop->wake_fd, &one, sizeof(one)) < 0) {
		if (errno == EAGAIN)
			return;
		if (errno != EINTR)
			panic("loop %s: waking: %s", loop->name, strerror(errno));
	}
}

struct loop *
loop_new(const char *name)
{
	struct loop *loop = calloc(1, sizeof(*loop));
	struct event_config *config = event_config_new();

	if (loop == NULL || config == NULL)
		panic("loop: no memory");
	snprintf(loop->name, sizeof(loop->name), "%s", name);
	event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
	loop->base = event_base_new_with_config(config);
	event_config_free(config);
	loop->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (loop->base == NULL || loop->wake_fd < 0)
		fatal("loop %s: cannot make an event loop: %s", name, strerror(errno));
	loop->wake = event_new(loop->base, loop->wake_fd, EV_READ | EV_PERSIST, on_wake, loop);
	if (loop->wake == NULL || event_add(loop->wake, NULL) != 0)
		fatal("loop %s: cannot watch the mailbox", name);
	return loop;
}

static size_t
defer_slot(const struct defer_set *set, loop_fn fn, const void *arg)
{
	uint64_t h =
		((uint64_t)(uintptr_t)arg ^ (uint64_t)(uintptr_t)fn << 7) * 0x9e3779b97f4a7c15u;
	size_t mask = 2 * set->cap - 1;
	size_t i = (size_t)(h >> 32) & mask;

	while (set->index[i] != 0) {
		const struct deferred *d = &set->calls[set->index[i] - 1];
		if (d->fn == fn && d->arg == arg)
			break;
		i = (i + 1) & mask;
	}
	return i;
}

static void
defer_grow(struct defer_set *set)
{
	set->cap = set->cap == 0 ? DEFER_MIN : 2 * set->cap;
	set->calls = realloc(set->calls, set->cap * sizeof(*set->calls));
	free(set->index);
	set->index = calloc(2 * set->cap, sizeof(*set->index));
	if (set->calls == NULL || set->index == NULL)
		panic("loop: no memory for %zu deferred calls", set->cap);
	for (size_t i = 0; i < set->n; i++)
		set->index[defer_slot(set, set->calls[i].fn, set->calls[i].arg)] = (uint32_t)i + 1;
}

static void
defer_fini(struct defer_set *set)
{
	free(set->calls);
	free(set->index);
}

void
loop_defer(struct loop *loop, loop_fn fn, void *arg)
{
	struct defer_set *set = &loop->asked;

	ASSERT_LOOP(loop);
	if (set->n == set->cap)
		defer_grow(set);
	size_t i = defer_slot(set, fn, arg);
	if (set->index[i] != 0)
		return;
	set->calls[set->n++] = (struct deferred){ fn, arg };
	set->index[i] = (uint32_t)set->n;
}

/* What a deferred call defers waits for the next turn: two sets take turns. */
static void
run_deferred(struct loop *loop)
{
	struct defer_set now = loop->asked;

	if (now.n == 0)
		return;
	loop->asked = loop->spare;
	loop->spare = (struct defer_set){ 0 };
	for (size_t i = 0; i < now.n; i++)
		now.calls[i].fn(now.calls[i].arg);
	memset(now.index, 0, 2 * now.cap * sizeof(*now.index));
	now.n = 0;
	loop->spare = now;
}

static void
run(struct loop *loop)
{
	const struct loop *outer = current;

	current = loop;
	while (!atomic_load_explicit(&loop->stop, memory_order_acquire)) {
		int flags = EVLOOP_ONCE | (loop->asked.n > 0 ? EVLOOP_NONBLOCK : 0);
		if (event_base_loop(loop->base, flags) < 0)
			panic("loop %s: event_base_loop failed: %s", loop->name, strerror(errno));
		run_deferred(loop);
	}
	current = outer;
	atomic_store(&loop->stop, false);
	atomic_store(&loop->running, false);
}

static void
mark_running(struct loop *loop)
{
	if (atomic_exchange(&loop->running, true))
		panic("loop %s: runs already", loop->name);
}

void
loop_run(struct loop *loop)
{
	mark_running(loop);
	run(loop);
}

static void *
thread_main(void *arg)
{
	struct loop *loop = arg;

	pthread_setname_np(pthread_self(), loop->name);
	run(loop);
	return NULL;
}

/* Signals are for the main thread. */
void
loop_start(struct loop *loop)
{
	pthread_attr_t attr;
	sigset_t all, old;

	mark_running(loop);
	sigfillset(&all);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_SIZE);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	int rc = pthread_create(&loop->thread, &attr, thread_main, loop);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	pthread_attr_destroy(&attr);
	if (rc != 0)
		fatal("loop %s: cannot start a thread: %s", loop->name, strerror(rc));
	atomic_store(&loop->has_thread, true);
}

void
loop_stop(struct loop *loop)
{
	bool own = current == loop;

	atomic_store_explicit(&loop->stop, true, memory_order_release);
	wake(loop);
	if (own)
		return;
	if (atomic_exchange(&loop->has_thread, false))
		pthread_join(loop->thread, NULL);
}

void
loop_free(struct loop *loop)
{
	if (loop == NULL)
		return;
	if (atomic_load(&loop->has_thread))
		loop_stop(loop);
	ASSERT_LOOP(loop);
	while (run_mailbox(loop) > 0 || loop->asked.n > 0)
		run_deferred(loop);
	event_free(loop->wake);
	event_base_free(loop->base);
	close(loop->wake_fd);
	defer_fini(&loop->asked);
	defer_fini(&loop->spare);
	free(loop);
}

struct event_base *
loop_base(struct loop *loop)
{
	return loop->base;
}

void
loop_post(struct loop *loop, loop_fn fn, void *arg)
{
	struct message *m = malloc(sizeof(*m));

	if (m == NULL)
		panic("loop: no memory for a message");
	m->fn = fn;
	m->arg = arg;
	m->next = atomic_load_explicit(&loop->mailbox, memory_order_relaxed);
	/* After the exchange the loop may take and free m; only the old head says what to do. */
	struct message *head = m->next;
	while (!atomic_compare_exchange_weak_explicit(&loop->mailbox, &head, m,
						      memory_order_release, memory_order_relaxed))
		m->next = head;
	if (head == NULL)
		wake(loop);
}

bool
loop_is_current(const struct loop *loop)
{
	return current == loop || !atomic_load_explicit(&loop->running, memory_order_acquire);
}

static void
arm(struct loop_timer *timer, int64_t ms)
{
	struct timeval tv = { .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000 };

	if (event_add(timer->ev, &tv) != 0)
		panic("loop %s: cannot arm a timer", timer->loop->name);
}

/*
 * libevent counts from its cached time, the begin of the turn or a coarse tick, so it may be
 * early; a deadline's timer that fires before the deadline would make its owner spin.
 */
static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct loop_timer *timer = arg;
	int64_t left = timer->due_ms - real_mono_ms();

	(void)fd;
	(void)what;
	if (left > 0)
		arm(timer, left);
	else
		timer->fn(timer->arg);
}

struct loop_timer *
loop_timer_new(struct loop *loop, loop_fn fn, void *arg)
{
	struct loop_timer *timer = calloc(1, sizeof(*timer));

	ASSERT_LOOP(loop);
	if (timer == NULL)
		panic("loop: no memory for a timer");
	timer->loop = loop;
	timer->fn = fn;
	timer->arg = arg;
	timer->ev = event_new(loop->base, -1, 0, on_timer, timer);
	if (timer->ev == NULL)
		panic("loop: no memory for a timer");
	return timer;
}

void
loop_timer_start(struct loop_timer *timer, int64_t ms)
{
	ASSERT_LOOP(timer->loop);
	if (ms < 0)
		ms = 0;
	timer->due_ms = real_mono_ms() + ms;
	arm(timer, ms);
}

void
loop_timer_stop(struct loop_timer *timer)
{
	ASSERT_LOOP(timer->loop);
	event_del(timer->ev);
}

void
loop_timer_free(struct loop_timer *timer)
{
	if (timer == NULL)
		return;
	ASSERT_LOOP(timer->loop);
	event_free(timer->ev);
	free(timer);
}
