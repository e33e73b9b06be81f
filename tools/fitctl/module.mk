# SPDX-License-Identifier: Apache-2.0
PROGRAMS += fitctl
fitctl_SRCS := $(addprefix tools/fitctl/,main.c fitctl_login.c fitctl_stack.c fitctl_status.c)
