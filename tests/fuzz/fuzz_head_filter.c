/* SPDX-License-Identifier: Apache-2.0 */
/*
 * head_filter and chunked. The first byte seeds the cuts; the rest is fed whole and in pieces,
 * which must come to the same verdict. A head that passes is looked over again with other eyes:
 * what a second parser could read differently must not be in it. What follows a chunked head goes
 * through the chunk decoder the same two ways.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/chunked.h"
#include "gateway/head_filter.h"
#include "libcommon/base/rng.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static enum head_verdict
feed_in_pieces(struct head_filter *filter, const char *p, size_t n, struct rng_seeded *rng)
{
	enum head_verdict verdict = HEAD_MORE;
	size_t have = 0;

	head_filter_init(filter);
	while (have < n && verdict == HEAD_MORE) {
		have += 1 + rng_seeded_below(rng, 40);
		if (have > n)
			have = n;
		/* At a new place each time, for the filter keeps no pointers; exactly sized, for
		 * ASan. */
		char *copy = malloc(have);
		memcpy(copy, p, have);
		verdict = head_filter_feed(filter, slice_make(copy, have));
		free(copy);
	}
	return verdict;
}

static void
check_ready(const struct head *head, const char *p)
{
	unsigned hosts = 0, lengths = 0, codings = 0, lines = 0;
	size_t begin = p[0] == '\r' ? 2 : 0;

	if (head->size > HEAD_MAX || head->nfields > HEAD_FIELDS_MAX ||
	    memcmp(p + head->size - 4, "\r\n\r\n", 4) != 0)
		abort();
	for (size_t i = begin; i < head->size; i++) {
		lines += p[i] == '\n';
		if (p[i] == '\0' || (p[i] == '\n') != (i > 0 && p[i - 1] == '\r') ||
		    (p[i] == '\r' && p[i + 1] != '\n'))
			abort();
	}
	if (lines != head->nfields + 2)
		abort();
	struct slice path = head_slice(p, head->path);
	if (path.n == 0 || path.p[0] != '/' || memchr(path.p, ' ', path.n) ||
	    memmem(path.p, path.n, "/../", 4))
		abort();
	for (unsigned i = 0; i < head->nfields; i++) {
		struct slice name = head_slice(p, head->fields[i].name);
		if (name.p + name.n > p + head->size || name.p[name.n] != ':' ||
		    !http_is_token(name))
			abort();
		hosts += name.n == 4 && strncasecmp(name.p, "host", 4) == 0;
		lengths += name.n == 14 && strncasecmp(name.p, "content-length", 14) == 0;
		codings += name.n == 17 && strncasecmp(name.p, "transfer-encoding", 17) == 0;
	}
	if (hosts + (head->minor == 0) < 1 || hosts > 1 || lengths + codings > 1 ||
	    (codings == 1) != head->chunked)
		abort();
}

/* Data bytes and the end, whatever the pieces. */
static enum chunked_verdict
decode(const char *p, size_t n, struct rng_seeded *rng, uint64_t *ret_sum, size_t *ret_used)
{
	struct chunked dec = CHUNKED_INIT;
	enum chunked_verdict verdict = CHUNKED_MORE;
	size_t used = 0;
	uint64_t sum = 0;

	while (used < n && (verdict == CHUNKED_MORE || verdict == CHUNKED_DATA)) {
		size_t piece = rng != NULL ? 1 + rng_seeded_below(rng, 9) : n;
		struct slice data, in = slice_make(p + used, piece < n - used ? piece : n - used);
		do {
			const char *at = in.p;
			verdict = chunked_feed(&dec, &in, &data);
			for (size_t i = 0; verdict == CHUNKED_DATA && i < data.n; i++)
				sum = sum * 31 + (unsigned char)data.p[i];
			used += (size_t)(in.p - at);
		} while (verdict == CHUNKED_DATA);
	}
	*ret_sum = sum;
	*ret_used = used;
	return verdict;
}

static void
check_chunked(const char *p, size_t n, struct rng_seeded *rng)
{
	uint64_t sum1, sum2;
	size_t used1, used2;

	enum chunked_verdict v1 = decode(p, n, NULL, &sum1, &used1);
	enum chunked_verdict v2 = decode(p, n, rng, &sum2, &used2);
	if (v1 != v2 || sum1 != sum2 || used1 != used2)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct head_filter whole, pieces;
	struct rng_seeded rng;

	if (size < 2)
		return 0;
	rng_seeded_init(&rng, data[0]);
	const char *p = (const char *)data + 1;
	size_t n = size - 1;
	head_filter_init(&whole);
	enum head_verdict verdict = head_filter_feed(&whole, slice_make(p, n));
	if (feed_in_pieces(&pieces, p, n, &rng) != verdict)
		abort();
	if (verdict == HEAD_REFUSED && whole.refusal.status != pieces.refusal.status)
		abort();
	if (verdict != HEAD_READY)
		return 0;
	if (whole.head.size != pieces.head.size || whole.head.nfields != pieces.head.nfields)
		abort();
	check_ready(&whole.head, p);
	if (whole.head.chunked)
		check_chunked(p + whole.head.size, n - whole.head.size, &rng);
	return 0;
}
