# SPDX-License-Identifier: Apache-2.0
CRYPTO_TESTS := test_aead test_digest test_envelope test_jwt test_secret test_tls
TESTS += $(CRYPTO_TESTS)
$(foreach t,$(CRYPTO_TESTS),$(eval $(t)_MAIN := tests/unit/libcommon/crypto/$(t).c))
