/* SPDX-License-Identifier: Apache-2.0 */
#include "libcommon/base/status.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct {
	const char *name;
	const char *sentence; /* what a client reads when nobody set a public text */
} table[STATUS_COUNT] = {
	[STATUS_OK] = { "OK", "OK." },
	[STATUS_CANCELLED] = { "CANCELLED", "The request was cancelled." },
	[STATUS_UNKNOWN] = { "UNKNOWN", "Something went wrong." },
	[STATUS_INVALID_ARGUMENT] = { "INVALID_ARGUMENT", "The request is not valid." },
	[STATUS_DEADLINE_EXCEEDED] = { "DEADLINE_EXCEEDED", "The request took too long." },
	[STATUS_NOT_FOUND] = { "NOT_FOUND", "There is no such thing." },
	[STATUS_ALREADY_EXISTS] = { "ALREADY_EXISTS", "It exists already." },
	[STATUS_PERMISSION_DENIED] = { "PERMISSION_DENIED", "You may not do this." },
	[STATUS_RESOURCE_EXHAUSTED] = { "RESOURCE_EXHAUSTED", "A limit was reached." },
	[STATUS_FAILED_PRECONDITION] = { "FAILED_PRECONDITION",
					 "The state of things does not allow this." },
	[STATUS_ABORTED] = { "ABORTED", "Another change came in between; try again." },
	[STATUS_OUT_OF_RANGE] = { "OUT_OF_RANGE", "A value is out of range." },
	[STATUS_UNIMPLEMENTED] = { "UNIMPLEMENTED", "This is not supported." },
	[STATUS_INTERNAL] = { "INTERNAL", "Something went wrong on our side." },
	[STATUS_UNAVAILABLE] = { "UNAVAILABLE", "The service is not available; try again." },
	[STATUS_DATA_LOSS] = { "DATA_LOSS", "Stored data cannot be read." },
	[STATUS_UNAUTHENTICATED] = { "UNAUTHENTICATED", "Sign in first." },
};

static _Atomic(status_fatal_fn) fatal_hook;

/* Drops a UTF-8 sequence that the end of a full array cut in two. */
static void
trim_cut_utf8(char *s, size_t len)
{
	size_t start = len;

	while (start > 0 && len - start < 3 && ((unsigned char)s[start - 1] & 0xc0) == 0x80)
		start--;
	if (start == 0)
		return;
	unsigned char lead = (unsigned char)s[start - 1];
	size_t want = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc0 ? 2 : 1;
	if (len - (start - 1) < want)
		s[start - 1] = '\0';
}

static void
set_text(char *dst, size_t size, const char *src)
{
	size_t n = strlen(src);

	if (n >= size) {
		memcpy(dst, src, size - 1);
		dst[size - 1] = '\0';
		trim_cut_utf8(dst, size - 1);
		return;
	}
	memcpy(dst, src, n + 1);
}

/*
 * Formats into a local buffer first: callers may pass err->text as an argument.
 */
static void PRINTF_LIKE(3, 0) vset(struct err *err, enum status status, const char *fmt, va_list ap)
{
	char text[ERR_TEXT_MAX + 4];

	vsnprintf(text, sizeof(text), fmt, ap);
	err_init(err);
	err->status = status;
	set_text(err->text, sizeof(err->text), text);
}

void
err_init(struct err *err)
{
	if (err == NULL)
		return;
	err->status = STATUS_OK;
	err->reason = NULL;
	err->retry_after_ms = 0;
	err->nfields = 0;
	err->nfields_lost = 0;
	err->text[0] = '\0';
	err->public_text[0] = '\0';
}

enum status
err_set(struct err *err, enum status status, const char *fmt, ...)
{
	va_list ap;

	if (err == NULL)
		return status;
	va_start(ap, fmt);
	vset(err, status, fmt, ap);
	va_end(ap);
	return status;
}

enum status
err_public(struct err *err, enum status status, const char *fmt, ...)
{
	va_list ap;

	if (err == NULL)
		return status;
	va_start(ap, fmt);
	vset(err, status, fmt, ap);
	va_end(ap);
	set_text(err->public_text, sizeof(err->public_text), err->text);
	return status;
}

enum status
err_context(struct err *err, const char *fmt, ...)
{
	char text[ERR_TEXT_MAX * 2 + 4];
	va_list ap;

	if (err == NULL)
		return STATUS_UNKNOWN;
	va_start(ap, fmt);
	int n = vsnprintf(text, ERR_TEXT_MAX, fmt, ap);
	va_end(ap);
	if (n < 0)
		return err->status;
	size_t used = (size_t)n < ERR_TEXT_MAX ? (size_t)n : ERR_TEXT_MAX - 1;
	snprintf(text + used, sizeof(text) - used, ": %s", err->text);
	set_text(err->text, sizeof(err->text), text);
	return err->status;
}

enum status
err_reason(struct err *err, const char *reason)
{
	if (err == NULL)
		return STATUS_UNKNOWN;
	err->reason = reason;
	return err->status;
}

enum status
err_add_field(struct err *err, const char *path, const char *fmt, ...)
{
	char text[sizeof(err->fields[0].text) + 4];
	va_list ap;

	if (err == NULL)
		return STATUS_INVALID_ARGUMENT;
	if (err->status != STATUS_INVALID_ARGUMENT) {
		err_init(err);
		err->status = STATUS_INVALID_ARGUMENT;
	}
	if (err->nfields >= ERR_FIELDS_MAX) {
		err->nfields_lost++;
		return STATUS_INVALID_ARGUMENT;
	}
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);

	struct err_field *field = &err->fields[err->nfields++];
	set_text(field->path, sizeof(field->path), path);
	set_text(field->text, sizeof(field->text), text);
	if (err->text[0] == '\0')
		snprintf(err->text, sizeof(err->text), "%s: %s", field->path, field->text);
	return STATUS_INVALID_ARGUMENT;
}

const char *
status_name(enum status status)
{
	if ((unsigned)status >= STATUS_COUNT)
		return "UNKNOWN";
	return table[status].name;
}

bool
status_from_name(const char *name, enum status *ret_status)
{
	for (unsigned i = 0; i < STATUS_COUNT; i++) {
		if (strcmp(table[i].name, name) == 0) {
			*ret_status = (enum status)i;
			return true;
		}
	}
	return false;
}

const char *
err_client_text(const struct err *err)
{
	if (err == NULL)
		return table[STATUS_UNKNOWN].sentence;
	if (err->public_text[0] != '\0')
		return err->public_text;
	if ((unsigned)err->status >= STATUS_COUNT)
		return table[STATUS_UNKNOWN].sentence;
	return table[err->status].sentence;
}

void
status_set_fatal_hook(status_fatal_fn fn)
{
	atomic_store(&fatal_hook, fn);
}

/* The hook is taken out before it runs: a failure inside it must not come back here. */
static void PRINTF_LIKE(2, 0) last_words(bool is_panic, const char *fmt, va_list ap)
{
	char text[1024];

	vsnprintf(text, sizeof(text), fmt, ap);
	status_fatal_fn fn = atomic_exchange(&fatal_hook, NULL);
	if (fn != NULL)
		fn(is_panic, text);
	else
		dprintf(STDERR_FILENO, "%s: %s\n", is_panic ? "panic" : "fatal", text);
}

/* _exit: other threads still run, and exit handlers would pull libraries from under them. */
void
fatal(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	last_words(false, fmt, ap);
	va_end(ap);
	_exit(1);
}

void
panic(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	last_words(true, fmt, ap);
	va_end(ap);
	abort();
}
