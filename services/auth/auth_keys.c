/* SPDX-License-Identifier: Apache-2.0 */
#include "services/auth/auth_keys.h"

#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libcommon/base/strbuf.h"
#include "libcommon/crypto/jwt.h"
#include "libcommon/crypto/secret.h"

#define NAME_SIZE 256

struct auth_key_set {
	atomic_uint refs;
	size_t n;
	size_t active;
	struct jwt_signer *signers[AUTH_KEYS_MAX]; /* by name, ascending */
	struct strbuf jwks;
};

struct auth_keys {
	char *dir;
	pthread_mutex_t lock; /* guards `set` */
	struct auth_key_set *set;
};

static bool
ends_with(const char *s, const char *end)
{
	size_t n = strlen(s), m = strlen(end);

	return n > m && strcmp(s + n - m, end) == 0;
}

static int
by_name(const void *a, const void *b)
{
	return strcmp(a, b);
}

static enum status
list_files(const char *dir, char names[AUTH_KEYS_MAX][NAME_SIZE], size_t *ret_n, struct err *err)
{
	DIR *d = opendir(dir);
	struct dirent *entry;
	size_t n = 0;

	if (d == NULL)
		return err_set(err, STATUS_FAILED_PRECONDITION,
			       "signing keys: cannot open \"%s\": %s", dir, strerror(errno));
	while ((entry = readdir(d)) != NULL) {
		if (entry->d_name[0] == '.' || !ends_with(entry->d_name, ".pem"))
			continue;
		if (n == AUTH_KEYS_MAX) {
			closedir(d);
			return err_set(err, STATUS_FAILED_PRECONDITION,
				       "signing keys: more than %d .pem files in \"%s\"",
				       AUTH_KEYS_MAX, dir);
		}
		snprintf(names[n++], NAME_SIZE, "%s", entry->d_name);
	}
	closedir(d);
	qsort(names, n, NAME_SIZE, by_name);
	*ret_n = n;
	return STATUS_OK;
}

static enum status
load_key(const char *dir, const char *name, struct jwt_signer **ret_signer, struct err *err)
{
	struct strbuf path = STRBUF_INIT;
	struct secret *pem = NULL;
	enum status st;

	strbuf_addf(&path, "%s/%s", dir, name);
	st = secret_from_file(path.buf, &pem, err);
	if (st == STATUS_OK && jwt_signer_from_pem(secret_slice(pem), ret_signer, err) != STATUS_OK)
		st = err_set(err, STATUS_FAILED_PRECONDITION,
			     "%s: not an unencrypted PEM key on P-256, or RSA of 2048 bits or more",
			     path.buf);
	secret_free(pem);
	strbuf_fini(&path);
	return st;
}

static void
write_jwks(struct auth_key_set *set)
{
	strbuf_adds(&set->jwks, "{\"keys\":[");
	jwt_signer_public_jwk(set->signers[set->active], &set->jwks);
	for (size_t i = 0; i < set->n; i++) {
		if (i == set->active)
			continue;
		strbuf_addch(&set->jwks, ',');
		jwt_signer_public_jwk(set->signers[i], &set->jwks);
	}
	strbuf_adds(&set->jwks, "]}");
}

static enum status
load_set(const char *dir, struct auth_key_set **ret_set, struct err *err)
{
	char names[AUTH_KEYS_MAX][NAME_SIZE];
	struct auth_key_set *set;
	bool have_active = false;
	size_t n = 0;
	enum status st = list_files(dir, names, &n, err);

	if (st != STATUS_OK)
		return st;
	set = calloc(1, sizeof(*set));
	if (set == NULL)
		panic("no memory for signing keys");
	atomic_init(&set->refs, 1);
	for (size_t i = 0; i < n && st == STATUS_OK; i++) {
		st = load_key(dir, names[i], &set->signers[set->n], err);
		if (st != STATUS_OK)
			break;
		if (!ends_with(names[i], ".next.pem")) {
			set->active = set->n;
			have_active = true;
		}
		set->n++;
	}
	if (st == STATUS_OK && !have_active)
		st = err_set(err, STATUS_FAILED_PRECONDITION, "signing keys: no NAME.pem in \"%s\"",
			     dir);
	if (st != STATUS_OK) {
		auth_key_set_unref(set);
		return st;
	}
	write_jwks(set);
	*ret_set = set;
	return STATUS_OK;
}

enum status
auth_keys_open(const char *dir, struct auth_keys **ret_keys, struct err *err)
{
	struct auth_key_set *set;
	struct auth_keys *keys;
	enum status st = load_set(dir, &set, err);

	if (st != STATUS_OK)
		return st;
	keys = calloc(1, sizeof(*keys));
	if (keys == NULL || (keys->dir = strdup(dir)) == NULL)
		panic("no memory for signing keys");
	pthread_mutex_init(&keys->lock, NULL);
	keys->set = set;
	*ret_keys = keys;
	return STATUS_OK;
}

void
auth_keys_close(struct auth_keys *keys)
{
	if (keys == NULL)
		return;
	auth_key_set_unref(keys->set);
	pthread_mutex_destroy(&keys->lock);
	free(keys->dir);
	free(keys);
}

enum status
auth_keys_reload(struct auth_keys *keys, bool *ret_changed, struct err *err)
{
	struct auth_key_set *set, *old;
	enum status st = load_set(keys->dir, &set, err);

	if (st != STATUS_OK)
		return st;
	/*
	 * The published text names each key by its thumbprint and the signing one first: it
	 * tells all.
	 */
	pthread_mutex_lock(&keys->lock);
	old = set;
	*ret_changed = !slice_eq(auth_key_set_jwks(set), auth_key_set_jwks(keys->set));
	if (*ret_changed) {
		old = keys->set;
		keys->set = set;
	}
	pthread_mutex_unlock(&keys->lock);
	auth_key_set_unref(old);
	return STATUS_OK;
}

struct auth_key_set *
auth_keys_current(struct auth_keys *keys)
{
	struct auth_key_set *set;

	pthread_mutex_lock(&keys->lock);
	set = keys->set;
	atomic_fetch_add_explicit(&set->refs, 1, memory_order_relaxed);
	pthread_mutex_unlock(&keys->lock);
	return set;
}

void
auth_key_set_unref(struct auth_key_set *set)
{
	if (set == NULL || atomic_fetch_sub_explicit(&set->refs, 1, memory_order_acq_rel) != 1)
		return;
	for (size_t i = 0; i < AUTH_KEYS_MAX; i++)
		jwt_signer_free(set->signers[i]);
	strbuf_fini(&set->jwks);
	free(set);
}

const struct jwt_signer *
auth_key_set_signer(const struct auth_key_set *set)
{
	return set->signers[set->active];
}

struct slice
auth_key_set_jwks(const struct auth_key_set *set)
{
	return strbuf_slice(&set->jwks);
}
