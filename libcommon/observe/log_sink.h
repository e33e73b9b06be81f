/* SPDX-License-Identifier: Apache-2.0 */
/*
 * log_sink.h - where log lines go: a file, pipe, socket or terminal that never makes the writer
 * wait. For log.c only.
 *
 *	log_sink_set(STDERR_FILENO);
 *	if (!log_sink_send(line, n))
 *		lost++;
 *
 * A pipe's own buffer is the bounded queue between a process and a reader that is slow: what no
 * longer fits is lost. Marking the shared stderr O_NONBLOCK would change it for every process that
 * has it, so a pipe or terminal is opened anew (/proc/self/fd/N). Where that is not allowed (made
 * by another user), the sink is asked before each write whether it has room; that can still wait
 * when another process fills the same pipe in between. A file on a disk is written as it is.
 *
 * Ownership: the fd is borrowed.
 * Threads:   send: any. set: while no other thread sends.
 * Limits:    at most LOG_LINE_MAX bytes (PIPE_BUF), so that they arrive whole or not at all.
 */
#ifndef FIT_OBSERVE_LOG_SINK_H
#define FIT_OBSERVE_LOG_SINK_H

#include <stdbool.h>
#include <stddef.h>

#include "libcommon/base/compiler.h"

void log_sink_set(int fd);
/* False: lost. */
bool log_sink_send(const char *p, size_t n) MUST_CHECK;

#endif
