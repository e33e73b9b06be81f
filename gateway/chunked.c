/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/chunked.h"

#include "gateway/http.h"

enum { AT_SIZE, AT_SIZE_LF, AT_DATA, AT_DATA_CR, AT_DATA_LF, AT_END_CR, AT_END_LF, AT_BAD };

/* One byte of framing; the next state. */
static int
step(struct chunked *dec, char c)
{
	int digit;

	switch (dec->state) {
	case AT_SIZE:
		digit = http_hex(c);
		if (digit >= 0 && dec->digits < 8) {
			dec->left = dec->left << 4 | (uint32_t)digit;
			dec->digits++;
			return AT_SIZE;
		}
		return c == '\r' && dec->digits > 0 ? AT_SIZE_LF : AT_BAD;
	case AT_SIZE_LF:
		if (c != '\n')
			return AT_BAD;
		dec->digits = 0;
		return dec->left > 0 ? AT_DATA : AT_END_CR;
	case AT_DATA_CR:
		return c == '\r' ? AT_DATA_LF : AT_BAD;
	case AT_DATA_LF:
		return c == '\n' ? AT_SIZE : AT_BAD;
	case AT_END_CR:
		/* Anything else here would be a trailer field. */
		return c == '\r' ? AT_END_LF : AT_BAD;
	default:
		return AT_BAD;
	}
}

enum chunked_verdict
chunked_feed(struct chunked *dec, struct slice *in, struct slice *ret_data)
{
	while (in->n > 0) {
		if (dec->state == AT_DATA) {
			size_t n = in->n < dec->left ? in->n : dec->left;

			*ret_data = slice_make(in->p, n);
			*in = slice_make(in->p + n, in->n - n);
			dec->left -= (uint32_t)n;
			if (dec->left == 0)
				dec->state = AT_DATA_CR;
			return CHUNKED_DATA;
		}
		char c = in->p[0];
		if (dec->state == AT_BAD)
			return CHUNKED_BAD;
		if (dec->state == AT_END_LF) {
			if (c != '\n')
				return CHUNKED_BAD;
			*in = slice_make(in->p + 1, in->n - 1);
			return CHUNKED_END;
		}
		dec->state = (uint8_t)step(dec, c);
		if (dec->state == AT_BAD)
			return CHUNKED_BAD;
		*in = slice_make(in->p + 1, in->n - 1);
	}
	return CHUNKED_MORE;
}
