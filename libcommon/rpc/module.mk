# SPDX-License-Identifier: Apache-2.0
LIB_SRCS += libcommon/rpc/pb_wire.c libcommon/rpc/pb_arena.c libcommon/rpc/pb_time.c libcommon/rpc/rpc_frame.c \
	libcommon/rpc/rpc_status.c libcommon/rpc/principal.c libcommon/rpc/rpc_registry.c \
	libcommon/rpc/rpc_request.c libcommon/rpc/rpc_reply.c libcommon/rpc/rpc_call.c libcommon/rpc/rpc_stream.c \
	libcommon/rpc/rpc_server.c libcommon/rpc/rpc_health.c libcommon/rpc/rpc_reflection.c \
	libcommon/rpc/rpc_channel.c libcommon/rpc/rpc_client_call.c libcommon/rpc/rpc_client_reply.c \
	libcommon/rpc/rpc_client.c
