/* SPDX-License-Identifier: Apache-2.0 */
#include "services/user/user_identity.h"

#include <string.h>

#include "libcommon/base/arena.h"
#include "libcommon/base/strbuf.h"

#define ADDRESS_MAX 254
#define LOCAL_MAX 64

static bool
is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool
is_domain_char(unsigned char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
	       c >= 0x80;
}

/* Labels are not empty: no dot at an end, no two in a row. */
static bool
is_domain(const char *p)
{
	if (*p == '\0' || *p == '.')
		return false;
	for (; *p != '\0'; p++) {
		if (!is_domain_char((unsigned char)*p) ||
		    (*p == '.' && (p[1] == '.' || p[1] == '\0')))
			return false;
	}
	return true;
}

bool
user_email_normalise(struct arena *arena, const char *address, char **ret_email)
{
	size_t n;
	char *email, *at;

	while (is_space(*address))
		address++;
	n = strlen(address);
	while (n > 0 && is_space(address[n - 1]))
		n--;
	if (n == 0 || n > ADDRESS_MAX)
		return false;
	email = arena_strndup(arena, address, n);
	for (char *p = email; *p != '\0'; p++) {
		if ((unsigned char)*p <= ' ' || *p == 0x7f)
			return false;
		if (*p >= 'A' && *p <= 'Z')
			*p = (char)(*p - 'A' + 'a');
	}
	at = strrchr(email, '@'); /* a quoted local part may hold others */
	if (at == NULL || at == email || at - email > LOCAL_MAX || !is_domain(at + 1))
		return false;
	*ret_email = email;
	return true;
}

void
user_email_index(struct slice key, const char *normalised, uint8_t ret_index[BLIND_INDEX_SIZE])
{
	blind_index(key, "email", slice_str(normalised), ret_index);
}

void
user_subject_index(struct slice key, const char *issuer, const char *subject,
		   uint8_t ret_index[BLIND_INDEX_SIZE])
{
	struct strbuf text = STRBUF_INIT;

	strbuf_addf(&text, "%zu|%s|%s", strlen(issuer), issuer, subject);
	blind_index(key, "subject", strbuf_slice(&text), ret_index);
	strbuf_fini(&text);
}
