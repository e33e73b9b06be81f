/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fitctl.h - what the commands of fitctl share: the local stack's folder, and how a command ends.
 *
 * The folder (build/local) is written by deploy/local/stack: `run/ports` has a line "name port
 * admin-port" for each program, `run/NAME.pid` its pid and start time, `run/NAME.ready_ms` how
 * long it took, `log/NAME.log` its output, and `env` the addresses of gateway and devidp.
 *
 * Ownership: strings live in the arena. Threads: one. Errors: texts for people, complete
 *            sentences without a period.
 */
#ifndef FIT_FITCTL_H
#define FIT_FITCTL_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "libcommon/base/compiler.h"
#include "libcommon/base/status.h"

struct arena;

enum { FITCTL_OK = 0, FITCTL_FAILED = 1, FITCTL_USAGE = 2 };

/* Runs a command with its own argv (argv[0] is its name); returns the exit status. */
int fitctl_status(int argc, char **argv, struct arena *arena);
int fitctl_login(int argc, char **argv, struct arena *arena);
int fitctl_events(int argc, char **argv, struct arena *arena);
int fitctl_dlq(int argc, char **argv, struct arena *arena);

/* "fitctl: text" on standard error; FITCTL_FAILED, or FITCTL_USAGE with a hint at --help. */
int fitctl_fail(const char *fmt, ...) PRINTF_LIKE(1, 2);
int fitctl_usage(const char *command, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* Standard output to its end; FITCTL_FAILED when it could not be written. */
int fitctl_flush(int exit_status);

/* ---- the stack's folder ---- */

#define FITCTL_PROGRAMS_MAX 32

struct fitctl_program {
	char *name;
	uint16_t port, admin_port; /* admin_port 0: none */
	char *log;
	pid_t pid;        /* 0: not running */
	int64_t ready_ms; /* from start to ready; -1: not known */
	int64_t rss_kb;   /* -1: not known */
};

struct fitctl_stack {
	const char *dir;
	size_t n;
	struct fitctl_program programs[FITCTL_PROGRAMS_MAX];
};

/* dir as given by --dir; NULL: FIT_STACK_DIR, else `local` beside the build that fitctl is in. */
const char *fitctl_stack_dir(struct arena *arena, const char *dir);
/* FAILED_PRECONDITION: there is no stack. */
enum status fitctl_stack_load(struct arena *arena, const char *dir, struct fitctl_stack *ret_stack,
			      struct err *err) MUST_CHECK;
/* A variable of the process, else of the stack's `env`; NOT_FOUND. */
enum status fitctl_stack_setting(struct arena *arena, const char *dir, const char *key,
				 char **ret_value, struct err *err) MUST_CHECK;

#endif
