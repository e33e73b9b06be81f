/* SPDX-License-Identifier: Apache-2.0 */
/*
 * textnum.c - see textnum.h.
 *
 * Doubles: the usual ones have few digits. If r is an integer below 2^53 and r / 10^k gives v back,
 * then, the division being correctly rounded (r and 10^k are exact), "r with k decimals" reads as
 * v; with r below 10^15 it is the only decimal of that length that does, so the smallest k gives
 * the shortest text. Only other values take the slow way through printf. Reading uses the same fact
 * (W. Clinger, "How to Read Floating Point Numbers Accurately", 1990).
 */
#include "libcommon/schema/textnum.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "libcommon/base/strbuf.h"
#include "libcommon/schema/schema_impl.h"

static const double powers[] = { 1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
				 1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
				 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22 };

/* mantissa x 10^exponent; `exact` when no digit was left out. */
struct decimal {
	bool negative, exact;
	uint64_t mantissa;
	long exponent;
};

static struct decimal
read_decimal(struct slice text)
{
	struct decimal d = { .exact = true };
	const char *p = text.p, *end = text.p + text.n;
	bool point = false, full = false;

	if (p < end && *p == '-') {
		d.negative = true;
		p++;
	}
	for (; p < end && (*p | 32) != 'e'; p++) {
		if (*p == '.') {
			point = true;
			continue;
		}
		unsigned digit = (unsigned)(*p - '0');
		if (full || d.mantissa > (UINT64_MAX - digit) / 10) {
			full = true; /* what follows only scales */
			d.exact &= digit == 0;
			d.exponent += !point;
			continue;
		}
		d.mantissa = d.mantissa * 10 + digit;
		d.exponent -= point;
	}
	if (p < end) {
		bool minus = *++p == '-';
		long e = 0;
		for (p += *p == '-' || *p == '+'; p < end; p++)
			e = e > 99999 ? e : e * 10 + (*p - '0');
		d.exponent += minus ? -e : e;
	}
	return d;
}

static bool
in_range(unsigned type, bool negative, uint64_t v, int64_t *ret)
{
	uint64_t most;

	switch (type) {
	case FT_INT32:
	case FT_SINT32:
	case FT_SFIXED32:
	case FT_ENUM:
		most = INT32_MAX;
		break;
	case FT_UINT32:
	case FT_FIXED32:
		most = UINT32_MAX;
		break;
	case FT_UINT64:
	case FT_FIXED64:
		most = UINT64_MAX;
		break;
	default:
		most = INT64_MAX;
	}
	if (negative)
		most = field_type_signed(type) ? most + 1 : 0;
	if (v > most)
		return false;
	*ret = (int64_t)(negative ? 0 - v : v);
	return true;
}

bool
textnum_int(struct slice text, unsigned type, int64_t *ret)
{
	struct decimal d = read_decimal(text);

	if (!d.exact)
		return false;
	if (d.mantissa == 0)
		d.exponent = 0;
	for (; d.exponent < 0; d.exponent++) {
		if (d.mantissa % 10 != 0)
			return false;
		d.mantissa /= 10;
	}
	for (; d.exponent > 0; d.exponent--) {
		if (d.mantissa > UINT64_MAX / 10)
			return false;
		d.mantissa *= 10;
	}
	return in_range(type, d.negative, d.mantissa, ret);
}

bool
textnum_double(struct slice text, double *ret)
{
	struct decimal d = read_decimal(text);
	SCRATCH char buf[TEXTNUM_MAX + 1];
	double v;

	if (d.exact && d.mantissa <= 1ull << 53 && d.exponent >= -22 && d.exponent <= 22) {
		v = (double)d.mantissa;
		v = d.exponent < 0 ? v / powers[-d.exponent] : v * powers[d.exponent];
		*ret = d.negative ? -v : v;
		return true;
	}
	if (text.n > TEXTNUM_MAX)
		return false;
	memcpy(buf, text.p, text.n);
	buf[text.n] = '\0';
	v = strtod(buf, NULL);
	if (!isfinite(v))
		return false;
	*ret = v;
	return true;
}

bool
textnum_is_integer(struct slice text)
{
	size_t i = text.n > 0 && text.p[0] == '-';

	if (i == text.n || (text.p[i] == '0' && text.n > i + 1))
		return false;
	for (; i < text.n; i++) {
		if (text.p[i] < '0' || text.p[i] > '9')
			return false;
	}
	return true;
}

