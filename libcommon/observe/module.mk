# SPDX-License-Identifier: Apache-2.0
LIB_SRCS += $(addprefix libcommon/observe/,log.c log_sink.c metrics.c metrics_process.c trace.c)
