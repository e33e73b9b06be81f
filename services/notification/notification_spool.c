/* SPDX-License-Identifier: Apache-2.0 */
/* Push and mail as files: written beside, synced, renamed. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "libcommon/base/clock.h"
#include "libcommon/base/compiler.h"
#include "libcommon/base/strbuf.h"
#include "services/notification/notification_sender.h"

#define NAME_SIZE 128

struct spool {
	struct notification_sender sender;
	int dir;
	char *from;
};

static void
spool_close(struct notification_sender *sender)
{
	struct spool *spool = container_of(sender, struct spool, sender);

	close(spool->dir);
	free(spool->from);
	free(spool);
}

static enum status
fail(const char *doing, const char *name, struct err *err)
{
	/* A full or missing disk may come back. */
	return err_set(err, STATUS_UNAVAILABLE, "spool: cannot %s %s: %s", doing, name,
		       strerror(errno));
}

static bool
write_all(int fd, struct slice bytes)
{
	while (bytes.n > 0) {
		ssize_t n = write(fd, bytes.p, bytes.n);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		bytes = slice_make(bytes.p + n, bytes.n - (size_t)n);
	}
	return fsync(fd) == 0;
}

/* A disk is not asked with a deadline. */
static enum status
put_file(struct spool *spool, const char *name, struct slice bytes, struct err *err)
{
	char temporary[NAME_SIZE + 16];
	bool written;
	int fd;

	/* Another process may write the same letter: each has a file of its own until it is whole.
	 */
	snprintf(temporary, sizeof(temporary), ".%s.%d", name, (int)getpid());
	fd = openat(spool->dir, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW,
		    0600);
	if (fd < 0)
		return fail("make", temporary, err);
	written = write_all(fd, bytes);
	if (close(fd) != 0 || !written) {
		enum status st = fail("write", temporary, err);

		(void)unlinkat(spool->dir, temporary, 0);
		return st;
	}
	if (renameat(spool->dir, temporary, spool->dir, name) != 0 || fsync(spool->dir) != 0)
		return fail("rename", name, err);
	return STATUS_OK;
}

static void
name_of(const struct notification_letter *letter, const char *suffix, char name[NAME_SIZE])
{
	char id[UUID_TEXT_SIZE];

	uuid_format(&letter->event, id);
	snprintf(name, NAME_SIZE, "%s-%s.%s", id, letter->kind, suffix);
}

/* ---- push ---- */

static void
add_member(struct strbuf *out, const char *name, const char *value)
{
	if (out->buf[out->len - 1] != '{')
		strbuf_addch(out, ',');
	strbuf_add_json_string(out, slice_str(name));
	strbuf_addch(out, ':');
	strbuf_add_json_string(out, slice_str(value));
}

static enum status
push_send(struct notification_sender *sender, const struct notification_letter *l,
	  struct deadline deadline, struct err *err)
{
	struct spool *spool = container_of(sender, struct spool, sender);
	struct strbuf out = STRBUF_INIT;
	char name[NAME_SIZE], id[UUID_TEXT_SIZE], user[UUID_TEXT_SIZE], when[CLOCK_RFC3339_SIZE];
	enum status st;

	(void)deadline;
	uuid_format(&l->event, id);
	uuid_format(&l->user, user);
	clock_format_rfc3339(l->time_ms, when);
	strbuf_addch(&out, '{');
	add_member(&out, "eventId", id);
	add_member(&out, "userId", user);
	add_member(&out, "kind", l->kind);
	add_member(&out, "importance", l->importance);
	add_member(&out, "title", l->title);
	add_member(&out, "body", l->body);
	add_member(&out, "group", l->group);
	add_member(&out, "time", when);
	strbuf_adds(&out, ",\"parameters\":{");
	for (size_t i = 0; i + 1 < l->nparameters; i += 2)
		add_member(&out, l->parameters[i], l->parameters[i + 1]);
	strbuf_adds(&out, "}}\n");
	name_of(l, "json", name);
	st = put_file(spool, name, strbuf_slice(&out), err);
	strbuf_fini(&out);
	return st;
}

/* ---- mail ---- */

/* What stands in a header line or an address must not end it. */
static bool
is_one_line(const char *text)
{
	return text[strcspn(text, "\r\n")] == '\0';
}

