# SPDX-License-Identifier: Apache-2.0
# What of the gateway knows nothing of services: the HTTP/1.1 front. Tests link it with a handler of their own.
GATEWAY_FRONT_SRCS := $(addprefix gateway/,http.c client_address.c head_filter.c chunked.c exchange.c problem.c conn_limit.c \
	sock_out.c listen.c front_h1.c h1_conn.c h1_request.c h1_reply.c)
GATEWAY_FRONT_LIBS := -levhtp
# What unit tests take singly.
GATEWAY_PIPELINE_SRCS := $(addprefix gateway/,gcra.c gateway_config.c router.c routes.c upstream.c admit.c authn.c \
	transcode.c access_log.c call.c sse_out.c upstream_call.c pipeline.c pages.c gateway_loop.c)

PROGRAMS += gateway
gateway_SRCS := gateway/main.c $(GATEWAY_PIPELINE_SRCS) $(GATEWAY_FRONT_SRCS)
gateway_LIBS := $(GATEWAY_FRONT_LIBS)
$(B)/obj/gateway/pages.o: gateway/web/docs.html gateway/web/docs.js
