/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rpc_channel.c - the connections of a channel: resolve, connect, choose, replace.
 *
 * One connection per address, more only when all are full; a call goes to the emptier of two chosen
 * at random (Mitzenmacher 2001). A connection that says GOAWAY gets a successor at once. A target
 * that has just gone is probably restarting: for PATIENCE_MS tries come quickly and calls wait, so
 * that a restart is not noticed. Then tries are spaced by a jittered, doubling pause; calls wait
 * for the next one when it is near, else they fail at once, so that a dead target costs its callers
 * nothing.
 */
#include "libcommon/rpc/rpc_client_private.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "libcommon/base/rng.h"
#include "libcommon/observe/log.h"
#include "libcommon/runtime/loop.h"

#define CONNECT_MS 3000
#define BACKOFF_MIN_MS 50
#define BACKOFF_MAX_MS 2000
#define PATIENCE_MS 1000
#define PATIENT_BACKOFF_MS 100
#define WAIT_FOR_TRY_MS 200
#define RESOLVE_AGAIN_MS 30000
#define STREAMS_MAX 100 /* wished per connection, whatever the peer allows beyond */

/* ---- choosing ---- */

static unsigned
room(const struct rpc_link *link)
{
	if (!link->ready || h2_session_closing(link->h2))
		return 0;
	unsigned max = h2_session_peer_max_streams(link->h2);
	unsigned used = h2_session_streams(link->h2);

	if (max > STREAMS_MAX)
		max = STREAMS_MAX;
	return used < max ? max - used : 0;
}

struct rpc_link *
rpc_channel_pick(struct rpc_channel *ch)
{
	struct rpc_link *with_room[CHANNEL_LINKS_MAX * 2];
	unsigned n = 0;

	for (struct rpc_link *l = ch->links; l != NULL && n < ARRAY_LEN(with_room); l = l->next) {
		if (room(l) > 0)
			with_room[n++] = l;
	}
	if (n < 2)
		return n == 1 ? with_room[0] : NULL;
	unsigned a = rng_below(n), b = rng_below(n - 1);
	if (b >= a)
		b++;
	return room(with_room[a]) >= room(with_room[b]) ? with_room[a] : with_room[b];
}

bool
rpc_channel_is_failing(const struct rpc_channel *ch)
{
	return ch->failures > 0 && ch->nconnecting == 0 && ch->resolving == NULL &&
	       ch->next_try_ms - ch->failing_since_ms > PATIENCE_MS &&
	       ch->next_try_ms - clock_mono_ms() > WAIT_FOR_TRY_MS;
}

/* ---- connecting ---- */

static unsigned
ready_links(const struct rpc_channel *ch)
{
	unsigned n = 0;

	for (const struct rpc_link *l = ch->links; l != NULL; l = l->next)
		n += l->ready && !h2_session_closing(l->h2);
	return n;
}

/* A try failed: calls give up unless the next one comes within the time of patience. */
static void
on_failure(struct rpc_channel *ch, const struct err *err)
{
	int64_t pause = BACKOFF_MIN_MS, max = BACKOFF_MAX_MS, now = clock_mono_ms();

	if (ch->failures == 0)
		ch->failing_since_ms = now;
	if (now - ch->failing_since_ms < PATIENCE_MS)
		max = PATIENT_BACKOFF_MS;
	for (unsigned i = 0; i < ch->failures && pause < max; i++)
		pause *= 2;
	if (pause > max)
		pause = max;
	pause = pause / 2 + rng_below((uint32_t)(pause / 2 + 1));
	ch->failures++;
	ch->next_try_ms = now + pause;
	ch->last_err = *err;
	loop_timer_start(ch->retry, pause);
	if (ready_links(ch) > 0 || ch->nconnecting > 0 ||
	    ch->next_try_ms - ch->failing_since_ms <= PATIENCE_MS)
		return;
	struct rpc_client_call *next;
	for (struct rpc_client_call *call = ch->pending; call != NULL; call = next) {
		next = call->next;
		rpc_client_call_end(call, err->status, err);
	}
}

