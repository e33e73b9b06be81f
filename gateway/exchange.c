/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/exchange.h"

struct slice
exchange_header(const struct exchange *ex, struct slice name)
{
	for (unsigned i = 0; i < ex->nfields; i++) {
		if (http_name_eq(ex->fields[i].name, name))
			return ex->fields[i].value;
	}
	return SLICE_NONE;
}
