/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config.h - settings: a struct, a table, the environment.
 *
 *	struct auth_config { struct service_config service; char *issuer; int64_t access_ttl_s; };
 *	static const struct config_item items[] = {
 *		CONFIG_STRING("FIT_JWT_ISSUER", struct auth_config, issuer, "ai-fitness-coach", 0,
 *			      "The iss claim."),
 *		CONFIG_INT("FIT_ACCESS_TTL_S", struct auth_config, access_ttl_s, "604800", 60,
 *			   2592000, 0, "Life of an access token, seconds."),
 *	};
 *	st = config_load(tables, ntables, &cfg, &err);
 *
 * Every FIT_… variable must be in one of the tables: an unknown one is an error that names it
 * (FIT_CRASH_POINT apart). An item marked CONFIG_SECRET is also read from the file that
 * KEY_FILE names (at most 64 KiB, mode checked: not open to others; one newline at its end is
 * dropped), is never printed, and is wiped at config_fini. KEY wins over its alias; KEY together
 * with KEY_FILE is an error.
 * An error reads `FIT_PG_POOL_SIZE: "lots" is not a number (1..200)`.
 *
 * Ownership: strings in the struct belong to it; config_fini frees them.
 * Threads:   load once at start.
 * Errors:    a table with a bad default or a key twice is a panic.
 */
#ifndef FIT_RUNTIME_CONFIG_H
#define FIT_RUNTIME_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "libcommon/base/status.h"

enum config_type {
	CONFIG_TYPE_STRING, /* char *; NULL when optional and unset */
	CONFIG_TYPE_INT,    /* int64_t, min..max */
	CONFIG_TYPE_BOOL,   /* bool: true/false/1/0/on/off/yes/no */
};

#define CONFIG_REQUIRED 1u /* must be set and not empty */
#define CONFIG_SECRET 2u   /* KEY_FILE works; redacted everywhere */
#define CONFIG_RELOAD 4u   /* read again at SIGHUP */

struct config_item {
	const char *key;   /* "FIT_…" */
	const char *alias; /* the product's own name, e.g. "ALLOWED_ORIGINS", or NULL */
	enum config_type type;
	size_t offset;
	const char *def; /* default as text, NULL: none */
	int64_t min, max;
	unsigned flags;
	const char *doc; /* one sentence, with the unit */
};

#define CONFIG_STRING(k, st, field, d, fl, text)                                                   \
	{                                                                                          \
		.key = (k), .type = CONFIG_TYPE_STRING, .offset = offsetof(st, field), .def = (d), \
		.flags = (fl), .doc = (text)                                                       \
	}
#define CONFIG_STRING_ALIAS(k, al, st, field, d, fl, text)                                         \
	{                                                                                          \
		.key = (k), .alias = (al), .type = CONFIG_TYPE_STRING,                             \
		.offset = offsetof(st, field), .def = (d), .flags = (fl), .doc = (text)            \
	}
/* lo and hi are numbers, the default is its text: CONFIG_INT(…, "604800", 60, 2592000, …) */
#define CONFIG_INT(k, st, field, d, lo, hi, fl, text)                                              \
	{                                                                                          \
		.key = (k), .type = CONFIG_TYPE_INT, .offset = offsetof(st, field), .def = (d),    \
		.min = (lo), .max = (hi), .flags = (fl), .doc = (text)                             \
	}
#define CONFIG_BOOL(k, st, field, d, fl, text)                                                     \
	{                                                                                          \
		.key = (k), .type = CONFIG_TYPE_BOOL, .offset = offsetof(st, field), .def = (d),   \
		.flags = (fl), .doc = (text)                                                       \
	}

struct config_table {
	const char *title; /* "PostgreSQL", "Logging", "auth" */
	const struct config_item *items;
	size_t nitems;
	size_t base; /* offset of the items' struct inside the whole configuration */
};

/* `cfg` must be zeroed. On failure `err` names every bad variable it has room for. */
enum status config_load(const struct config_table *tables, size_t ntables, void *cfg,
			struct err *err) MUST_CHECK;
void config_fini(const struct config_table *tables, size_t ntables, void *cfg);
/* The table as text for --help, and as Markdown for docs/configuration.md. */
void config_print_help(FILE *out, const struct config_table *tables, size_t ntables);
void config_print_markdown(FILE *out, const struct config_table *tables, size_t ntables);

#endif
