/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pipeline.h - a request's way: an array of stages, each of which goes on, waits, or answers.
 *
 *	begin → cors → address limit → route → token → admit (limit, session, permission)
 *	→ preconditions → transcode → upstream
 *
 * Ownership: none. Threads: the loop's. `pipeline_handler` is what a front calls; its arg is a
 * struct gateway_loop.
 */
#ifndef FIT_GATEWAY_PIPELINE_H
#define FIT_GATEWAY_PIPELINE_H

struct exchange_handler;

extern const struct exchange_handler pipeline_handler;

#endif
