/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rpc_server.c - the server as a whole: I/O threads with their listeners, drain and end.
 *
 * Each I/O thread has a listening socket of its own on the same port (SO_REUSEPORT): the kernel
 * spreads the connections, and a connection never leaves its thread.
 */
#include "libcommon/rpc/rpc_server_private.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <event2/event.h>

#include "libcommon/observe/log.h"
#include "libcommon/observe/metrics.h"
#include "libcommon/runtime/loop.h"
#include "libcommon/runtime/workpool.h"

#define BACKLOG 1024
#define ACCEPTS_A_TURN 64
#define ACCEPT_PAUSE_MS 100
#define DEFAULT_TIMEOUT_MS 15000
#define CLOSE_WAIT_MS 30000
#define GOODBYE_MS 2000

static struct metric in_flight = METRIC_GAUGE("rpc_server_in_flight", "Calls being worked on.");
static struct metric connections_open =
	METRIC_GAUGE("rpc_server_connections", "Open HTTP/2 connections.");

static void
on_collect(void *arg)
{
	const struct rpc_server *server = arg;

	metric_set(metric_single(&in_flight), atomic_load(&server->calls));
	metric_set(metric_single(&connections_open), atomic_load(&server->connections));
}

static void
tell_quiet(struct rpc_server *server)
{
	pthread_mutex_lock(&server->lock);
	pthread_cond_broadcast(&server->quiet);
	pthread_mutex_unlock(&server->lock);
}

void
rpc_server_count(struct rpc_server *server, int by)
{
	unsigned before = atomic_fetch_add(&server->calls, (unsigned)by);

	if (by < 0 && before == 1 && atomic_load(&server->draining))
		tell_quiet(server);
}

void
rpc_conn_closed(struct rpc_io *io)
{
	atomic_fetch_sub(&io->server->connections, 1);
	if (io->closing && io->conns == NULL)
		atomic_fetch_sub(&io->server->nopen, 1);
	if (atomic_load(&io->server->draining))
		tell_quiet(io->server);
}

/* ---- listening ---- */

static bool
is_loopback(const struct sockaddr *sa)
{
	if (sa->sa_family == AF_INET)
		return ntohl(((const struct sockaddr_in *)(const void *)sa)->sin_addr.s_addr) >>
			       24 ==
		       127;
	return sa->sa_family == AF_INET6 &&
	       IN6_IS_ADDR_LOOPBACK(&((const struct sockaddr_in6 *)(const void *)sa)->sin6_addr);
}

/* "127.0.0.1:7103", "[::1]:7103"; numeric, so that no name service decides where we listen. */
static enum status
parse_address(const char *address, struct addrinfo **ret_ai, struct err *err)
{
	struct addrinfo hints = { .ai_family = AF_UNSPEC,
				  .ai_socktype = SOCK_STREAM,
				  .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE };
	char host[64];
	const char *colon = strrchr(address, ':');

	if (colon == NULL || (size_t)(colon - address) >= sizeof(host))
		return err_set(err, STATUS_INVALID_ARGUMENT,
			       "listen address \"%s\": not address:port", address);
	const char *start = address;
	size_t n = (size_t)(colon - address);
	if (n >= 2 && start[0] == '[' && start[n - 1] == ']') {
		start++;
		n -= 2;
	}
	memcpy(host, start, n);
	host[n] = '\0';
	int rc = getaddrinfo(n > 0 ? host : NULL, colon + 1, &hints, ret_ai);
	if (rc != 0)
		return err_set(err, STATUS_INVALID_ARGUMENT, "listen address \"%s\": %s", address,
			       gai_strerror(rc));
	return STATUS_OK;
}

static int
bound_port(int fd)
{
	struct sockaddr_storage ss;
	socklen_t n = sizeof(ss);

	if (getsockname(fd, (struct sockaddr *)&ss, &n) != 0)
		return 0;
	if (ss.ss_family == AF_INET)
		return ntohs(((const struct sockaddr_in *)(const void *)&ss)->sin_port);
	return ntohs(((const struct sockaddr_in6 *)(const void *)&ss)->sin6_port);
}

