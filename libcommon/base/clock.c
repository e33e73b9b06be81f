/* SPDX-License-Identifier: Apache-2.0 */
#include "libcommon/base/clock.h"

#include <limits.h>
#include <stdatomic.h>
#include <time.h>

#include "libcommon/base/compiler.h"

#define NS_PER_S 1000000000LL
#define NS_PER_MS 1000000LL
#define MS_PER_DAY 86400000LL

/* 0001-01-01T00:00:00.000Z and 9999-12-31T23:59:59.999Z, the range of a protobuf Timestamp. */
#define WALL_MIN_MS (-62135596800000LL)
#define WALL_MAX_MS 253402300799999LL

static atomic_bool fake_on;
static _Atomic int64_t fake_mono_ms;
static _Atomic int64_t fake_wall_ms;

static inline bool
is_fake(void)
{
	return UNLIKELY(atomic_load_explicit(&fake_on, memory_order_acquire));
}

static int64_t
read_ns(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (int64_t)ts.tv_sec * NS_PER_S + ts.tv_nsec;
}

int64_t
clock_mono_ns(void)
{
	if (is_fake())
		return atomic_load(&fake_mono_ms) * NS_PER_MS;
	return read_ns(CLOCK_MONOTONIC);
}

int64_t
clock_mono_ms(void)
{
	if (is_fake())
		return atomic_load(&fake_mono_ms);
	return read_ns(CLOCK_MONOTONIC) / NS_PER_MS;
}

int64_t
clock_wall_ms(void)
{
	if (is_fake())
		return atomic_load(&fake_wall_ms);
	return read_ns(CLOCK_REALTIME) / NS_PER_MS;
}

void
clock_fake_set(int64_t mono_ms, int64_t wall_ms)
{
	atomic_store(&fake_mono_ms, mono_ms);
	atomic_store(&fake_wall_ms, wall_ms);
	atomic_store_explicit(&fake_on, true, memory_order_release);
}

void
clock_fake_advance(int64_t ms)
{
	atomic_fetch_add(&fake_mono_ms, ms);
	atomic_fetch_add(&fake_wall_ms, ms);
}

void
clock_fake_off(void)
{
	atomic_store_explicit(&fake_on, false, memory_order_release);
}

struct deadline
deadline_in(int64_t ms)
{
	struct deadline d;

	if (ms < 0)
		ms = 0;
	if (__builtin_add_overflow(clock_mono_ms(), ms, &d.at_ms))
		d.at_ms = INT64_MAX;
	return d;
}

int
deadline_left_ms(struct deadline d)
{
	int64_t now = clock_mono_ms();

	if (d.at_ms <= now)
		return 0;
	/* now >= 0, so the difference cannot overflow when at_ms > now. */
	return d.at_ms - now > INT_MAX ? INT_MAX : (int)(d.at_ms - now);
}

struct deadline
deadline_min(struct deadline a, struct deadline b)
{
	return a.at_ms < b.at_ms ? a : b;
}

/*
 * Days since 1970-01-01 to the proleptic Gregorian calendar and back; the year is taken to
 * begin in March, so that the leap day is its last (H. Hinnant, "chrono-Compatible Low-Level
 * Date Algorithms").
 */
static void
civil_from_days(int64_t days, int *ret_year, int *ret_month, int *ret_day)
{
	int64_t z = days + 719468;
	int64_t era = (z >= 0 ? z : z - 146096) / 146097;
	int64_t doe = z - era * 146097;
	int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	int64_t mp = (5 * doy + 2) / 153;

	*ret_day = (int)(doy - (153 * mp + 2) / 5 + 1);
	*ret_month = (int)(mp < 10 ? mp + 3 : mp - 9);
	*ret_year = (int)(yoe + era * 400 + (*ret_month <= 2));
}

static int64_t
days_from_civil(int year, int month, int day)
{
	int64_t y = year - (month <= 2);
	int64_t era = (y >= 0 ? y : y - 399) / 400;
	int64_t yoe = y - era * 400;
	int64_t doy = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
	int64_t doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;

	return era * 146097 + doe - 719468;
}

static char *
put_digits(char *p, int v, int width)
{
	for (int i = width - 1; i >= 0; i--) {
		p[i] = (char)('0' + v % 10);
		v /= 10;
	}
	return p + width;
}

