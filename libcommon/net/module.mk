# SPDX-License-Identifier: Apache-2.0
LIB_SRCS += libcommon/net/h2_io.c libcommon/net/h2_session.c libcommon/net/h2_events.c libcommon/net/h2_stream.c \
	libcommon/net/resolver.c
LIB_SRCS += libcommon/net/http_client.c
