/* SPDX-License-Identifier: Apache-2.0 */
#include "services/user/user_rpc.h"

#include <string.h>

#include "fit/user/v1/user.pb-c.h"
#include "google/protobuf/empty.pb-c.h"

#include "libcommon/base/arena.h"
#include "libcommon/base/compiler.h"
#include "libcommon/rpc/pb_arena.h"
#include "libcommon/schema/schema.h"
#include "libcommon/store/pg.h"
#include "services/user/user.h"
#include "services/user/user_access.h"
#include "services/user/user_identity.h"
#include "services/user/user_profile.h"

/* The caller: the access policy saw to it that there is one. */
static const struct uuid *
owner_of(struct rpc_call *call)
{
	return &rpc_call_principal(call)->user_id;
}

/* What every changing call hands to the store. */
static struct user_call
changing(struct rpc_call *call, ProtobufCMessage *reply,
	 void (*fill)(struct arena *, const struct user_row *, ProtobufCMessage *))
{
	char *traceparent = arena_alloc(rpc_call_arena(call), TRACE_PARENT_SIZE);

	trace_format(rpc_call_trace(call), traceparent);
	return (struct user_call){
		.deadline = rpc_call_deadline(call),
		.arena = rpc_call_arena(call),
		.traceparent = traceparent,
		.idem = { .owner = *owner_of(call),
			  .method = rpc_call_method(call)->path,
			  .key = rpc_call_idempotency_key(call),
			  .fingerprint = rpc_call_idempotency_fingerprint(call) },
		.reply = reply,
		.fill = fill,
	};
}

static enum status
on_get_user(struct rpc_call *call, const void *request, void *reply, struct err *err)
{
	struct user_service *service = rpc_call_service(call);
	struct arena *arena = rpc_call_arena(call);
	struct user_row *row;
	enum status st;

	(void)request;
	st = user_store_find(service->store, rpc_call_deadline(call), owner_of(call), arena, &row,
			     err);
	if (st == STATUS_OK)
		st = user_check_active(row, err);
	if (st != STATUS_OK)
		return st;
	user_fill_user(arena, row, reply);
	rpc_call_set_etag(call, row->version);
	return STATUS_OK;
}

static enum status
on_update_user(struct rpc_call *call, const void *request, void *reply, struct err *err)
{
	const Fit__User__V1__UpdateUserRequest *req = request;
	Fit__User__V1__User *user = reply;
	struct user_service *service = rpc_call_service(call);
	struct user_patch patch = { .profile = req->profile, .mask = req->update_mask };
	struct user_call change;
	struct user_row *row;
	enum status st;

	patch.has_version = rpc_call_if_match(call, &patch.version);
	if (!patch.has_version) {
		st = err_public(err, STATUS_FAILED_PRECONDITION,
				"If-Match with the profile's ETag is needed.");
		(void)err_reason(err, "ETAG_REQUIRED");
		return st;
	}
	change = changing(call, reply, user_fill_user);
	st = user_store_edit(service->store, &change, owner_of(call), user_edit_profile, &patch,
			     &row, err);
	if (st == STATUS_OK)
		rpc_call_set_etag(call, user->version); /* also of a replayed reply */
	return st;
}

static enum status
on_delete_user(struct rpc_call *call, const void *request, void *reply, struct err *err)
{
	struct user_service *service = rpc_call_service(call);
	struct user_patch patch = { .grace_ms = service->grace_ms };
	struct user_call change = changing(call, NULL, NULL);
	struct user_row *row;

	(void)request;
	(void)reply; /* empty */
	return user_store_edit(service->store, &change, owner_of(call), user_edit_close, &patch,
			       &row, err);
}

static enum status
on_get_preferences(struct rpc_call *call, const void *request, void *reply, struct err *err)
{
	struct user_service *service = rpc_call_service(call);
	struct arena *arena = rpc_call_arena(call);
	struct user_row *row;
	enum status st;

	(void)request;
	st = user_store_find(service->store, rpc_call_deadline(call), owner_of(call), arena, &row,
			     err);
	if (st == STATUS_OK)
		st = user_check_active(row, err);
	if (st != STATUS_OK)
		return st;
	user_fill_preferences(arena, row, reply);
	rpc_call_set_etag(call, row->preferences_version);
	return STATUS_OK;
}

static enum status
change_preferences(struct rpc_call *call, const Fit__User__V1__Preferences *preferences,
		   const Google__Protobuf__FieldMask *mask, user_edit_fn edit, void *reply,
		   struct err *err)
{
	struct user_service *service = rpc_call_service(call);
	struct user_patch patch = { .preferences = preferences,
				    .mask = mask,
				    .tz_dir = service->tz_dir };
	struct user_call change = changing(call, reply, user_fill_preferences);
	struct user_row *row;
	enum status st;

	patch.has_version = rpc_call_if_match(call, &patch.version);
	st = user_store_edit(service->store, &change, owner_of(call), edit, &patch, &row, err);
	/* A replayed reply has no tag: its version isn't in it, and may not be the present one. */
	if (st == STATUS_OK && row != NULL)
		rpc_call_set_etag(call, row->preferences_version);
	return st;
}

static enum status
on_replace_preferences(struct rpc_call *call, const void *request, void *reply, struct err *err)
{
	const Fit__User__V1__ReplacePreferencesRequest *req = request;

	return change_preferences(call, req->preferences, NULL, user_replace_preferences, reply,
				  err);
}

