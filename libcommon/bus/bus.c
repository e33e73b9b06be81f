/* SPDX-License-Identifier: Apache-2.0 */
/* bus.c - the table of drivers, and the checks that all of them share. */
#include "libcommon/bus/bus.h"

#include <stdlib.h>
#include <string.h>

#include "libcommon/base/compiler.h"
#include "libcommon/base/crashpoint.h"
#include "libcommon/bus/bus_driver.h"
#include "libcommon/observe/metrics.h"

struct bus {
	const struct bus_driver *driver;
	void *self;
	int64_t lease_ms;
};

const struct bus_driver *const bus_drivers[] = { &bus_pg_driver, NULL };

static struct metric m_produced =
	METRIC_COUNTER("bus_produced_total", "Messages handed to the bus, by outcome.", "topic",
		       "outcome");

/* Which driver a URL names, and what follows the scheme. */
static enum status
find_driver(const char *url, const struct bus_driver **ret_driver, const char **ret_address,
	    struct err *err)
{
	const char *colon = url != NULL ? strchr(url, ':') : NULL;

	for (size_t i = 0; colon != NULL && bus_drivers[i] != NULL; i++) {
		if (slice_eq_str(slice_make(url, (size_t)(colon - url)), bus_drivers[i]->scheme)) {
			*ret_driver = bus_drivers[i];
			*ret_address = colon + 1;
			return STATUS_OK;
		}
	}
	return err_set(err, STATUS_INVALID_ARGUMENT,
		       "FIT_BUS_URL: does not begin with the name of a driver (pg:…)");
}

enum status
bus_open(const char *url, const char *password, struct bus **ret_bus, struct err *err)
{
	const struct bus_driver *driver;
	const char *address;
	void *self;
	enum status st = find_driver(url, &driver, &address, err);

	if (st == STATUS_OK)
		st = driver->open(address, password, &self, err);
	if (st != STATUS_OK)
		return st;
	struct bus *bus = calloc(1, sizeof(*bus));
	if (bus == NULL)
		panic("bus: no memory");
	bus->driver = driver;
	bus->self = self;
	bus->lease_ms = BUS_LEASE_MS;
	metric_register(&m_produced);
	*ret_bus = bus;
	return STATUS_OK;
}

void
bus_close(struct bus *bus)
{
	if (bus == NULL)
		return;
	bus->driver->close(bus->self);
	free(bus);
}

void
bus_set_lease(struct bus *bus, int64_t ms)
{
	bus->lease_ms = ms;
}

int64_t
bus_lease(const struct bus *bus)
{
	return bus->lease_ms;
}

const struct bus_driver *
bus_driver_of(const struct bus *bus)
{
	return bus->driver;
}

void *
bus_self(const struct bus *bus)
{
	return bus->self;
}

/* ---- producing ---- */

static enum status
check_message(const struct bus_message *m, struct err *err)
{
	if (m->topic == NULL || m->type == NULL || m->source == NULL)
		return err_set(err, STATUS_INVALID_ARGUMENT,
			       "bus: a message without topic, type or source");
	/* A value of no bytes is a tombstone in a compacted topic. */
	if (m->value.n == 0 || m->value.n > BUS_VALUE_MAX)
		return err_set(err, STATUS_INVALID_ARGUMENT, "bus: %s %s of %zu bytes (1..%d)",
			       m->topic, m->type, m->value.n, BUS_VALUE_MAX);
	if (m->key.n == 0 || m->key.n > BUS_KEY_MAX)
		return err_set(err, STATUS_INVALID_ARGUMENT,
			       "bus: %s %s with a key of %zu bytes (1..%d)", m->topic, m->type,
			       m->key.n, BUS_KEY_MAX);
	return STATUS_OK;
}

static void
count(const struct bus_message *messages, size_t n, const char *outcome)
{
	for (size_t i = 0, run; i < n; i += run) {
		for (run = 1;
		     i + run < n && strcmp(messages[i].topic, messages[i + run].topic) == 0; run++)
			;
		metric_add(metric_series(&m_produced, messages[i].topic, outcome), (int64_t)run);
	}
}

enum status
bus_produce(struct bus *bus, struct deadline deadline, const struct bus_message *messages, size_t n,
	    struct err *err)
{
	if (n == 0)
		return STATUS_OK;
	if (n > BUS_BATCH_MAX)
		return err_set(err, STATUS_INVALID_ARGUMENT,
			       "bus: %zu messages at once, at most %d", n, BUS_BATCH_MAX);
	for (size_t i = 0; i < n; i++) {
		enum status st = check_message(&messages[i], err);

		if (st != STATUS_OK)
			return st;
	}
	CRASH_POINT("bus.before_produce");
	enum status st = bus->driver->produce(bus->self, deadline, messages, n, err);
	CRASH_POINT("bus.after_produce");
	count(messages, n, st == STATUS_OK ? "ok" : status_name(st));
	return st;
}

/* ---- administration: bus_admin.h ---- */

enum status
bus_migrate(const char *owner_url, const char *password, struct deadline deadline, struct err *err)
{
	const struct bus_driver *driver;
	const char *address;
	enum status st = find_driver(owner_url, &driver, &address, err);

	return st == STATUS_OK ? driver->admin->migrate(address, password, deadline, err) : st;
}

enum status
bus_lag(struct bus *bus, struct deadline deadline, struct arena *arena, struct bus_lag **ret_rows,
	size_t *ret_n, struct err *err)
{
	return bus->driver->admin->lag(bus->self, deadline, arena, ret_rows, ret_n, err);
}

enum status
bus_partitions(struct bus *bus, struct deadline deadline, const char *topic, int32_t *ret_n,
	       struct err *err)
{
	return bus->driver->admin->partitions(bus->self, deadline, topic, ret_n, err);
}

enum status
bus_tail(struct bus *bus, struct deadline deadline, const char *topic, int32_t partition,
	 int64_t *offset, size_t max, struct arena *arena, struct bus_message **ret_messages,
	 size_t *ret_n, struct err *err)
{
	return bus->driver->admin->tail(bus->self, deadline, topic, partition, offset, max, arena,
					ret_messages, ret_n, err);
}

enum status
bus_rewind(struct bus *bus, struct deadline deadline, const char *group, const char *topic,
	   struct err *err)
{
	return bus->driver->admin->rewind(bus->self, deadline, group, topic, err);
}

enum status
bus_dlq_list(struct bus *bus, struct deadline deadline, const char *group, int64_t after,
	     size_t max, struct arena *arena, struct bus_dead **ret_rows, size_t *ret_n,
	     struct err *err)
{
	return bus->driver->admin->dlq_list(bus->self, deadline, group, after, max, arena, ret_rows,
					    ret_n, err);
}

enum status
bus_dlq_replay(struct bus *bus, struct deadline deadline, int64_t seq, struct err *err)
{
	return bus->driver->admin->dlq_replay(bus->self, deadline, seq, err);
}

enum status
bus_dlq_drop(struct bus *bus, struct deadline deadline, int64_t seq, struct err *err)
{
	return bus->driver->admin->dlq_drop(bus->self, deadline, seq, err);
}
