# SPDX-License-Identifier: Apache-2.0
TESTS += test_user_prefs
test_user_prefs_MAIN := tests/unit/libcommon/client/test_user_prefs.c
