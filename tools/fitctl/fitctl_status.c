/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <getopt.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <jansson.h>

#include "libcommon/base/arena.h"
#include "libcommon/base/clock.h"
#include "libcommon/net/http_client.h"
#include "tools/fitctl/fitctl.h"

#define PROBE_MS 2000
#define REPLY_MAX 65536

static const char help[] =
	"Usage: fitctl status [OPTION]…\n\n"
	"Shows each program of the local stack: where it listens, its process, whether it is "
	"ready, how long it took\n"
	"to become so, its resident memory, and its log.\n\n"
	"  --dir DIR  the stack's folder (default: $FIT_STACK_DIR, else build/local)\n"
	"  --json     one JSON array instead of a table\n"
	"  --help     this text\n\n"
	"States: ready; not ready (its /ready says no, or it does not answer); stopped.\n"
	"Exit status: 0 all are ready, 1 some are not, 2 wrong usage.\n";

static bool
accepts(uint16_t port)
{
	struct sockaddr_in addr = { .sin_family = AF_INET, .sin_port = htons(port) };
	const struct timeval wait = { .tv_sec = PROBE_MS / 1000 };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool good;

	if (fd < 0)
		return false;
	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	/* The send timeout also bounds connect (socket(7)). */
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait));
	good = connect(fd, (struct sockaddr *)&addr, sizeof(addr)) == 0;
	close(fd);
	return good;
}

static bool
answers_200(struct arena *arena, uint16_t port, const char *path)
{
	struct http_request req = { .url = arena_printf(arena, "http://127.0.0.1:%u%s", port, path),
				    .deadline = deadline_in(PROBE_MS),
				    .max_bytes = REPLY_MAX };
	struct http_response res;

	return http_client_fetch(&req, arena, &res, NULL) == STATUS_OK && res.status == 200;
}

/* Who has an admin port says it there; of the others it is enough that they accept. */
static const char *
state_of(struct arena *arena, const struct fitctl_program *p)
{
	if (p->pid == 0)
		return "stopped";
	if (p->admin_port != 0)
		return answers_200(arena, p->admin_port, "/ready") ? "ready" : "not ready";
	return accepts(p->port) ? "ready" : "not ready";
}

static void
print_table(const struct fitctl_stack *stack, const char *const *states)
{
	printf("%-14s %-16s %8s  %-10s %9s %9s  %s\n", "NAME", "ADDRESS", "PID", "STATE",
	       "READY IN", "RSS", "LOG");
	for (size_t i = 0; i < stack->n; i++) {
		const struct fitctl_program *p = &stack->programs[i];
		char address[32], pid[24] = "-", ready[32] = "-", rss[32] = "-";

		snprintf(address, sizeof(address), "127.0.0.1:%u", p->port);
		if (p->pid != 0)
			snprintf(pid, sizeof(pid), "%ld", (long)p->pid);
		if (p->ready_ms >= 0)
			snprintf(ready, sizeof(ready), "%" PRId64 " ms", p->ready_ms);
		if (p->rss_kb >= 0)
			snprintf(rss, sizeof(rss), "%.1f MB", (double)p->rss_kb / 1024);
		printf("%-14s %-16s %8s  %-10s %9s %9s  %s\n", p->name, address, pid, states[i],
		       ready, rss, p->log);
	}
}

static json_t *
number_or_null(int64_t n, int64_t none)
{
	return n != none ? json_integer(n) : json_null();
}

static void
print_json(const struct fitctl_stack *stack, const char *const *states)
{
	json_t *list = json_array();

	for (size_t i = 0; i < stack->n; i++) {
		const struct fitctl_program *p = &stack->programs[i];

		json_array_append_new(list,
				      json_pack("{s:s, s:o, s:o, s:o, s:s, s:o, s:o, s:s}", "name",
						p->name, "address",
						json_sprintf("127.0.0.1:%u", p->port), "adminPort",
						number_or_null(p->admin_port, 0), "pid",
						number_or_null(p->pid, 0), "state", states[i],
						"readyMs", number_or_null(p->ready_ms, -1), "rssKb",
						number_or_null(p->rss_kb, -1), "log", p->log));
	}
	(void)json_dumpf(list, stdout, JSON_INDENT(2));
	putchar('\n');
	json_decref(list);
}

int
fitctl_status(int argc, char **argv, struct arena *arena)
{
	static const struct option options[] = { { "dir", required_argument, NULL, 'd' },
						 { "json", no_argument, NULL, 'j' },
						 { "help", no_argument, NULL, 'h' },
						 { NULL, 0, NULL, 0 } };
	const char *states[FITCTL_PROGRAMS_MAX], *dir = NULL;
	struct fitctl_stack stack;
	bool json = false, all = true;
	struct err err;
	int c;

	opterr = 0;
	while ((c = getopt_long(argc, argv, ":", options, NULL)) != -1) {
		switch (c) {
		case 'd':
			dir = optarg;
			break;
		case 'j':
			json = true;
			break;
		case 'h':
			fputs(help, stdout);
			return fitctl_flush(FITCTL_OK);
		case ':':
			return fitctl_usage("status", "%s needs a value", argv[optind - 1]);
		default:
			return fitctl_usage("status", "\"%s\" is not an option", argv[optind - 1]);
		}
	}
	if (optind < argc)
		return fitctl_usage("status", "\"%s\" is too much", argv[optind]);
	err_init(&err);
	if (fitctl_stack_load(arena, fitctl_stack_dir(arena, dir), &stack, &err) != STATUS_OK)
		return fitctl_fail("%s", err.text);
	for (size_t i = 0; i < stack.n; i++) {
		states[i] = state_of(arena, &stack.programs[i]);
		all = all && strcmp(states[i], "ready") == 0;
	}
	if (json)
		print_json(&stack, states);
	else
		print_table(&stack, states);
	return fitctl_flush(all ? FITCTL_OK : FITCTL_FAILED);
}
