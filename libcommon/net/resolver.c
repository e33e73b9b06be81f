/* SPDX-License-Identifier: Apache-2.0 */
#include "libcommon/net/resolver.h"

#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "libcommon/runtime/loop.h"

#define STACK_SIZE (256 * 1024) /* name service modules are hungry */

struct resolver {
	struct loop *loop;
	resolver_fn fn;
	void *arg;
	char *host, *port;
	pthread_mutex_t lock;
	bool cancelled; /* under lock: nobody waits, and the loop may be gone */
	size_t count;
	struct resolver_address addrs[RESOLVER_MAX];
	struct err err;
};

static void
resolver_free(struct resolver *r)
{
	pthread_mutex_destroy(&r->lock);
	free(r->host);
	free(r->port);
	free(r);
}

static void
resolve(struct resolver *r, int flags)
{
	struct addrinfo hints = { .ai_family = AF_UNSPEC,
				  .ai_socktype = SOCK_STREAM,
				  .ai_flags = flags };
	struct addrinfo *list = NULL;

	r->count = 0;
	int rc = getaddrinfo(r->host, r->port, &hints, &list);
	if (rc != 0) {
		err_set(&r->err, STATUS_UNAVAILABLE, "cannot resolve %s:%s: %s", r->host, r->port,
			gai_strerror(rc));
		return;
	}
	for (struct addrinfo *ai = list; ai != NULL && r->count < RESOLVER_MAX; ai = ai->ai_next) {
		struct resolver_address *a = &r->addrs[r->count++];
		memcpy(&a->addr, ai->ai_addr, ai->ai_addrlen);
		a->len = ai->ai_addrlen;
	}
	freeaddrinfo(list);
}

static void
deliver(void *arg)
{
	struct resolver *r = arg;

	/* The thread posted under the lock: it has let go of r once we have had it. */
	pthread_mutex_lock(&r->lock);
	bool wanted = !r->cancelled;
	pthread_mutex_unlock(&r->lock);
	if (wanted)
		r->fn(r->addrs, r->count, &r->err, r->arg);
	resolver_free(r);
}

static void *
thread_main(void *arg)
{
	struct resolver *r = arg;

	resolve(r, AI_ADDRCONFIG | AI_NUMERICSERV);
	pthread_mutex_lock(&r->lock);
	bool wanted = !r->cancelled;
	if (wanted) {
		loop_post(r->loop, deliver, r);
	}
	pthread_mutex_unlock(&r->lock);
	if (!wanted)
		resolver_free(r);
	return NULL;
}

static void
start_thread(struct resolver *r)
{
	pthread_attr_t attr;
	sigset_t all, old;
	pthread_t thread;

	sigfillset(&all);
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attr, STACK_SIZE);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	int rc = pthread_create(&thread, &attr, thread_main, r);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	pthread_attr_destroy(&attr);
	if (rc == 0)
		return;
	err_set(&r->err, STATUS_UNAVAILABLE, "cannot resolve %s: no thread: %s", r->host,
		strerror(rc));
	loop_post(r->loop, deliver, r);
}

struct resolver *
resolver_start(struct loop *loop, const char *host, const char *port, resolver_fn fn, void *arg)
{
	struct resolver *r = calloc(1, sizeof(*r));

	ASSERT_LOOP(loop);
	if (r == NULL || (r->host = strdup(host)) == NULL || (r->port = strdup(port)) == NULL)
		panic("resolver: no memory");
	r->loop = loop;
	r->fn = fn;
	r->arg = arg;
	err_init(&r->err);
	pthread_mutex_init(&r->lock, NULL);
	resolve(r, AI_NUMERICHOST | AI_NUMERICSERV);
	if (r->count == 0) {
		err_init(&r->err);
		start_thread(r);
		return r;
	}
	loop_post(loop, deliver, r);
	return r;
}

void
resolver_cancel(struct resolver *r)
{
	if (r == NULL)
		return;
	pthread_mutex_lock(&r->lock);
	r->cancelled = true;
	pthread_mutex_unlock(&r->lock);
	/* deliver or the thread frees it. */
}
