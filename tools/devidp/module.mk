# SPDX-License-Identifier: Apache-2.0
PROGRAMS += devidp
devidp_SRCS := $(addprefix tools/devidp/,main.c devidp_http.c devidp_token.c)
