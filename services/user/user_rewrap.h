/* SPDX-License-Identifier: Apache-2.0 */
/*
 * user_rewrap.h - after a rotation, brings the data keys of all users under the active
 * key-encryption key.
 *
 *	struct user_rewrap *rewrap = user_rewrap_start(store);
 *	…
 *	user_rewrap_stop(rewrap);
 *
 * A thread that looks once at start: batch by batch it wraps anew what an older key wraps, then
 * ends. A key is replaced only if it is still what was read, so several processes may do this at
 * once, and a user who changes something meanwhile (which re-wraps too) loses nothing. When a
 * batch fails it tries again after a while. Only then can the older key's file be taken away:
 * metric user_keys_rewrapped_total, and the log line user_keys_rewrapped at the end.
 *
 * Ownership: the store is borrowed and outlives it. Threads: start and stop by one.
 */
#ifndef FIT_USER_REWRAP_H
#define FIT_USER_REWRAP_H

struct user_rewrap;
struct user_store;

struct user_rewrap *user_rewrap_start(struct user_store *store);
/* Waits for the batch in hand. */
void user_rewrap_stop(struct user_rewrap *rewrap);

#endif
