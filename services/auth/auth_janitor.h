/* SPDX-License-Identifier: Apache-2.0 */
/*
 * auth_janitor.h - the service's one background thread.
 *
 * Every JANITOR_TICK_MS: copies of sessions that Redis does not show yet (a crash or an outage
 * between commit and copy). Every few seconds: signing keys of the folder, providers' keys that
 * are due. Every minute: rows whose time is over, a bounded number. Each task is tried again at
 * its next time; several replicas do no harm.
 *
 * Ownership: borrows the service; stop joins the thread. Threads: start and stop by the owner.
 * Errors:    logged, once per change of state where they would repeat.
 */
#ifndef FIT_AUTH_JANITOR_H
#define FIT_AUTH_JANITOR_H

#define JANITOR_TICK_MS 1000

struct auth;
struct auth_janitor;

struct auth_janitor *auth_janitor_start(struct auth *auth);
void auth_janitor_stop(struct auth_janitor *janitor);

#endif
