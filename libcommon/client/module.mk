# SPDX-License-Identifier: Apache-2.0
LIB_SRCS += libcommon/client/user_client.c libcommon/client/user_prefs.c libcommon/client/workout_client.c