static enum status
on_update_preferences(struct rpc_call *call, const void *request, void *reply, struct err *err)
{
	const Fit__User__V1__UpdatePreferencesRequest *req = request;

	return change_preferences(call, req->preferences, req->update_mask, user_edit_preferences,
				  reply, err);
}

/* ---- for other services ---- */

static void
set_permissions(struct arena *arena, const char *role, size_t *ret_n, char ***ret_permissions)
{
	char *const *names = user_role_permissions(role, ret_n);

	*ret_permissions = arena_memdup(arena, names, *ret_n * sizeof(*names));
}

static enum status
on_find_or_create_user(struct rpc_call *call, const void *request, void *reply, struct err *err)
{
	const Fit__User__V1__FindOrCreateUserRequest *req = request;
	Fit__User__V1__FindOrCreateUserResponse *res = reply;
	struct user_service *service = rpc_call_service(call);
	struct arena *arena = rpc_call_arena(call);
	struct user_call sign_in_call;
	struct user_signed_in user;
	enum status st;
	char *email;

	if (!user_email_normalise(arena, req->email, &email))
		return err_add_field(err, "email", "must be an e-mail address");
	sign_in_call = changing(call, NULL, NULL);
	const struct user_sign_in in = {
		.issuer = req->issuer,
		.subject = req->subject,
		.email = req->email,
		.email_normal = email,
		.email_verified = req->email_verified,
		.display_name = user_profile_clean_name(arena, req->display_name),
		.picture_url = user_profile_clean_url(req->picture_url),
		.role = service->development && user_role_known(req->role_hint) ? req->role_hint
										: NULL,
		.grace_ms = service->grace_ms,
	};
	st = user_store_sign_in(service->store, &sign_in_call, &in, &user, err);
	if (st != STATUS_OK)
		return st;
	res->user = pb_arena_new(arena, &fit__user__v1__user__descriptor);
	user_fill_user(arena, user.row, &res->user->base);
	res->created = user.created;
	res->restored = user.restored;
	res->role = user.row->role;
	set_permissions(arena, user.row->role, &res->n_permissions, &res->permissions);
	return STATUS_OK;
}

static enum status
find_user(struct rpc_call *call, const char *user_id, struct user_row **ret_row, struct err *err)
{
	struct user_service *service = rpc_call_service(call);
	struct uuid id;

	if (!uuid_parse_str(user_id, &id))
		return err_add_field(err, "userId", "must be a UUID");
	return user_store_find(service->store, rpc_call_deadline(call), &id, rpc_call_arena(call),
			       ret_row, err);
}

static enum status
on_find_preferences(struct rpc_call *call, const void *request, void *reply, struct err *err)
{
	const Fit__User__V1__FindPreferencesRequest *req = request;
	Fit__User__V1__FindPreferencesResponse *res = reply;
	struct arena *arena = rpc_call_arena(call);
	struct user_row *row;
	enum status st = find_user(call, req->user_id, &row, err);

	if (st != STATUS_OK)
		return st;
	res->preferences = pb_arena_new(arena, &fit__user__v1__preferences__descriptor);
	user_fill_preferences(arena, row, &res->preferences->base);
	res->active = row->is_active;
	return STATUS_OK;
}

static enum status
on_find_contact(struct rpc_call *call, const void *request, void *reply, struct err *err)
{
	const Fit__User__V1__FindContactRequest *req = request;
	Fit__User__V1__Contact *contact = reply;
	struct user_row *row;
	enum status st = find_user(call, req->user_id, &row, err);

	if (st == STATUS_OK)
		st = user_check_active(row, err);
	if (st != STATUS_OK)
		return st;
	contact->email = row->email;
	contact->display_name = row->profile->display_name;
	return STATUS_OK;
}

/* A user who is not there has no access; that is an answer, not a failure. */
static enum status
on_get_user_access(struct rpc_call *call, const void *request, void *reply, struct err *err)
{
	const Fit__User__V1__GetUserAccessRequest *req = request;
	Fit__User__V1__GetUserAccessResponse *res = reply;
	struct user_service *service = rpc_call_service(call);
	struct arena *arena = rpc_call_arena(call);
	struct user_access access;
	struct uuid id;
	enum status st;

	if (!uuid_parse_str(req->user_id, &id))
		return err_add_field(err, "userId", "must be a UUID");
	st = user_store_access(service->store, rpc_call_deadline(call), &id, arena, &access, err);
	if (st == STATUS_NOT_FOUND)
		return STATUS_OK;
	if (st != STATUS_OK)
		return st;
	res->active = access.active;
	res->role = access.role;
	res->tier = access.tier;
	set_permissions(arena, access.role, &res->n_permissions, &res->permissions);
	return STATUS_OK;
}

static const struct rpc_method methods[] = {
	{ "GetUser", on_get_user },
	{ "UpdateUser", on_update_user },
	{ "DeleteUser", on_delete_user },
	{ "GetPreferences", on_get_preferences },
	{ "ReplacePreferences", on_replace_preferences },
	{ "UpdatePreferences", on_update_preferences },
	{ "FindOrCreateUser", on_find_or_create_user },
	{ "FindPreferences", on_find_preferences },
	{ "FindContact", on_find_contact },
	{ "GetUserAccess", on_get_user_access },
};

const struct rpc_service user_rpc_service = { &fit__user__v1__user_service__descriptor, methods,
					      ARRAY_LEN(methods) };
