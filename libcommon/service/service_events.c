/* SPDX-License-Identifier: Apache-2.0 */
#include "libcommon/service/service_events.h"

#include <stdatomic.h>
#include <stdio.h>

#include "libcommon/bus/bus.h"
#include "libcommon/bus/bus_admin.h"
#include "libcommon/bus/relay.h"

#define CONSUMERS_MAX 16

static struct {
	struct bus *bus;
	struct pg_pool *relay_pg;
	_Atomic(struct relay *) relay;
	bool relay_ended;
	struct consumer *consumers[CONSUMERS_MAX];
	size_t nrunning, nconsumers;
} events;

struct bus *
service_bus(void)
{
	return events.bus;
}

void
service_events_wake(void *arg)
{
	struct relay *relay = atomic_load(&events.relay);

	(void)arg;
	if (relay != NULL)
		relay_wake(relay);
}

enum status
service_events_migrate(const struct service_config *cfg, struct deadline deadline, struct err *err)
{
	if (cfg->bus_owner_url == NULL)
		return STATUS_OK;
	return bus_migrate(cfg->bus_owner_url, cfg->bus_owner_password, deadline, err);
}

enum status
service_events_open(const struct service_def *def, const struct service_config *cfg,
		    struct err *err)
{
	if (cfg->bus_url != NULL) {
		enum status st = bus_open(cfg->bus_url, cfg->bus_password, &events.bus, err);

		if (st == STATUS_OK)
			bus_set_lease(events.bus, cfg->bus_lease_ms);
		return st;
	}
	if (def->consumers != NULL)
		return err_set(err, STATUS_INVALID_ARGUMENT,
			       "FIT_BUS_URL: is not set, and %s reads events", def->name);
	return STATUS_OK;
}

/* A connection of its own, so that the relay does not wait for busy handlers. */
static enum status
start_relay(const struct service_def *def, const struct service_config *cfg, struct err *err)
{
	struct relay *relay;
	char name[64];
	struct pg_options opts = { .url = cfg->pg_url,
				   .password = cfg->pg_password,
				   .pool_size = 1,
				   .prepared = cfg->pg_prepared,
				   .application = name };

	snprintf(name, sizeof(name), "%s-relay", def->name);
	enum status st = pg_pool_open(&opts, &events.relay_pg, err);
	if (st == STATUS_OK)
		st = relay_start(events.relay_pg, events.bus, def->name, &relay, err);
	if (st != STATUS_OK)
		return err_context(err, "relay");
	atomic_store(&events.relay, relay);
	return STATUS_OK;
}

enum status
service_events_start(const struct service_def *def, const struct service_config *cfg, void *ctx,
		     struct err *err)
{
	enum status st = STATUS_OK;

	if (events.bus == NULL)
		return STATUS_OK;
	if (def->migrations != NULL && cfg->pg_url != NULL)
		st = start_relay(def, cfg, err);
	for (size_t i = 0; def->consumers != NULL && def->consumers[i] != NULL; i++) {
		if (i == CONSUMERS_MAX)
			panic("service: more than %d consumers", CONSUMERS_MAX);
		if (st != STATUS_OK)
			return st;
		st = consumer_start(events.bus, def->consumers[i], ctx, &events.consumers[i], err);
		if (st == STATUS_OK)
			events.nrunning = events.nconsumers = i + 1;
	}
	return st;
}

bool
service_events_stop(struct deadline deadline)
{
	struct relay *relay = atomic_load(&events.relay);

	while (events.nrunning > 0) {
		if (!consumer_stop(events.consumers[events.nrunning - 1], deadline))
			return false;
		events.nrunning--;
	}
	if (relay != NULL && !events.relay_ended)
		events.relay_ended = relay_stop(relay, deadline);
	return relay == NULL || events.relay_ended;
}

void
service_events_close(void)
{
	for (size_t i = 0; i < events.nconsumers; i++)
		consumer_free(events.consumers[i]);
	relay_free(atomic_exchange(&events.relay, NULL));
	pg_pool_close(events.relay_pg);
	bus_close(events.bus);
}
