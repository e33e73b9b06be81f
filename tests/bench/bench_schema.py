# SPDX-License-Identifier: Apache-2.0
"""schema: libcommon/schema on a training session of 550 bytes of JSON, one thread (bench_schema.c)."""
import re
import subprocess

from kit import BUILD, Row, fail


def schema(_world):
    done = subprocess.run([f"{BUILD}/test/bench_schema"], text=True, capture_output=True)
    found = re.findall(r"^(\w[\w ]*?) +(\d+) ns \(", done.stdout, re.M)
    if done.returncode != 0 or len(found) != 3:
        fail(f"bench_schema said: {done.stdout}{done.stderr}")
    return [Row("schema: a training session of 550 bytes", cpu={what: int(ns) / 1000 for what, ns in found})]
