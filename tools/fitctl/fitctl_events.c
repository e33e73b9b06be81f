/* SPDX-License-Identifier: Apache-2.0 */
/* fitctl_events.c - the event bus: who lags, what passes, reading again, and its tables. */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "libcommon/base/arena.h"
#include "libcommon/base/strbuf.h"
#include "tools/fitctl/fitctl.h"
#include "tools/fitctl/fitctl_bus.h"

#define TAIL_MAX 100
#define TAIL_NAP_MS 200
#define MIGRATE_MS 60000

static const char help[] =
	"Usage: fitctl events lag [OPTION]…\n"
	"       fitctl events tail TOPIC [OPTION]…\n"
	"       fitctl events rewind GROUP TOPIC [OPTION]…\n"
	"       fitctl events init [OPTION]…\n\n"
	"lag     how far each consumer group is behind, per topic\n"
	"tail    the topic's events as they come, one line each: time, partition, offset, key, "
	"event\n"
	"rewind  the group reads the topic again from the oldest event that is kept\n"
	"init    makes the bus's tables or brings them up to date (FIT_BUS_OWNER_URL)\n\n"
	"  --all      lag: one line for each partition\n"
	"  --oldest   tail: from the oldest event that is kept, and end at the newest\n"
	"  --json     lag, tail: a JSON object a line\n"
	"  --dir DIR  the stack's folder (default: $FIT_STACK_DIR, else build/local)\n"
	"  --help     this text\n\n"
	"FIT_BUS_URL and FIT_BUS_PASSWORD(_FILE) name the bus; else the stack's settings do.\n";

struct options {
	const char *dir;
	bool all, oldest, json;
	int nwords;
	char **words; /* the command and its arguments */
};

/* ---- lag ---- */

/* Of a partition. */
static void
print_partition(const struct bus_lag *r, struct strbuf *json)
{
	const char *owner = r->owner[0] != '\0' ? r->owner : NULL;

	if (json == NULL) {
		printf("%-16s %-22s %9d %12" PRId64 " %12" PRId64 " %8" PRId64 "  %s\n", r->group,
		       r->topic, r->partition, r->committed, r->head, r->head - r->committed,
		       owner != NULL ? owner : "-");
		return;
	}
	fitctl_json_text(json, "group", r->group);
	fitctl_json_text(json, "topic", r->topic);
	fitctl_json_int(json, "partition", r->partition);
	fitctl_json_int(json, "committed", r->committed);
	fitctl_json_int(json, "head", r->head);
	fitctl_json_int(json, "lag", r->head - r->committed);
	fitctl_json_text(json, "owner", owner);
	fitctl_json_end(json);
}

/* Of a topic. */
static void
print_lag(const struct bus_lag *r, int64_t lag, int64_t retries, unsigned unowned,
	  struct strbuf *json)
{
	if (json != NULL) {
		fitctl_json_text(json, "group", r->group);
		fitctl_json_text(json, "topic", r->topic);
		fitctl_json_int(json, "lag", lag);
		fitctl_json_int(json, "retries", retries);
		fitctl_json_int(json, "partitionsWithoutReader", unowned);
		fitctl_json_end(json);
		return;
	}
	printf("%-16s %-22s %10" PRId64 " %8" PRId64 " %8u\n", r->group, r->topic, lag, retries,
	       unowned);
}

static int
run_lag(struct bus *bus, const struct options *o, struct arena *arena)
{
	struct strbuf line = STRBUF_ARENA(arena), *json = o->json ? &line : NULL;
	struct bus_lag *rows;
	struct err err;
	size_t n;

	err_init(&err);
	if (bus_lag(bus, deadline_in(FITCTL_BUS_MS), arena, &rows, &n, &err) != STATUS_OK)
		return fitctl_fail("%s", err.text);
	if (o->all) {
		if (json == NULL)
			printf("%-16s %-22s %9s %12s %12s %8s  %s\n", "GROUP", "TOPIC", "PARTITION",
			       "COMMITTED", "HEAD", "LAG", "OWNER");
		for (size_t i = 0; i < n; i++)
			print_partition(&rows[i], json);
		return fitctl_flush(FITCTL_OK);
	}
	if (json == NULL)
		printf("%-16s %-22s %10s %8s %s\n", "GROUP", "TOPIC", "LAG", "RETRIES",
		       "PARTITIONS WITHOUT READER");
	for (size_t i = 0, end; i < n; i = end) {
		int64_t lag = 0, retries = 0;
		unsigned unowned = 0;

		for (end = i; end < n && strcmp(rows[end].group, rows[i].group) == 0 &&
			      strcmp(rows[end].topic, rows[i].topic) == 0;
		     end++) {
			lag += rows[end].head - rows[end].committed;
			retries += rows[end].retries;
			unowned += rows[end].owner[0] == '\0';
		}
		print_lag(&rows[i], lag, retries, unowned, json);
	}
	return fitctl_flush(FITCTL_OK);
}

/* ---- tail ---- */

static void
print_messages(const struct bus_message *messages, size_t n, bool is_json, struct arena *arena)
{
	struct strbuf json = STRBUF_ARENA(arena);

	for (size_t i = 0; i < n && is_json; i++) {
		fitctl_bus_json(&json, arena, &messages[i]);
		fitctl_json_end(&json);
	}
	for (size_t i = 0; i < n && !is_json; i++)
		printf("%s %d:%" PRId64 " %s %s %s\n", fitctl_bus_time(arena, messages[i].time_ms),
		       messages[i].partition, messages[i].offset,
		       fitctl_bus_key(arena, &messages[i]), messages[i].type,
		       fitctl_bus_event(arena, &messages[i]));
}

