/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rng.h - random bytes: from the kernel for secrets, from a seeded generator for tests and jitter.
 *
 * rng_bytes never fails (panics if getrandom(2) does). rng_seeded is xoshiro256** (Blackman,
 * Vigna 2018): repeatable, not for secrets.
 *
 * Threads: any; a struct rng_seeded belongs to one at a time.
 */
#ifndef FIT_BASE_RNG_H
#define FIT_BASE_RNG_H

#include <stddef.h>
#include <stdint.h>

void rng_bytes(void *p, size_t n);
/* Uniform in [0, bound), bound > 0; kernel randomness. */
uint32_t rng_below(uint32_t bound);

struct rng_seeded {
	uint64_t s[4];
};
void rng_seeded_init(struct rng_seeded *rng, uint64_t seed);
uint64_t rng_seeded_next(struct rng_seeded *rng);
uint32_t rng_seeded_below(struct rng_seeded *rng, uint32_t bound);

#endif
