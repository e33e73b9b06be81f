/* SPDX-License-Identifier: Apache-2.0 */
/*
 * upstream.h - the channels of one loop to the services, found by the package of a method's
 * service.
 *
 *	ch = upstream_find(upstream, "fit.auth.v1.AuthService");    NULL: not configured
 *
 * Ownership:  the upstream owns its channels. Threads: the loop's.
 */
#ifndef FIT_GATEWAY_UPSTREAM_H
#define FIT_GATEWAY_UPSTREAM_H

struct gateway_config;
struct loop;
struct rpc_channel;
struct upstream;

struct upstream *upstream_new(struct loop *loop, const struct gateway_config *config);
void upstream_free(struct upstream *upstream);
struct rpc_channel *upstream_find(const struct upstream *upstream, const char *service);

#endif
