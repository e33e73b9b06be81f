/* SPDX-License-Identifier: Apache-2.0 */
/*
 * analytics_rpc.h - the handlers of fit.analytics.v1.AnalyticsService as a table.
 *
 * Threads: a handler runs on one worker; its context is struct analytics.
 */
#ifndef FIT_ANALYTICS_RPC_H
#define FIT_ANALYTICS_RPC_H

#include "libcommon/rpc/rpc_server.h"

extern const struct rpc_service analytics_rpc_service;

/* Once, at start. */
void analytics_rpc_register_metrics(void);

#endif
