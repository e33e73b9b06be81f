/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/testkit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "libcommon/base/clock.h"
#include "libcommon/base/strbuf.h"

static NORETURN void
fail_at(const char *file, int line)
{
	_fail(file, line);
	abort(); /* _fail jumps out of the test */
}

static void
need(bool ok, const char *what)
{
	if (ok)
		return;
	print_error("testkit: %s: %s\n", what, strerror(errno));
	fail_at(__FILE__, __LINE__);
}

void
testkit_status(enum status want, enum status got, const struct err *err, const char *expr,
	       const char *file, int line)
{
	if (got == want)
		return;
	print_error("%s\n  is %s, not %s%s%s\n", expr, status_name(got), status_name(want),
		    err != NULL && got != STATUS_OK ? ": " : "",
		    err != NULL && got != STATUS_OK ? err->text : "");
	fail_at(file, line);
}

void
testkit_slice(const char *want, struct slice got, const char *file, int line)
{
	if (slice_eq_str(got, want))
		return;
	print_error("got \"%.*s\"\n  not \"%s\"\n", SLICE_ARG(got), want);
	fail_at(file, line);
}

void
testkit_contains(const char *text, const char *part, bool want, const char *file, int line)
{
	if ((strstr(text, part) != NULL) == want)
		return;
	print_error("\"%s\" %s in\n%s\n", part, want ? "is not" : "is", text);
	fail_at(file, line);
}

char *
testkit_temp_dir(void)
{
	const char *tmp = getenv("TMPDIR");
	char *dir = NULL;

	need(asprintf(&dir, "%s/fit-test-XXXXXX", tmp != NULL ? tmp : "/tmp") > 0, "asprintf");
	need(mkdtemp(dir) != NULL, "mkdtemp");
	return dir;
}

static int
remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

void
testkit_remove_dir(char *dir)
{
	if (dir == NULL)
		return;
	need(nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS) == 0, "nftw");
	free(dir);
}

char *
testkit_write_file(const char *dir, const char *name, struct slice bytes)
{
	char *path = NULL;

	need(asprintf(&path, "%s/%s", dir, name) > 0, "asprintf");
	for (char *p = strchr(path + strlen(dir) + 1, '/'); p != NULL; p = strchr(p + 1, '/')) {
		*p = '\0';
		need(mkdir(path, 0700) == 0 || errno == EEXIST, "mkdir");
		*p = '/';
	}
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	need(fd >= 0, path);
	need(write(fd, bytes.p, bytes.n) == (ssize_t)bytes.n, "write");
	need(close(fd) == 0, "close");
	return path;
}

static char *
read_all(int fd)
{
	struct strbuf sb = STRBUF_INIT;
	ssize_t got;

	do {
		strbuf_grow(&sb, 4096);
		got = read(fd, sb.buf + sb.len, 4096);
		need(got >= 0, "read");
		sb.len += (size_t)got;
	} while (got > 0);
	sb.buf[sb.len] = '\0';
	return sb.buf;
}

char *
testkit_read_file(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	need(fd >= 0, path);
	char *text = read_all(fd);
	close(fd);
	return text;
}

uint16_t
testkit_free_port(void)
{
	struct sockaddr_in sa = { .sin_family = AF_INET };
	socklen_t len = sizeof(sa);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	sa.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	need(fd >= 0, "socket");
	need(bind(fd, (struct sockaddr *)&sa, sizeof(sa)) == 0, "bind");
	need(getsockname(fd, (struct sockaddr *)&sa, &len) == 0, "getsockname");
	close(fd);
	return ntohs(sa.sin_port);
}

int
testkit_clock_setup(void **state)
{
	(void)state;
	clock_fake_set(TESTKIT_MONO_MS, TESTKIT_WALL_MS);
	return 0;
}

int
testkit_clock_teardown(void **state)
{
	(void)state;
	clock_fake_off();
	return 0;
}

int
testkit_fork(void (*fn)(void *arg), void *arg, char **ret_stderr)
{
	static const int deadly[] = { SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL };
	static const struct rlimit no_core;
	int pipe_fd[2], status;

	fflush(NULL);
	need(pipe2(pipe_fd, O_CLOEXEC) == 0, "pipe");
	pid_t pid = fork();
	need(pid >= 0, "fork");
	if (pid == 0) {
		setrlimit(RLIMIT_CORE, &no_core);
		dup2(pipe_fd[1], STDERR_FILENO);
		/* cmocka's handlers would jump back into the parent's test. */
		for (size_t i = 0; i < ARRAY_LEN(deadly); i++)
			signal(deadly[i], SIG_DFL);
		fn(arg);
		_exit(0);
	}
	close(pipe_fd[1]);
	char *text = read_all(pipe_fd[0]);
	close(pipe_fd[0]);
	need(waitpid(pid, &status, 0) == pid, "waitpid");
	if (ret_stderr != NULL)
		*ret_stderr = text;
	else
		free(text);
	return status;
}

struct testkit_latch {
	pthread_mutex_t lock;
	pthread_cond_t zero;
	unsigned left;
};

struct testkit_latch *
testkit_latch_new(unsigned count)
{
	struct testkit_latch *latch = calloc(1, sizeof(*latch));
	pthread_condattr_t monotonic;

	need(latch != NULL, "calloc");
	pthread_mutex_init(&latch->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&latch->zero, &monotonic);
	pthread_condattr_destroy(&monotonic);
	latch->left = count;
	return latch;
}

void
testkit_latch_free(struct testkit_latch *latch)
{
	if (latch == NULL)
		return;
	/* The last one down may still be inside its unlock. */
	pthread_mutex_lock(&latch->lock);
	pthread_mutex_unlock(&latch->lock);
	pthread_cond_destroy(&latch->zero);
	pthread_mutex_destroy(&latch->lock);
	free(latch);
}

void
testkit_latch_down(struct testkit_latch *latch)
{
	pthread_mutex_lock(&latch->lock);
	if (latch->left > 0 && --latch->left == 0)
		pthread_cond_broadcast(&latch->zero);
	pthread_mutex_unlock(&latch->lock);
}

bool
testkit_latch_wait_for(struct testkit_latch *latch, int ms)
{
	struct timespec until;
	int rc = 0;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += ms / 1000;
	until.tv_nsec += ms % 1000 * 1000000L;
	if (until.tv_nsec >= 1000000000L) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000L;
	}
	pthread_mutex_lock(&latch->lock);
	while (latch->left > 0 && rc == 0)
		rc = pthread_cond_timedwait(&latch->zero, &latch->lock, &until);
	bool zero = latch->left == 0;
	pthread_mutex_unlock(&latch->lock);
	return zero;
}

void
testkit_latch_wait(struct testkit_latch *latch, int ms, const char *file, int line)
{
	if (testkit_latch_wait_for(latch, ms))
		return;
	print_error("nothing happened within %d ms\n", ms);
	fail_at(file, line);
}
