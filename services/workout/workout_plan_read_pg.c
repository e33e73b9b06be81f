/* SPDX-License-Identifier: Apache-2.0 */
/* Reading plans and their history. */
#include <string.h>

#include "libcommon/base/strbuf.h"
#include "libcommon/rpc/pb_time.h"
#include "services/workout/workout_doc.h"
#include "services/workout/workout_page_pg.h"
#include "services/workout/workout_plan_store.h"

#define PLAN                                                                                       \
	"SELECT p.id, p.updated_at, p.created_at, p.version_number, v.changes_description, "       \
	"v.created_by,"                                                                            \
	" v.metadata || jsonb_build_object('exercises', v.exercises) FROM workout_plans p"         \
	" JOIN workout_plan_versions v ON v.plan_id = p.id AND v.version_number = "                \
	"p.version_number"                                                                         \
	" WHERE p.user_id = $1 AND p.deleted_at IS NULL"
static const char sql_find[] = PLAN " AND p.id = $2";
static const char sql_list[] = WORKOUT_PAGE_SQL(
	"id, updated_at, created_at, version_number, changes_description, created_by,"
	" metadata || jsonb_build_object('exercises', exercises)",
	"SELECT p.id, p.updated_at, p.created_at, p.version_number, v.changes_description,"
	" v.created_by, v.metadata, v.exercises,"
	" octet_length(v.metadata::text) + octet_length(v.exercises::text) AS bytes"
	" FROM workout_plans p JOIN workout_plan_versions v ON v.plan_id = p.id"
	" AND v.version_number = p.version_number WHERE p.user_id = $1 AND p.deleted_at IS NULL"
	" AND ($2 OR p.is_active) AND ($3 OR (p.updated_at, p.id) < ($4, $5))"
	" ORDER BY p.updated_at DESC, p.id DESC LIMIT $6",
	"updated_at DESC, id DESC", "$7");

#define VERSION                                                                                    \
	"SELECT v.id, v.version_number, v.changes_description, v.changeset, v.created_by, "        \
	"v.created_at"
#define VERSION_OF                                                                                 \
	" FROM workout_plans p JOIN workout_plan_versions v ON v.plan_id = p.id"                   \
	" WHERE p.user_id = $1 AND p.id = $2 AND p.deleted_at IS NULL"
static const char sql_versions[] = WORKOUT_PAGE_SQL(
	"id, version_number, changes_description, changeset, created_by, created_at",
	VERSION ", octet_length(v.changeset::text) AS bytes" VERSION_OF
		" AND ($3 OR v.version_number < $4) ORDER BY v.version_number DESC LIMIT $5",
	"version_number DESC", "$6");
static const char sql_version[] =
	VERSION ", v.metadata || jsonb_build_object('exercises', v.exercises)" VERSION_OF
		" AND v.version_number = $3";
static const char sql_document[] =
	"SELECT v.metadata || jsonb_build_object('exercises', v.exercises)" VERSION_OF
	" AND v.version_number = $3";

static enum status
no_plan(struct err *err)
{
	return err_public(err, STATUS_NOT_FOUND, "There is no such plan.");
}

/* Rows of a WORKOUT_PAGE_SQL that are on the page; `total` is its last column. */
static int
page_rows(const struct pg_result *res, const struct workout_page *page, int total, bool *ret_more)
{
	int n = pg_rows(res) < (int)page->limit ? pg_rows(res) : (int)page->limit;

	*ret_more = n > 0 && n < pg_get_int(res, 0, total);
	return n;
}

static enum status
get_plan(const struct pg_result *res, int row, struct arena *arena, plan_doc **ret_plan,
	 struct err *err)
{
	struct uuid id = pg_get_uuid(res, row, 0);
	void *message;
	plan_doc *p;
	enum status st = workout_doc_decode(&fit__workout__v1__plan__descriptor,
					    pg_get_bytes(res, row, 6), arena, &message, err);

	if (st != STATUS_OK)
		return st;
	p = message;
	p->id = uuid_text(arena, &id);
	p->updated_at = pb_time_new(arena, pg_get_time(res, row, 1));
	p->created_at = pb_time_new(arena, pg_get_time(res, row, 2));
	p->version_number = (uint32_t)pg_get_int(res, row, 3);
	p->changes_description = workout_pb_text(arena, pg_text(res, row, 4));
	p->created_by = workout_pb_text(arena, pg_text(res, row, 5));
	*ret_plan = p;
	return STATUS_OK;
}

enum status
workout_plan_find(struct workout *w, const struct workout_scope *scope, const struct uuid *id,
		  plan_doc **ret_plan, struct err *err)
{
	struct pg_result *res;
	enum status st =
		pg_query(w->pg, scope->deadline, sql_find,
			 PG_ARGS(pg_uuid(&scope->owner), pg_uuid(id)), scope->arena, &res, err);

	if (st != STATUS_OK)
		return st;
	return pg_rows(res) == 1 ? get_plan(res, 0, scope->arena, ret_plan, err) : no_plan(err);
}

