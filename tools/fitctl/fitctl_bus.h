/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fitctl_bus.h - what `fitctl events` and `fitctl dlq` share: the bus that the settings name, and
 * how a message is shown.
 *
 * FIT_BUS_URL and FIT_BUS_PASSWORD or FIT_BUS_PASSWORD_FILE come from the environment, else from
 * the stack's `env`.
 *
 * Ownership: texts live in the arena; the bus is the caller's to close. Threads: one.
 * Errors:    fitctl_bus_open: FAILED_PRECONDITION for a file that can't be read; those of the
 *            settings and of bus_open.
 */
#ifndef FIT_FITCTL_BUS_H
#define FIT_FITCTL_BUS_H

#include "libcommon/bus/bus_admin.h"

struct strbuf;

#define FITCTL_BUS_MS 10000

enum status fitctl_bus_open(struct arena *arena, const char *dir, struct bus **ret_bus,
			    struct err *err) MUST_CHECK;
/* A password given directly or by a file; NULL when neither is set. */
enum status fitctl_bus_secret(struct arena *arena, const char *dir, const char *key,
			      char **ret_value, struct err *err) MUST_CHECK;
/* The event as JSON, as far as this build knows its type; else the number of its bytes. */
const char *fitctl_bus_event(struct arena *arena, const struct bus_message *message);
/* The key as a UUID, else in hexadecimal digits. */
const char *fitctl_bus_key(struct arena *arena, const struct bus_message *message);
const char *fitctl_bus_time(struct arena *arena, int64_t wall_ms);

/* A line of JSON, member by member: begins with an empty buffer; the end prints and empties it. */
void fitctl_json_text(struct strbuf *line, const char *name, const char *text); /* NULL: null */
void fitctl_json_int(struct strbuf *line, const char *name, int64_t n);
/* All members of a message, with the event itself, null when its bytes are none. */
void fitctl_bus_json(struct strbuf *line, struct arena *arena, const struct bus_message *m);
void fitctl_json_end(struct strbuf *line);

#endif
