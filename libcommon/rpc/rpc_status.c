/* SPDX-License-Identifier: Apache-2.0 */
#include "libcommon/rpc/rpc_status.h"

#include <stdio.h>

#include "fit/api/v1/reason.pb-c.h"

#include "libcommon/base/strbuf.h"
#include "libcommon/rpc/pb_wire.h"

#define TYPE_PREFIX "type.googleapis.com/google.rpc."
#define REASON_DOMAIN "fit"

/* Field numbers: google.rpc.Status, google.protobuf.Any,
 * google.rpc.{BadRequest,ErrorInfo,RetryInfo}. */
enum { STATUS_CODE = 1, STATUS_MESSAGE = 2, STATUS_DETAILS = 3 };
enum { ANY_TYPE = 1, ANY_VALUE = 2 };
enum { VIOLATIONS = 1, VIOLATION_FIELD = 1, VIOLATION_TEXT = 2 };
enum { INFO_REASON = 1, INFO_DOMAIN = 2 };
enum { RETRY_DELAY = 1, DURATION_SECONDS = 1, DURATION_NANOS = 2 };

static void
put_detail(struct strbuf *out, const char *type, const struct strbuf *value)
{
	struct strbuf any = STRBUF_INIT;

	pb_put_bytes(&any, ANY_TYPE, slice_str(type));
	pb_put_bytes(&any, ANY_VALUE, strbuf_slice(value));
	pb_put_bytes(out, STATUS_DETAILS, strbuf_slice(&any));
	strbuf_fini(&any);
}

static void
put_violations(struct strbuf *out, const struct err *err)
{
	struct strbuf all = STRBUF_INIT, one = STRBUF_INIT;

	for (unsigned i = 0; i < err->nfields; i++) {
		strbuf_reset(&one);
		pb_put_bytes(&one, VIOLATION_FIELD, slice_str(err->fields[i].path));
		pb_put_bytes(&one, VIOLATION_TEXT, slice_str(err->fields[i].text));
		pb_put_bytes(&all, VIOLATIONS, strbuf_slice(&one));
	}
	put_detail(out, TYPE_PREFIX "BadRequest", &all);
	strbuf_fini(&one);
	strbuf_fini(&all);
}

static void
put_retry(struct strbuf *out, uint32_t ms)
{
	struct strbuf delay = STRBUF_INIT, info = STRBUF_INIT;

	if (ms >= 1000)
		pb_put_varint(&delay, DURATION_SECONDS, ms / 1000);
	if (ms % 1000 != 0)
		pb_put_varint(&delay, DURATION_NANOS, ms % 1000 * 1000000ull);
	pb_put_bytes(&info, RETRY_DELAY, strbuf_slice(&delay));
	put_detail(out, TYPE_PREFIX "RetryInfo", &info);
	strbuf_fini(&info);
	strbuf_fini(&delay);
}

void
rpc_status_encode(enum status status, const struct err *err, struct strbuf *out)
{
	pb_put_varint(out, STATUS_CODE, (uint64_t)status);
	if (err == NULL)
		return;
	pb_put_bytes(out, STATUS_MESSAGE, slice_str(err_client_text(err)));
	if (err->nfields > 0)
		put_violations(out, err);
	if (err->reason != NULL) {
		struct strbuf info = STRBUF_INIT;
		pb_put_bytes(&info, INFO_REASON, slice_str(err->reason));
		pb_put_bytes(&info, INFO_DOMAIN, SLICE_LIT(REASON_DOMAIN));
		put_detail(out, TYPE_PREFIX "ErrorInfo", &info);
		strbuf_fini(&info);
	}
	if (err->retry_after_ms > 0)
		put_retry(out, err->retry_after_ms);
}

static void
copy_text(char *dst, size_t size, struct slice s)
{
	snprintf(dst, size, "%.*s", SLICE_ARG(s));
}

static void
get_violation(struct slice wire, struct err *err)
{
	struct pb_reader r = pb_reader(wire);
	struct slice path = SLICE_NONE, text = SLICE_NONE;

	if (err->nfields >= ERR_FIELDS_MAX) {
		err->nfields_lost++;
		return;
	}
	while (pb_next(&r)) {
		if (r.type == PB_BYTES && r.field == VIOLATION_FIELD)
			path = r.bytes;
		else if (r.type == PB_BYTES && r.field == VIOLATION_TEXT)
			text = r.bytes;
	}
	struct err_field *field = &err->fields[err->nfields++];
	copy_text(field->path, sizeof(field->path), path);
	copy_text(field->text, sizeof(field->text), text);
}

