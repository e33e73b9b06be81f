# SPDX-License-Identifier: Apache-2.0
PROGRAMS += fitctl
fitctl_SRCS := $(addprefix tools/fitctl/,main.c fitctl_bus.c fitctl_dlq.c fitctl_events.c \
	fitctl_login.c fitctl_stack.c fitctl_status.c)
