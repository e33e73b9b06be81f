/* SPDX-License-Identifier: Apache-2.0 */
/*
 * user_identity.h - the values by which a user is found: e-mail address, and subject of an
 * identity provider.
 *
 *	if (!user_email_normalise(arena, "Ada@Example.ORG ", &email)) …        "ada@example.org"
 *	user_email_index(key, email, bidx);
 *
 * Normalisation of an address for its index: ASCII white space around it goes, and ASCII
 * letters become lower case, also before the @. RFC 5321 section 2.4 lets a host tell "Ada"
 * from "ada", but no provider of note does, people type both, and two accounts for one mailbox
 * is the worse error. Nothing more is done: that dots or "+tag" do not matter is true of some
 * providers only. Letters beyond ASCII keep their form (bringing them to NFC needs Unicode's
 * tables); an address that two providers spell in different forms gives two accounts. The
 * address that is stored, shown and written to is the one the provider sent.
 *
 * Ownership: results live in the arena. Threads: any. Limits: 254 bytes (RFC 5321, erratum
 *            1690), 64 before the @.
 */
#ifndef FIT_USER_IDENTITY_H
#define FIT_USER_IDENTITY_H

#include <stdbool.h>
#include <stdint.h>

#include "libcommon/base/compiler.h"
#include "libcommon/base/slice.h"
#include "libcommon/crypto/blind_index.h"

struct arena;

/* False when it is no address: form only, not whether it exists. */
bool user_email_normalise(struct arena *arena, const char *address, char **ret_email) MUST_CHECK;
void user_email_index(struct slice key, const char *normalised,
		      uint8_t ret_index[BLIND_INDEX_SIZE]);
/* A subject means something within its issuer only, so both go in; the length keeps them apart. */
void user_subject_index(struct slice key, const char *issuer, const char *subject,
			uint8_t ret_index[BLIND_INDEX_SIZE]);

#endif