/* The static name of a fit.api.v1.Reason value; a reason this build does not know says nothing to
 * it. */
static const char *
intern_reason(struct slice name)
{
	char text[64];

	if (name.n >= sizeof(text))
		return NULL;
	copy_text(text, sizeof(text), name);
	const ProtobufCEnumValue *value =
		protobuf_c_enum_descriptor_get_value_by_name(&fit__api__v1__reason__descriptor,
							     text);
	return value != NULL ? value->name : NULL;
}

static void
get_info(struct slice wire, struct err *err)
{
	struct pb_reader r = pb_reader(wire);

	while (pb_next(&r)) {
		if (r.type == PB_BYTES && r.field == INFO_REASON)
			err->reason = intern_reason(r.bytes);
	}
}

static void
get_retry(struct slice wire, struct err *err)
{
	struct pb_reader info = pb_reader(wire);
	uint64_t seconds = 0, nanos = 0;

	while (pb_next(&info)) {
		if (info.type != PB_BYTES || info.field != RETRY_DELAY)
			continue;
		struct pb_reader r = pb_reader(info.bytes);
		while (pb_next(&r)) {
			if (r.type == PB_VARINT && r.field == DURATION_SECONDS)
				seconds = r.number;
			else if (r.type == PB_VARINT && r.field == DURATION_NANOS)
				nanos = r.number;
		}
	}
	if (seconds < 4000000 && nanos < 1000000000)
		err->retry_after_ms = (uint32_t)(seconds * 1000 + (nanos + 999999) / 1000000);
}

static void
get_detail(struct slice wire, struct err *err)
{
	struct pb_reader r = pb_reader(wire);
	struct slice type = SLICE_NONE, value = SLICE_NONE;

	while (pb_next(&r)) {
		if (r.type == PB_BYTES && r.field == ANY_TYPE)
			type = r.bytes;
		else if (r.type == PB_BYTES && r.field == ANY_VALUE)
			value = r.bytes;
	}
	if (slice_eq_str(type, TYPE_PREFIX "BadRequest")) {
		struct pb_reader all = pb_reader(value);
		while (pb_next(&all)) {
			if (all.type == PB_BYTES && all.field == VIOLATIONS)
				get_violation(all.bytes, err);
		}
	} else if (slice_eq_str(type, TYPE_PREFIX "ErrorInfo")) {
		get_info(value, err);
	} else if (slice_eq_str(type, TYPE_PREFIX "RetryInfo")) {
		get_retry(value, err);
	}
}

void
rpc_status_decode(enum status status, struct slice message, struct slice details, struct err *err)
{
	struct pb_reader r = pb_reader(details);

	if (err == NULL)
		return;
	err_init(err);
	err->status = status;
	if (message.n > 0)
		err_public(err, status, "%.*s", SLICE_ARG(message));
	while (pb_next(&r)) {
		if (r.type == PB_BYTES && r.field == STATUS_DETAILS)
			get_detail(r.bytes, err);
	}
}

/* grpc/grpc doc/PROTOCOL-HTTP2.md, "Status-Message": all but printable ASCII, and '%' itself. */
void
rpc_status_percent_encode(struct slice text, struct strbuf *out)
{
	static const char hex[] = "0123456789ABCDEF";

	for (size_t i = 0; i < text.n; i++) {
		unsigned char c = (unsigned char)text.p[i];
		if (c >= 0x20 && c <= 0x7e && c != '%') {
			strbuf_addch(out, (char)c);
			continue;
		}
		char three[3] = { '%', hex[c >> 4], hex[c & 15] };
		strbuf_add(out, three, 3);
	}
}

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

/* Never fails, as the protocol asks: what is no escape stays as it is. */
void
rpc_status_percent_decode(struct slice text, struct strbuf *out)
{
	for (size_t i = 0; i < text.n; i++) {
		int hi = -1, lo = -1;
		if (text.p[i] == '%' && text.n - i > 2) {
			hi = hex_digit(text.p[i + 1]);
			lo = hex_digit(text.p[i + 2]);
		}
		if (hi >= 0 && lo >= 0) {
			strbuf_addch(out, (char)(hi << 4 | lo));
			i += 2;
		} else {
			strbuf_addch(out, text.p[i]);
		}
	}
}
