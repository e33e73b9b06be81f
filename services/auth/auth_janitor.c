/* SPDX-License-Identifier: Apache-2.0 */
#include "services/auth/auth_janitor.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "libcommon/observe/log.h"
#include "services/auth/auth.h"
#include "services/auth/auth_keys.h"
#include "services/auth/auth_oidc.h"

#define COPIES_AT_ONCE 100
#define SWEEP_AT_ONCE 500
/* Ended rows stay so long for whoever looks into an incident. */
#define KEEP_ENDED_MS (INT64_C(7) * 86400 * 1000)
#define TASK_TIMEOUT_MS 5000
#define SWEEP_REST_MS 2000 /* a sweep that has less left leaves the rest to the next one */

struct auth_janitor {
	struct auth *auth;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	bool stop;
};

typedef enum status (*task_fn)(struct auth *auth, const struct auth_call *call, struct err *err);

/* Stops at the first failure: Redis is away, and the next tick is soon. */
static enum status
catch_up_copies(struct auth *auth, const struct auth_call *call, struct err *err)
{
	struct auth_sessions list;
	enum status st =
		auth_store_uncopied(auth_get_store(auth), call, COPIES_AT_ONCE, &list, err);

	if (st != STATUS_OK)
		return st;
	for (size_t i = 0; i < list.n; i++) {
		if (!auth_show(auth, call, &list.items[i]))
			break;
	}
	return STATUS_OK;
}

static enum status
reload_keys(struct auth *auth, const struct auth_call *call, struct err *err)
{
	bool changed = false;
	enum status st = auth_keys_reload(auth_get_keys(auth), &changed, err);

	(void)call;
	if (st == STATUS_OK && changed)
		log_info("signing_keys_changed");
	return st;
}

static enum status
renew_provider_keys(struct auth *auth, const struct auth_call *call, struct err *err)
{
	(void)call, (void)err;
	auth_oidc_renew(auth_get_oidc(auth));
	return STATUS_OK;
}

/* A batch after the other, for as long as a call of the janitor may take. */
static enum status
sweep(struct auth *auth, const struct auth_call *call, struct err *err)
{
	int64_t deleted = 0, n;
	enum status st;

	do {
		st = auth_store_sweep(auth_get_store(auth), call, call->now_ms - KEEP_ENDED_MS,
				      SWEEP_AT_ONCE, &n, err);
		if (st != STATUS_OK)
			break;
		deleted += n;
		arena_reset(call->arena);
	} while (n >= SWEEP_AT_ONCE && deadline_left_ms(call->deadline) > SWEEP_REST_MS);
	if (deleted > 0)
		log_info("ended_sessions_deleted", LOG_INT("rows", deleted));
	return st;
}

static const struct {
	const char *name;
	int64_t every_ms;
	task_fn run;
} tasks[] = {
	{ "renew_provider_keys", 2000, renew_provider_keys },
	{ "catch_up_copies", JANITOR_TICK_MS, catch_up_copies },
	{ "reload_keys", 5000, reload_keys },
	{ "sweep", 60000, sweep },
};

/* What failed last time is not logged again until it worked in between. */
static void
run_task(struct auth *auth, size_t i, bool *failing)
{
	struct arena *arena = arena_new(4 << 20);
	struct auth_call call = { .deadline = deadline_in(TASK_TIMEOUT_MS),
				  .arena = arena,
				  .now_ms = clock_wall_ms() };
	struct err err;
	bool failed;

	err_init(&err);
	failed = tasks[i].run(auth, &call, &err) != STATUS_OK;
	if (failed && !*failing)
		log_error_err("janitor_task_failed", &err, LOG_STR("task", tasks[i].name));
	*failing = failed;
	arena_free(arena);
}

/* False: stop. */
static bool
wait_tick(struct auth_janitor *j)
{
	struct timespec at;
	bool stop;

	clock_gettime(CLOCK_MONOTONIC, &at);
	at.tv_sec += JANITOR_TICK_MS / 1000;
	pthread_mutex_lock(&j->lock);
	while (!j->stop && pthread_cond_timedwait(&j->wake, &j->lock, &at) == 0)
		;
	stop = j->stop;
	pthread_mutex_unlock(&j->lock);
	return !stop;
}

static void *
janitor_main(void *arg)
{
	struct auth_janitor *j = arg;
	int64_t due_ms[ARRAY_LEN(tasks)] = { 0 };
	bool failing[ARRAY_LEN(tasks)] = { false };

	do {
		for (size_t i = 0; i < ARRAY_LEN(tasks); i++) {
			int64_t now_ms = clock_mono_ms();

			if (now_ms < due_ms[i])
				continue;
			due_ms[i] = now_ms + tasks[i].every_ms;
			run_task(j->auth, i, &failing[i]);
		}
	} while (wait_tick(j));
	return NULL;
}

struct auth_janitor *
auth_janitor_start(struct auth *auth)
{
	struct auth_janitor *j = calloc(1, sizeof(*j));
	pthread_condattr_t attr;

	if (j == NULL)
		panic("no memory for the janitor");
	j->auth = auth;
	pthread_mutex_init(&j->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&j->wake, &attr);
	pthread_condattr_destroy(&attr);
	if (pthread_create(&j->thread, NULL, janitor_main, j) != 0)
		fatal("cannot start the janitor's thread");
	pthread_setname_np(j->thread, "auth-janitor");
	return j;
}

void
auth_janitor_stop(struct auth_janitor *j)
{
	if (j == NULL)
		return;
	pthread_mutex_lock(&j->lock);
	j->stop = true;
	pthread_cond_signal(&j->wake);
	pthread_mutex_unlock(&j->lock);
	pthread_join(j->thread, NULL);
	pthread_cond_destroy(&j->wake);
	pthread_mutex_destroy(&j->lock);
	free(j);
}