size_t
clock_format_rfc3339(int64_t wall_ms, char buf[CLOCK_RFC3339_SIZE])
{
	int year, month, day;

	if (wall_ms < WALL_MIN_MS)
		wall_ms = WALL_MIN_MS;
	if (wall_ms > WALL_MAX_MS)
		wall_ms = WALL_MAX_MS;
	int64_t days = wall_ms / MS_PER_DAY;
	int64_t rest = wall_ms % MS_PER_DAY;
	if (rest < 0) {
		rest += MS_PER_DAY;
		days--;
	}
	civil_from_days(days, &year, &month, &day);

	int ms = (int)(rest % 1000);
	int s = (int)(rest / 1000);
	char *p = put_digits(buf, year, 4);
	*p++ = '-';
	p = put_digits(p, month, 2);
	*p++ = '-';
	p = put_digits(p, day, 2);
	*p++ = 'T';
	p = put_digits(p, s / 3600, 2);
	*p++ = ':';
	p = put_digits(p, s / 60 % 60, 2);
	*p++ = ':';
	p = put_digits(p, s % 60, 2);
	if (ms != 0) {
		*p++ = '.';
		p = put_digits(p, ms, 3);
	}
	*p++ = 'Z';
	*p = '\0';
	return (size_t)(p - buf);
}

/* Takes exactly `width` digits off the front of *text. */
static bool
take_digits(struct slice *text, int width, int *ret_v)
{
	int v = 0;

	if (text->n < (size_t)width)
		return false;
	for (int i = 0; i < width; i++) {
		char c = text->p[i];
		if (c < '0' || c > '9')
			return false;
		v = v * 10 + (c - '0');
	}
	text->p += width;
	text->n -= (size_t)width;
	*ret_v = v;
	return true;
}

static bool
take_char(struct slice *text, char a, char b)
{
	if (text->n == 0 || (text->p[0] != a && text->p[0] != b))
		return false;
	text->p++;
	text->n--;
	return true;
}

/* ".123456789": 1 to 9 digits, cut to milliseconds. */
static bool
take_fraction(struct slice *text, int *ret_ms)
{
	int ms = 0, digits = 0;

	*ret_ms = 0;
	if (!take_char(text, '.', '.'))
		return true;
	for (;;) {
		int v;
		if (!take_digits(text, 1, &v))
			break;
		if (++digits > 9)
			return false;
		if (digits <= 3)
			ms = ms * 10 + v;
	}
	if (digits == 0)
		return false;
	for (; digits < 3; digits++)
		ms *= 10;
	*ret_ms = ms;
	return true;
}

static bool
take_offset(struct slice *text, int *ret_minutes)
{
	int hours, minutes;

	*ret_minutes = 0;
	if (take_char(text, 'Z', 'z'))
		return true;
	bool west = text->n > 0 && text->p[0] == '-';
	if (!take_char(text, '+', '-') || !take_digits(text, 2, &hours) ||
	    !take_char(text, ':', ':') || !take_digits(text, 2, &minutes))
		return false;
	if (hours > 23 || minutes > 59)
		return false;
	*ret_minutes = (hours * 60 + minutes) * (west ? -1 : 1);
	return true;
}

bool
clock_parse_rfc3339(struct slice text, int64_t *ret_wall_ms)
{
	static const int days_in[] = { 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	int year, month, day, hour, minute, second, ms, offset;

	if (!take_digits(&text, 4, &year) || !take_char(&text, '-', '-') ||
	    !take_digits(&text, 2, &month) || !take_char(&text, '-', '-') ||
	    !take_digits(&text, 2, &day) || !take_char(&text, 'T', 't') ||
	    !take_digits(&text, 2, &hour) || !take_char(&text, ':', ':') ||
	    !take_digits(&text, 2, &minute) || !take_char(&text, ':', ':') ||
	    !take_digits(&text, 2, &second) || !take_fraction(&text, &ms) ||
	    !take_offset(&text, &offset) || text.n != 0)
		return false;
	if (month < 1 || month > 12 || day < 1 || day > days_in[month - 1] || hour > 23 ||
	    minute > 59 || second > 59)
		return false;
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
	if (month == 2 && day == 29 && !leap)
		return false;

	int64_t minutes = (days_from_civil(year, month, day) * 24 + hour) * 60 + minute - offset;
	int64_t wall_ms = (minutes * 60 + second) * 1000 + ms;
	if (wall_ms < WALL_MIN_MS || wall_ms > WALL_MAX_MS)
		return false;
	*ret_wall_ms = wall_ms;
	return true;
}
