# SPDX-License-Identifier: Apache-2.0
# What of the gateway knows nothing of services: the HTTP/1.1 front. Tests link it with a handler of their own.
GATEWAY_FRONT_SRCS := $(addprefix gateway/,http.c head_filter.c chunked.c exchange.c problem.c conn_limit.c \
	sock_out.c listen.c front_h1.c)
