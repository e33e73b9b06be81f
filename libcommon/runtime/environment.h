/* SPDX-License-Identifier: Apache-2.0 */
/*
 * environment.h - development, staging or production (FIT_ENVIRONMENT), and what depends on it in
 * every program.
 *
 *	CONFIG_STRING_ALIAS("FIT_ENVIRONMENT", "ENVIRONMENT", struct x, environment,
 *			    ENVIRONMENT_DEFAULT, 0, ENVIRONMENT_DOC)
 *	st = environment_check(cfg->environment, &err);
 *	environment_protect(cfg->environment);       before the first secret is read into memory
 *
 * What nobody set is production: who wants the ease of development says so.
 *
 * Threads: any; environment_protect before others start.
 */
#ifndef FIT_RUNTIME_ENVIRONMENT_H
#define FIT_RUNTIME_ENVIRONMENT_H

#include "libcommon/base/status.h"

#define ENVIRONMENT_DEFAULT "production"
#define ENVIRONMENT_DOC "development, staging or production."

/* INVALID_ARGUMENT: none of the three. */
enum status environment_check(const char *environment, struct err *err) MUST_CHECK;
/* Outside of development: no core file, and no debugger of the same user. */
void environment_protect(const char *environment);

#endif
