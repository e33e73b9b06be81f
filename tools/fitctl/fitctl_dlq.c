/* SPDX-License-Identifier: Apache-2.0 */
/* fitctl_dlq.c - dead letters: events that a consumer group gave up. */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libcommon/base/arena.h"
#include "libcommon/base/strbuf.h"
#include "tools/fitctl/fitctl.h"
#include "tools/fitctl/fitctl_bus.h"

#define LIST_MAX 500

static const char help[] =
	"Usage: fitctl dlq list [OPTION]…\n"
	"       fitctl dlq show|replay|drop NUMBER… [OPTION]…\n"
	"       fitctl dlq replay|drop --group GROUP [OPTION]…\n\n"
	"Events that a consumer group gave up, because handling them failed for good or ended the "
	"process.\n\n"
	"list    one line each, oldest first: number, time, group, type, error\n"
	"show    all of it: the event, where it was, and why it failed\n"
	"replay  back to its group, and to no other; it is handled at once, with attempts counted "
	"anew\n"
	"drop    forget it\n\n"
	"  --group GROUP  list, replay, drop: all of this group\n"
	"  --json         list, show: a JSON object a line, with all of it\n"
	"  --dir DIR      the stack's folder (default: $FIT_STACK_DIR, else build/local)\n"
	"  --help         this text\n\n"
	"FIT_BUS_URL and FIT_BUS_PASSWORD(_FILE) name the bus; else the stack's settings do.\n"
	"Exit status: 0 done, 1 failed (no such number), 2 wrong usage.\n";

struct options {
	const char *dir, *group;
	bool json;
	int nwords;
	char **words; /* the command and its numbers */
};

static void
print_json(const struct bus_dead *row, struct arena *arena)
{
	struct strbuf json = STRBUF_ARENA(arena);

	fitctl_json_int(&json, "number", row->seq);
	fitctl_json_text(&json, "group", row->message.group);
	fitctl_json_int(&json, "attempts", row->message.attempt);
	fitctl_json_text(&json, "deadSince", fitctl_bus_time(arena, row->dead_ms));
	fitctl_json_text(&json, "error", row->message.error);
	fitctl_bus_json(&json, arena, &row->message);
	fitctl_json_end(&json);
}

static void
print_line(const struct bus_dead *row, struct arena *arena)
{
	printf("%8" PRId64 "  %-24s %-16s %-20s %s\n", row->seq,
	       fitctl_bus_time(arena, row->dead_ms), row->message.group, row->message.type,
	       row->message.error);
}

static int
run_list(struct bus *bus, const struct options *o, struct arena *arena)
{
	struct bus_dead *rows;
	int64_t after = 0;
	struct err err;
	size_t n;

	err_init(&err);
	if (!o->json)
		printf("%8s  %-24s %-16s %-20s %s\n", "NUMBER", "DEAD SINCE", "GROUP", "TYPE",
		       "ERROR");
	do {
		if (bus_dlq_list(bus, deadline_in(FITCTL_BUS_MS), o->group, after, LIST_MAX, arena,
				 &rows, &n, &err) != STATUS_OK)
			return fitctl_fail("%s", err.text);
		for (size_t i = 0; i < n; i++) {
			(o->json ? print_json : print_line)(&rows[i], arena);
			after = rows[i].seq;
		}
		arena_reset(arena);
	} while (n == LIST_MAX);
	return fitctl_flush(FITCTL_OK);
}

static int
show(struct bus *bus, int64_t seq, const struct options *o, struct arena *arena)
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
	if (o->json) {
		print_json(row, arena);
		return FITCTL_OK;
	}
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
replay(struct bus *bus, int64_t seq, const struct options *o, struct arena *arena)
{
	struct err err;

	(void)o;
	(void)arena;
	err_init(&err);
	if (bus_dlq_replay(bus, deadline_in(FITCTL_BUS_MS), seq, &err) != STATUS_OK)
		return fitctl_fail("%" PRId64 ": %s", seq, err.text);
	return FITCTL_OK;
}

static int
drop(struct bus *bus, int64_t seq, const struct options *o, struct arena *arena)
{
	struct err err;

	(void)o;
	(void)arena;
	err_init(&err);
	if (bus_dlq_drop(bus, deadline_in(FITCTL_BUS_MS), seq, &err) != STATUS_OK)
		return fitctl_fail("%" PRId64 ": %s", seq, err.text);
	return FITCTL_OK;
}

