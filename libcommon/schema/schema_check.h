/* SPDX-License-Identifier: Apache-2.0 */
/*
 * schema_check.h - what the walk and the rules of a wire check share; for this folder.
 *
 * Ownership: a check is on the stack of one call; it borrows limits, err and the wire bytes,
 *            and allocates nothing. Threads: one.
 */
#ifndef FIT_SCHEMA_SCHEMA_CHECK_H
#define FIT_SCHEMA_SCHEMA_CHECK_H

#include "libcommon/schema/schema_impl.h"

struct check {
	const struct schema_limits *limits;
	struct err *err;
	size_t elements, unpacked;
	unsigned violations;
	bool structure; /* this pass looks at form and limits */
	bool rules;     /* this pass looks at rules */
};

enum status check_message(struct check *c, const struct schema_message *m, struct slice wire,
			  const struct path_node *node, unsigned depth) MUST_CHECK;
/* Notes a violation; the walk goes on. */
void check_violation(struct check *c, const struct path_node *node, const char *text) COLD;

/* One value against its rules. */
void check_value(struct check *c, const struct schema_field *f, const struct schema_rules *r,
		 uint64_t bits, struct slice bytes, const struct path_node *node);
/* min, max and unique of a repeated or map field; `wire` is the message that holds it. */
void check_count(struct check *c, const struct schema_field *f, uint32_t count, struct slice wire,
		 const struct path_node *node);

#endif
