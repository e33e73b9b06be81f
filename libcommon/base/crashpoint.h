/* SPDX-License-Identifier: Apache-2.0 */
/*
 * crashpoint.h - named places where a test may kill the process.
 *
 *	CRASH_POINT("outbox.after_commit");
 *
 * Compiled in when FIT_CRASH_POINTS is defined (test builds); armed by the environment
 * FIT_CRASH_POINT="name:n", which ends the process with SIGKILL at the n-th hit of that name.
 * In a release build the macro is nothing.
 */
#ifndef FIT_BASE_CRASHPOINT_H
#define FIT_BASE_CRASHPOINT_H

/* Threads: any; hits are counted over all of them. Errors: a malformed FIT_CRASH_POINT is fatal. */
void crashpoint_hit(const char *name);

#ifdef FIT_CRASH_POINTS
#define CRASH_POINT(name) crashpoint_hit(name)
#else
#define CRASH_POINT(name) ((void)0)
#endif

#endif
