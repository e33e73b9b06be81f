/* SPDX-License-Identifier: Apache-2.0 */
/*
 * devidp_http.h - devidp's pages, on libevent's evhttp.
 *
 *	GET  /                                   a form
 *	GET  /.well-known/openid-configuration   OpenID Connect Discovery 1.0
 *	GET  /jwks                               the signing key
 *	GET  /token?email=…&role=…               {"id_token": …}
 *	                                         also name, aud, email_verified, expires_in
 *	POST /token                              the same from a form; a page for a browser
 *	GET  /health
 *
 * Ownership: the site borrows what its struct points to. Threads: those of its event_base.
 * Errors:    400 with {"error", "error_description"} (RFC 6749 section 5.2); 404, 405.
 */
#ifndef FIT_DEVIDP_HTTP_H
#define FIT_DEVIDP_HTTP_H

struct evhttp;
struct jwt_signer;

struct devidp_site {
	const struct jwt_signer *signer;
	const char *issuer;
	const char *audience;
};

/* Sets the site's routes and limits on `http`. */
void devidp_http_attach(struct evhttp *http, const struct devidp_site *site);

#endif