/* r with its last k digits after the point. */
static void
add_scaled(struct strbuf *out, bool negative, uint64_t r, unsigned k)
{
	SCRATCH char buf[40];
	char *end = buf + sizeof(buf), *p = end;

	for (unsigned i = 0; r > 0 || i <= k; i++) {
		if (i == k && k > 0)
			*--p = '.';
		*--p = (char)('0' + r % 10);
		r /= 10;
	}
	if (negative)
		*--p = '-';
	strbuf_add(out, p, (size_t)(end - p));
}

static bool
add_short(struct strbuf *out, double v, bool single)
{
	double a = fabs(v), limit = single ? 1e6 : 1e15;

	for (unsigned k = 0; k <= 6 && a * powers[k] < limit; k++) {
		double r = rint(a * powers[k]), back = r / powers[k];
		if (single ? (float)back == (float)a : back == a) {
			add_scaled(out, signbit(v) != 0, (uint64_t)r, k);
			if (a == 0 && signbit(v))
				strbuf_adds(out,
					    ".0"); /* many readers take "-0" for the integer 0 */
			return true;
		}
	}
	return false;
}

void
textnum_add_double(struct strbuf *out, double v)
{
	char buf[40];

	if (add_short(out, v, false))
		return;
	/* Below DBL_MIN there are fewer bits, so fewer digits may do. */
	for (int digits = fabs(v) < DBL_MIN ? 1 : 15; digits <= 17; digits++) {
		snprintf(buf, sizeof(buf), "%.*g", digits, v);
		if (strtod(buf, NULL) == v)
			break;
	}
	strbuf_adds(out, buf);
}

void
textnum_add_float(struct strbuf *out, float v)
{
	char buf[40];

	if (add_short(out, v, true))
		return;
	for (int digits = 6; digits <= 9; digits++) {
		snprintf(buf, sizeof(buf), "%.*g", digits, (double)v);
		if (strtof(buf, NULL) == v)
			break;
	}
	strbuf_adds(out, buf);
}

/* ---- times ---- */

#define SECONDS_0001 (-62135596800) /* 0001-01-01T00:00:00Z */
#define SECONDS_9999 253402300799   /* 9999-12-31T23:59:59Z */
#define DURATION_MAX 315576000000

/* Days since 1970-01-01 of a date of the proleptic Gregorian calendar, counted from March so that
 * leap days come last. */
static int64_t
days_from_date(int y, int m, int d)
{
	y -= m <= 2;
	int64_t era = y / 400, yoe = y - era * 400;
	int64_t doy = (153 * (m > 2 ? m - 3 : m + 9) + 2) / 5 + d - 1;
	return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}

static void
date_from_days(int64_t days, int *y, int *m, int *d)
{
	days += 719468; /* years 0001.. only: never negative */
	int64_t era = days / 146097, doe = days - era * 146097;
	int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100), mp = (5 * doy + 2) / 153;
	*d = (int)(doy - (153 * mp + 2) / 5 + 1);
	*m = (int)(mp < 10 ? mp + 3 : mp - 9);
	*y = (int)(yoe + era * 400 + (*m <= 2));
}

static bool
digits(const char **p, const char *end, int n, int *ret)
{
	int v = 0;

	if (end - *p < n)
		return false;
	for (int i = 0; i < n; i++, (*p)++) {
		if (**p < '0' || **p > '9')
			return false;
		v = v * 10 + (**p - '0');
	}
	*ret = v;
	return true;
}

static bool
take(const char **p, const char *end, char c)
{
	if (*p >= end || **p != c)
		return false;
	(*p)++;
	return true;
}

/* ".123": one to nine digits; nothing is zero. */
static bool
fraction(const char **p, const char *end, int32_t *ret_nanos)
{
	int32_t v = 0;
	int n = 0;

	if (take(p, end, '.')) {
		for (; *p < end && **p >= '0' && **p <= '9' && n < 10; n++, (*p)++)
			v = n < 9 ? v * 10 + (**p - '0') : v;
		if (n == 0 || n > 9)
			return false;
		for (; n < 9; n++)
			v *= 10;
	}
	*ret_nanos = v;
	return true;
}

static int
month_days(int y, int m)
{
	static const uint8_t days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	return days[m - 1] + (m == 2 && y % 4 == 0 && (y % 100 != 0 || y % 400 == 0));
}

