# SPDX-License-Identifier: Apache-2.0
# One non-recursive Makefile. Each folder has a module.mk that adds its sources to the lists below.
#
#   LIB_SRCS      sources of the common library (libfit.a)
#   PROGRAMS      executables; each has <name>_SRCS (path of the executable is $(B)/bin/<name>)
#   TESTS         unit tests (cmocka); each has <name>_SRCS (extra sources; tests/... .c is named by <name>_MAIN)
#   FUZZERS       libFuzzer targets, as TESTS
#   PROTOS        .proto files below proto/
SHELL := /bin/bash
.SHELLFLAGS := -o pipefail -ec
.DELETE_ON_ERROR:
.SUFFIXES:
MAKEFLAGS += --no-builtin-rules
.DEFAULT_GOAL := all

V ?= 0
Q := $(if $(filter 1,$(V)),,@)
SANITIZER ?=
ifneq ($(filter-out address thread,$(SANITIZER)),)
$(error SANITIZER=$(SANITIZER) is not known (address or thread))
endif
VARIANT := $(if $(SANITIZER),$(SANITIZER),release)
B ?= build/$(VARIANT)
GEN := $(B)/gen
LIBFIT := $(B)/libfit.a
CC := gcc
# Debian's own interpreter: it has the packaged protobuf and grpc modules.
PYTHON ?= /usr/bin/python3
VERSION := $(shell cat VERSION 2>/dev/null || echo 0.0.0)

PKGS := libevent libevent_pthreads libnghttp2 libprotobuf-c libpq hiredis libcurl openssl jansson zlib
# Goals that only call scripts (which install the packages that the probe below would miss).
META := help setup up down status logs reset demo check chaos bench clean format format-check
ifneq ($(filter-out $(META),$(or $(MAKECMDGOALS),all)),)
-include $(B)/config.mk
endif

WARNINGS := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wformat=2 -Wcast-qual -Wvla \
	-Wundef -Wimplicit-fallthrough -Wtrampolines -Wbidi-chars=any -Wno-missing-field-initializers -Werror
CPPFLAGS += -I. -I$(GEN) -D_GNU_SOURCE -DFIT_VERSION_TEXT='"$(VERSION)"' $(PKG_CFLAGS)
CFLAGS := -std=gnu17 -g -fno-common $(WARNINGS)
LDLIBS := $(PKG_LIBS) -lhiredis -lpthread -lm
ifeq ($(SANITIZER),address)
CFLAGS += -O1 -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=undefined
LDFLAGS += -fsanitize=address,undefined
CPPFLAGS += -DFIT_CRASH_POINTS
else ifeq ($(SANITIZER),thread)
CFLAGS += -O1 -fno-omit-frame-pointer -fsanitize=thread
LDFLAGS += -fsanitize=thread
CPPFLAGS += -DFIT_CRASH_POINTS
else
CFLAGS += -O2 $(HARDEN_CFLAGS)
LDFLAGS += $(HARDEN_LDFLAGS)
CPPFLAGS += $(if $(CRASH_POINTS),-DFIT_CRASH_POINTS)
endif

LIB_SRCS :=
PROGRAMS :=
TESTS :=
FUZZERS :=
PROTOS :=

MODULES := proto libcommon/base libcommon/observe libcommon/runtime libcommon/crypto libcommon/schema libcommon/net \
	libcommon/rpc libcommon/store libcommon/bus libcommon/client libcommon/service \
	services/auth services/user services/workout services/ai-coaching services/notification services/analytics gateway tools/fitctl tools/devidp tools/build \
	tests/support tests/unit tests/fuzz tests/integration tests/e2e tests/chaos tests/bench deploy/local docs
include $(wildcard $(MODULES:%=%/module.mk))

include build.mk
