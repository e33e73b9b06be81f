/* SPDX-License-Identifier: Apache-2.0 */
/*
 * auth_keys.h - the keys that access tokens are signed with, from a folder of PEM files.
 *
 *	st = auth_keys_open(dir, &keys, &err);
 *	struct auth_key_set *set = auth_keys_current(keys);      a reference: auth_key_set_unref
 *	jwt_sign(auth_key_set_signer(set), "at+jwt", claims, &out, &err);
 *
 * All *.pem are published. The one whose name sorts last signs, so name them by date;
 * NAME.next.pem is only published: put the next key there a day before it is to sign (verifiers
 * have it then), and rename it when its time comes. An old key's file stays until the last token
 * that it signed has expired. auth_keys_reload looks at the folder again; a folder that can't be
 * used leaves the keys as they were.
 *
 * Ownership: a set is immutable and reference-counted. Threads: any.
 * Errors:    FAILED_PRECONDITION names the folder or file and what is wrong with it.
 * Limits:    AUTH_KEYS_MAX files; a file that others may read is refused.
 */
#ifndef FIT_AUTH_KEYS_H
#define FIT_AUTH_KEYS_H

#include <stdbool.h>

#include "libcommon/base/slice.h"
#include "libcommon/base/status.h"

#define AUTH_KEYS_MAX 16

struct auth_key_set;
struct auth_keys;
struct jwt_signer;

enum status auth_keys_open(const char *dir, struct auth_keys **ret_keys,
			   struct err *err) MUST_CHECK;
void auth_keys_close(struct auth_keys *keys);
/* *ret_changed: another set is current now. */
enum status auth_keys_reload(struct auth_keys *keys, bool *ret_changed, struct err *err) MUST_CHECK;

struct auth_key_set *auth_keys_current(struct auth_keys *keys);
void auth_key_set_unref(struct auth_key_set *set);
const struct jwt_signer *auth_key_set_signer(const struct auth_key_set *set);
/* The public halves: {"keys":[…]}, the signing one first. */
struct slice auth_key_set_jwks(const struct auth_key_set *set);

#endif
