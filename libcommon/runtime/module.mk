# SPDX-License-Identifier: Apache-2.0
LIB_SRCS += $(addprefix libcommon/runtime/,config.c cpus.c environment.c loop.c workpool.c)
