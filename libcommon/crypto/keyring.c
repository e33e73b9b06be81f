/* SPDX-License-Identifier: Apache-2.0 */
#include "libcommon/crypto/keyring.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libcommon/crypto/aead.h"
#include "libcommon/crypto/secret.h"

struct key {
	uint32_t kid;
	struct secret *secret;
};

struct keyring {
	size_t n;
	uint32_t active;
	struct key keys[KEYRING_MAX];
};

/* "<decimal without leading zero>.key" */
static bool
parse_name(const char *name, uint32_t *ret_kid)
{
	unsigned long kid;
	char *end;

	if (name[0] < '1' || name[0] > '9')
		return false;
	errno = 0;
	kid = strtoul(name, &end, 10);
	if (errno != 0 || kid > UINT32_MAX || strcmp(end, ".key") != 0)
		return false;
	*ret_kid = (uint32_t)kid;
	return true;
}

static enum status
add_key(struct keyring *ring, const char *dir, const char *name, struct err *err)
{
	CLEANUP(secret_freep) struct secret *text = NULL;
	struct key *key = &ring->keys[ring->n];
	char path[PATH_MAX];
	enum status st;

	if (ring->n == KEYRING_MAX)
		return err_set(err, STATUS_FAILED_PRECONDITION, "%s has more than %d keys", dir,
			       KEYRING_MAX);
	if (!parse_name(name, &key->kid))
		return err_set(err, STATUS_FAILED_PRECONDITION,
			       "%s/%s: a key's name is a number and \".key\": 1.key", dir, name);
	if ((size_t)snprintf(path, sizeof(path), "%s/%s", dir, name) >= sizeof(path))
		return err_set(err, STATUS_FAILED_PRECONDITION, "%s: the path is too long", dir);
	st = secret_from_file(path, &text, err);
	if (st != STATUS_OK)
		return st;
	if (secret_from_hex(secret_slice(text), AEAD_KEY_SIZE, &key->secret, NULL) != STATUS_OK)
		return err_set(err, STATUS_FAILED_PRECONDITION, "%s: a key is %d hex digits", path,
			       2 * AEAD_KEY_SIZE);
	ring->n++;
	return STATUS_OK;
}

static enum status
read_dir(struct keyring *ring, const char *dir, struct err *err)
{
	enum status st = STATUS_OK;
	struct dirent *entry;
	DIR *d = opendir(dir);

	if (d == NULL)
		return err_set(err, STATUS_FAILED_PRECONDITION, "cannot open the key folder %s: %s",
			       dir, strerror(errno));
	while (st == STATUS_OK && (entry = readdir(d)) != NULL) {
		if (entry->d_name[0] != '.')
			st = add_key(ring, dir, entry->d_name, err);
	}
	closedir(d);
	return st;
}

static enum status
choose_active(struct keyring *ring, const char *dir, uint32_t active, struct err *err)
{
	struct slice key;

	if (ring->n == 0)
		return err_set(err, STATUS_FAILED_PRECONDITION,
			       "%s has no key (1.key: 64 hex digits)", dir);
	for (size_t i = 0; i < ring->n; i++) {
		if (ring->keys[i].kid > ring->active)
			ring->active = ring->keys[i].kid;
	}
	if (active != 0)
		ring->active = active;
	if (keyring_find(ring, ring->active, &key, err) != STATUS_OK)
		return err_set(err, STATUS_FAILED_PRECONDITION,
			       "%s has no key %u, which is to be the active one", dir, active);
	return STATUS_OK;
}

enum status
keyring_open(const char *dir, uint32_t active, struct keyring **ret_ring, struct err *err)
{
	struct keyring *ring = calloc(1, sizeof(*ring));
	enum status st;

	if (ring == NULL)
		panic("keyring: no memory");
	st = read_dir(ring, dir, err);
	if (st == STATUS_OK)
		st = choose_active(ring, dir, active, err);
	if (st != STATUS_OK) {
		keyring_close(ring);
		return st;
	}
	*ret_ring = ring;
	return STATUS_OK;
}

void
keyring_close(struct keyring *ring)
{
	if (ring == NULL)
		return;
	for (size_t i = 0; i < ring->n; i++)
		secret_free(ring->keys[i].secret);
	free(ring);
}

uint32_t
keyring_active(const struct keyring *ring)
{
	return ring->active;
}

enum status
keyring_find(const struct keyring *ring, uint32_t kid, struct slice *ret_key, struct err *err)
{
	for (size_t i = 0; i < ring->n; i++) {
		if (ring->keys[i].kid == kid) {
			*ret_key = secret_slice(ring->keys[i].secret);
			return STATUS_OK;
		}
	}
	return err_set(err, STATUS_INTERNAL, "the key ring has no key %u", kid);
}