/* The first socket finds out whether the port is free; it binds alone. The others then share with
 * it. */
static int
open_listener(struct rpc_server *server, const struct addrinfo *ai)
{
	const int on = 1;
	struct sockaddr_storage ss;
	int fd = socket(ai->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	memcpy(&ss, ai->ai_addr, ai->ai_addrlen);
	/* Port 0: all take the port that the first was given. */
	if (server->port != 0 && ss.ss_family == AF_INET)
		((struct sockaddr_in *)(void *)&ss)->sin_port = htons((uint16_t)server->port);
	else if (server->port != 0)
		((struct sockaddr_in6 *)(void *)&ss)->sin6_port = htons((uint16_t)server->port);
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
	    (server->opts.io_threads > 1 &&
	     setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) != 0) ||
	    bind(fd, (struct sockaddr *)&ss, ai->ai_addrlen) != 0 || listen(fd, BACKLOG) != 0) {
		int saved = errno;
		close(fd);
		errno = saved;
		return -1;
	}
	if (server->port == 0)
		server->port = bound_port(fd);
	return fd;
}

static void
adopt(struct rpc_io *io, int fd)
{
	const int on = 1;
	struct rpc_server *server = io->server;
	struct rpc_conn *conn = calloc(1, sizeof(*conn));

	if (conn == NULL)
		panic("rpc: no memory");
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	conn->io = io;
	atomic_fetch_add(&server->connections, 1);
	struct h2_session_options opts = {
		.loop = io->loop,
		.events = &rpc_server_h2_events,
		.arg = conn,
		.server = true,
		.fd = fd,
		.tls = server->opts.tls,
		.max_age_ms = server->opts.max_connection_age_ms,
		.keepalive_ms = server->opts.keepalive_ms,
	};
	conn->next = io->conns;
	if (io->conns != NULL)
		io->conns->prev = conn;
	io->conns = conn;
	conn->h2 = h2_session_new(&opts);
	if (conn->h2 != NULL)
		return;
	io->conns = conn->next;
	if (io->conns != NULL)
		io->conns->prev = NULL;
	atomic_fetch_sub(&server->connections, 1);
	free(conn);
}

static void
on_accept(evutil_socket_t listen_fd, short what, void *arg)
{
	struct rpc_io *io = arg;

	(void)what;
	for (int i = 0; i < ACCEPTS_A_TURN; i++) {
		int fd = accept4(listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd < 0) {
			if (errno == EMFILE || errno == ENFILE || errno == ENOMEM ||
			    errno == ENOBUFS) {
				/* The backlog keeps them; without a pause this would spin. */
				log_warn("rpc_accept_failed", LOG_STR("error", strerror(errno)));
				event_del(io->on_accept);
				loop_timer_start(io->accept_again, ACCEPT_PAUSE_MS);
			}
			return;
		}
		if (atomic_load(&io->server->connections) >= RPC_CONNECTIONS_MAX) {
			close(fd);
			continue;
		}
		adopt(io, fd);
	}
}

static void
on_accept_again(void *arg)
{
	struct rpc_io *io = arg;

	if (io->on_accept != NULL)
		event_add(io->on_accept, NULL);
}

/* ---- the beginning ---- */

static void
set_defaults(struct rpc_server_options *opts)
{
	unsigned quarter = workpool_cpus() / 4;

	if (opts->io_threads == 0)
		opts->io_threads = quarter < 1 ? 1 : quarter > 4 ? 4 : quarter;
	if (opts->io_threads > RPC_IO_MAX)
		opts->io_threads = RPC_IO_MAX;
	if (opts->max_message_bytes == 0)
		opts->max_message_bytes = RPC_MESSAGE_MAX;
	if (opts->default_timeout_ms <= 0)
		opts->default_timeout_ms = DEFAULT_TIMEOUT_MS;
	if (opts->schema == NULL) {
		opts->schema = schema_builtin();
		opts->protoset = schema_builtin_bytes();
	}
}

