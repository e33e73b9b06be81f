/* SPDX-License-Identifier: Apache-2.0 */
#include "services/workout/workout_patch.h"

#include <stdlib.h>
#include <string.h>

#include "libcommon/base/strbuf.h"

#define DEPTH_MAX 64

/* jansson fails only when there is no memory. */
static json_t *
sure(json_t *j)
{
	if (j == NULL)
		panic("no memory for JSON");
	return j;
}

static void
must(int rc)
{
	if (rc != 0)
		panic("no memory for JSON");
}

/* ---- diff ---- */

static void diff_value(struct strbuf *path, const json_t *from, const json_t *to, json_t *out);

static void
emit(json_t *out, const char *op, const struct strbuf *path, const json_t *value)
{
	json_t *o = sure(json_object());

	must(json_object_set_new(o, "op", sure(json_string(op))));
	must(json_object_set_new(o, "path", sure(json_string(strbuf_cstr(path)))));
	if (value != NULL)
		must(json_object_set_new(o, "value", sure(json_deep_copy(value))));
	must(json_array_append_new(out, o));
}

/* Appends "/token" with RFC 6901 escapes; returns the length to cut back to. */
static size_t
push_key(struct strbuf *path, const char *key)
{
	size_t len = path->len;

	strbuf_addch(path, '/');
	for (; *key != '\0'; key++) {
		if (*key == '~')
			strbuf_adds(path, "~0");
		else if (*key == '/')
			strbuf_adds(path, "~1");
		else
			strbuf_addch(path, *key);
	}
	return len;
}

static size_t
push_index(struct strbuf *path, size_t i)
{
	size_t len = path->len;

	strbuf_addch(path, '/');
	strbuf_add_u64(path, i);
	return len;
}

static void
pop(struct strbuf *path, size_t len)
{
	path->len = len;
	if (path->buf != NULL)
		path->buf[len] = '\0';
}

static void
diff_object(struct strbuf *path, const json_t *from, const json_t *to, json_t *out)
{
	/* jansson's iterators take non-const objects and leave them alone. */
	json_t *a = (json_t *)(uintptr_t)from, *b = (json_t *)(uintptr_t)to, *value;
	const char *key;

	json_object_foreach(a, key, value)
	{
		json_t *other = json_object_get(to, key);
		size_t len = push_key(path, key);

		if (other == NULL)
			emit(out, "remove", path, NULL);
		else
			diff_value(path, value, other, out);
		pop(path, len);
	}
	json_object_foreach(b, key, value)
	{
		size_t len;

		if (json_object_get(from, key) != NULL)
			continue;
		len = push_key(path, key);
		emit(out, "add", path, value);
		pop(path, len);
	}
}

static const json_t *
identity(const json_t *j)
{
	return json_object_get(j, "entryId");
}

/* The same element, perhaps changed inside. */
static bool
same(const json_t *a, const json_t *b)
{
	const json_t *x = identity(a), *y = identity(b);

	if (x != NULL && y != NULL)
		return json_equal(x, y);
	return json_equal(a, b);
}

/* lengths[i * (nb + 1) + j]: longest common subsequence of from[i..] and to[j..]. */
static unsigned *
lcs_table(const json_t *from, size_t na, const json_t *to, size_t nb)
{
	unsigned *t = calloc((na + 1) * (nb + 1), sizeof(*t));

	if (t == NULL)
		panic("no memory for a diff");
	for (size_t i = na; i-- > 0;) {
		for (size_t j = nb; j-- > 0;) {
			unsigned *cell = &t[i * (nb + 1) + j];

			if (same(json_array_get(from, i), json_array_get(to, j)))
				*cell = t[(i + 1) * (nb + 1) + j + 1] + 1;
			else if (t[(i + 1) * (nb + 1) + j] >= t[i * (nb + 1) + j + 1])
				*cell = t[(i + 1) * (nb + 1) + j];
			else
				*cell = t[i * (nb + 1) + j + 1];
		}
	}
	return t;
}

/* from[i0..i1) became to[j0..j1), with nothing in common; `*at` is the place in the document being
 * built. */
static void
diff_gap(struct strbuf *path, const json_t *from, size_t i0, size_t i1, const json_t *to, size_t j0,
	 size_t j1, size_t *at, json_t *out)
{
	for (; i0 < i1 && j0 < j1; i0++, j0++, (*at)++) {
		const json_t *a = json_array_get(from, i0), *b = json_array_get(to, j0);
		size_t len = push_index(path, *at);

		/* Two different entries have nothing to do with each other. */
		if (identity(a) != NULL || identity(b) != NULL)
			emit(out, "replace", path, b);
		else
			diff_value(path, a, b, out);
		pop(path, len);
	}
	for (; i0 < i1; i0++) {
		size_t len = push_index(path, *at);

		emit(out, "remove", path, NULL);
		pop(path, len);
	}
	for (; j0 < j1; j0++, (*at)++) {
		size_t len = push_index(path, *at);

		emit(out, "add", path, json_array_get(to, j0));
		pop(path, len);
	}
}

