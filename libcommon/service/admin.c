/* SPDX-License-Identifier: Apache-2.0 */
#include "libcommon/service/admin.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>

#include "libcommon/base/strbuf.h"
#include "libcommon/observe/metrics.h"
#include "libcommon/runtime/loop.h"

#define READY_MS 1000
/* A good answer holds for a second; a bad one only so long that a prober in a loop is harmless:
 * what starts is ready soon. */
#define READY_CACHE_MS 1000
#define NOT_READY_CACHE_MS 10
#define REQUEST_TIMEOUT_S 5
#define HEADERS_MAX 8192
#define BODY_MAX 1024

struct admin {
	struct loop *loop;
	struct evhttp *http;
	int port;
	atomic_bool draining;
	admin_ready_fn ready;
	void *arg;
	/* The last answer of `ready`, of the loop's thread. */
	int64_t asked_ms;
	struct err answer;
};

/* ---- replies ---- */

static void
reply(struct evhttp_request *req, int code, const char *type, struct slice body)
{
	struct evbuffer *buf = evbuffer_new();
	struct evkeyvalq *headers = evhttp_request_get_output_headers(req);
	bool is_head = evhttp_request_get_command(req) ==
		       EVHTTP_REQ_HEAD; /* libevent sends what it gets */
	char length[24];

	if (buf == NULL || (!is_head && evbuffer_add(buf, body.p, body.n) != 0))
		panic("admin: no memory");
	snprintf(length, sizeof(length), "%zu", body.n);
	evhttp_add_header(headers, "Content-Length", length);
	evhttp_add_header(headers, "Content-Type", type);
	evhttp_add_header(headers, "Cache-Control", "no-store");
	evhttp_add_header(headers, "X-Content-Type-Options", "nosniff");
	evhttp_send_reply(req, code, NULL, buf);
	evbuffer_free(buf);
}

static void
reply_status(struct evhttp_request *req, int code, const char *status, const char *reason)
{
	struct strbuf sb = STRBUF_INIT;

	strbuf_adds(&sb, "{\"status\":");
	strbuf_add_json_string(&sb, slice_str(status));
	if (reason != NULL) {
		strbuf_adds(&sb, ",\"reason\":");
		strbuf_add_json_string(&sb, slice_str(reason));
	}
	strbuf_adds(&sb, "}\n");
	reply(req, code, "application/json", strbuf_slice(&sb));
	strbuf_fini(&sb);
}

static void
on_health(struct evhttp_request *req, void *arg)
{
	(void)arg;
	reply_status(req, 200, "ok", NULL);
}

static void
on_ready(struct evhttp_request *req, void *arg)
{
	struct admin *admin = arg;
	int64_t now = clock_mono_ms();
	int64_t keep = admin->answer.status == STATUS_OK ? READY_CACHE_MS : NOT_READY_CACHE_MS;

	if (atomic_load(&admin->draining)) {
		reply_status(req, 503, "draining", NULL);
		return;
	}
	if (admin->asked_ms < 0 || now - admin->asked_ms >= keep) {
		err_init(&admin->answer);
		if (admin->ready != NULL)
			admin->answer.status =
				admin->ready(admin->arg, deadline_in(READY_MS), &admin->answer);
		admin->asked_ms = clock_mono_ms();
	}
	if (admin->answer.status == STATUS_OK)
		reply_status(req, 200, "ready", NULL);
	else
		reply_status(req, 503, "not ready", admin->answer.text);
}

static void
on_metrics(struct evhttp_request *req, void *arg)
{
	struct strbuf sb = STRBUF_INIT;

	(void)arg;
	metrics_write(&sb);
	reply(req, 200, "text/plain; version=0.0.4; charset=utf-8", strbuf_slice(&sb));
	strbuf_fini(&sb);
}

static void
on_other(struct evhttp_request *req, void *arg)
{
	(void)arg;
	reply_status(req, 404, "not found", "/health, /ready and /metrics are here");
}

/* ---- opening ---- */

