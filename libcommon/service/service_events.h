/* SPDX-License-Identifier: Apache-2.0 */
/*
 * service_events.h - a service's part in events: its relay and its consumers; only
 * libcommon/service includes it.
 *
 * There is one of each in a process.
 *
 * Ownership: it owns bus, relay and consumers; config and ctx are borrowed until the close.
 * Threads:   the main thread, but for service_events_wake (any).
 * Errors:    INVALID_ARGUMENT: consumers, and no bus; those of bus.h, relay.h, consumer.h.
 */
#ifndef FIT_SERVICE_SERVICE_EVENTS_H
#define FIT_SERVICE_SERVICE_EVENTS_H

#include "libcommon/service/service.h"

/* The bus's own schema, when FIT_BUS_OWNER_URL is set. */
enum status service_events_migrate(const struct service_config *cfg, struct deadline deadline,
				   struct err *err) MUST_CHECK;
enum status service_events_open(const struct service_def *def, const struct service_config *cfg,
				struct err *err) MUST_CHECK;
enum status service_events_start(const struct service_def *def, const struct service_config *cfg,
				 void *ctx, struct err *err) MUST_CHECK;
/* Consumers, then the relay; false when the deadline passed first. Harmless to repeat. */
bool service_events_stop(struct deadline deadline);
/* After a stop that returned true, and after whatever uses the bus or a pool of the service. */
void service_events_close(void);
/* Something is in the outbox. */
void service_events_wake(void *arg);

#endif
