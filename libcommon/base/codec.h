/* SPDX-License-Identifier: Apache-2.0 */
/*
 * codec.h - hex, base64 (RFC 4648 section 4) and base64url (section 5).
 *
 *	char hex[2 * sizeof(hash) + 1];
 *	codec_hex_encode(hash, sizeof(hash), hex);
 *	if (!codec_base64url_decode(text, bytes, &n)) …
 *
 * Decoders return false and write nothing of use on any character outside the alphabet,
 * wrong padding or non-zero trailing bits. `ret` is the caller's: n / 2 bytes for hex,
 * CODEC_BASE64_DECODED_MAX(n) for the others. Pure functions; any thread.
 */
#ifndef FIT_BASE_CODEC_H
#define FIT_BASE_CODEC_H

#include <stdbool.h>
#include <stddef.h>

#include "libcommon/base/compiler.h"
#include "libcommon/base/slice.h"

struct strbuf;

#define CODEC_BASE64_DECODED_MAX(n) (((n) / 4) * 3 + 3)

void codec_hex_encode(const void *p, size_t n, char *ret_text /* 2n+1 */);
bool codec_hex_decode(struct slice text, void *ret, size_t *ret_n) MUST_CHECK;

/* Padded standard alphabet. */
void codec_base64_encode(struct strbuf *out, const void *p, size_t n);
/* Unpadded URL alphabet. */
void codec_base64url_encode(struct strbuf *out, const void *p, size_t n);
/* Strict: padded standard alphabet only. */
bool codec_base64_decode(struct slice text, void *ret, size_t *ret_n) MUST_CHECK;
/* Strict: unpadded URL alphabet only (JOSE). */
bool codec_base64url_decode(struct slice text, void *ret, size_t *ret_n) MUST_CHECK;
/* Lenient as the proto3 JSON mapping asks: either alphabet, padding optional. */
bool codec_base64_any_decode(struct slice text, void *ret, size_t *ret_n) MUST_CHECK;

/* True when the bytes are well-formed UTF-8 (RFC 3629: no surrogates, no overlong forms). */
bool codec_utf8_valid(const void *p, size_t n);
/*
 * The sequence at p (n > 0): its length 1..4 when well-formed; else minus the length of the
 * ill-formed part that one U+FFFD replaces (Unicode 15, section 3.9, table 3-8).
 */
int codec_utf8_step(const void *p, size_t n);

#endif
