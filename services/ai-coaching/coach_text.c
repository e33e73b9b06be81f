/* SPDX-License-Identifier: Apache-2.0 */
#include "services/ai-coaching/coach_text.h"

#include <ctype.h>
#include <stdint.h>
#include <stdlib.h>

#include "libcommon/base/arena.h"
#include "libcommon/base/compiler.h"
#include "libcommon/base/strbuf.h"

/* ---- characters ---- */

/* The next code point; a broken sequence is U+FFFD and one byte long. */
static uint32_t
next_char(const char **p, const char *end)
{
	const unsigned char *s = (const unsigned char *)*p;
	size_t left = (size_t)(end - *p), n = 1;
	uint32_t c = s[0];

	if (c >= 0xf0 && c < 0xf5)
		n = 4, c &= 0x07;
	else if (c >= 0xe0 && c < 0xf0)
		n = 3, c &= 0x0f;
	else if (c >= 0xc2 && c < 0xe0)
		n = 2, c &= 0x1f;
	else if (c >= 0x80)
		c = 0xfffd;
	if (n > left)
		n = 1, c = 0xfffd;
	for (size_t i = 1; i < n; i++) {
		if ((s[i] & 0xc0) != 0x80) {
			n = 1;
			c = 0xfffd;
			break;
		}
		c = c << 6 | (s[i] & 0x3f);
	}
	*p += n;
	return c;
}

/* Characters that a reader does not see: they split words for us and for nobody else. */
static bool
invisible(uint32_t c)
{
	static const struct {
		uint32_t first, last;
	} ranges[] = {
		{ 0x00ad, 0x00ad }, { 0x034f, 0x034f }, { 0x061c, 0x061c },   { 0x115f, 0x1160 },
		{ 0x180b, 0x180f }, { 0x200b, 0x200f }, { 0x202a, 0x202e },   { 0x2060, 0x206f },
		{ 0xfe00, 0xfe0f }, { 0xfeff, 0xfeff }, { 0xe0000, 0xe0fff },
	};

	for (size_t i = 0; i < ARRAY_LEN(ranges); i++) {
		if (c >= ranges[i].first && c <= ranges[i].last)
			return true;
	}
	return false;
}

