/* SPDX-License-Identifier: Apache-2.0 */
#include "libcommon/base/crashpoint.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "libcommon/base/status.h"

static pthread_once_t once = PTHREAD_ONCE_INIT;
static char armed[128]; /* empty: nothing is armed */
static atomic_long hits_left;

static void
read_environment(void)
{
	const char *text = getenv("FIT_CRASH_POINT");

	if (text == NULL || text[0] == '\0')
		return;
	const char *colon = strrchr(text, ':');
	size_t len = colon != NULL ? (size_t)(colon - text) : strlen(text);
	char *end = NULL;
	long n = colon != NULL ? strtol(colon + 1, &end, 10) : 1;

	if (len == 0 || len >= sizeof(armed) || n < 1 ||
	    (end != NULL && (end == colon + 1 || *end)))
		fatal("FIT_CRASH_POINT: \"%s\" is not name:n (n from 1)", text);
	atomic_store(&hits_left, n);
	memcpy(armed, text, len);
}

void
crashpoint_hit(const char *name)
{
	pthread_once(&once, read_environment);
	if (armed[0] == '\0' || strcmp(armed, name) != 0)
		return;
	if (atomic_fetch_sub(&hits_left, 1) == 1) {
		kill(getpid(), SIGKILL);
		pause();
	}
}
