/* SPDX-License-Identifier: Apache-2.0 */
#include "libcommon/client/user_client.h"

#include <stdlib.h>

#include "libcommon/rpc/rpc_client.h"

struct user_client {
	struct rpc_client *rpc;
};

struct user_client *
user_client_open(const char *target, struct tls_context *tls)
{
	struct user_client *client = calloc(1, sizeof(*client));

	if (client == NULL)
		panic("user client: no memory");
	client->rpc = rpc_client_open(target, tls);
	return client;
}

void
user_client_close(struct user_client *client)
{
	if (client == NULL)
		return;
	rpc_client_close(client->rpc);
	free(client);
}

enum status
user_client_find_or_create(struct user_client *client, const struct rpc_call_options *opts,
			   const Fit__User__V1__FindOrCreateUserRequest *request,
			   struct arena *arena, Fit__User__V1__FindOrCreateUserResponse **ret_reply,
			   struct err *err)
{
	void *reply;
	enum status st = rpc_client_unary(client->rpc, "/fit.user.v1.UserService/FindOrCreateUser",
					  opts, &request->base,
					  &fit__user__v1__find_or_create_user_response__descriptor,
					  arena, &reply, err);

	if (st == STATUS_OK)
		*ret_reply = reply;
	return st;
}

enum status
user_client_get_access(struct user_client *client, const struct rpc_call_options *opts,
		       const Fit__User__V1__GetUserAccessRequest *request, struct arena *arena,
		       Fit__User__V1__GetUserAccessResponse **ret_reply, struct err *err)
{
	void *reply;
	enum status st = rpc_client_unary(client->rpc, "/fit.user.v1.UserService/GetUserAccess",
					  opts, &request->base,
					  &fit__user__v1__get_user_access_response__descriptor,
					  arena, &reply, err);

	if (st == STATUS_OK)
		*ret_reply = reply;
	return st;
}

enum status
user_client_find_preferences(struct user_client *client, const struct rpc_call_options *opts,
			     const Fit__User__V1__FindPreferencesRequest *request,
			     struct arena *arena,
			     Fit__User__V1__FindPreferencesResponse **ret_reply, struct err *err)
{
	void *reply;
	enum status st = rpc_client_unary(client->rpc, "/fit.user.v1.UserService/FindPreferences",
					  opts, &request->base,
					  &fit__user__v1__find_preferences_response__descriptor,
					  arena, &reply, err);

	if (st == STATUS_OK)
		*ret_reply = reply;
	return st;
}

enum status
user_client_find_contact(struct user_client *client, const struct rpc_call_options *opts,
			 const Fit__User__V1__FindContactRequest *request, struct arena *arena,
			 Fit__User__V1__Contact **ret_contact, struct err *err)
{
	void *reply;
	enum status st = rpc_client_unary(client->rpc, "/fit.user.v1.UserService/FindContact", opts,
					  &request->base, &fit__user__v1__contact__descriptor,
					  arena, &reply, err);

	if (st == STATUS_OK)
		*ret_contact = reply;
	return st;
}

enum status
user_client_get_user(struct user_client *client, const struct rpc_call_options *opts,
		     struct arena *arena, Fit__User__V1__User **ret_user, struct err *err)
{
	Fit__User__V1__GetUserRequest request;
	enum status st;
	void *reply;

	fit__user__v1__get_user_request__init(&request);
	st = rpc_client_unary(client->rpc, "/fit.user.v1.UserService/GetUser", opts, &request.base,
			      &fit__user__v1__user__descriptor, arena, &reply, err);
	if (st == STATUS_OK)
		*ret_user = reply;
	return st;
}

enum status
user_client_get_preferences(struct user_client *client, const struct rpc_call_options *opts,
			    struct arena *arena, Fit__User__V1__Preferences **ret_preferences,
			    struct err *err)
{
	Fit__User__V1__GetPreferencesRequest request;
	enum status st;
	void *reply;

	fit__user__v1__get_preferences_request__init(&request);
	st = rpc_client_unary(client->rpc, "/fit.user.v1.UserService/GetPreferences", opts,
			      &request.base, &fit__user__v1__preferences__descriptor, arena, &reply,
			      err);
	if (st == STATUS_OK)
		*ret_preferences = reply;
	return st;
}