static void
diff_array(struct strbuf *path, const json_t *from, const json_t *to, json_t *out)
{
	size_t na = json_array_size(from), nb = json_array_size(to);
	unsigned *t = lcs_table(from, na, to, nb);
	size_t i = 0, j = 0, gap_i = 0, gap_j = 0, at = 0;

	while (i < na && j < nb) {
		const json_t *a = json_array_get(from, i), *b = json_array_get(to, j);
		size_t len;

		if (!same(a, b)) {
			if (t[(i + 1) * (nb + 1) + j] >= t[i * (nb + 1) + j + 1])
				i++;
			else
				j++;
			continue;
		}
		diff_gap(path, from, gap_i, i, to, gap_j, j, &at, out);
		len = push_index(path, at++);
		diff_value(path, a, b, out);
		pop(path, len);
		gap_i = ++i;
		gap_j = ++j;
	}
	diff_gap(path, from, gap_i, na, to, gap_j, nb, &at, out);
	free(t);
}

static void
diff_value(struct strbuf *path, const json_t *from, const json_t *to, json_t *out)
{
	if (json_is_object(from) && json_is_object(to))
		diff_object(path, from, to, out);
	else if (json_is_array(from) && json_is_array(to))
		diff_array(path, from, to, out);
	else if (!json_equal(from, to))
		emit(out, "replace", path, to);
}

json_t *
workout_patch_diff(const json_t *from, const json_t *to)
{
	struct strbuf path = STRBUF_INIT;
	json_t *out = sure(json_array());

	diff_value(&path, from, to, out);
	strbuf_fini(&path);
	return out;
}

/* ---- apply ---- */

/* Unescapes one reference token into buf. False when it is too long or badly escaped. */
static bool
unescape(const char *p, size_t n, char *buf, size_t size)
{
	size_t o = 0;

	for (size_t i = 0; i < n; i++) {
		char c = p[i];

		if (c == '~') {
			if (++i == n || (p[i] != '0' && p[i] != '1'))
				return false;
			c = p[i] == '0' ? '~' : '/';
		}
		if (o + 1 >= size)
			return false;
		buf[o++] = c;
	}
	buf[o] = '\0';
	return true;
}

/* Array index: digits, no leading zero. */
static bool
parse_index(const char *token, size_t *ret)
{
	size_t v = 0, n = strlen(token);

	if (n == 0 || n > 9 || (token[0] == '0' && n > 1))
		return false;
	for (; *token != '\0'; token++) {
		if (*token < '0' || *token > '9')
			return false;
		v = v * 10 + (size_t)(*token - '0');
	}
	*ret = v;
	return true;
}

static json_t *
child(json_t *parent, const char *token)
{
	size_t i;

	if (json_is_object(parent))
		return json_object_get(parent, token);
	if (json_is_array(parent) && parse_index(token, &i))
		return json_array_get(parent, i);
	return NULL;
}

/* Walks to the parent of the pointer's target; NULL when there is none. `path` is not "". */
static json_t *
find_parent(json_t *doc, const char *path, char *token, size_t size)
{
	json_t *at = doc;

	for (int depth = 0; *path == '/' && depth < DEPTH_MAX; depth++) {
		size_t n = strcspn(++path, "/");

		if (!unescape(path, n, token, size))
			return NULL;
		path += n;
		if (*path == '\0')
			return at;
		at = child(at, token);
		if (at == NULL)
			return NULL;
	}
	return NULL;
}

static bool
set_in_array(json_t *array, const char *token, json_t *value, bool insert)
{
	size_t i, n = json_array_size(array);

	if (insert && strcmp(token, "-") == 0)
		i = n;
	else if (!parse_index(token, &i))
		return false;
	if (insert)
		return i <= n && json_array_insert(array, i, value) == 0;
	return i < n && json_array_set(array, i, value) == 0;
}

static bool
apply_one(json_t **doc, const json_t *operation)
{
	const char *op = json_string_value(json_object_get(operation, "op"));
	const char *path = json_string_value(json_object_get(operation, "path"));
	json_t *value = json_object_get(operation, "value"), *parent, *copy;
	bool add, ok = false;
	char token[256];
	size_t i;

	if (op == NULL || path == NULL)
		return false;
	add = strcmp(op, "add") == 0;
	if (!add && strcmp(op, "replace") != 0 && strcmp(op, "remove") != 0)
		return false;
	if (strcmp(op, "remove") == 0) {
		parent = *path != '\0' ? find_parent(*doc, path, token, sizeof(token)) : NULL;
		if (json_is_object(parent))
			return json_object_del(parent, token) == 0;
		return json_is_array(parent) && parse_index(token, &i) &&
		       json_array_remove(parent, i) == 0;
	}
	if (value == NULL)
		return false;
	copy = sure(json_deep_copy(value));
	if (*path == '\0') {
		json_decref(*doc);
		*doc = copy;
		return true;
	}
	parent = find_parent(*doc, path, token, sizeof(token));
	if (json_is_object(parent))
		ok = (add || json_object_get(parent, token) != NULL) &&
		     json_object_set(parent, token, copy) == 0;
	else if (json_is_array(parent))
		ok = set_in_array(parent, token, copy, add);
	json_decref(copy);
	return ok;
}

enum status
workout_patch_apply(const json_t *doc, const json_t *changeset, json_t **ret_doc, struct err *err)
{
	json_t *work;

	if (!json_is_array(changeset))
		return err_set(err, STATUS_FAILED_PRECONDITION, "changeset is not an array");
	work = sure(json_deep_copy(doc));
	for (size_t i = 0; i < json_array_size(changeset); i++) {
		if (apply_one(&work, json_array_get(changeset, i)))
			continue;
		json_decref(work);
		return err_set(err, STATUS_FAILED_PRECONDITION,
			       "changeset: operation %zu does not fit the document", i);
	}
	*ret_doc = work;
	return STATUS_OK;
}
