/* SPDX-License-Identifier: Apache-2.0 */
/*
 * status.h - the one vocabulary of outcomes, and the detail that travels with a failure.
 *
 *	enum status
 *	thing_open(const char *path, struct thing **ret_thing, struct err *err)
 *	{
 *		if (fd < 0)
 *			return err_set(err, STATUS_UNAVAILABLE, "cannot open %s", path);
 *
 * The values are the gRPC status codes (grpc/grpc doc/statuscodes.md), so that nothing has
 * to be translated between SQL and the wire.
 *
 * Ownership: `struct err` is caller's storage, usually on the stack; it owns no memory.
 * Threads:   a `struct err` belongs to one thread.
 * Errors:    every function here accepts err == NULL and then only returns the status.
 * Limits:    texts are cut at their arrays' sizes; at most ERR_FIELDS_MAX field violations
 *            are kept, further ones are counted in `nfields_lost`.
 */
#ifndef FIT_BASE_STATUS_H
#define FIT_BASE_STATUS_H

#include <stdbool.h>
#include <stdint.h>

#include "libcommon/base/compiler.h"

enum status {
	STATUS_OK = 0,
	STATUS_CANCELLED = 1,
	STATUS_UNKNOWN = 2,
	STATUS_INVALID_ARGUMENT = 3,
	STATUS_DEADLINE_EXCEEDED = 4,
	STATUS_NOT_FOUND = 5,
	STATUS_ALREADY_EXISTS = 6,
	STATUS_PERMISSION_DENIED = 7,
	STATUS_RESOURCE_EXHAUSTED = 8,
	STATUS_FAILED_PRECONDITION = 9,
	STATUS_ABORTED = 10,
	STATUS_OUT_OF_RANGE = 11,
	STATUS_UNIMPLEMENTED = 12,
	STATUS_INTERNAL = 13,
	STATUS_UNAVAILABLE = 14,
	STATUS_DATA_LOSS = 15,
	STATUS_UNAUTHENTICATED = 16,
};
#define STATUS_COUNT 17

#define ERR_TEXT_MAX 400
#define ERR_PUBLIC_MAX 240
#define ERR_FIELDS_MAX 8

/* One bad field of a request: where (JSON path, "sets[2].reps") and what would be right. */
struct err_field {
	char path[96];
	char text[160];
};

struct err {
	enum status status;
	/* Name of a value of fit.api.v1.Reason (static text), or NULL. */
	const char *reason;
	/* Milliseconds after which a retry makes sense; 0: not said. */
	uint32_t retry_after_ms;
	unsigned nfields;
	unsigned nfields_lost;
	/* For the log: may name internals. */
	char text[ERR_TEXT_MAX];
	/* For the client: set separately; empty means the status' default text. */
	char public_text[ERR_PUBLIC_MAX];
	struct err_field fields[ERR_FIELDS_MAX];
};

void err_init(struct err *err);

/* Sets status and the internal text, clears public text and fields. Returns `status`. */
enum status err_set(struct err *err, enum status status, const char *fmt, ...)
	PRINTF_LIKE(3, 4) COLD;

/* As err_set, but the text is fit for the client too. Returns `status`. */
enum status err_public(struct err *err, enum status status, const char *fmt, ...)
	PRINTF_LIKE(3, 4) COLD;

/* Prepends "what: " to the internal text, for the layer that knows. Returns err->status. */
enum status err_context(struct err *err, const char *fmt, ...) PRINTF_LIKE(2, 3) COLD;

/* Names the reason (a fit.api.v1.Reason value's name; static storage). Returns err->status. */
enum status err_reason(struct err *err, const char *reason);

/*
 * Adds a field violation and sets STATUS_INVALID_ARGUMENT; an err_init must have come before.
 * The first violation is also the internal text, unless one is set.
 * Returns STATUS_INVALID_ARGUMENT.
 */
enum status err_add_field(struct err *err, const char *path, const char *fmt, ...)
	PRINTF_LIKE(3, 4) COLD;

/* "NOT_FOUND", … ; "UNKNOWN" for a value outside the enum. */
const char *status_name(enum status status);
bool status_from_name(const char *name, enum status *ret_status);

/* The text a client gets: public_text, or a fixed sentence per status. */
const char *err_client_text(const struct err *err);

/* The environment failed: log, exit(1), be restarted. */
void fatal(const char *fmt, ...) PRINTF_LIKE(1, 2) NORETURN COLD;
/* A bug: log, abort(). */
void panic(const char *fmt, ...) PRINTF_LIKE(1, 2) NORETURN COLD;

/*
 * Where the last words go: called once, by the first fatal or panic, instead of writing to
 * stderr (log_setup sets it). NULL: stderr. Any thread.
 */
typedef void (*status_fatal_fn)(bool is_panic, const char *text);
void status_set_fatal_hook(status_fatal_fn fn);

#endif
