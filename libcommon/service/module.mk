# SPDX-License-Identifier: Apache-2.0
LIB_SRCS += libcommon/service/admin.c libcommon/service/service.c libcommon/service/service_config.c \
	libcommon/service/service_events.c libcommon/service/service_tls.c
