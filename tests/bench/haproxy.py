# SPDX-License-Identifier: Apache-2.0
"""Configuration of the two HAProxys of bench_http.py."""

FRONT = """
global
    nbthread 1
    maxconn 4096
    log stdout len 1024 format raw local0
defaults
    mode http
    log global
    option httplog
    option http-keep-alive
    http-reuse always
    timeout connect 2s
    timeout client 30s
    timeout server 30s
    timeout http-request 5s
backend rl
    stick-table type string len 64 size 100k expire 60s store http_req_rate(60s)
frontend in
    bind 127.0.0.1:%(front)d
    unique-id-format %%{+X}o%%ci%%cp%%fi%%fp%%Ts%%rt%%pid
    unique-id-header X-Request-ID
    http-request set-var(txn.bearer) http_auth_bearer
    http-request set-var(txn.alg) var(txn.bearer),jwt_header_query('$.alg')
    http-request set-var(txn.iss) var(txn.bearer),jwt_payload_query('$.iss')
    http-request set-var(txn.sub) var(txn.bearer),jwt_payload_query('$.sub')
    http-request set-var(txn.exp) var(txn.bearer),jwt_payload_query('$.exp','int')
    http-request set-var(txn.now) date()
    http-request deny deny_status 401 unless { var(txn.alg) -m str HS256 }
    http-request deny deny_status 401 unless { var(txn.iss) -m str ai-fitness-coach }
    http-request deny deny_status 401 if { var(txn.exp),sub(txn.now) -m int lt 0 }
    http-request deny deny_status 401 unless { var(txn.bearer),jwt_verify(txn.alg,"%(key)s") -m int 1 }
    http-request track-sc0 var(txn.sub) table rl
    http-request deny deny_status 429 if { sc_http_req_rate(0,rl) gt 2000000000 }
    http-request set-header X-User-Id %%[var(txn.sub)]
    http-response set-header Content-Security-Policy "default-src 'self'"
    http-response set-header X-Content-Type-Options nosniff
    http-response set-header X-Frame-Options SAMEORIGIN
    http-response set-header Referrer-Policy no-referrer
    http-response set-header Strict-Transport-Security "max-age=31536000; includeSubDomains"
    http-response set-header Cross-Origin-Opener-Policy same-origin
    http-response set-header Cross-Origin-Resource-Policy same-origin
    default_backend out
backend out
    server s1 127.0.0.1:%(back)d
"""

BACKEND = """
global
    nbthread 1
    maxconn 4096
defaults
    mode http
    option http-keep-alive
    timeout connect 2s
    timeout client 30s
    timeout server 30s
frontend in
    bind 127.0.0.1:%(back)d
    http-request return status 200 content-type application/json string '%(body)s'
"""