typedef int (*each_fn)(struct bus *bus, int64_t seq, const struct options *o, struct arena *arena);

static const struct {
	const char *name;
	each_fn each;  /* NULL: list */
	bool of_group; /* may be for all of a group */
} commands[] = { { "list", NULL, true },
		 { "show", show, false },
		 { "replay", replay, true },
		 { "drop", drop, true } };

/* The others are done too when one fails. */
static int
run_each(each_fn each, struct bus *bus, const struct options *o, struct arena *arena)
{
	int code = FITCTL_OK;

	for (int i = 1; i < o->nwords; i++)
		if (each(bus, strtoll(o->words[i], NULL, 10), o, arena) != FITCTL_OK)
			code = FITCTL_FAILED;
	return fitctl_flush(code);
}

/* Those that are there now; what dies meanwhile has a higher number and may be met too. */
static int
run_group(each_fn each, struct bus *bus, const struct options *o, struct arena *arena)
{
	int code = FITCTL_OK;
	struct bus_dead *rows;
	int64_t after = 0;
	struct err err;
	size_t n;

	err_init(&err);
	do {
		arena_reset(arena);
		if (bus_dlq_list(bus, deadline_in(FITCTL_BUS_MS), o->group, after, LIST_MAX, arena,
				 &rows, &n, &err) != STATUS_OK)
			return fitctl_fail("%s", err.text);
		for (size_t i = 0; i < n; i++) {
			if (each(bus, rows[i].seq, o, arena) != FITCTL_OK)
				code = FITCTL_FAILED;
			after = rows[i].seq;
		}
	} while (n == LIST_MAX);
	return fitctl_flush(code);
}

static int
check(const struct options *o, size_t *ret_command)
{
	size_t i = 0;

	while (i < ARRAY_LEN(commands) && strcmp(commands[i].name, o->words[0]) != 0)
		i++;
	if (i == ARRAY_LEN(commands))
		return fitctl_usage("dlq", "\"%s\" is not list, show, replay or drop", o->words[0]);
	if (commands[i].each == NULL && o->nwords > 1)
		return fitctl_usage("dlq", "list takes no number");
	if (o->group != NULL && (!commands[i].of_group || o->nwords > 1))
		return fitctl_usage("dlq", "--group is for list, replay or drop, without numbers");
	if (commands[i].each != NULL && o->group == NULL && o->nwords == 1)
		return fitctl_usage("dlq", "%s takes a number%s", o->words[0],
				    commands[i].of_group ? ", or --group" : "");
	for (int w = 1; w < o->nwords; w++)
		if (o->words[w][0] == '\0' ||
		    o->words[w][strspn(o->words[w], "0123456789")] != '\0')
			return fitctl_usage("dlq", "\"%s\" is not a number", o->words[w]);
	*ret_command = i;
	return FITCTL_OK;
}

static int
run(const struct options *o, struct arena *arena)
{
	struct bus *bus;
	struct err err;
	size_t i = 0;
	int code = check(o, &i);

	if (code != FITCTL_OK)
		return code;
	err_init(&err);
	if (fitctl_bus_open(arena, o->dir, &bus, &err) != STATUS_OK)
		return fitctl_fail("%s", err.text);
	struct arena *rows = arena_new(512 << 20);
	if (commands[i].each == NULL)
		code = run_list(bus, o, rows);
	else if (o->group != NULL)
		code = run_group(commands[i].each, bus, o, rows);
	else
		code = run_each(commands[i].each, bus, o, rows);
	arena_free(rows);
	bus_close(bus);
	return code;
}

int
fitctl_dlq(int argc, char **argv, struct arena *arena)
{
	static const struct option options[] = { { "group", required_argument, NULL, 'g' },
						 { "json", no_argument, NULL, 'j' },
						 { "dir", required_argument, NULL, 'd' },
						 { "help", no_argument, NULL, 'h' },
						 { NULL, 0, NULL, 0 } };
	struct options o = { 0 };
	const char *dir = NULL;
	int c;

	opterr = 0;
	while ((c = getopt_long(argc, argv, ":", options, NULL)) != -1) {
		switch (c) {
		case 'g':
			o.group = optarg;
			break;
		case 'j':
			o.json = true;
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
	o.dir = fitctl_stack_dir(arena, dir);
	o.words = argv + optind;
	o.nwords = argc - optind;
	return run(&o, arena);
}
