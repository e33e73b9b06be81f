/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "libcommon/base/arena.h"
#include "tools/fitctl/fitctl.h"

/* The start of a small file; NULL when it can't be read. */
static char *
read_small(struct arena *arena, const char *path)
{
	char buf[4096];
	FILE *f = fopen(path, "re");
	size_t n;

	if (f == NULL)
		return NULL;
	n = fread(buf, 1, sizeof(buf), f);
	fclose(f);
	return arena_strndup(arena, buf, n);
}

/* build/release/bin/fitctl -> build/local */
static char *
beside_build(struct arena *arena)
{
	char exe[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
	char *slash = NULL;

	if (n <= 0)
		return NULL;
	exe[n] = '\0';
	for (int up = 0; up < 3; up++) {
		slash = strrchr(exe, '/');
		if (slash == NULL)
			return NULL;
		*slash = '\0';
	}
	return arena_printf(arena, "%s/local", exe);
}

const char *
fitctl_stack_dir(struct arena *arena, const char *dir)
{
	const char *set = getenv("FIT_STACK_DIR");
	char *beside;

	if (dir != NULL)
		return dir;
	if (set != NULL && *set != '\0')
		return set;
	beside = beside_build(arena);
	return beside != NULL && access(beside, F_OK) == 0 ? beside : "build/local";
}

/* Start time of a live process in clock ticks (proc(5), field 22); 0: none, or a zombie. */
static unsigned long long
start_time(struct arena *arena, long pid)
{
	char *text = read_small(arena, arena_printf(arena, "/proc/%ld/stat", pid));
	unsigned long long started = 0;
	char *p = text != NULL ? strrchr(text, ')') : NULL;
	char state = '\0';

	/* After the name: state, then 18 numbers, then the start time. */
	if (p == NULL || sscanf(p,
				") %c %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s "
				"%*s %*s %*s %llu",
				&state, &started) != 2)
		return 0;
	return state == 'Z' || state == 'X' ? 0 : started;
}

static int64_t
resident_kb(struct arena *arena, pid_t pid)
{
	char *text = read_small(arena, arena_printf(arena, "/proc/%ld/status", (long)pid));
	char *line = text != NULL ? strstr(text, "\nVmRSS:") : NULL;
	int64_t kb;

	return line != NULL && sscanf(line, "\nVmRSS: %" SCNd64, &kb) == 1 ? kb : -1;
}

/* A pid file is believed when the process with that pid is the one that was started then. */
static void
load_process(struct arena *arena, const char *dir, struct fitctl_program *p)
{
	char *text = read_small(arena, arena_printf(arena, "%s/run/%s.pid", dir, p->name));
	unsigned long long started;
	int64_t ms;
	long pid;

	p->ready_ms = p->rss_kb = -1;
	p->log = arena_printf(arena, "%s/log/%s.log", dir, p->name);
	if (text == NULL || sscanf(text, "%ld %llu", &pid, &started) != 2 || pid <= 0 ||
	    started == 0 || start_time(arena, pid) != started)
		return;
	p->pid = (pid_t)pid;
	p->rss_kb = resident_kb(arena, p->pid);
	text = read_small(arena, arena_printf(arena, "%s/run/%s.ready_ms", dir, p->name));
	if (text != NULL && sscanf(text, "%" SCNd64, &ms) == 1)
		p->ready_ms = ms;
}

enum status
fitctl_stack_load(struct arena *arena, const char *dir, struct fitctl_stack *ret_stack,
		  struct err *err)
{
	const char *path = arena_printf(arena, "%s/run/ports", dir);
	char *text = read_small(arena, path), *save = NULL;
	struct fitctl_stack *stack = ret_stack;

	if (text == NULL)
		return err_set(
			err, STATUS_FAILED_PRECONDITION,
			"no stack in %s (%s: %s); \"make up\" makes one, --dir names another", dir,
			path, strerror(errno));
	stack->dir = dir;
	stack->n = 0;
	for (char *line = strtok_r(text, "\n", &save); line != NULL;
	     line = strtok_r(NULL, "\n", &save)) {
		struct fitctl_program *p = &stack->programs[stack->n];
		unsigned port, admin;
		char name[64];

		if (sscanf(line, "%63s %u %u", name, &port, &admin) != 3 || port > 65535 ||
		    admin > 65535 || strchr(name, '/') != NULL)
			return err_set(err, STATUS_FAILED_PRECONDITION,
				       "%s: \"%s\" is not \"name port admin-port\"", path, line);
		if (stack->n == FITCTL_PROGRAMS_MAX)
			return err_set(err, STATUS_FAILED_PRECONDITION,
				       "%s has more than %d programs", path, FITCTL_PROGRAMS_MAX);
		*p = (struct fitctl_program){ .name = arena_strdup(arena, name),
					      .port = (uint16_t)port,
					      .admin_port = (uint16_t)admin };
		load_process(arena, dir, p);
		stack->n++;
	}
	return STATUS_OK;
}

enum status
fitctl_stack_setting(struct arena *arena, const char *dir, const char *key, char **ret_value,
		     struct err *err)
{
	const char *path = arena_printf(arena, "%s/env", dir);
	const char *set = getenv(key);
	char *text, *save = NULL;
	size_t n = strlen(key);

	if (set != NULL && *set != '\0') {
		*ret_value = arena_strdup(arena, set);
		return STATUS_OK;
	}
	text = read_small(arena, path);
	if (text == NULL)
		return err_set(err, STATUS_NOT_FOUND,
			       "%s is not set, and there is no stack in %s; \"make up\" makes one, "
			       "--dir names another",
			       key, dir);
	for (char *line = strtok_r(text, "\n", &save); line != NULL;
	     line = strtok_r(NULL, "\n", &save)) {
		if (strncmp(line, key, n) == 0 && line[n] == '=') {
			*ret_value = line + n + 1;
			return STATUS_OK;
		}
	}
	return err_set(err, STATUS_NOT_FOUND, "%s has no %s", path, key);
}
