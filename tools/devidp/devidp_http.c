/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/devidp/devidp_http.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <event2/buffer.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>

#include "libcommon/base/clock.h"
#include "libcommon/base/strbuf.h"
#include "libcommon/crypto/jwt.h"
#include "libcommon/observe/log.h"
#include "tools/devidp/devidp_token.h"

#define HEADERS_MAX 8192
#define BODY_MAX 4096
#define TIMEOUT_S 10
#define TTL_DEFAULT_S 3600
#define TTL_MAX_S 86400

static const char page_head[] =
	"<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>devidp</title><style>"
	"body{font:16px/1.5 system-ui,sans-serif;max-width:34em;margin:3em auto;padding:0 1em}"
	"label{display:block;margin:1em 0 "
	".2em}input,select,textarea,button{font:inherit;width:100%;"
	"box-sizing:border-box;padding:.4em}button{margin-top:1.5em}textarea{height:12em}</style>"
	"<h1>devidp</h1>";
static const char page_form[] =
	"<p>A sign-in provider for trying things: whoever you say you are, you are.</p>"
	"<form method=\"post\" action=\"/token\">"
	"<label for=\"email\">E-mail address</label>"
	"<input id=\"email\" name=\"email\" type=\"email\" value=\"ann@example.org\" required "
	"autofocus>"
	"<label for=\"name\">Name</label><input id=\"name\" name=\"name\" placeholder=\"from the "
	"address\">"
	"<label for=\"role\">Role</label><select id=\"role\" name=\"role\">"
	"<option>user<option>coach<option>admin</select>"
	"<button>Make an ID token</button></form>";

/* ---- replies ---- */

static void
reply(struct evhttp_request *req, int code, const char *type, const char *cache,
      const struct strbuf *body)
{
	struct evkeyvalq *headers = evhttp_request_get_output_headers(req);
	struct evbuffer *buf = evbuffer_new();

	if (buf == NULL || evbuffer_add(buf, body->buf, body->len) != 0)
		panic("no memory for a reply");
	evhttp_add_header(headers, "Content-Type", type);
	evhttp_add_header(headers, "Cache-Control", cache);
	evhttp_add_header(headers, "X-Content-Type-Options", "nosniff");
	evhttp_add_header(headers, "Content-Security-Policy",
			  "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; "
			  "frame-ancestors 'none'");
	evhttp_send_reply(req, code, NULL, buf);
	evbuffer_free(buf);
}

static void
reply_error(struct evhttp_request *req, int code, const char *error, const char *text)
{
	struct strbuf sb = STRBUF_INIT;

	strbuf_addf(&sb, "{\"error\":\"%s\",\"error_description\":", error);
	strbuf_add_json_string(&sb, slice_str(text));
	strbuf_adds(&sb, "}\n");
	reply(req, code, "application/json", "no-store", &sb);
	strbuf_fini(&sb);
}

static bool
is_get(struct evhttp_request *req)
{
	enum evhttp_cmd_type method = evhttp_request_get_command(req);

	if (method == EVHTTP_REQ_GET || method == EVHTTP_REQ_HEAD)
		return true;
	evhttp_add_header(evhttp_request_get_output_headers(req), "Allow", "GET, HEAD");
	reply_error(req, 405, "invalid_request", "The method is not allowed here.");
	return false;
}

/* ---- what a provider publishes ---- */

static void
on_discovery(struct evhttp_request *req, void *arg)
{
	const struct devidp_site *site = arg;
	struct strbuf sb = STRBUF_INIT;

	if (!is_get(req))
		return;
	strbuf_adds(&sb, "{\"issuer\":");
	strbuf_add_json_string(&sb, slice_str(site->issuer));
	strbuf_addf(&sb,
		    ",\"jwks_uri\":\"%s/jwks\",\"authorization_endpoint\":\"%s/\","
		    "\"token_endpoint\":\"%s/token\",",
		    site->issuer, site->issuer, site->issuer);
	strbuf_adds(&sb, "\"response_types_supported\":[\"id_token\"],\"subject_types_supported\":["
			 "\"public\"],"
			 "\"id_token_signing_alg_values_supported\":[\"RS256\"],"
			 "\"claims_supported\":[\"iss\",\"aud\",\"sub\",\"iat\",\"exp\",\"email\","
			 "\"email_verified\",\"name\",\"picture\",\"fit_role\"]}\n");
	reply(req, 200, "application/json", "max-age=300", &sb);
	strbuf_fini(&sb);
}

static void
on_jwks(struct evhttp_request *req, void *arg)
{
	const struct devidp_site *site = arg;
	struct strbuf sb = STRBUF_INIT;

	if (!is_get(req))
		return;
	strbuf_adds(&sb, "{\"keys\":[");
	jwt_signer_public_jwk(site->signer, &sb);
	strbuf_adds(&sb, "]}\n");
	reply(req, 200, "application/json", "max-age=300", &sb);
	strbuf_fini(&sb);
}

static void
on_health(struct evhttp_request *req, void *arg)
{
	struct strbuf sb = STRBUF_INIT;

	(void)arg;
	if (!is_get(req))
		return;
	strbuf_adds(&sb, "{\"status\":\"ok\"}\n");
	reply(req, 200, "application/json", "no-store", &sb);
	strbuf_fini(&sb);
}