bool
textnum_timestamp(struct slice text, struct textnum_time *ret)
{
	const char *p = text.p, *end = text.p + text.n;
	int y, mo, d, h, mi, s, oh = 0, om = 0, sign = 0;
	int32_t nanos;

	if (!digits(&p, end, 4, &y) || !take(&p, end, '-') || !digits(&p, end, 2, &mo) ||
	    !take(&p, end, '-') || !digits(&p, end, 2, &d) || !take(&p, end, 'T') ||
	    !digits(&p, end, 2, &h) || !take(&p, end, ':') || !digits(&p, end, 2, &mi) ||
	    !take(&p, end, ':') || !digits(&p, end, 2, &s) || !fraction(&p, end, &nanos))
		return false;
	if (y < 1 || mo < 1 || mo > 12 || d < 1 || d > month_days(y, mo) || h > 23 || mi > 59 ||
	    s > 59)
		return false;
	if (p < end && (*p == '+' || *p == '-')) {
		sign = *p++ == '+' ? 1 : -1;
		if (!digits(&p, end, 2, &oh) || !take(&p, end, ':') || !digits(&p, end, 2, &om) ||
		    oh > 23 || om > 59)
			return false;
	} else if (!take(&p, end, 'Z')) {
		return false;
	}
	int64_t seconds = days_from_date(y, mo, d) * 86400 + h * 3600 + mi * 60 + s -
			  sign * (oh * 3600 + om * 60);
	if (p != end || seconds < SECONDS_0001 || seconds > SECONDS_9999)
		return false;
	*ret = (struct textnum_time){ seconds, nanos };
	return true;
}

bool
textnum_duration(struct slice text, struct textnum_time *ret)
{
	const char *p = text.p, *end = text.p + text.n;
	bool negative = take(&p, end, '-');
	int64_t seconds = 0;
	int32_t nanos;
	int n = 0;

	for (; p < end && *p >= '0' && *p <= '9' && n < 13; n++, p++)
		seconds = seconds * 10 + (*p - '0');
	if (n == 0 || !fraction(&p, end, &nanos) || !take(&p, end, 's') || p != end ||
	    seconds > DURATION_MAX || (seconds == DURATION_MAX && nanos > 0))
		return false;
	*ret = (struct textnum_time){ negative ? -seconds : seconds, negative ? -nanos : nanos };
	return true;
}

/* Writes n decimal digits, leading zeros kept. */
static char *
put_digits(char *p, int64_t v, int n)
{
	for (int i = n - 1; i >= 0; i--, v /= 10)
		p[i] = (char)('0' + v % 10);
	return p + n;
}

/* Zero, three, six or nine digits. */
static char *
put_fraction(char *p, int32_t nanos)
{
	if (nanos == 0)
		return p;
	*p++ = '.';
	if (nanos % 1000000 == 0)
		return put_digits(p, nanos / 1000000, 3);
	if (nanos % 1000 == 0)
		return put_digits(p, nanos / 1000, 6);
	return put_digits(p, nanos, 9);
}

bool
textnum_add_timestamp(struct strbuf *out, struct textnum_time t)
{
	int y, m, d;

	if (t.seconds < SECONDS_0001 || t.seconds > SECONDS_9999 || t.nanos < 0 ||
	    t.nanos > 999999999)
		return false;
	int64_t days = (t.seconds - SECONDS_0001) / 86400 + SECONDS_0001 / 86400;
	int64_t rest = t.seconds - days * 86400;
	date_from_days(days, &y, &m, &d);
	strbuf_grow(out, 32);
	char *p = out->buf + out->len;
	p = put_digits(p, y, 4);
	*p++ = '-';
	p = put_digits(p, m, 2);
	*p++ = '-';
	p = put_digits(p, d, 2);
	*p++ = 'T';
	p = put_digits(p, rest / 3600, 2);
	*p++ = ':';
	p = put_digits(p, rest / 60 % 60, 2);
	*p++ = ':';
	p = put_digits(p, rest % 60, 2);
	p = put_fraction(p, t.nanos);
	*p++ = 'Z';
	*p = '\0';
	out->len = (size_t)(p - out->buf);
	return true;
}

bool
textnum_add_duration(struct strbuf *out, struct textnum_time t)
{
	bool negative = t.seconds < 0 || t.nanos < 0;
	char buf[16];

	if (t.seconds < -DURATION_MAX || t.seconds > DURATION_MAX || t.nanos < -999999999 ||
	    t.nanos > 999999999 || (t.seconds < 0 && t.nanos > 0) || (t.seconds > 0 && t.nanos < 0))
		return false;
	if (negative)
		strbuf_addch(out, '-');
	strbuf_add_u64(out, (unsigned long long)(negative ? -t.seconds : t.seconds));
	strbuf_add(out, buf, (size_t)(put_fraction(buf, negative ? -t.nanos : t.nanos) - buf));
	strbuf_addch(out, 's');
	return true;
}
