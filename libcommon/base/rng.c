/* SPDX-License-Identifier: Apache-2.0 */
#include "libcommon/base/rng.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include "libcommon/base/status.h"

void
rng_bytes(void *p, size_t n)
{
	char *out = p;

	while (n > 0) {
		ssize_t got = getrandom(out, n, 0);
		if (got < 0) {
			if (errno == EINTR)
				continue;
			panic("getrandom: %s", strerror(errno));
		}
		out += got;
		n -= (size_t)got;
	}
}

static uint32_t
kernel_u32(void *arg)
{
	uint32_t v;

	(void)arg;
	rng_bytes(&v, sizeof(v));
	return v;
}

static uint32_t
seeded_u32(void *arg)
{
	return (uint32_t)(rng_seeded_next(arg) >> 32);
}

/*
 * Lemire, "Fast random integer generation in an interval" (2019): multiply, and reject the
 * low products that would make some results likelier.
 */
static uint32_t
below(uint32_t bound, uint32_t (*next)(void *), void *arg)
{
	if (bound == 0)
		panic("rng: bound is 0");
	uint64_t m = (uint64_t)next(arg) * bound;
	if ((uint32_t)m < bound) {
		uint32_t min = (UINT32_MAX - bound + 1) % bound; /* 2^32 mod bound */
		while ((uint32_t)m < min)
			m = (uint64_t)next(arg) * bound;
	}
	return (uint32_t)(m >> 32);
}

uint32_t
rng_below(uint32_t bound)
{
	return below(bound, kernel_u32, NULL);
}

/* The state is filled by splitmix64 (Steele, Lea, Flood 2014), as xoshiro's authors advise. */
void
rng_seeded_init(struct rng_seeded *rng, uint64_t seed)
{
	for (int i = 0; i < 4; i++) {
		seed += 0x9e3779b97f4a7c15u;
		uint64_t z = seed;
		z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
		z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
		rng->s[i] = z ^ (z >> 31);
	}
}

static inline uint64_t
rotl(uint64_t x, int k)
{
	return x << k | x >> (64 - k);
}

uint64_t
rng_seeded_next(struct rng_seeded *rng)
{
	uint64_t *s = rng->s;
	uint64_t result = rotl(s[1] * 5, 7) * 9;
	uint64_t t = s[1] << 17;

	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= t;
	s[3] = rotl(s[3], 45);
	return result;
}

uint32_t
rng_seeded_below(struct rng_seeded *rng, uint32_t bound)
{
	return below(bound, seeded_u32, rng);
}