enum status
workout_plan_list(struct workout *w, const struct workout_scope *scope, bool include_archived,
		  const struct workout_page *page, plan_doc ***ret_list, size_t *ret_n,
		  char **ret_next, struct err *err)
{
	struct pg_result *res;
	plan_doc **list;
	bool more;
	int n;
	enum status st =
		pg_query(w->pg, scope->deadline, sql_list,
			 PG_ARGS(pg_uuid(&scope->owner), pg_bool(include_archived),
				 pg_bool(page->first), pg_time(page->key), pg_uuid(&page->id),
				 pg_int(page->limit + 1), pg_int(WORKOUT_PAGE_BYTES)),
			 scope->arena, &res, err);

	if (st != STATUS_OK)
		return st;
	*ret_next = workout_pb_text(scope->arena, "");
	n = page_rows(res, page, 7, &more);
	if (more) {
		struct uuid last = pg_get_uuid(res, n - 1, 0);

		*ret_next =
			workout_page_next(page, scope->arena, pg_get_time(res, n - 1, 1), &last);
	}
	list = ARENA_ARRAY(scope->arena, plan_doc *, (size_t)n + 1);
	for (int i = 0; i < n && st == STATUS_OK; i++)
		st = get_plan(res, i, scope->arena, &list[i], err);
	*ret_list = list;
	*ret_n = (size_t)n;
	return st;
}

/* {"changeset": […]} through the JSON codec: it knows google.protobuf.Value. */
static enum status
get_version(const struct pg_result *res, int row, const struct uuid *plan_id, struct arena *arena,
	    plan_version **ret_version, struct err *err)
{
	struct strbuf json = STRBUF_ARENA(arena);
	plan_version *v;
	void *message;
	enum status st;

	strbuf_adds(&json, "{\"changeset\":");
	strbuf_add_slice(&json, pg_get_bytes(res, row, 3));
	strbuf_addch(&json, '}');
	st = workout_doc_decode(&fit__workout__v1__plan_version__descriptor, strbuf_slice(&json),
				arena, &message, err);
	if (st != STATUS_OK)
		return st;
	v = message;
	v->plan_id = uuid_text(arena, plan_id);
	v->version_number = (uint32_t)pg_get_int(res, row, 1);
	v->changes_description = workout_pb_text(arena, pg_text(res, row, 2));
	v->created_by = workout_pb_text(arena, pg_text(res, row, 4));
	v->created_at = pb_time_new(arena, pg_get_time(res, row, 5));
	*ret_version = v;
	return STATUS_OK;
}

enum status
workout_plan_versions(struct workout *w, const struct workout_scope *scope, const struct uuid *id,
		      const struct workout_page *page, plan_version ***ret_list, size_t *ret_n,
		      char **ret_next, struct err *err)
{
	struct pg_result *res;
	plan_version **list;
	bool more;
	int n;
	enum status st = pg_query(w->pg, scope->deadline, sql_versions,
				  PG_ARGS(pg_uuid(&scope->owner), pg_uuid(id), pg_bool(page->first),
					  pg_int(page->key), pg_int(page->limit + 1),
					  pg_int(WORKOUT_PAGE_BYTES)),
				  scope->arena, &res, err);

	if (st != STATUS_OK)
		return st;
	n = page_rows(res, page, 6, &more);
	/* Every plan has a version. */
	if (n == 0 && page->first)
		return no_plan(err);
	*ret_next = workout_pb_text(scope->arena, "");
	if (more)
		*ret_next = workout_page_next(page, scope->arena, pg_get_int(res, n - 1, 1), id);
	list = ARENA_ARRAY(scope->arena, plan_version *, (size_t)n + 1);
	for (int i = 0; i < n && st == STATUS_OK; i++)
		st = get_version(res, i, id, scope->arena, &list[i], err);
	*ret_list = list;
	*ret_n = (size_t)n;
	return st;
}

enum status
workout_plan_version(struct workout *w, const struct workout_scope *scope, const struct uuid *id,
		     int64_t number, plan_version **ret_version, struct err *err)
{
	struct pg_result *res;
	plan_version *v;
	void *plan;
	enum status st = pg_query(w->pg, scope->deadline, sql_version,
				  PG_ARGS(pg_uuid(&scope->owner), pg_uuid(id), pg_int(number)),
				  scope->arena, &res, err);

	if (st != STATUS_OK)
		return st;
	if (pg_rows(res) == 0)
		return err_public(err, STATUS_NOT_FOUND,
				  "There is no such plan, or no such version of it.");
	st = get_version(res, 0, id, scope->arena, &v, err);
	if (st == STATUS_OK)
		st = workout_doc_decode(&fit__workout__v1__plan__descriptor,
					pg_get_bytes(res, 0, 6), scope->arena, &plan, err);
	if (st != STATUS_OK)
		return st;
	v->plan = plan;
	v->plan->id = v->plan_id;
	v->plan->version_number = v->version_number;
	v->plan->created_by = v->created_by;
	v->plan->changes_description = v->changes_description;
	v->plan->updated_at = v->created_at;
	*ret_version = v;
	return STATUS_OK;
}

enum status
workout_plan_document(struct workout *w, const struct workout_scope *scope, const struct uuid *id,
		      int64_t number, json_t **ret_doc, struct err *err)
{
	struct pg_result *res;
	enum status st = pg_query(w->pg, scope->deadline, sql_document,
				  PG_ARGS(pg_uuid(&scope->owner), pg_uuid(id), pg_int(number)),
				  scope->arena, &res, err);

	if (st != STATUS_OK)
		return st;
	if (pg_rows(res) == 0)
		return err_public(err, STATUS_NOT_FOUND,
				  "There is no such plan, or no such version of it.");
	return workout_json_parse(pg_get_bytes(res, 0, 0), scope->arena, ret_doc, err);
}