static struct rpc_io *
io_new(struct rpc_server *server, unsigned number, int fd)
{
	struct rpc_io *io = calloc(1, sizeof(*io));
	char name[24];

	if (io == NULL)
		panic("rpc: no memory");
	snprintf(name, sizeof(name), "rpc-io-%u", number);
	io->server = server;
	io->listen_fd = fd;
	io->loop = loop_new(name);
	io->accept_again = loop_timer_new(io->loop, on_accept_again, io);
	io->on_accept = event_new(loop_base(io->loop), fd, EV_READ | EV_PERSIST, on_accept, io);
	if (io->on_accept == NULL || event_add(io->on_accept, NULL) != 0)
		panic("rpc: cannot watch the listener");
	return io;
}

static enum status
listen_all(struct rpc_server *server, struct err *err)
{
	struct addrinfo *ai;
	const char *address = server->opts.address;

	enum status st = parse_address(address, &ai, err);
	if (st != STATUS_OK)
		return st;
	if (!is_loopback(ai->ai_addr) && server->opts.tls == NULL)
		st = err_set(err, STATUS_INVALID_ARGUMENT,
			     "listen address \"%s\" is beyond loopback: that needs mTLS", address);
	for (unsigned i = 0; st == STATUS_OK && i < server->opts.io_threads; i++) {
		int fd = open_listener(server, ai);
		if (fd < 0)
			st = err_set(err, STATUS_UNAVAILABLE, "cannot listen on %s: %s", address,
				     strerror(errno));
		else
			server->io[server->nio++] = io_new(server, i, fd);
	}
	freeaddrinfo(ai);
	return st;
}

static void
server_free(struct rpc_server *server)
{
	for (unsigned i = 0; i < server->nio; i++) {
		struct rpc_io *io = server->io[i];
		while (io->cached != NULL) {
			struct rpc_call *call = io->cached;
			io->cached = call->cache_next;
			rpc_call_free(call);
		}
		if (io->on_accept != NULL)
			event_free(io->on_accept);
		if (io->listen_fd >= 0)
			close(io->listen_fd);
		loop_timer_free(io->accept_again);
		loop_free(io->loop);
		free(io);
	}
	rpc_reflection_free(server->reflection);
	rpc_registry_fini(&server->registry);
	pthread_cond_destroy(&server->quiet);
	pthread_mutex_destroy(&server->lock);
	free(server);
}

enum status
rpc_server_open(const struct rpc_server_options *opts, const struct rpc_service *const *services,
		size_t nservices, struct rpc_server **ret_server, struct err *err)
{
	struct rpc_server *server = calloc(1, sizeof(*server));
	pthread_condattr_t monotonic;

	if (server == NULL)
		panic("rpc: no memory");
	server->opts = *opts;
	set_defaults(&server->opts);
	atomic_store(&server->serving, true);
	pthread_mutex_init(&server->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&server->quiet, &monotonic);
	pthread_condattr_destroy(&monotonic);
	enum status st =
		rpc_registry_init(&server->registry, &server->opts, services, nservices, err);
	if (st == STATUS_OK) {
		server->reflection = rpc_reflection_new(&server->registry, server->opts.protoset);
		st = listen_all(server, err);
	}
	if (st != STATUS_OK) {
		server_free(server);
		return st;
	}
	metric_register(&in_flight);
	metric_register(&connections_open);
	metrics_on_collect(on_collect, server);
	atomic_store(&server->nopen, server->nio);
	for (unsigned i = 0; i < server->nio; i++)
		loop_start(server->io[i]->loop);
	*ret_server = server;
	return STATUS_OK;
}

int
rpc_server_port(const struct rpc_server *server)
{
	return server->port;
}

