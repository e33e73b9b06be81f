/* SPDX-License-Identifier: Apache-2.0 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include <openssl/evp.h>

#include "libcommon/base/codec.h"
#include "libcommon/store/redis_queue.h"

#define SHA1_SIZE 20

/* A list that only grows, at its head: read without the lock. */
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static _Atomic(struct redis_script *) scripts;

void
redis_script_init(struct redis_script *script)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned n = 0;

	pthread_mutex_lock(&mutex);
	if (script->sha1[0] == '\0') {
		if (EVP_Digest(script->text, strlen(script->text), digest, &n, EVP_sha1(), NULL) !=
		    1)
			panic("redis: SHA-1 failed");
		codec_hex_encode(digest, SHA1_SIZE, script->sha1);
		script->next = atomic_load(&scripts);
		atomic_store_explicit(&scripts, script, memory_order_release);
	}
	pthread_mutex_unlock(&mutex);
}

const struct redis_script *
redis_script_first(void)
{
	return atomic_load_explicit(&scripts, memory_order_acquire);
}

const struct redis_script *
redis_script_find(const char *sha1)
{
	const struct redis_script *s = redis_script_first();

	while (s != NULL && strcmp(s->sha1, sha1) != 0)
		s = s->next;
	return s;
}