/* "127.0.0.1:7201", "[::1]:7201"; the host's text goes into `host`. */
static bool
parse_address(const char *address, char host[64], uint16_t *ret_port)
{
	const char *colon = strrchr(address, ':');
	size_t n = colon != NULL ? (size_t)(colon - address) : 0;
	char *end;

	if (n == 0 || colon[1] < '0' || colon[1] > '9')
		return false;
	unsigned long port = strtoul(colon + 1, &end, 10);
	if (*end != '\0' || port > 65535)
		return false;
	if (address[0] == '[' && address[n - 1] == ']') {
		address++;
		n -= 2;
	}
	if (n == 0 || n >= 64)
		return false;
	memcpy(host, address, n);
	host[n] = '\0';
	*ret_port = (uint16_t)port;
	return true;
}

static int
bound_port(evutil_socket_t fd)
{
	struct sockaddr_storage addr;
	socklen_t len = sizeof(addr);

	if (getsockname(fd, (struct sockaddr *)&addr, &len) != 0)
		return 0;
	if (addr.ss_family == AF_INET6)
		return ntohs(((struct sockaddr_in6 *)&addr)->sin6_port);
	return ntohs(((struct sockaddr_in *)&addr)->sin_port);
}

static enum status
listen_on(struct admin *admin, const char *address, struct err *err)
{
	char host[64];
	uint16_t port;

	if (!parse_address(address, host, &port))
		return err_set(err, STATUS_INVALID_ARGUMENT,
			       "admin: \"%s\" is not an address (host:port)", address);
	struct evhttp_bound_socket *bound = evhttp_bind_socket_with_handle(admin->http, host, port);
	if (bound == NULL)
		return err_set(err, STATUS_UNAVAILABLE,
			       "admin: cannot listen on %s (is the port in use?)", address);
	/* Inherited by what it accepts: a reply in two writes must not wait for the scraper's ACK. */
	(void)setsockopt(evhttp_bound_socket_get_fd(bound), IPPROTO_TCP, TCP_NODELAY, &(int){ 1 },
			 sizeof(int));
	admin->port = bound_port(evhttp_bound_socket_get_fd(bound));
	return STATUS_OK;
}

enum status
admin_open(const char *address, admin_ready_fn ready, void *arg, struct admin **ret_admin,
	   struct err *err)
{
	struct admin *admin = calloc(1, sizeof(*admin));

	if (admin == NULL)
		panic("admin: no memory");
	admin->ready = ready;
	admin->arg = arg;
	admin->asked_ms = -1;
	admin->loop = loop_new("admin");
	admin->http = evhttp_new(loop_base(admin->loop));
	if (admin->http == NULL)
		panic("admin: no memory");
	evhttp_set_allowed_methods(admin->http, EVHTTP_REQ_GET | EVHTTP_REQ_HEAD);
	evhttp_set_max_headers_size(admin->http, HEADERS_MAX);
	evhttp_set_max_body_size(admin->http, BODY_MAX);
	evhttp_set_timeout(admin->http, REQUEST_TIMEOUT_S);
	evhttp_set_cb(admin->http, "/health", on_health, admin);
	evhttp_set_cb(admin->http, "/ready", on_ready, admin);
	evhttp_set_cb(admin->http, "/metrics", on_metrics, admin);
	evhttp_set_gencb(admin->http, on_other, admin);
	enum status st = listen_on(admin, address, err);
	if (st != STATUS_OK) {
		evhttp_free(admin->http);
		loop_free(admin->loop);
		free(admin);
		return st;
	}
	loop_start(admin->loop);
	*ret_admin = admin;
	return STATUS_OK;
}

int
admin_port(const struct admin *admin)
{
	return admin->port;
}

void
admin_set_draining(struct admin *admin)
{
	atomic_store(&admin->draining, true);
}

void
admin_close(struct admin *admin)
{
	if (admin == NULL)
		return;
	loop_stop(admin->loop);
	evhttp_free(admin->http);
	loop_free(admin->loop);
	free(admin);
}
