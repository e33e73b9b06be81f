/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/libcommon/net/http_stub.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <event2/buffer.h>
#include <event2/http.h>

#include "libcommon/base/status.h"
#include "libcommon/runtime/loop.h"

#define TEXT_SIZE 256

struct page {
	char path[TEXT_SIZE], url[TEXT_SIZE], cache[TEXT_SIZE];
	char *body;
	int status;
	unsigned hits;
};

struct http_stub {
	struct loop *loop;
	struct evhttp *http;
	int port;
	pthread_mutex_t lock; /* guards what follows */
	struct page pages[HTTP_STUB_PATHS];
	char posted[4096];
};

/* Under the lock: the path's page, or a new one. */
static struct page *
page_of(struct http_stub *stub, const char *path)
{
	for (size_t i = 0; i < HTTP_STUB_PATHS; i++) {
		struct page *p = &stub->pages[i];

		if (p->path[0] == '\0') {
			snprintf(p->path, sizeof(p->path), "%s", path);
			snprintf(p->url, sizeof(p->url), "http://127.0.0.1:%d%s", stub->port, path);
			p->status = 404;
		}
		if (strcmp(p->path, path) == 0)
			return p;
	}
	panic("http_stub: more than %d paths", HTTP_STUB_PATHS);
}

static void
on_request(struct evhttp_request *req, void *arg)
{
	struct http_stub *stub = arg;
	struct evbuffer *in = evhttp_request_get_input_buffer(req);
	struct evbuffer *buf = evbuffer_new();
	struct page *page;
	int status;

	pthread_mutex_lock(&stub->lock);
	page = page_of(stub, evhttp_request_get_uri(req));
	page->hits++;
	status = page->status;
	if (evbuffer_get_length(in) > 0) {
		int n = evbuffer_remove(in, stub->posted, sizeof(stub->posted) - 1);

		stub->posted[n > 0 ? n : 0] = '\0';
	}
	if (page->cache[0] != '\0')
		evhttp_add_header(evhttp_request_get_output_headers(req), "Cache-Control",
				  page->cache);
	if (status == 302)
		evhttp_add_header(evhttp_request_get_output_headers(req), "Location", page->body);
	if (page->body != NULL)
		evbuffer_add(buf, page->body, strlen(page->body));
	pthread_mutex_unlock(&stub->lock);
	if (status == 0)
		evhttp_connection_free(evhttp_request_get_connection(req));
	else
		evhttp_send_reply(req, status, NULL, buf);
	evbuffer_free(buf);
}

struct http_stub *
http_stub_start(void)
{
	struct http_stub *stub = calloc(1, sizeof(*stub));
	struct evhttp_bound_socket *sock;
	struct sockaddr_in addr;
	socklen_t n = sizeof(addr);

	pthread_mutex_init(&stub->lock, NULL);
	stub->loop = loop_new("http-stub");
	stub->http = evhttp_new(loop_base(stub->loop));
	sock = evhttp_bind_socket_with_handle(stub->http, "127.0.0.1", 0);
	if (sock == NULL ||
	    getsockname(evhttp_bound_socket_get_fd(sock), (struct sockaddr *)&addr, &n) != 0)
		panic("http_stub: cannot bind");
	stub->port = ntohs(addr.sin_port);
	evhttp_set_gencb(stub->http, on_request, stub);
	loop_start(stub->loop);
	return stub;
}

void
http_stub_stop(struct http_stub *stub)
{
	loop_stop(stub->loop);
	evhttp_free(stub->http);
	loop_free(stub->loop);
	for (size_t i = 0; i < HTTP_STUB_PATHS; i++)
		free(stub->pages[i].body);
	pthread_mutex_destroy(&stub->lock);
	free(stub);
}

void
http_stub_set(struct http_stub *stub, const char *path, int status, const char *cache,
	      const char *body)
{
	struct page *page;

	pthread_mutex_lock(&stub->lock);
	page = page_of(stub, path);
	page->status = status;
	snprintf(page->cache, sizeof(page->cache), "%s", cache != NULL ? cache : "");
	free(page->body);
	page->body = strdup(body);
	pthread_mutex_unlock(&stub->lock);
}

const char *
http_stub_url(struct http_stub *stub, const char *path)
{
	const char *url;

	pthread_mutex_lock(&stub->lock);
	url = page_of(stub, path)->url;
	pthread_mutex_unlock(&stub->lock);
	return url;
}

unsigned
http_stub_hits(struct http_stub *stub, const char *path)
{
	unsigned hits;

	pthread_mutex_lock(&stub->lock);
	hits = page_of(stub, path)->hits;
	pthread_mutex_unlock(&stub->lock);
	return hits;
}

const char *
http_stub_posted(struct http_stub *stub)
{
	return stub->posted;
}
