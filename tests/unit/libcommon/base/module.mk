# SPDX-License-Identifier: Apache-2.0
BASE_TESTS := test_arena test_clock test_codec test_crashpoint test_hashmap test_lru test_rng test_status \
	test_strbuf test_uuid
TESTS += $(BASE_TESTS)
$(foreach t,$(BASE_TESTS),$(eval $(t)_MAIN := tests/unit/libcommon/base/$(t).c))