/* The ASCII letter that it looks like, in lower case; 0 for none. */
static char
fold(uint32_t c)
{
	/* U+00C0 … U+00FF */
	static const char latin[] =
		"aaaaaaaceeeeiiiidnooooo ouuuuy saaaaaaaceeeeiiiidnooooo ouuuuy y";
	static const struct {
		uint32_t from;
		char to;
	} alike[] = {
		{ 0x0430, 'a' }, { 0x0435, 'e' }, { 0x043e, 'o' }, { 0x0440, 'p' }, { 0x0441, 'c' },
		{ 0x0443, 'y' }, { 0x0445, 'x' }, { 0x0456, 'i' }, { 0x0458, 'j' }, { 0x0455, 's' },
		{ 0x0410, 'a' }, { 0x0415, 'e' }, { 0x041e, 'o' }, { 0x0420, 'p' }, { 0x0421, 'c' },
		{ 0x0425, 'x' }, { 0x0406, 'i' }, { 0x041a, 'k' }, { 0x041c, 'm' }, { 0x041d, 'h' },
		{ 0x0422, 't' }, { 0x0412, 'b' }, { 0x03b1, 'a' }, { 0x03bf, 'o' }, { 0x0131, 'i' },
		{ 0x0142, 'l' }, { 0x00d7, 'x' },
	};

	if (c < 0x80)
		return isalnum((int)c) ? (char)tolower((int)c) : 0;
	for (size_t i = 0; i < ARRAY_LEN(alike); i++) {
		if (alike[i].from == c)
			return alike[i].to;
	}
	if (c >= 0xc0 && c <= 0xff)
		return latin[c - 0xc0] == ' ' ? 0 : latin[c - 0xc0];
	if (c >= 0xff10 && c <= 0xff19)
		return (char)('0' + (c - 0xff10));
	if (c >= 0xff21 && c <= 0xff3a)
		return (char)('a' + (c - 0xff21));
	if (c >= 0xff41 && c <= 0xff5a)
		return (char)('a' + (c - 0xff41));
	return 0;
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool
is_letter(char c)
{
	return c >= 'a' && c <= 'z';
}

/*
 * The message in small letters, digits, spaces and a few signs that words need: '.' between digits,
 * '%', and '|' for every end of a thought.
 */
static void
fold_all(struct slice text, struct strbuf *out)
{
	const char *p = text.p, *end = text.p + text.n;

	while (p < end) {
		uint32_t c = next_char(&p, end);
		char last = out->len > 0 ? out->buf[out->len - 1] : ' ';
		char next = p < end ? fold((unsigned char)*p) : 0;
		char f = fold(c);

		if (f != 0)
			strbuf_addch(out, f);
		else if (invisible(c) || c == '\'' || c == 0x2019 || c == 0x2018 || c == '`')
			continue;
		else if ((c == '.' || c == ',') && is_digit(last) && next != 0 && is_digit(next))
			strbuf_addch(out, c == '.' ? '.' : ',');
		else if (c == '@' && is_letter(last) && next != 0 && is_letter(next))
			strbuf_addch(out, 'a');
		else if (c == '$' && is_letter(last))
			strbuf_addch(out, 's');
		else if (c == '*' && is_letter(last) && next != 0 && is_letter(next))
			continue;
		else if (c == '-' && !is_letter(last) && !is_digit(last) && is_digit((char)next))
			strbuf_adds(out, " minus ");
		else if (c == '%')
			strbuf_adds(out, " % ");
		else if (c == '.' || c == ',' || c == '!' || c == '?' || c == ';' || c == ':' ||
			 c == '\n')
			strbuf_adds(out, is_letter(last) && next != 0 && is_letter(next) && c == '.'
						 ? "."
						 : " | ");
		else
			strbuf_addch(out, ' ');
	}
}

/* ---- words ---- */

struct maker {
	struct coach_words *words;
	size_t max;
	bool breaks;
};

static struct coach_word *
add_word(struct maker *m, const char *text, size_t n)
{
	struct coach_word *w;

	if (m->words->n == m->max)
		return NULL;
	w = &m->words->w[m->words->n++];
	*w = (struct coach_word){ .id = -1, .exercise = -1, .breaks = m->breaks };
	m->breaks = false;
	if (n >= COACH_WORD_SIZE)
		n = COACH_WORD_SIZE - 1;
	memcpy(w->text, text, n);
	return w;
}

/* Words that are written in other ways than they are meant. */
static const struct {
	const char *from, *to;
} shorthand[] = {
	{ "u", "you" },
	{ "ur", "your" },
	{ "r", "are" },
	{ "y", "why" },
	{ "wanna", "want to" },
	{ "gonna", "going to" },
	{ "gotta", "have to" },
	{ "lemme", "let me" },
	{ "gimme", "give me" },
	{ "wat", "what" },
	{ "wut", "what" },
	{ "whats", "what is" },
	{ "hows", "how is" },
	{ "im", "i am" },
	{ "youre", "you are" },
	{ "ive", "i have" },
	{ "id", "i would" },
	{ "ill", "i will" },
	{ "cant", "can not" },
	{ "cannot", "can not" },
	{ "dont", "do not" },
	{ "doesnt", "does not" },
	{ "didnt", "did not" },
	{ "isnt", "is not" },
	{ "wont", "will not" },
	{ "shouldnt", "should not" },
	{ "couldnt", "could not" },
	{ "havent", "have not" },
	{ "pls", "please" },
	{ "plz", "please" },
	{ "thx", "thanks" },
	{ "ty", "thanks" },
	{ "tmrw", "tomorrow" },
	{ "tmr", "tomorrow" },
	{ "2day", "today" },
	{ "2morrow", "tomorrow" },
	{ "wo", "workout" },
	{ "bc", "because" },
	{ "cuz", "because" },
	{ "coz", "because" },
	{ "db", "dumbbell" },
	{ "dbs", "dumbbells" },
	{ "bb", "barbell" },
	{ "kb", "kettlebell" },
	{ "reps", "reps" },
	{ "tho", "though" },
	{ "thru", "through" },
	{ "b4", "before" },
	{ "gr8", "great" },
	{ "kms", "kill myself" },
	{ "kys", "kill yourself" },
	{ "lbs", "lb" },
	{ "pounds", "lb" },
	{ "pound", "lb" },
	{ "kgs", "kg" },
	{ "kilos", "kg" },
	{ "kilo", "kg" },
	{ "calories", "kcal" },
	{ "cals", "kcal" },
	{ "cal", "kcal" },
	{ "kcals", "kcal" },
	{ "calorie", "kcal" },
	{ "wks", "weeks" },
	{ "wk", "week" },
	{ "hrs", "hours" },
	{ "mins", "minutes" },
	{ "yrs", "years" },
	{ "yr", "year" },
	{ "yo", "years old" },
};

static void
add_plain(struct maker *m, const char *text, size_t n)
{
	for (size_t i = 0; i < ARRAY_LEN(shorthand); i++) {
		const char *p = shorthand[i].to, *space;

		if (strlen(shorthand[i].from) != n || memcmp(shorthand[i].from, text, n) != 0)
			continue;
		while ((space = strchr(p, ' ')) != NULL) {
			add_word(m, p, (size_t)(space - p));
			p = space + 1;
		}
		add_word(m, p, strlen(p));
		return;
	}
	add_word(m, text, n);
}

/* "80", "80,5", "1,000", and what follows: a unit, "x5", "@8". Returns what it used. */
static size_t
add_number(struct maker *m, const char *text, size_t n)
{
	char digits[24];
	size_t used = 0, out = 0;
	struct coach_word *w;

	while (used < n && (is_digit(text[used]) || text[used] == '.' || text[used] == ',')) {
		bool thousands = text[used] == ',' && used + 3 < n + 0 &&
				 is_digit(text[used + 1]) && is_digit(text[used + 2]) &&
				 is_digit(text[used + 3]) &&
				 (used + 4 >= n || !is_digit(text[used + 4]));

		if (!thousands && out + 1 < sizeof(digits))
			digits[out++] = text[used] == ',' ? '.' : text[used];
		used++;
	}
	digits[out] = '\0';
	w = add_word(m, "", 0);
	if (w != NULL) {
		w->number = true;
		w->value = strtod(digits, NULL);
	}
	return used;
}

/* Digits that stand for letters inside of a word. */
static size_t
unleet(const char *text, size_t n, char *out)
{
	static const char from[] = "013457", to[] = "oieast";
	size_t letters = 0;

	for (size_t i = 0; i < n; i++)
		letters += is_letter(text[i]);
	for (size_t i = 0; i < n; i++) {
		const char *at = letters >= 2 && is_digit(text[i]) ? strchr(from, text[i]) : NULL;

		out[i] = at != NULL ? to[at - from] : text[i];
	}
	return n;
}

/* Three and more of a letter are one. */
static size_t
squash(char *text, size_t n)
{
	size_t out = 0;

	for (size_t i = 0; i < n;) {
		size_t same = 1;

		while (i + same < n && text[i + same] == text[i])
			same++;
		for (size_t k = 0; k < (same > 2 ? 1 : same); k++)
			text[out++] = text[i];
		i += same;
	}
	return out;
}

static void
add_token(struct maker *m, const char *text, size_t n)
{
	static const char *const special[] = { "1rm", "e1rm", "2day", "2morrow", "b4",
					       "gr8", "5k",   "10k",  "rm" };
	char buf[2 * COACH_WORD_SIZE];
	size_t i = 0;

	for (size_t k = 0; k < ARRAY_LEN(special); k++) {
		if (n == strlen(special[k]) && memcmp(special[k], text, n) == 0) {
			add_plain(m, text, n);
			return;
		}
	}
	if (is_digit(text[0])) {
		i = add_number(m, text, n);
		/* "5x5": the x is a word of its own. */
		if (i < n && text[i] == 'x' && (i + 1 == n || is_digit(text[i + 1]))) {
			add_word(m, "x", 1);
			i++;
		}
		if (i < n)
			add_token(m, text + i, n - i);
		return;
	}
	if (text[0] == '%' || text[0] == '.' || text[0] == ',') {
		add_word(m, text, 1);
		if (n > 1)
			add_token(m, text + 1, n - 1);
		return;
	}
	if (n > sizeof(buf))
		n = sizeof(buf);
	/* A dot inside of a word hides it: "ste.roids". */
	size_t kept = 0;
	for (i = 0; i < n; i++) {
		if (text[i] != '.' && text[i] != ',')
			buf[kept++] = text[i];
	}
	unleet(buf, kept, buf);
	add_plain(m, buf, squash(buf, kept));
}

/* "s t e r o i d s": four and more single letters in a row are one word. */
static size_t
spelled_apart(const char *p, const char *end, char *out, size_t max)
{
	size_t n = 0;
	const char *q = p;

	while (q < end && is_letter(*q) && (q + 1 == end || q[1] == ' ') && n < max) {
		out[n++] = *q++;
		while (q < end && *q == ' ')
			q++;
	}
	if (n < 4)
		return 0;
	out[n] = '\0';
	return (size_t)(q - p);
}

void
coach_text_words(struct slice text, struct arena *arena, struct coach_words *ret_words)
{
	struct strbuf folded = STRBUF_INIT;
	struct maker m = { .words = ret_words };
	const char *p, *end;

	fold_all(text, &folded);
	/* No letter makes more than a word, spelt-out shorthand neither. */
	m.max = folded.len < COACH_WORDS_MAX ? folded.len : COACH_WORDS_MAX;
	*ret_words = (struct coach_words){ .w = ARENA_ARRAY(arena, struct coach_word, m.max + 1) };
	p = strbuf_cstr(&folded);
	end = p + folded.len;
	while (p < end) {
		char joined[COACH_WORD_SIZE];
		const char *start = p;
		size_t used;

		if (*p == ' ' || *p == '|') {
			m.breaks |= *p == '|';
			p++;
			continue;
		}
		used = spelled_apart(p, end, joined, sizeof(joined) - 1);
		if (used > 0) {
			add_plain(&m, joined, strlen(joined));
			p += used;
			continue;
		}
		while (p < end && *p != ' ' && *p != '|')
			p++;
		add_token(&m, start, (size_t)(p - start));
	}
	strbuf_fini(&folded);
}

void
coach_text_quote(struct slice text, size_t max, struct strbuf *out)
{
	const char *p = text.p, *end = text.p + text.n;
	size_t n = 0;
	bool space = true; /* none at the beginning */

	while (p < end && n < max) {
		const char *start = p;
		uint32_t c = next_char(&p, end);

		if (c == 0xfffd || invisible(c))
			continue;
		/* Controls, and what Markdown, HTML or our own quotes would take for theirs. */
		if (c <= ' ' || (c >= 0x7f && c < 0xa1) || c == 0x2028 || c == 0x2029 ||
		    (c < 0x80 && strchr("<>[](){}`*_#|\\\"~", (int)c) != NULL)) {
			if (!space)
				strbuf_addch(out, ' ');
			n += !space;
			space = true;
			continue;
		}
		strbuf_add(out, start, (size_t)(p - start));
		space = false;
		n++;
	}
	while (out->len > 0 && out->buf[out->len - 1] == ' ')
		out->buf[--out->len] = '\0';
	if (p < end && n == max)
		strbuf_adds(out, "…");
}

unsigned
coach_text_distance(const char *a, size_t na, const char *b, size_t nb, unsigned max)
{
	unsigned char rows[3][COACH_WORD_SIZE * 2 + 1];
	unsigned char *before = rows[0], *last = rows[1], *now = rows[2];

	if (na > COACH_WORD_SIZE * 2 || nb > COACH_WORD_SIZE * 2 ||
	    (na > nb ? na - nb : nb - na) > max)
		return max + 1;
	for (size_t j = 0; j <= nb; j++)
		last[j] = (unsigned char)j;
	for (size_t i = 1; i <= na; i++) {
		unsigned char *spare = before, best = (unsigned char)i;

		now[0] = (unsigned char)i;
		for (size_t j = 1; j <= nb; j++) {
			unsigned v = last[j - 1] + (a[i - 1] != b[j - 1]);

			if (last[j] + 1u < v)
				v = last[j] + 1u;
			if (now[j - 1] + 1u < v)
				v = now[j - 1] + 1u;
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
			    before[j - 2] + 1u < v)
				v = before[j - 2] + 1u;
			now[j] = (unsigned char)v;
			if (v < best)
				best = (unsigned char)v;
		}
		if (best > max)
			return max + 1;
		before = last;
		last = now;
		now = spare;
	}
	return last[nb];
}
