/* SPDX-License-Identifier: Apache-2.0 */
/*
 * auth_rpc.h - the handlers of fit.auth.v1.AuthService. They translate; auth.h decides.
 *
 * Threads: a handler runs on one worker; its context is struct auth.
 */
#ifndef FIT_AUTH_RPC_H
#define FIT_AUTH_RPC_H

struct rpc_service;

#define AUTH_RPC_NSERVICES 1
extern const struct rpc_service *const auth_rpc_services[AUTH_RPC_NSERVICES];

#endif