/* ---- health, drain, end ---- */

static void
on_publish(void *arg)
{
	rpc_health_publish(arg);
}

void
rpc_server_set_serving(struct rpc_server *server, bool serving)
{
	if (atomic_exchange(&server->serving, serving) == serving)
		return;
	for (unsigned i = 0; i < server->nio; i++)
		loop_post(server->io[i]->loop, on_publish, server->io[i]);
}

static void
stop_listening(struct rpc_io *io)
{
	if (io->on_accept == NULL)
		return;
	loop_timer_stop(io->accept_again);
	event_free(io->on_accept);
	io->on_accept = NULL;
	close(io->listen_fd);
	io->listen_fd = -1;
}

static void
on_start_drain(void *arg)
{
	struct rpc_io *io = arg;

	if (io->draining)
		return;
	io->draining = true;
	stop_listening(io);
	rpc_health_publish(io);
	rpc_health_end_watches(io);
	for (struct rpc_conn *conn = io->conns; conn != NULL; conn = conn->next)
		h2_session_shutdown(conn->h2);
}

typedef bool (*busy_fn)(const struct rpc_server *server);

static bool
has_calls(const struct rpc_server *server)
{
	return atomic_load(&server->calls) > 0;
}

static bool
has_connections(const struct rpc_server *server)
{
	return atomic_load(&server->connections) > 0;
}

static bool
is_open(const struct rpc_server *server)
{
	return has_calls(server) || atomic_load(&server->nopen) > 0;
}

/* True: no longer busy in time. */
static bool
wait_while(struct rpc_server *server, busy_fn busy, struct deadline deadline)
{
	struct timespec until = { .tv_sec = deadline.at_ms / 1000,
				  .tv_nsec = deadline.at_ms % 1000 * 1000000 };
	int rc = 0;

	pthread_mutex_lock(&server->lock);
	while (busy(server) && rc == 0)
		rc = pthread_cond_timedwait(&server->quiet, &server->lock, &until);
	pthread_mutex_unlock(&server->lock);
	return rc == 0;
}

bool
rpc_server_drain(struct rpc_server *server, struct deadline deadline)
{
	atomic_store(&server->serving, false);
	atomic_store(&server->draining, true);
	for (unsigned i = 0; i < server->nio; i++)
		loop_post(server->io[i]->loop, on_start_drain, server->io[i]);
	if (!wait_while(server, has_calls, deadline))
		return atomic_load(&server->working) == 0;
	/* The last replies and GOAWAYs are on their way; a peer that holds on to its connection is
	 * cut off. */
	(void)wait_while(server, has_connections, deadline_min(deadline, deadline_in(GOODBYE_MS)));
	/* A peer that had not heard the GOAWAY yet may have begun a call meanwhile. */
	return wait_while(server, has_calls, deadline);
}

static void
on_kill(void *arg)
{
	struct rpc_io *io = arg;

	io->closing = true;
	stop_listening(io);
	for (struct rpc_conn *conn = io->conns; conn != NULL; conn = conn->next)
		h2_session_kill(conn->h2, NULL);
	if (io->conns == NULL) {
		atomic_fetch_sub(&io->server->nopen, 1);
		tell_quiet(io->server);
	}
}

void
rpc_server_close(struct rpc_server *server)
{
	if (server == NULL)
		return;
	metrics_off_collect(on_collect, server);
	atomic_store(&server->draining, true);
	for (unsigned i = 0; i < server->nio; i++)
		loop_post(server->io[i]->loop, on_kill, server->io[i]);
	/* Handlers that still run see the cancellation; their memory is ours until they end. */
	if (!wait_while(server, is_open, deadline_in(CLOSE_WAIT_MS)))
		fatal("rpc server: %u calls do not end", atomic_load(&server->calls));
	for (unsigned i = 0; i < server->nio; i++)
		loop_stop(server->io[i]->loop);
	server_free(server);
}