static void
on_form(struct evhttp_request *req, void *arg)
{
	struct strbuf sb = STRBUF_INIT;

	(void)arg;
	if (!is_get(req))
		return;
	strbuf_adds(&sb, page_head);
	strbuf_adds(&sb, page_form);
	reply(req, 200, "text/html; charset=utf-8", "no-store", &sb);
	strbuf_fini(&sb);
}

/* ---- tokens ---- */

static const char *
param(const struct evkeyvalq *params, const char *name, const char *def)
{
	const char *value = evhttp_find_header(params, name);

	return value != NULL ? value : def;
}

/* A number of seconds within a day to either side. */
static bool
parse_ttl(const char *text, int64_t *ret)
{
	char *end;
	long long v;

	errno = 0;
	v = strtoll(text, &end, 10);
	if (errno != 0 || end == text || *end != '\0' || v < -TTL_MAX_S || v > TTL_MAX_S)
		return false;
	*ret = v;
	return true;
}

static void
reply_token(struct evhttp_request *req, const struct strbuf *token, int64_t ttl_s)
{
	const char *accept = evhttp_find_header(evhttp_request_get_input_headers(req), "Accept");
	struct strbuf sb = STRBUF_INIT;

	if (evhttp_request_get_command(req) == EVHTTP_REQ_POST && accept != NULL &&
	    strstr(accept, "text/html") != NULL) {
		strbuf_adds(&sb, page_head);
		strbuf_addf(
			&sb,
			"<p>An ID token, good for %lld seconds. Send it as <code>token</code> to "
			"<code>POST /api/v1/auth/google</code>.</p><textarea readonly>%s</textarea>"
			"<p><a href=\"/\">Another one</a></p>",
			(long long)ttl_s, token->buf);
		reply(req, 200, "text/html; charset=utf-8", "no-store", &sb);
	} else {
		strbuf_addf(&sb,
			    "{\"id_token\":\"%s\",\"token_type\":\"Bearer\",\"expires_in\":%lld}\n",
			    token->buf, (long long)ttl_s);
		reply(req, 200, "application/json", "no-store", &sb);
	}
	strbuf_fini(&sb);
}

static void
make_token(struct evhttp_request *req, const struct devidp_site *site,
	   const struct evkeyvalq *params)
{
	struct devidp_person who = { .email = param(params, "email", ""),
				     .name = param(params, "name", ""),
				     .role = param(params, "role", ""),
				     .verified = strcmp(param(params, "email_verified", "true"),
							"false") != 0,
				     .ttl_s = TTL_DEFAULT_S };
	const char *ttl = param(params, "expires_in", NULL);
	struct strbuf token = STRBUF_INIT;
	struct err err;

	err_init(&err);
	if (ttl != NULL && !parse_ttl(ttl, &who.ttl_s)) {
		reply_error(req, 400, "invalid_request",
			    "expires_in: is not a number of seconds within a day");
		return;
	}
	if (devidp_token(site->signer, site->issuer, param(params, "aud", site->audience), &who,
			 clock_wall_ms() / 1000, &token, &err) != STATUS_OK)
		reply_error(req, err.status == STATUS_INVALID_ARGUMENT ? 400 : 500,
			    "invalid_request", err.text);
	else
		reply_token(req, &token, who.ttl_s);
	strbuf_fini(&token);
}

/* The query, or the form of a POST. */
static bool
read_params(struct evhttp_request *req, struct evkeyvalq *ret_params)
{
	const char *query = evhttp_uri_get_query(evhttp_request_get_evhttp_uri(req));
	char body[BODY_MAX + 1];
	ev_ssize_t n;

	if (evhttp_request_get_command(req) != EVHTTP_REQ_POST)
		return evhttp_parse_query_str(query != NULL ? query : "", ret_params) == 0;
	n = evbuffer_remove(evhttp_request_get_input_buffer(req), body, BODY_MAX);
	body[n > 0 ? n : 0] = '\0';
	return evhttp_parse_query_str(body, ret_params) == 0;
}

static void
on_token(struct evhttp_request *req, void *arg)
{
	struct evkeyvalq params = { 0 };

	if (read_params(req, &params))
		make_token(req, arg, &params);
	else
		reply_error(req, 400, "invalid_request", "The parameters are not URL-encoded.");
	evhttp_clear_headers(&params);
}

static void
on_other(struct evhttp_request *req, void *arg)
{
	(void)arg;
	reply_error(req, 404, "not_found", "GET / shows what there is.");
}

void
devidp_http_attach(struct evhttp *http, const struct devidp_site *site)
{
	static const struct {
		const char *path;
		void (*on_request)(struct evhttp_request *req, void *arg);
	} routes[] = {
		{ "/", on_form },         { "/.well-known/openid-configuration", on_discovery },
		{ "/jwks", on_jwks },     { "/token", on_token },
		{ "/health", on_health },
	};

	evhttp_set_max_headers_size(http, HEADERS_MAX);
	evhttp_set_max_body_size(http, BODY_MAX);
	evhttp_set_timeout(http, TIMEOUT_S);
	evhttp_set_allowed_methods(http, EVHTTP_REQ_GET | EVHTTP_REQ_HEAD | EVHTTP_REQ_POST);
	for (size_t i = 0; i < ARRAY_LEN(routes); i++) {
		/* evhttp hands the argument through unchanged. */
		if (evhttp_set_cb(http, routes[i].path, routes[i].on_request,
				  (void *)(uintptr_t)site) != 0)
			panic("route %s is there already", routes[i].path);
	}
	evhttp_set_gencb(http, on_other, NULL);
}
