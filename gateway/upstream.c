/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/upstream.h"

#include <stdlib.h>
#include <string.h>

#include "gateway/gateway_config.h"
#include "libcommon/rpc/rpc_client.h"

struct upstream {
	const struct gateway_config *config;
	struct rpc_channel *channels[CONFIG_UPSTREAMS_MAX]; /* as config->upstreams */
};

struct upstream *
upstream_new(struct loop *loop, const struct gateway_config *config)
{
	struct upstream *upstream = calloc(1, sizeof(*upstream));

	if (upstream == NULL)
		panic("upstream: no memory");
	upstream->config = config;
	for (size_t i = 0; i < config->nupstreams; i++)
		upstream->channels[i] =
			rpc_channel_new(loop, config->upstreams[i].target, service_tls_client());
	return upstream;
}

void
upstream_free(struct upstream *upstream)
{
	if (upstream == NULL)
		return;
	for (size_t i = 0; i < upstream->config->nupstreams; i++)
		rpc_channel_free(upstream->channels[i]);
	free(upstream);
}

struct rpc_channel *
upstream_find(const struct upstream *upstream, const char *service)
{
	const char *dot = strrchr(service, '.');

	if (dot == NULL)
		return NULL;
	const struct config_upstream *found =
		gateway_config_upstream(upstream->config,
					slice_make(service, (size_t)(dot - service)));
	return found != NULL ? upstream->channels[found - upstream->config->upstreams] : NULL;
}
