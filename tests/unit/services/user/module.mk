# SPDX-License-Identifier: Apache-2.0
USER_TESTS := test_user_identity test_user_preferences test_user_profile test_user_edit test_user_vault
TESTS += $(USER_TESTS)
$(foreach t,$(USER_TESTS),$(eval $(t)_MAIN := tests/unit/services/user/$(t).c))
$(foreach t,$(USER_TESTS),$(eval $(t)_SRCS := services/user/user.c services/user/user_access.c \
	services/user/user_events.c services/user/user_identity.c services/user/user_mask.c \
	services/user/user_preferences.c services/user/user_profile.c services/user/user_vault.c))
