/* SPDX-License-Identifier: Apache-2.0 */
#include "libcommon/net/http_client.h"

#include <ctype.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <curl/curl.h>

#include "libcommon/base/arena.h"
#include "libcommon/base/strbuf.h"

#define MAX_AGE_MAX INT64_C(31536000) /* a year: nothing is fresh for longer */

struct transfer {
	struct strbuf body;
	size_t max_bytes;
	bool too_big;
};

static pthread_once_t curl_once = PTHREAD_ONCE_INIT;

static void
start_curl(void)
{
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		fatal("libcurl does not start");
}

static bool
is_loopback(const char *host)
{
	if (strcasecmp(host, "localhost") == 0 || strcmp(host, "[::1]") == 0)
		return true;
	/* Digits and dots only, so that "127.0.0.1.evil.example" is not one. */
	return strncmp(host, "127.", 4) == 0 && strspn(host, "0123456789.") == strlen(host);
}

bool
http_url_allowed(const char *url)
{
	CURLU *u;
	char *scheme = NULL, *host = NULL;
	bool ok = false;

	if (strlen(url) > HTTP_URL_MAX)
		return false;
	u = curl_url();
	if (u != NULL && curl_url_set(u, CURLUPART_URL, url, CURLU_DISALLOW_USER) == CURLUE_OK &&
	    curl_url_get(u, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
	    curl_url_get(u, CURLUPART_HOST, &host, 0) == CURLUE_OK)
		ok = strcmp(scheme, "https") == 0 ||
		     (strcmp(scheme, "http") == 0 && is_loopback(host));
	curl_free(host);
	curl_free(scheme);
	curl_url_cleanup(u);
	return ok;
}

int64_t
http_max_age(const char *text)
{
	int64_t age = -1;

	while (*text != '\0') {
		size_t n;

		text += strspn(text, " \t,");
		n = strcspn(text, ",");
		if (strncasecmp(text, "no-store", 8) == 0 || strncasecmp(text, "no-cache", 8) == 0)
			return 0;
		if (n > 8 && strncasecmp(text, "max-age=", 8) == 0 &&
		    isdigit((unsigned char)text[8])) {
			age = strtoll(text + 8, NULL, 10); /* too long a number becomes LLONG_MAX */
			if (age > MAX_AGE_MAX)
				age = MAX_AGE_MAX;
		}
		text += n;
	}
	return age;
}

static size_t
on_body(char *p, size_t size, size_t n, void *arg)
{
	struct transfer *t = arg;

	n *= size;
	if (n > t->max_bytes - t->body.len) {
		t->too_big = true;
		return 0;
	}
	strbuf_add(&t->body, p, n);
	return n;
}

static struct curl_slist *
header_list(const struct http_request *req)
{
	struct curl_slist *list = NULL;

	for (size_t i = 0; i < req->nheaders && i < HTTP_HEADERS_MAX; i++) {
		struct curl_slist *longer = curl_slist_append(list, req->headers[i]);

		if (longer == NULL)
			panic("no memory for request headers");
		list = longer;
	}
	return list;
}

static void
set_options(CURL *curl, const struct http_request *req, struct curl_slist *headers, int timeout_ms,
	    struct transfer *t)
{
	bool plain = strncasecmp(req->url, "http:", 5) == 0;

	curl_easy_setopt(curl, CURLOPT_URL, req->url);
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, plain ? "http" : "https");
	curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)timeout_ms);
	curl_easy_setopt(curl, CURLOPT_USERAGENT, "ai-fitness-coach/" FIT_VERSION_TEXT);
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, t);
	if (plain)
		curl_easy_setopt(curl, CURLOPT_PROXY,
				 ""); /* the environment's proxy is not for loopback */
	if (req->post) {
		curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, (long)req->body.n);
		curl_easy_setopt(curl, CURLOPT_POSTFIELDS, req->body.n > 0 ? req->body.p : "");
	}
}

static enum status
curl_status(CURLcode code, const struct http_request *req, const struct transfer *t,
	    struct err *err)
{
	if (t->too_big)
		return err_set(err, STATUS_RESOURCE_EXHAUSTED, "%s: a reply above %zu bytes",
			       req->url, req->max_bytes);
	return err_set(err,
		       code == CURLE_OPERATION_TIMEDOUT ? STATUS_DEADLINE_EXCEEDED
							: STATUS_UNAVAILABLE,
		       "%s: %s", req->url, curl_easy_strerror(code));
}

enum status
http_client_fetch(const struct http_request *req, struct arena *arena,
		  struct http_response *ret_response, struct err *err)
{
	struct transfer t = { .body = STRBUF_ARENA(arena), .max_bytes = req->max_bytes };
	int timeout_ms = deadline_left_ms(req->deadline);
	struct curl_slist *headers;
	struct curl_header *cache;
	struct http_response res = { .max_age_s = -1 };
	CURLcode code;
	CURL *curl;

	if (!http_url_allowed(req->url))
		return err_set(err, STATUS_INVALID_ARGUMENT,
			       "\"%.200s\" is neither https nor http on loopback", req->url);
	if (timeout_ms <= 0)
		return err_set(err, STATUS_DEADLINE_EXCEEDED, "%s: no time left", req->url);
	pthread_once(&curl_once, start_curl);
	curl = curl_easy_init();
	if (curl == NULL)
		panic("no memory for an HTTP request");
	headers = header_list(req);
	set_options(curl, req, headers, timeout_ms, &t);

	code = curl_easy_perform(curl);
	if (code == CURLE_OK) {
		curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &res.status);
		if (curl_easy_header(curl, "Cache-Control", 0, CURLH_HEADER, -1, &cache) ==
		    CURLHE_OK)
			res.max_age_s = http_max_age(cache->value);
		res.body = slice_make(strbuf_cstr(&t.body), t.body.len);
	}
	curl_easy_cleanup(curl);
	curl_slist_free_all(headers);
	if (code != CURLE_OK)
		return curl_status(code, req, &t, err);
	*ret_response = res;
	return STATUS_OK;
}
