# SPDX-License-Identifier: Apache-2.0
"""For all tests: FIT_BUILD is the absolute path of the build under test (build/release when not set)."""
import os
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
os.environ["FIT_BUILD"] = os.path.abspath(os.environ.get("FIT_BUILD") or f"{ROOT}/build/release")
sys.path[:0] = [f"{ROOT}/deploy/local", f"{ROOT}/tests/support"]
