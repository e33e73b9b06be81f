# SPDX-License-Identifier: Apache-2.0
# Unit tests mirror the source tree; every area has a fragment of its own.
include $(sort $(wildcard tests/unit/*/module.mk tests/unit/*/*/module.mk))