static void
add_date(struct strbuf *out, int64_t ms)
{
	static const char *const days[] = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat" };
	static const char *const months[] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun",
					      "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
	time_t s = (time_t)(ms / 1000);
	struct tm tm;

	gmtime_r(&s, &tm);
	strbuf_addf(out, "Date: %s, %02d %s %d %02d:%02d:%02d +0000\r\n", days[tm.tm_wday],
		    tm.tm_mday, months[tm.tm_mon], tm.tm_year + 1900, tm.tm_hour, tm.tm_min,
		    tm.tm_sec);
}

/* RFC 5322 section 2.1.1: lines of at most 78, broken at spaces. Our texts are ASCII. */
static void
add_wrapped(struct strbuf *out, const char *text)
{
	size_t column = 0;

	while (*text != '\0') {
		size_t n = strcspn(text, " ");

		if (column > 0 && column + 1 + n > 72) {
			strbuf_adds(out, "\r\n");
			column = 0;
		} else if (column > 0) {
			strbuf_addch(out, ' ');
			column++;
		}
		strbuf_add(out, text, n);
		column += n;
		text += n + (text[n] == ' ');
	}
	strbuf_adds(out, "\r\n");
}

static enum status
mail_send(struct notification_sender *sender, const struct notification_letter *l,
	  struct deadline deadline, struct err *err)
{
	struct spool *spool = container_of(sender, struct spool, sender);
	struct strbuf out = STRBUF_INIT;
	char name[NAME_SIZE], id[UUID_TEXT_SIZE];
	enum status st;

	(void)deadline;
	if (l->address == NULL || *l->address == '\0' || !is_one_line(l->address) ||
	    !is_one_line(l->title))
		return err_set(err, STATUS_INVALID_ARGUMENT, "mail: no address of one line");
	uuid_format(&l->event, id);
	strbuf_addf(&out, "From: %s\r\nTo: <%s>\r\nSubject: %s\r\n", spool->from, l->address,
		    l->title);
	add_date(&out, l->time_ms);
	/* RFC 3834: no automatic answers to this, please. */
	strbuf_addf(&out,
		    "Message-ID: <%s.%s@fit>\r\nAuto-Submitted: auto-generated\r\n"
		    "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
		    "Content-Transfer-Encoding: 8bit\r\n\r\n",
		    id, l->kind);
	add_wrapped(&out, l->body);
	name_of(l, "eml", name);
	st = put_file(spool, name, strbuf_slice(&out), err);
	strbuf_fini(&out);
	return st;
}

/* ---- opening ---- */

static enum status
open_dir(const char *parent, const char *name, int *ret_dir, struct err *err)
{
	char path[4096];
	int fd;

	if ((size_t)snprintf(path, sizeof(path), "%s/%s", parent, name) >= sizeof(path))
		return err_set(err, STATUS_INVALID_ARGUMENT,
			       "spool: the folder's name is too long");
	if ((mkdir(parent, 0700) != 0 && errno != EEXIST) ||
	    (mkdir(path, 0700) != 0 && errno != EEXIST))
		return fail("make", path, err);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return fail("open", path, err);
	*ret_dir = fd;
	return STATUS_OK;
}

static enum status
spool_open(const char *dir, const struct notification_sender *sender, const char *from,
	   struct notification_sender **ret_sender, struct err *err)
{
	struct spool *spool;
	int fd;
	enum status st = open_dir(dir, sender->channel, &fd, err);

	if (st != STATUS_OK)
		return st;
	spool = calloc(1, sizeof(*spool));
	if (spool == NULL || (spool->from = strdup(from)) == NULL)
		panic("notification: no memory");
	spool->sender = *sender;
	spool->dir = fd;
	*ret_sender = &spool->sender;
	return STATUS_OK;
}

enum status
notification_spool_push_open(const char *dir, struct notification_sender **ret_sender,
			     struct err *err)
{
	static const struct notification_sender push = {
		.channel = "push", .skip_read = true, .send = push_send, .close = spool_close
	};

	return spool_open(dir, &push, "", ret_sender, err);
}

enum status
notification_spool_mail_open(const char *dir, const char *from,
			     struct notification_sender **ret_sender, struct err *err)
{
	static const struct notification_sender mail = {
		.channel = "mail", .needs_address = true, .send = mail_send, .close = spool_close
	};

	if (!is_one_line(from))
		return err_set(err, STATUS_INVALID_ARGUMENT, "mail: the sender is not one line");
	return spool_open(dir, &mail, from, ret_sender, err);
}
