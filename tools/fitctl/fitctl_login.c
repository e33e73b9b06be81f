/* SPDX-License-Identifier: Apache-2.0 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "libcommon/base/arena.h"
#include "libcommon/base/clock.h"
#include "libcommon/base/strbuf.h"
#include "libcommon/base/uuid.h"
#include "libcommon/net/http_client.h"
#include "tools/fitctl/fitctl.h"

#define CALL_MS 15000
#define REPLY_MAX (256 << 10)

static const char help[] =
	"Usage: fitctl login --email E [OPTION]…\n\n"
	"Signs in as a person of your choice: takes an ID token of devidp, the local identity "
	"provider, to\n"
	"POST /api/v1/auth/google at the gateway, and prints the access token. For development "
	"only.\n\n"
	"  --email E   e-mail address\n"
	"  --role R    user, coach or admin (default: the account's own, user for a new one)\n"
	"  --device D  id of the device that signs in (default: a new one each time; signing in "
	"again on a device ends\n"
	"              its earlier session)\n"
	"  --dir DIR   the stack's folder (default: $FIT_STACK_DIR, else build/local)\n"
	"  --json      print the whole reply: tokens and user\n"
	"  --help      this text\n\n"
	"$FIT_GATEWAY_URL and $FIT_DEVIDP_URL name other addresses than the stack's own.\n"
	"Exit status: 0 signed in, 1 failed, 2 wrong usage.\n";

static void
add_query(struct strbuf *url, char separator, const char *name, const char *value)
{
	strbuf_addf(url, "%c%s=", separator, name);
	for (const char *p = value; *p != '\0'; p++) {
		if ((*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') ||
		    (*p >= '0' && *p <= '9') || strchr("-._~", *p) != NULL)
			strbuf_addch(url, *p);
		else
			strbuf_addf(url, "%%%02X", (unsigned char)*p);
	}
}

static void
free_json(void *json)
{
	json_decref(json);
}

/* What a refusal says of itself: problem or OAuth error, else the first bytes. */
static const char *
refusal_text(struct arena *arena, json_t *json, struct slice body)
{
	static const char *const members[] = { "detail", "title", "error_description", "error" };

	for (size_t i = 0; json != NULL && i < sizeof(members) / sizeof(members[0]); i++) {
		const char *text = json_string_value(json_object_get(json, members[i]));

		if (text != NULL)
			return text;
	}
	return arena_strndup(arena, body.n > 0 ? body.p : "", body.n < 200 ? body.n : 200);
}

/* The JSON object that a 2xx reply is; `who` names the peer in errors. */
static enum status
fetch_json(struct arena *arena, const char *who, const struct http_request *req, json_t **ret_json,
	   struct err *err)
{
	struct http_response res;
	json_t *json;

	if (http_client_fetch(req, arena, &res, err) != STATUS_OK)
		return err_context(err,
				   "%s does not answer (is the stack up? \"make up\" starts it)",
				   who);
	json = json_loadb(res.body.p, res.body.n, 0, NULL);
	if (json != NULL)
		arena_defer(arena, free_json, json);
	if (res.status < 200 || res.status > 299)
		return err_set(err, STATUS_UNKNOWN, "%s refused with %ld: %s", who, res.status,
			       refusal_text(arena, json, res.body));
	if (!json_is_object(json))
		return err_set(err, STATUS_UNKNOWN,
			       "%s answered with something that is no JSON object", who);
	*ret_json = json;
	return STATUS_OK;
}

static enum status
get_id_token(struct arena *arena, const char *devidp, const char *email, const char *role,
	     const char **ret_token, struct err *err)
{
	struct strbuf url = STRBUF_ARENA(arena);
	struct http_request req = { .deadline = deadline_in(CALL_MS), .max_bytes = REPLY_MAX };
	enum status st;
	json_t *json;

	strbuf_addf(&url, "%s/token", devidp);
	add_query(&url, '?', "email", email);
	if (role != NULL)
		add_query(&url, '&', "role", role);
	req.url = strbuf_cstr(&url);
	st = fetch_json(arena, arena_printf(arena, "devidp (%s)", devidp), &req, &json, err);
	if (st != STATUS_OK)
		return st;
	*ret_token = json_string_value(json_object_get(json, "id_token"));
	return *ret_token != NULL ? STATUS_OK
				  : err_set(err, STATUS_UNKNOWN, "devidp's answer has no id_token");
}