/* What all partitions have now; *ret_n: how many lines. */
static enum status
tail_once(struct bus *bus, const struct options *o, int32_t partitions, int64_t *offsets,
	  size_t *ret_n, struct err *err)
{
	struct arena *arena = arena_new(256 << 20);
	enum status st = STATUS_OK;

	*ret_n = 0;
	for (int32_t p = 0; p < partitions && st == STATUS_OK; p++) {
		struct bus_message *messages;
		size_t n;

		st = bus_tail(bus, deadline_in(FITCTL_BUS_MS), o->words[1], p, &offsets[p],
			      TAIL_MAX, arena, &messages, &n, err);
		if (st != STATUS_OK)
			break;
		print_messages(messages, n, o->json, arena);
		*ret_n += n;
	}
	arena_free(arena);
	return st;
}

static int
run_tail(struct bus *bus, const struct options *o, struct arena *arena)
{
	const struct timespec nap = { .tv_nsec = TAIL_NAP_MS * 1000000L };
	struct err err;
	int32_t partitions;
	size_t n;

	err_init(&err);
	enum status st =
		bus_partitions(bus, deadline_in(FITCTL_BUS_MS), o->words[1], &partitions, &err);
	if (st != STATUS_OK)
		return fitctl_fail("%s", err.text);
	int64_t *offsets = ARENA_ARRAY(arena, int64_t, (size_t)partitions);
	for (int32_t p = 0; p < partitions; p++)
		offsets[p] = o->oldest ? 0 : BUS_FROM_END;
	for (;;) {
		st = tail_once(bus, o, partitions, offsets, &n, &err);
		if (st != STATUS_OK)
			return fitctl_fail("%s", err.text);
		if (fflush(stdout) != 0 || (n == 0 && o->oldest))
			return fitctl_flush(FITCTL_OK);
		if (n == 0)
			nanosleep(&nap, NULL);
	}
}

/* ---- rewind, init ---- */

static int
run_rewind(struct bus *bus, const struct options *o, struct arena *arena)
{
	struct err err;

	(void)arena;
	err_init(&err);
	if (bus_rewind(bus, deadline_in(FITCTL_BUS_MS), o->words[1], o->words[2], &err) !=
	    STATUS_OK)
		return fitctl_fail("%s", err.text);
	printf("%s reads %s again, from the oldest event that is kept\n", o->words[1], o->words[2]);
	return fitctl_flush(FITCTL_OK);
}

static int
run_init(const struct options *o, struct arena *arena)
{
	char *url, *password;
	struct err err;

	err_init(&err);
	enum status st = fitctl_stack_setting(arena, o->dir, "FIT_BUS_OWNER_URL", &url, &err);
	if (st == STATUS_OK)
		st = fitctl_bus_secret(arena, o->dir, "FIT_BUS_OWNER_PASSWORD", &password, &err);
	if (st == STATUS_OK)
		st = bus_migrate(url, password, deadline_in(MIGRATE_MS), &err);
	return st == STATUS_OK ? FITCTL_OK : fitctl_fail("%s", err.text);
}

static const struct {
	const char *name;
	int nwords;
	int (*run)(struct bus *bus, const struct options *o, struct arena *arena);
} commands[] = {
	{ "lag", 1, run_lag },
	{ "tail", 2, run_tail },
	{ "rewind", 3, run_rewind },
	{ "init", 1, NULL },
};

static int
run(const struct options *o, struct arena *arena)
{
	struct bus *bus;
	struct err err;
	size_t i = 0;

	while (i < ARRAY_LEN(commands) && strcmp(commands[i].name, o->words[0]) != 0)
		i++;
	if (i == ARRAY_LEN(commands))
		return fitctl_usage("events", "\"%s\" is not lag, tail, rewind or init",
				    o->words[0]);
	if (o->nwords != commands[i].nwords)
		return fitctl_usage("events", "%s takes %d arguments", o->words[0],
				    commands[i].nwords - 1);
	if (commands[i].run == NULL)
		return run_init(o, arena);
	err_init(&err);
	if (fitctl_bus_open(arena, o->dir, &bus, &err) != STATUS_OK)
		return fitctl_fail("%s", err.text);
	int code = commands[i].run(bus, o, arena);
	bus_close(bus);
	return code;
}

int
fitctl_events(int argc, char **argv, struct arena *arena)
{
	static const struct option options[] = {
		{ "all", no_argument, NULL, 'a' },  { "oldest", no_argument, NULL, 'o' },
		{ "json", no_argument, NULL, 'j' }, { "dir", required_argument, NULL, 'd' },
		{ "help", no_argument, NULL, 'h' }, { NULL, 0, NULL, 0 }
	};
	struct options o = { 0 };
	const char *dir = NULL;
	int c;

	opterr = 0;
	while ((c = getopt_long(argc, argv, ":", options, NULL)) != -1) {
		switch (c) {
		case 'a':
			o.all = true;
			break;
		case 'o':
			o.oldest = true;
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
			return fitctl_usage("events", "%s needs a value", argv[optind - 1]);
		default:
			return fitctl_usage("events", "\"%s\" is not an option", argv[optind - 1]);
		}
	}
	if (optind == argc)
		return fitctl_usage("events", "lag, tail, rewind or init is missing");
	o.dir = fitctl_stack_dir(arena, dir);
	o.words = argv + optind;
	o.nwords = argc - optind;
	return run(&o, arena);
}