static int
start_connect(const struct resolver_address *a, struct err *err)
{
	const int on = 1;
	int fd = socket(a->addr.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0) {
		err_set(err, STATUS_UNAVAILABLE, "cannot make a socket: %s", strerror(errno));
		return -1;
	}
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (connect(fd, (const struct sockaddr *)&a->addr, a->len) != 0 && errno != EINPROGRESS) {
		err_set(err, STATUS_UNAVAILABLE, "cannot connect: %s", strerror(errno));
		close(fd);
		return -1;
	}
	return fd;
}

static void
connect_one(struct rpc_channel *ch)
{
	struct err err;

	err_init(&err);
	int fd = start_connect(&ch->addrs[ch->next_addr++ % ch->naddrs], &err);
	if (fd < 0) {
		on_failure(ch, &err);
		return;
	}
	struct rpc_link *link = calloc(1, sizeof(*link));
	if (link == NULL)
		panic("rpc: no memory");
	link->channel = ch;
	struct h2_session_options opts = {
		.loop = ch->loop,
		.events = &rpc_client_h2_events,
		.arg = link,
		.fd = fd,
		.tls = ch->tls,
		.server_name = ch->tls != NULL ? ch->host : NULL,
		.connect_ms = CONNECT_MS,
		.keepalive_ms = 30000,
	};
	link->h2 = h2_session_new(&opts);
	if (link->h2 == NULL) {
		free(link);
		err_set(&err, STATUS_UNAVAILABLE, "cannot start TLS");
		on_failure(ch, &err);
		return;
	}
	link->next = ch->links;
	ch->links = link;
	ch->nlinks++;
	ch->nconnecting++;
}

static void
on_resolved(const struct resolver_address *addrs, size_t count, const struct err *err, void *arg)
{
	struct rpc_channel *ch = arg;

	ch->resolving = NULL;
	if (count == 0 && ch->naddrs == 0) {
		on_failure(ch, err);
		return;
	}
	/* A name that does not resolve now keeps its old addresses: better than none. */
	if (count > 0) {
		memcpy(ch->addrs, addrs, count * sizeof(*addrs));
		ch->naddrs = count;
		ch->next_addr = rng_below((uint32_t)count);
	}
	ch->resolved_ms = clock_mono_ms();
	rpc_channel_pump(ch);
}

/* As many connections as there are addresses, and one more while calls wait for room. */
static unsigned
wanted_links(const struct rpc_channel *ch)
{
	unsigned n =
		ch->naddrs < CHANNEL_LINKS_SPREAD ? (unsigned)ch->naddrs : CHANNEL_LINKS_SPREAD;
	unsigned have = ready_links(ch);

	if (ch->npending > 0 && have >= n && have < CHANNEL_LINKS_MAX)
		n = have + 1;
	return n;
}

static void
connect_more(struct rpc_channel *ch)
{
	int64_t now = clock_mono_ms();

	if (ch->freeing || ch->resolving != NULL || now < ch->next_try_ms)
		return;
	if (ch->naddrs == 0 ||
	    (ch->by_name && now - ch->resolved_ms > RESOLVE_AGAIN_MS && ready_links(ch) == 0)) {
		ch->resolving = resolver_start(ch->loop, ch->host, ch->port, on_resolved, ch);
		return;
	}
	/* Those on their way out do not count, but they bound the sum. */
	while (ready_links(ch) + ch->nconnecting < wanted_links(ch) &&
	       ch->nlinks < 2 * CHANNEL_LINKS_MAX && clock_mono_ms() >= ch->next_try_ms)
		connect_one(ch);
}

void
rpc_channel_pump(struct rpc_channel *ch)
{
	struct rpc_link *link;

	while (ch->pending != NULL && (link = rpc_channel_pick(ch)) != NULL)
		rpc_client_call_submit(ch->pending, link);
	connect_more(ch);
}

static void
on_retry(void *arg)
{
	struct rpc_channel *ch = arg;

	if (ch->npending > 0 || ready_links(ch) == 0)
		rpc_channel_pump(ch);
}

/* ---- what connections tell ---- */

static void
destroy(struct rpc_channel *ch)
{
	while (ch->cached != NULL) {
		struct rpc_client_call *call = ch->cached;
		ch->cached = call->next;
		rpc_client_call_free(call);
	}
	loop_timer_free(ch->retry);
	free(ch->host);
	free(ch->port);
	free(ch);
}

