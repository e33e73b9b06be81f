/* SPDX-License-Identifier: Apache-2.0 */
/*
 * user_client.h - the user service as other services call it.
 *
 *	struct user_client *users = user_client_open("127.0.0.1:7102", service_tls_client());
 *	Fit__User__V1__GetUserAccessRequest ask;
 *	fit__user__v1__get_user_access_request__init(&ask);
 *	ask.user_id = id;
 *	st = user_client_get_access(users, &opts, &ask, arena, &access, err);
 *
 * `opts` carries deadline, trace and request id of the call that this one is made for; GetUser and
 * GetPreferences also need the principal, whose they are.
 *
 * Ownership: the client owns its connections; replies live in the arena.
 * Threads:   any worker; calls block until the reply or the deadline.
 * Errors:    the service's, and those of rpc_client.h.
 */
#ifndef FIT_CLIENT_USER_CLIENT_H
#define FIT_CLIENT_USER_CLIENT_H

#include "fit/user/v1/user.pb-c.h"

#include "libcommon/base/compiler.h"
#include "libcommon/base/status.h"

struct arena;
struct rpc_call_options;
struct tls_context;
struct user_client;

/* tls: service_tls_client(); NULL: plain, on the loopback. Connects at the first call. */
struct user_client *user_client_open(const char *target, struct tls_context *tls);
void user_client_close(struct user_client *client);

enum status user_client_find_or_create(struct user_client *client,
				       const struct rpc_call_options *opts,
				       const Fit__User__V1__FindOrCreateUserRequest *request,
				       struct arena *arena,
				       Fit__User__V1__FindOrCreateUserResponse **ret_reply,
				       struct err *err) MUST_CHECK;
enum status user_client_get_access(struct user_client *client, const struct rpc_call_options *opts,
				   const Fit__User__V1__GetUserAccessRequest *request,
				   struct arena *arena,
				   Fit__User__V1__GetUserAccessResponse **ret_reply,
				   struct err *err) MUST_CHECK;
/* NOT_FOUND: no such user, or erased. */
enum status user_client_find_preferences(struct user_client *client,
					 const struct rpc_call_options *opts,
					 const Fit__User__V1__FindPreferencesRequest *request,
					 struct arena *arena,
					 Fit__User__V1__FindPreferencesResponse **ret_reply,
					 struct err *err) MUST_CHECK;
/* Also PERMISSION_DENIED: the account is closed. */
enum status user_client_find_contact(struct user_client *client,
				     const struct rpc_call_options *opts,
				     const Fit__User__V1__FindContactRequest *request,
				     struct arena *arena, Fit__User__V1__Contact **ret_contact,
				     struct err *err) MUST_CHECK;
enum status user_client_get_user(struct user_client *client, const struct rpc_call_options *opts,
				 struct arena *arena, Fit__User__V1__User **ret_user,
				 struct err *err) MUST_CHECK;
/* The principal's preferences, defaults filled in. */
enum status user_client_get_preferences(struct user_client *client,
					const struct rpc_call_options *opts, struct arena *arena,
					Fit__User__V1__Preferences **ret_preferences,
					struct err *err) MUST_CHECK;

#endif
