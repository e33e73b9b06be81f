# SPDX-License-Identifier: Apache-2.0
"""The OpenAPI document against the specification's own schema, where openapi-spec-validator is installed (not in Debian)."""
import json
import subprocess

import pytest

from conftest import BUILD

validator = pytest.importorskip("openapi_spec_validator")


@pytest.mark.parametrize("protoset", ["fit.protoset", "testing.protoset"])
def test_is_valid(protoset):
    done = subprocess.run([f"{BUILD}/test/schema_cli", f"{BUILD}/gen/{protoset}"], input=b"openapi - 0\n", capture_output=True,
                          check=True)
    validator.validate(json.loads(done.stdout.partition(b"\n")[2]))