void
rpc_link_ready(struct h2_session *session, void *arg)
{
	struct rpc_link *link = arg;
	struct rpc_channel *ch = link->channel;

	(void)session;
	link->ready = link->was_ready = true;
	ch->nconnecting--;
	ch->failures = 0;
	ch->next_try_ms = 0;
	rpc_channel_pump(ch);
}

void
rpc_link_goaway(struct h2_session *session, void *arg)
{
	struct rpc_link *link = arg;

	(void)session;
	link->ready = false;
	/* The first of the two GOAWAYs comes early enough for the successor to be there in time. */
	rpc_channel_pump(link->channel);
}

void
rpc_link_down(struct h2_session *session, const struct err *err, void *arg)
{
	struct rpc_link *link = arg;
	struct rpc_channel *ch = link->channel;
	struct rpc_link **at = &ch->links;

	(void)session;
	while (*at != link)
		at = &(*at)->next;
	*at = link->next;
	ch->nlinks--;
	bool was_ready = link->was_ready;
	free(link);
	if (!was_ready)
		ch->nconnecting--;
	if (ch->freeing) {
		if (ch->links == NULL)
			destroy(ch);
		return;
	}
	if (err->status != STATUS_OK)
		log_debug("rpc_connection_lost", LOG_STR("host", ch->host),
			  LOG_STR("port", ch->port), LOG_STR("why", err->text));
	if (was_ready) {
		rpc_channel_pump(ch);
		return;
	}
	struct err why = *err;
	if (why.status == STATUS_OK)
		err_set(&why, STATUS_UNAVAILABLE, "the peer closed the connection");
	err_context(&why, "%s:%s", ch->host, ch->port);
	on_failure(ch, &why);
}

/* ---- beginning and end ---- */

/* "host:port", "[::1]:port", "dns:host:port" */
static void
parse_target(struct rpc_channel *ch, const char *target)
{
	const char *t = strncmp(target, "dns:", 4) == 0 ? target + 4 : target;
	const char *colon = strrchr(t, ':');

	if (colon == NULL || colon == t)
		panic("rpc channel: target \"%s\" is not host:port", target);
	size_t n = (size_t)(colon - t);
	if (t[0] == '[' && t[n - 1] == ']' && n > 2) {
		t++;
		n -= 2;
	}
	ch->host = strndup(t, n);
	ch->port = strdup(colon + 1);
	if (ch->host == NULL || ch->port == NULL)
		panic("rpc: no memory");
	unsigned char addr[sizeof(struct in6_addr)];
	ch->by_name =
		inet_pton(AF_INET, ch->host, addr) != 1 && inet_pton(AF_INET6, ch->host, addr) != 1;
}

struct rpc_channel *
rpc_channel_new(struct loop *loop, const char *target, struct tls_context *tls)
{
	struct rpc_channel *ch = calloc(1, sizeof(*ch));

	ASSERT_LOOP(loop);
	if (ch == NULL)
		panic("rpc: no memory");
	ch->loop = loop;
	ch->tls = tls;
	parse_target(ch, target);
	err_init(&ch->last_err);
	ch->retry = loop_timer_new(loop, on_retry, ch);
	return ch;
}

unsigned
rpc_channel_in_flight(const struct rpc_channel *ch)
{
	return ch->in_flight;
}

void
rpc_channel_free(struct rpc_channel *ch)
{
	struct err err;

	if (ch == NULL)
		return;
	ASSERT_LOOP(ch->loop);
	ch->freeing = true;
	err_init(&err);
	err_set(&err, STATUS_CANCELLED, "the channel is closed");
	while (ch->pending != NULL)
		rpc_client_call_end(ch->pending, STATUS_CANCELLED, &err);
	while (ch->active != NULL)
		rpc_client_call_end(ch->active, STATUS_CANCELLED, &err);
	resolver_cancel(ch->resolving);
	/* Sessions end at the end of the turn; the last of them takes the channel along. */
	for (struct rpc_link *l = ch->links; l != NULL; l = l->next)
		h2_session_kill(l->h2, NULL);
	if (ch->links == NULL)
		destroy(ch);
}
