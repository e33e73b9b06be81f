/* SPDX-License-Identifier: Apache-2.0 */
#include "services/notification/notification_sender.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libcommon/base/compiler.h"
#include "tests/support/testkit.h"

#define EVENT "018f2d7e-4c61-7f0e-9d3a-2f6f1f1c7a02"

static struct notification_letter
letter(void)
{
	static char name[] = "value", value[] = "a \"b\"";
	static char *parameters[] = { name, value };
	struct notification_letter l = {
		.kind = "streak",
		.importance = "normal",
		.title = "4 weeks in a row",
		.body = "You have trained in each of the last 4 weeks. Keep it going, "
			"and this line is longer than a line of a mail may be.",
		.group = "g",
		.parameters = parameters,
		.nparameters = 2,
		.time_ms = TESTKIT_WALL_MS,
		.address = "ana@example.org",
	};

	assert_true(uuid_parse_str(EVENT, &l.event));
	return l;
}

static char *
read_letter(const char *dir, const char *name)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return testkit_read_file(path);
}

static int
count_files(const char *dir, const char *sub)
{
	char path[512];
	struct dirent *entry;
	int n = 0;

	snprintf(path, sizeof(path), "%s/%s", dir, sub);
	DIR *d = opendir(path);
	assert_non_null(d);
	while ((entry = readdir(d)) != NULL)
		n += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
	closedir(d);
	return n;
}

static void
test_notification_spool_push(void **state)
{
	struct notification_letter l = letter();
	struct notification_sender *sender;
	char *dir = testkit_temp_dir(), *text;
	struct err err;

	(void)state;
	err_init(&err);
	ASSERT_OK(notification_spool_push_open(dir, &sender, &err), &err);
	assert_true(sender->skip_read && !sender->needs_address);
	ASSERT_OK(sender->send(sender, &l, deadline_in(1000), &err), &err);
	ASSERT_OK(sender->send(sender, &l, deadline_in(1000), &err),
		  &err); /* again: the same file */
	sender->close(sender);
	assert_int_equal(count_files(dir, "push"), 1);
	text = read_letter(dir, "push/" EVENT "-streak.json");
	assert_string_equal(
		text,
		"{\"eventId\":\"" EVENT "\","
		"\"userId\":\"00000000-0000-0000-0000-000000000000\",\"kind\":\"streak\","
		"\"importance\":\"normal\",\"title\":\"4 weeks in a row\",\"body\":"
		"\"You have trained in each of the last 4 weeks. Keep it going, and this line "
		"is longer than a line of a mail may be.\",\"group\":\"g\","
		"\"time\":\"2026-11-24T07:23:20.123Z\",\"parameters\":{\"value\":\"a "
		"\\\"b\\\"\"}}\n");
	free(text);
	testkit_remove_dir(dir);
}

static void
test_notification_spool_mail(void **state)
{
	struct notification_letter l = letter();
	struct notification_sender *sender;
	char *dir = testkit_temp_dir(), *text;
	struct err err;

	(void)state;
	err_init(&err);
	ASSERT_OK(notification_spool_mail_open(dir, "Fit <fit@example.org>", &sender, &err), &err);
	assert_true(sender->needs_address);
	ASSERT_OK(sender->send(sender, &l, deadline_in(1000), &err), &err);
	sender->close(sender);
	text = read_letter(dir, "mail/" EVENT "-streak.eml");
	assert_string_equal(
		text, "From: Fit <fit@example.org>\r\nTo: <ana@example.org>\r\n"
		      "Subject: 4 weeks in a row\r\nDate: Tue, 24 Nov 2026 07:23:20 +0000\r\n"
		      "Message-ID: <" EVENT ".streak@fit>\r\nAuto-Submitted: auto-generated\r\n"
		      "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
		      "Content-Transfer-Encoding: 8bit\r\n\r\n"
		      "You have trained in each of the last 4 weeks. Keep it going, and this\r\n"
		      "line is longer than a line of a mail may be.\r\n");
	free(text);
	testkit_remove_dir(dir);
}

/* No address, title or sender makes a header line of its own. */
static void
test_notification_spool_mail_refuses(void **state)
{
	static const struct {
		const char *address, *title;
	} rows[] = {
		{ NULL, "t" },
		{ "", "t" },
		{ "a@example.org\r\nBcc: b@example.org", "t" },
		{ "a@example.org\nBcc: b@example.org", "t" },
		{ "a@example.org", "t\r\nBcc: b@example.org" },
	};
	struct notification_sender *sender;
	char *dir = testkit_temp_dir();
	struct err err;

	(void)state;
	err_init(&err);
	ASSERT_STATUS(STATUS_INVALID_ARGUMENT,
		      notification_spool_mail_open(dir, "a\nb", &sender, &err), &err);
	ASSERT_OK(notification_spool_mail_open(dir, "fit", &sender, &err), &err);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct notification_letter l = letter();

		l.address = rows[i].address;
		l.title = rows[i].title;
		ASSERT_STATUS(STATUS_INVALID_ARGUMENT,
			      sender->send(sender, &l, deadline_in(1000), &err), &err);
	}
	assert_int_equal(count_files(dir, "mail"), 0);
	sender->close(sender);
	testkit_remove_dir(dir);
}

/* What stands in the way may go away: the letter can be sent later. */
static void
test_notification_spool_is_away(void **state)
{
	struct notification_letter l = letter();
	struct notification_sender *sender;
	char *dir = testkit_temp_dir(), command[600];
	struct err err;

	(void)state;
	err_init(&err);
	ASSERT_OK(notification_spool_push_open(dir, &sender, &err), &err);
	snprintf(command, sizeof(command), "rmdir %s/push", dir);
	assert_int_equal(system(command), 0);
	ASSERT_STATUS(STATUS_UNAVAILABLE, sender->send(sender, &l, deadline_in(1000), &err), &err);
	sender->close(sender);
	snprintf(command, sizeof(command), "%s/no/folder", dir);
	ASSERT_STATUS(STATUS_UNAVAILABLE, notification_spool_push_open(command, &sender, &err),
		      &err);
	testkit_remove_dir(dir);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_notification_spool_push),
		cmocka_unit_test(test_notification_spool_mail),
		cmocka_unit_test(test_notification_spool_mail_refuses),
		cmocka_unit_test(test_notification_spool_is_away),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
