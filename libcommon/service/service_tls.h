/* SPDX-License-Identifier: Apache-2.0 */
/*
 * service_tls.h - mTLS between our programs, as settings turn it on.
 *
 *	st = service_tls_open(&cfg->tls, &err);
 *	opts.tls = service_tls_server();                  NULL when it is off
 *	users = user_client_open(target, service_tls_client());
 *
 * One certificate for both directions: as a client the program checks the server's host name, as
 * a server it learns from the peer's SPIFFE id which program calls. Which one may call what stands
 * with the methods (fit.api.v1.method, `callers`).
 *
 * Ownership: one per process; the contexts are the module's, until service_tls_close.
 * Threads:   main: open, reload, close. Any: the contexts.
 * Errors:    INVALID_ARGUMENT: some of the settings are missing; those of tls.h.
 */
#ifndef FIT_SERVICE_SERVICE_TLS_H
#define FIT_SERVICE_SERVICE_TLS_H

#include <stddef.h>

#include "libcommon/base/status.h"
#include "libcommon/runtime/config.h"

struct tls_context;

struct service_tls_config {
	char *cert, *key, *ca;
	char *peers;
};

/* The settings FIT_TLS_…, of a service_tls_config that lies at `base` in the whole. */
struct config_table service_tls_table(size_t base);
enum status service_tls_check(const struct service_tls_config *cfg, struct err *err) MUST_CHECK;
enum status service_tls_open(const struct service_tls_config *cfg, struct err *err) MUST_CHECK;
/* Reads the files again, for connections from now on; when they are bad, those before count. */
enum status service_tls_reload(struct err *err) MUST_CHECK;
void service_tls_close(void);
/* NULL: plain. */
struct tls_context *service_tls_server(void);
struct tls_context *service_tls_client(void);

#endif
