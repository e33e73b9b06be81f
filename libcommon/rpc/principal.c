/* SPDX-License-Identifier: Apache-2.0 */
#include "libcommon/rpc/principal.h"

#include <string.h>

#include "libcommon/base/strbuf.h"
#include "libcommon/rpc/pb_wire.h"

/* Field numbers of fit.api.v1.Principal. */
enum { SUBJECT = 1, ROLE, TIER, PERMISSIONS, SESSION_ID, ACTING_FOR };

static void
put_text(struct strbuf *out, uint32_t field, const char *text)
{
	if (text[0] != '\0')
		pb_put_bytes(out, field, slice_str(text));
}

static void
put_uuid(struct strbuf *out, uint32_t field, const struct uuid *uuid)
{
	char text[UUID_TEXT_SIZE];

	if (uuid_is_nil(uuid))
		return;
	uuid_format(uuid, text);
	pb_put_bytes(out, field, slice_str(text));
}

void
principal_encode(const struct principal *p, struct strbuf *out)
{
	if (!p->present)
		return;
	put_uuid(out, SUBJECT, &p->user_id);
	put_text(out, ROLE, p->role);
	put_text(out, TIER, p->tier);
	for (size_t i = 0; i < p->npermissions; i++)
		put_text(out, PERMISSIONS, p->permissions[i]);
	put_uuid(out, SESSION_ID, &p->session_id);
	put_uuid(out, ACTING_FOR, &p->acting_for);
}

/* A name that does not fit is refused, never cut: a prefix might be another permission. */
static bool
get_text(struct slice s, char *ret, size_t size)
{
	if (s.n >= size || memchr(s.p, '\0', s.n) != NULL)
		return false;
	memcpy(ret, s.p, s.n);
	ret[s.n] = '\0';
	return true;
}

static bool
get_field(struct principal *p, uint32_t field, struct slice s)
{
	switch (field) {
	case SUBJECT:
		return uuid_parse(s, &p->user_id) && !uuid_is_nil(&p->user_id);
	case ROLE:
		return get_text(s, p->role, sizeof(p->role));
	case TIER:
		return get_text(s, p->tier, sizeof(p->tier));
	case PERMISSIONS:
		return p->npermissions < PRINCIPAL_PERMISSIONS_MAX &&
		       get_text(s, p->permissions[p->npermissions++], sizeof(p->permissions[0]));
	case SESSION_ID:
		return uuid_parse(s, &p->session_id);
	case ACTING_FOR:
		return uuid_parse(s, &p->acting_for);
	default:
		return true; /* of a newer gateway */
	}
}

bool
principal_decode(struct slice wire, struct principal *ret_principal)
{
	struct pb_reader r = pb_reader(wire);
	struct principal *p = ret_principal;

	p->present = false;
	p->user_id = p->session_id = p->acting_for = (struct uuid){ 0 };
	p->role[0] = p->tier[0] = '\0';
	p->npermissions = 0;
	while (pb_next(&r)) {
		if (r.type == PB_BYTES && !get_field(p, r.field, r.bytes))
			return false;
	}
	p->present = !r.broken && !uuid_is_nil(&p->user_id);
	return p->present;
}

bool
principal_may(const struct principal *p, const char *permission)
{
	for (size_t i = 0; p->present && i < p->npermissions; i++) {
		if (strcmp(p->permissions[i], permission) == 0)
			return true;
	}
	return false;
}
