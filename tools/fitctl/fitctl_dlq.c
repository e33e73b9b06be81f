/* SPDX-License-Identifier: Apache-2.0 */
/* fitctl_dlq.c - dead letters: events that a consumer group gave up. */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libcommon/base/arena.h"
#include "tools/fitctl/fitctl.h"
#include "tools/fitctl/fitctl_bus.h"

#define LIST_MAX 500

static const char help[] =
	"Usage: fitctl dlq list [OPTION]…\n"
	"       fitctl dlq show|replay|drop NUMBER… [OPTION]…\n\n"
	"Events that a consumer group gave up, because handling them failed for good or ended the "
	"process.\n\n"
	"list    one line each, oldest first: number, time, group, type, error\n"
	"show    all of it: the event, where it was, and why it failed\n"
	"replay  back to its group, and to no other; it is handled at once, with attempts counted "
	"anew\n"
	"drop    forget it\n\n"
	"  --group GROUP  list: of this group only\n"
	"  --dir DIR      the stack's folder (default: $FIT_STACK_DIR, else build/local)\n"
	"  --help         this text\n\n"
	"FIT_BUS_URL and FIT_BUS_PASSWORD(_FILE) name the bus; else the stack's settings do.\n"
	"Exit status: 0 done, 1 failed (no such number), 2 wrong usage.\n";

static int
run_list(struct bus *bus, const char *group, struct arena *arena)
{
	struct bus_dead *rows;
	int64_t after = 0;
	struct err err;
	size_t n;

	err_init(&err);
	printf("%8s  %-24s %-16s %-20s %s\n", "NUMBER", "DEAD SINCE", "GROUP", "TYPE", "ERROR");
	do {
		if (bus_dlq_list(bus, deadline_in(FITCTL_BUS_MS), group, after, LIST_MAX, arena,
				 &rows, &n, &err) != STATUS_OK)
			return fitctl_fail("%s", err.text);
		for (size_t i = 0; i < n; i++) {
			printf("%8" PRId64 "  %-24s %-16s %-20s %s\n", rows[i].seq,
			       fitctl_bus_time(arena, rows[i].dead_ms), rows[i].message.group,
			       rows[i].message.type, rows[i].message.error);
			after = rows[i].seq;
		}
		arena_reset(arena);
	} while (n == LIST_MAX);
	return fitctl_flush(FITCTL_OK);
}

static int
show(struct bus *bus, int64_t seq, struct arena *arena)
{
	char id[UUID_TEXT_SIZE];
	struct bus_dead *row;
	struct err err;
	size_t n;

	err_init(&err);
	if (bus_dlq_list(bus, deadline_in(FITCTL_BUS_MS), NULL, seq - 1, 1, arena, &row, &n,
			 &err) != STATUS_OK)
		return fitctl_fail("%s", err.text);
	if (n == 0 || row->seq != seq)
		return fitctl_fail("there is no dead letter %" PRId64, seq);
	const struct bus_message *m = &row->message;
	uuid_format(&m->id, id);
	printf("number     %" PRId64 "\nid         %s\ngroup      %s\ntopic      %s\n"
	       "partition  %d\noffset     %" PRId64 "\nkey        %s\ntype       %s\n"
	       "source     %s\ntime       %s\ntrace      %s\nattempts   %u\ndead since %s\n"
	       "error      %s\nevent      %s\n",
	       seq, id, m->group, m->topic, m->partition, m->offset, fitctl_bus_key(arena, m),
	       m->type, m->source, fitctl_bus_time(arena, m->time_ms),
	       m->traceparent != NULL ? m->traceparent : "-", m->attempt,
	       fitctl_bus_time(arena, row->dead_ms), m->error, fitctl_bus_event(arena, m));
	return FITCTL_OK;
}

static int
replay(struct bus *bus, int64_t seq, struct arena *arena)
{
	struct err err;

	(void)arena;
	err_init(&err);
	if (bus_dlq_replay(bus, deadline_in(FITCTL_BUS_MS), seq, &err) != STATUS_OK)
		return fitctl_fail("%" PRId64 ": %s", seq, err.text);
	return FITCTL_OK;
}

static int
drop(struct bus *bus, int64_t seq, struct arena *arena)
{
	struct err err;

	(void)arena;
	err_init(&err);
	if (bus_dlq_drop(bus, deadline_in(FITCTL_BUS_MS), seq, &err) != STATUS_OK)
		return fitctl_fail("%" PRId64 ": %s", seq, err.text);
	return FITCTL_OK;
}

static const struct {
	const char *name;
	int (*run)(struct bus *bus, int64_t seq, struct arena *arena); /* NULL: list */
} commands[] = { { "list", NULL }, { "show", show }, { "replay", replay }, { "drop", drop } };

/* The others are done too when one fails. */
static int
run_each(int (*run)(struct bus *, int64_t, struct arena *), struct bus *bus, int n, char **numbers,
	 struct arena *arena)
{
	int code = FITCTL_OK;

	for (int i = 0; i < n; i++)
		if (run(bus, strtoll(numbers[i], NULL, 10), arena) != FITCTL_OK)
			code = FITCTL_FAILED;
	return fitctl_flush(code);
}

static int
run(int nwords, char **words, const char *group, const char *dir, struct arena *arena)
{
	struct bus *bus;
	struct err err;
	size_t i = 0;

	while (i < ARRAY_LEN(commands) && strcmp(commands[i].name, words[0]) != 0)
		i++;
	if (i == ARRAY_LEN(commands))
		return fitctl_usage("dlq", "\"%s\" is not list, show, replay or drop", words[0]);
	if ((commands[i].run == NULL) != (nwords == 1))
		return fitctl_usage("dlq", "%s takes %s", words[0],
				    nwords == 1 ? "a number" : "no number");
	for (int w = 1; w < nwords; w++)
		if (words[w][0] == '\0' || words[w][strspn(words[w], "0123456789")] != '\0')
			return fitctl_usage("dlq", "\"%s\" is not a number", words[w]);
	err_init(&err);
	if (fitctl_bus_open(arena, fitctl_stack_dir(arena, dir), &bus, &err) != STATUS_OK)
		return fitctl_fail("%s", err.text);
	struct arena *rows = arena_new(512 << 20);
	int code = commands[i].run == NULL
			   ? run_list(bus, group, rows)
			   : run_each(commands[i].run, bus, nwords - 1, words + 1, rows);
	arena_free(rows);
	bus_close(bus);
	return code;
}

int
fitctl_dlq(int argc, char **argv, struct arena *arena)
{
	static const struct option options[] = { { "group", required_argument, NULL, 'g' },
						 { "dir", required_argument, NULL, 'd' },
						 { "help", no_argument, NULL, 'h' },
						 { NULL, 0, NULL, 0 } };
	const char *group = NULL, *dir = NULL;
	int c;

	opterr = 0;
	while ((c = getopt_long(argc, argv, ":", options, NULL)) != -1) {
		switch (c) {
		case 'g':
			group = optarg;
			break;
		case 'd':
			dir = optarg;
			break;
		case 'h':
			fputs(help, stdout);
			return fitctl_flush(FITCTL_OK);
		case ':':
			return fitctl_usage("dlq", "%s needs a value", argv[optind - 1]);
		default:
			return fitctl_usage("dlq", "\"%s\" is not an option", argv[optind - 1]);
		}
	}
	if (optind == argc)
		return fitctl_usage("dlq", "list, show, replay or drop is missing");
	return run(argc - optind, argv + optind, group, dir, arena);
}
