# SPDX-License-Identifier: Apache-2.0
"""Configuration of an Envoy that does what the gateway does for GET /users/me: it checks the gateway's own ES256 tokens (and
keeps verified ones, as the gateway does), limits, translates JSON to gRPC by the same descriptors, and asks the user service.

Where it does less: one bucket for all users, in its own memory; no session asked for; the caller that the service is told is
the same in every request, since the filters do not write protobuf.
"""
import base64
import json

LISTENER = "type.googleapis.com/envoy.extensions."
HEADERS = {
    "content-security-policy": "default-src 'self'", "x-content-type-options": "nosniff", "x-frame-options": "SAMEORIGIN",
    "referrer-policy": "no-referrer", "strict-transport-security": "max-age=31536000; includeSubDomains",
    "cross-origin-opener-policy": "same-origin", "cross-origin-resource-policy": "same-origin",
}


def claims(token):
    body = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))


def principal(token):
    """fit.api.v1.Principal, as the value of a -bin header."""
    fields = {1: claims(token)["sub"], 2: "user", 3: "free"}
    wire = b"".join(bytes([number << 3 | 2, len(text)]) + text.encode() for number, text in fields.items())
    return base64.b64encode(wire).decode().rstrip("=")


def header(name, value):
    return {"header": {"key": name, "value": value}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}


def filters(jwks, protoset):
    return [
        {"name": "jwt", "typed_config": {
            "@type": LISTENER + "filters.http.jwt_authn.v3.JwtAuthentication",
            "providers": {"fit": {"issuer": "ai-fitness-coach", "audiences": ["ai-fitness-coach-app"],
                                  "local_jwks": {"inline_string": jwks}, "forward": False,
                                  "jwt_cache_config": {"jwt_cache_size": 2000, "jwt_max_token_size": 4096}}},
            "rules": [{"match": {"prefix": "/"}, "requires": {"provider_name": "fit"}}]}},
        {"name": "limit", "typed_config": {
            "@type": LISTENER + "filters.http.local_ratelimit.v3.LocalRateLimit", "stat_prefix": "limit",
            "token_bucket": {"max_tokens": 1000000000, "tokens_per_fill": 1000000000, "fill_interval": "900s"},
            "filter_enabled": {"default_value": {"numerator": 100}}, "filter_enforced": {"default_value": {"numerator": 100}}}},
        {"name": "transcoder", "typed_config": {
            "@type": LISTENER + "filters.http.grpc_json_transcoder.v3.GrpcJsonTranscoder", "proto_descriptor": protoset,
            "services": ["fit.user.v1.UserService"], "convert_grpc_status": True}},
        {"name": "router", "typed_config": {"@type": LISTENER + "filters.http.router.v3.Router"}},
    ]


def config(port, user_port, token, jwks, protoset, log):
    socket = lambda at: {"socket_address": {"address": "127.0.0.1", "port_value": at}}  # noqa: E731
    manager = {
        "@type": LISTENER + "filters.network.http_connection_manager.v3.HttpConnectionManager", "stat_prefix": "in",
        "access_log": [{"name": "log", "typed_config": {"@type": LISTENER + "access_loggers.file.v3.FileAccessLog", "path": log}}],
        "route_config": {"virtual_hosts": [{
            "name": "all", "domains": ["*"],
            "request_headers_to_add": [header("fit-principal-bin", principal(token))],
            "response_headers_to_add": [header(name, value) for name, value in HEADERS.items()],
            "routes": [{"match": {"prefix": "/"}, "route": {"cluster": "user", "timeout": "5s"}}]}]},
        "http_filters": filters(jwks, protoset)}
    http2 = {"@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
             "explicit_http_config": {"http2_protocol_options": {}}}
    return json.dumps({"static_resources": {
        "listeners": [{"name": "in", "address": socket(port),
                       "filter_chains": [{"filters": [{"name": "http", "typed_config": manager}]}]}],
        "clusters": [{"name": "user", "type": "STATIC", "connect_timeout": "2s",
                      "typed_extension_protocol_options": {"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": http2},
                      "load_assignment": {"cluster_name": "user", "endpoints": [
                          {"lb_endpoints": [{"endpoint": {"address": socket(user_port)}}]}]}}]}})
