# SPDX-License-Identifier: Apache-2.0
LIB_SRCS += $(sort $(wildcard libcommon/crypto/*.c))
