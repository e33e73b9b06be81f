/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/gcra.h"

#include <string.h>

int64_t
gcra_interval_us(const struct gcra_rate *rate)
{
	int64_t us = rate->window_s * 1000000 / rate->limit;

	return us > 0 ? us : 1;
}

struct gcra_result
gcra_take(const struct gcra_rate *rate, int64_t *tat_us, int64_t now_us)
{
	int64_t interval = gcra_interval_us(rate);
	int64_t burst = interval * rate->limit;
	int64_t tat = *tat_us > now_us ? *tat_us : now_us;
	int64_t next = tat + interval;

	if (next - burst > now_us)
		return (struct gcra_result){ .reset_us = tat - now_us,
					     .retry_us = next - burst - now_us };
	*tat_us = next;
	return (struct gcra_result){
		.allowed = true,
		.remaining = (burst - (next - now_us)) / interval,
		.reset_us = next - now_us,
	};
}

static bool
parse_number(struct slice text, int64_t max, int64_t *ret)
{
	int64_t v = 0;

	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] < '0' || text.p[i] > '9')
			return false;
		v = v * 10 + (text.p[i] - '0');
		if (v > max)
			return false;
	}
	*ret = v;
	return v > 0;
}

bool
gcra_rate_parse(struct slice text, struct gcra_rate *ret_rate)
{
	const char *bar = text.n > 0 ? memchr(text.p, '/', text.n) : NULL;
	struct gcra_rate rate;

	if (bar == NULL)
		return false;
	size_t n = (size_t)(bar - text.p);
	if (!parse_number(slice_make(text.p, n), 1000000000, &rate.limit) ||
	    !parse_number(slice_make(bar + 1, text.n - n - 1), 86400, &rate.window_s))
		return false;
	*ret_rate = rate;
	return true;
}
