# SPDX-License-Identifier: Apache-2.0
LIB_SRCS += $(addprefix libcommon/base/,arena.c clock.c codec.c crashpoint.c hashmap.c lru.c rng.c \
	status.c strbuf.c uuid.c)
