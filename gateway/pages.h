/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pages.h - the few pages that the gateway serves itself: /health, /ready, /openapi.json,
 * /docs with its script, /api/versions.
 *
 * Ownership:  /openapi.json is made once, at start, and the gateway's; the files of web/ are
 *             part of the program; the rest lives in the exchange's arena.
 * Threads:    the loop's.
 */
#ifndef FIT_GATEWAY_PAGES_H
#define FIT_GATEWAY_PAGES_H

#include "gateway/routes.h"

struct gateway;

extern const struct page pages[];
extern const size_t pages_count;

/* Ready: every loop has keys and nobody drains; the reason otherwise. Any thread. */
bool pages_ready(struct gateway *gateway, const char **ret_why);

#endif
