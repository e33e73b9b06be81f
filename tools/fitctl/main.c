/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fitctl - for people who run the system.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "libcommon/base/arena.h"
#include "libcommon/base/compiler.h"
#include "tools/fitctl/fitctl.h"

static const struct command {
	const char *name;
	const char *summary;
	int (*run)(int argc, char **argv, struct arena *arena);
} commands[] = {
	{ "status", "what of the local stack runs, where, and how it is", fitctl_status },
	{ "login", "sign in through devidp and print an access token (development)", fitctl_login },
	{ "events", "the event bus: who lags, what passes, reading again", fitctl_events },
	{ "dlq", "events that a consumer gave up: list, show, replay, drop", fitctl_dlq },
};

static void
print_help(FILE *out)
{
	fputs("Usage: fitctl COMMAND [OPTION]…\n\nCommands:\n", out);
	for (size_t i = 0; i < ARRAY_LEN(commands); i++)
		fprintf(out, "  %-10s %s\n", commands[i].name, commands[i].summary);
	fputs("\nOptions:\n"
	      "  --help     this text; after a command, that command's\n"
	      "  --version  print the version\n\n"
	      "Exit status: 0 done, 1 failed, 2 wrong usage.\n",
	      out);
}

int
fitctl_fail(const char *fmt, ...)
{
	va_list ap;

	fputs("fitctl: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	return FITCTL_FAILED;
}

int
fitctl_usage(const char *command, const char *fmt, ...)
{
	va_list ap;

	fputs("fitctl: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fprintf(stderr, "\nTry \"fitctl %s%s--help\".\n", command, *command != '\0' ? " " : "");
	return FITCTL_USAGE;
}

int
fitctl_flush(int exit_status)
{
	if (fflush(stdout) != 0 || ferror(stdout))
		return fitctl_fail("standard output can't be written");
	return exit_status;
}

int
main(int argc, char **argv)
{
	struct arena *arena;
	int code = -1;

	if (argc < 2) {
		print_help(stderr);
		return FITCTL_USAGE;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0) {
		print_help(stdout);
		return fitctl_flush(FITCTL_OK);
	}
	if (strcmp(argv[1], "--version") == 0) {
		puts("fitctl " FIT_VERSION_TEXT);
		return fitctl_flush(FITCTL_OK);
	}
	arena = arena_new(8 << 20);
	for (size_t i = 0; i < ARRAY_LEN(commands) && code < 0; i++) {
		if (strcmp(commands[i].name, argv[1]) == 0)
			code = commands[i].run(argc - 1, argv + 1, arena);
	}
	if (code < 0)
		code = fitctl_usage("", "\"%s\" is not a command", argv[1]);
	arena_free(arena);
	return code;
}