static enum status
sign_in(struct arena *arena, const char *gateway, const char *id_token, const char *device,
	json_t **ret_reply, struct err *err)
{
	static const char *const headers[] = { "Content-Type: application/json",
					       "Accept: application/json" };
	json_t *body = json_pack("{s:s, s:{s:s, s:s, s:s}}", "token", id_token, "device", "id",
				 device, "name", "fitctl", "platform", "other");
	char *text = body != NULL ? json_dumps(body, JSON_COMPACT) : NULL;
	struct http_request req = { .url = arena_printf(arena, "%s/api/v1/auth/google", gateway),
				    .headers = headers,
				    .nheaders = 2,
				    .post = true,
				    .deadline = deadline_in(CALL_MS),
				    .max_bytes = REPLY_MAX };
	enum status st;

	json_decref(body);
	if (text == NULL)
		return err_set(err, STATUS_INVALID_ARGUMENT, "--device is not UTF-8");
	arena_defer(arena, free, text);
	req.body = slice_str(text);
	st = fetch_json(arena, arena_printf(arena, "the gateway (%s)", gateway), &req, ret_reply,
			err);
	if (st == STATUS_OK && !json_is_string(json_object_get(*ret_reply, "accessToken")))
		return err_set(err, STATUS_UNKNOWN, "the gateway's answer has no accessToken");
	return st;
}

struct wishes {
	const char *email, *role, *device, *dir;
	bool json;
};

static int
run(struct arena *arena, const struct wishes *w)
{
	const char *dir = fitctl_stack_dir(arena, w->dir);
	char *devidp, *gateway, device[64] = "fitctl-";
	const char *id_token;
	json_t *reply;
	struct err err;
	struct uuid id = uuid_v4();
	enum status st;

	err_init(&err);
	uuid_format(&id, device + strlen(device));
	st = fitctl_stack_setting(arena, dir, "FIT_DEVIDP_URL", &devidp, &err);
	if (st == STATUS_OK)
		st = fitctl_stack_setting(arena, dir, "FIT_GATEWAY_URL", &gateway, &err);
	if (st == STATUS_OK)
		st = get_id_token(arena, devidp, w->email, w->role, &id_token, &err);
	if (st == STATUS_OK)
		st = sign_in(arena, gateway, id_token, w->device != NULL ? w->device : device,
			     &reply, &err);
	if (st != STATUS_OK)
		return fitctl_fail("%s", err.text);
	if (w->json)
		(void)json_dumpf(reply, stdout, JSON_INDENT(2));
	else
		fputs(json_string_value(json_object_get(reply, "accessToken")), stdout);
	putchar('\n');
	return fitctl_flush(FITCTL_OK);
}

int
fitctl_login(int argc, char **argv, struct arena *arena)
{
	static const struct option options[] = { { "email", required_argument, NULL, 'e' },
						 { "role", required_argument, NULL, 'r' },
						 { "device", required_argument, NULL, 'v' },
						 { "dir", required_argument, NULL, 'd' },
						 { "json", no_argument, NULL, 'j' },
						 { "help", no_argument, NULL, 'h' },
						 { NULL, 0, NULL, 0 } };
	struct wishes w = { 0 };
	int c;

	opterr = 0;
	while ((c = getopt_long(argc, argv, ":", options, NULL)) != -1) {
		switch (c) {
		case 'e':
			w.email = optarg;
			break;
		case 'r':
			w.role = optarg;
			break;
		case 'v':
			w.device = optarg;
			break;
		case 'd':
			w.dir = optarg;
			break;
		case 'j':
			w.json = true;
			break;
		case 'h':
			fputs(help, stdout);
			return fitctl_flush(FITCTL_OK);
		case ':':
			return fitctl_usage("login", "%s needs a value", argv[optind - 1]);
		default:
			return fitctl_usage("login", "\"%s\" is not an option", argv[optind - 1]);
		}
	}
	if (optind < argc)
		return fitctl_usage("login", "\"%s\" is too much", argv[optind]);
	if (w.email == NULL || *w.email == '\0')
		return fitctl_usage("login", "--email is missing");
	if (w.role != NULL && strcmp(w.role, "user") != 0 && strcmp(w.role, "coach") != 0 &&
	    strcmp(w.role, "admin") != 0)
		return fitctl_usage("login", "--role: \"%s\" is not user, coach or admin", w.role);
	return run(arena, &w);
}
