/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/gateway_loop.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "gateway/access_log.h"
#include "gateway/admit.h"
#include "gateway/authn.h"
#include "gateway/front_h1.h"
#include "gateway/gateway_config.h"
#include "gateway/listen.h"
#include "gateway/pipeline.h"
#include "gateway/upstream.h"
#include "libcommon/runtime/loop.h"
#include "libcommon/store/redis_async.h"

static void
open_front(struct gateway_loop *gl, int fd)
{
	const struct gateway_config *config = gl->gateway->config;

	gl->front = front_h1_new(&(struct front_h1_options){
		.loop = gl->loop,
		.handler = &pipeline_handler,
		.arg = gl,
		.limit = gl->gateway->conn_limit,
		.proxies = &config->proxies,
		.error_fields = strbuf_slice(&gl->gateway->security),
		.body_memory_max = (size_t)config->body_memory_mb << 20,
		.reply_memory_max = (size_t)config->reply_memory_mb << 20,
		.idle_ms = config->idle_ms,
		.head_ms = config->head_ms,
	});
	front_h1_accept(gl->front, fd);
}

struct gateway_loop *
gateway_loop_new(struct gateway *gateway, unsigned index, struct err *err)
{
	const struct gateway_config *config = gateway->config;
	struct gateway_loop *gl = calloc(1, sizeof(*gl));
	char name[16];
	uint64_t seed;
	int fd;

	if (gl == NULL)
		panic("gateway: no memory");
	snprintf(name, sizeof(name), "gw-%u", index);
	gl->gateway = gateway;
	gl->loop = loop_new(name);
	rng_bytes(&seed, sizeof(seed));
	rng_seeded_init(&gl->rng, seed);
	if (listen_open(config->listen, &fd, err) != STATUS_OK)
		goto fail;
	if (config->redis_url != NULL &&
	    redis_async_new(gl->loop, config->redis_url, &gl->redis, err) != STATUS_OK) {
		close(fd);
		goto fail;
	}
	gl->access_log = access_log_new(gl->loop);
	gl->upstream = upstream_new(gl->loop, config);
	gl->admit = admit_new(gl->redis, config->redis_timeout_ms);
	gl->authn =
		authn_new(gl->loop, config, upstream_find(gl->upstream, "fit.auth.v1.AuthService"),
			  &gateway->loops_ready);
	open_front(gl, fd);
	return gl;
fail:
	gateway_loop_free(gl);
	return NULL;
}

/* The front first: it cancels what is in flight. The log last: the loop may still owe it a flush.
 */
void
gateway_loop_free(struct gateway_loop *gl)
{
	if (gl == NULL)
		return;
	front_h1_free(gl->front);
	authn_free(gl->authn);
	upstream_free(gl->upstream);
	redis_async_free(gl->redis);
	admit_free(gl->admit);
	loop_free(gl->loop);
	access_log_free(gl->access_log);
	strbuf_fini(&gl->fields);
	strbuf_fini(&gl->json);
	free(gl);
}
