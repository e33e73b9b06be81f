/* SPDX-License-Identifier: Apache-2.0 */
/*
 * notification_rpc.h - the handlers of fit.notification.v1.NotificationService as a table.
 *
 * Threads: a handler runs on one worker; StreamNotifications detaches from it.
 */
#ifndef FIT_NOTIFICATION_RPC_H
#define FIT_NOTIFICATION_RPC_H

#include "libcommon/rpc/rpc_server.h"

extern const struct rpc_service notification_rpc_service;

#endif
