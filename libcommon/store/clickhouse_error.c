/* SPDX-License-Identifier: Apache-2.0 */
/*
 * clickhouse_error.c - what a code of the server means for the caller: is the data bad, is the
 * world away, or are we wrong?
 */
#include <ctype.h>

#include "libcommon/base/compiler.h"
#include "libcommon/store/clickhouse.h"

static const struct {
	unsigned code; /* ErrorCodes.cpp of the server; ascending */
	enum status status;
} codes[] = {
	{ 6, STATUS_INVALID_ARGUMENT },     /* CANNOT_PARSE_TEXT */
	{ 26, STATUS_INVALID_ARGUMENT },    /* CANNOT_PARSE_QUOTED_STRING */
	{ 27, STATUS_INVALID_ARGUMENT },    /* CANNOT_PARSE_INPUT_ASSERTION_FAILED */
	{ 32, STATUS_INVALID_ARGUMENT },    /* ATTEMPT_TO_READ_AFTER_EOF */
	{ 33, STATUS_INVALID_ARGUMENT },    /* CANNOT_READ_ALL_DATA */
	{ 38, STATUS_INVALID_ARGUMENT },    /* CANNOT_PARSE_DATE */
	{ 41, STATUS_INVALID_ARGUMENT },    /* CANNOT_PARSE_DATETIME */
	{ 53, STATUS_INVALID_ARGUMENT },    /* TYPE_MISMATCH */
	{ 57, STATUS_ALREADY_EXISTS },      /* TABLE_ALREADY_EXISTS */
	{ 60, STATUS_FAILED_PRECONDITION }, /* UNKNOWN_TABLE */
	{ 69, STATUS_INVALID_ARGUMENT },    /* ARGUMENT_OUT_OF_BOUND */
	{ 72, STATUS_INVALID_ARGUMENT },    /* CANNOT_PARSE_NUMBER */
	{ 81, STATUS_FAILED_PRECONDITION }, /* UNKNOWN_DATABASE */
	{ 117, STATUS_INVALID_ARGUMENT },   /* INCORRECT_DATA */
	{ 131, STATUS_INVALID_ARGUMENT },   /* TOO_LARGE_STRING_SIZE */
	{ 158, STATUS_RESOURCE_EXHAUSTED }, /* TOO_MANY_ROWS */
	{ 159, STATUS_DEADLINE_EXCEEDED },  /* TIMEOUT_EXCEEDED */
	{ 160, STATUS_DEADLINE_EXCEEDED },  /* TOO_SLOW */
	{ 164, STATUS_PERMISSION_DENIED },  /* READONLY */
	{ 192, STATUS_UNAUTHENTICATED },    /* UNKNOWN_USER */
	{ 193, STATUS_UNAUTHENTICATED },    /* WRONG_PASSWORD */
	{ 194, STATUS_UNAUTHENTICATED },    /* REQUIRED_PASSWORD */
	{ 202, STATUS_RESOURCE_EXHAUSTED }, /* TOO_MANY_SIMULTANEOUS_QUERIES */
	{ 209, STATUS_DEADLINE_EXCEEDED },  /* SOCKET_TIMEOUT */
	{ 210, STATUS_UNAVAILABLE },        /* NETWORK_ERROR */
	{ 236, STATUS_UNAVAILABLE },        /* ABORTED: the server is stopping */
	{ 241, STATUS_RESOURCE_EXHAUSTED }, /* MEMORY_LIMIT_EXCEEDED */
	{ 242, STATUS_UNAVAILABLE },        /* TABLE_IS_READ_ONLY */
	{ 243, STATUS_RESOURCE_EXHAUSTED }, /* NOT_ENOUGH_SPACE */
	{ 252, STATUS_RESOURCE_EXHAUSTED }, /* TOO_MANY_PARTS */
	{ 279, STATUS_UNAVAILABLE },        /* ALL_CONNECTION_TRIES_FAILED */
	{ 319, STATUS_UNAVAILABLE },        /* UNKNOWN_STATUS_OF_INSERT */
	{ 394, STATUS_CANCELLED },          /* QUERY_WAS_CANCELLED */
	{ 396, STATUS_RESOURCE_EXHAUSTED }, /* TOO_MANY_ROWS_OR_BYTES */
	{ 516, STATUS_UNAUTHENTICATED },    /* AUTHENTICATION_FAILED */
};

enum status
clickhouse_code_status(unsigned code)
{
	for (size_t i = 0; i < ARRAY_LEN(codes); i++)
		if (codes[i].code == code)
			return codes[i].status;
	return STATUS_INTERNAL;
}

unsigned
clickhouse_error_code(struct slice body)
{
	static const struct slice head = SLICE_LIT("Code: ");
	unsigned code = 0;

	if (!slice_starts_with(body, head))
		return 0;
	for (size_t i = head.n; i < body.n && i < head.n + 6 && isdigit((unsigned char)body.p[i]);
	     i++)
		code = code * 10 + (unsigned)(body.p[i] - '0');
	return code;
}
