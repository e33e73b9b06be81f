/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "libcommon/store/pg_internal.h"

/*
 * The next word (letters, digits, '_', '.') or single other character; comments and strings are
 * passed over.
 */
static bool
next_token(const char **p, char token[PG_LABEL_MAX])
{
	const char *s = *p;
	size_t n = 0;

	for (;;) {
		while (isspace((unsigned char)*s))
			s++;
		if (s[0] == '-' && s[1] == '-') {
			s += strcspn(s, "\n");
		} else if (*s == '\'') {
			s += 1 + strcspn(s + 1, "'");
			if (*s == '\'')
				s++;
		} else {
			break;
		}
	}
	if (*s == '\0')
		return false;
	if (!isalnum((unsigned char)*s) && *s != '_')
		token[n++] = *s++;
	else
		for (; isalnum((unsigned char)*s) || *s == '_' || *s == '.'; s++)
			if (n < PG_LABEL_MAX - 1)
				token[n++] = (char)tolower((unsigned char)*s);
	token[n] = '\0';
	*p = s;
	return true;
}

static bool
is_name(const char *token)
{
	return isalpha((unsigned char)token[0]) || token[0] == '_';
}

/*
 * The first thing that is changed names the statement (also inside WITH); else the first table
 * read. One word (BEGIN, COMMIT) is its own type.
 */
void
pg_label(const char *sql, char ret_type[PG_LABEL_MAX], char ret_table[PG_LABEL_MAX])
{
	char prev[PG_LABEL_MAX] = "", token[PG_LABEL_MAX], table[PG_LABEL_MAX] = "";

	strcpy(ret_type, "other");
	while (next_token(&sql, token)) {
		const char *type = NULL;

		if (ret_type[0] == 'o' && is_name(token))
			strcpy(ret_type, strcmp(token, "with") == 0 ? "select" : token);
		if (strcmp(prev, "into") == 0)
			type = "insert";
		else if (strcmp(prev, "update") == 0 && strcmp(token, "set") != 0 &&
			 strcmp(token, "of") != 0 && strcmp(token, "skip") != 0)
			type = "update";
		else if (strcmp(prev, "delete from") == 0)
			type = "delete";
		if (type != NULL && is_name(token)) {
			strcpy(ret_type, type);
			strcpy(ret_table, token);
			return;
		}
		if (table[0] == '\0' && strcmp(prev, "from") == 0 && is_name(token))
			strcpy(table, token);
		if (strcmp(token, "update") == 0 &&
		    (strcmp(prev, "for") == 0 || strcmp(prev, "key") == 0 ||
		     strcmp(prev, "do") == 0))
			strcpy(token, "for update");
		if (strcmp(prev, "delete") == 0 && strcmp(token, "from") == 0)
			strcpy(token, "delete from");
		strcpy(prev, token);
	}
	strcpy(ret_table, table);
}
