# SPDX-License-Identifier: Apache-2.0
"""What /openapi.json says of bodies is so: without one, a request that needs it is refused, another is not."""
import uuid


def operations(doc):
    for path, item in doc["paths"].items():
        for verb in ("post", "put", "patch", "delete"):
            if "requestBody" in item.get(verb, {}):
                yield verb.upper(), path, item[verb]


def address(path):
    while "{" in path:
        head, _, rest = path.partition("{")
        name, _, tail = rest.partition("}")
        path = head + ("1" if name in ("n", "version", "versionNumber") else str(uuid.uuid4())) + tail
    return path


def test_required_bodies_are_required(api):
    doc = api.get("/openapi.json").ok()
    seen = set()
    for verb, path, operation in operations(doc):
        needed = operation["requestBody"]["required"]
        headers = {"If-Match": '"v1"'} if any(p["name"] == "If-Match" for p in operation.get("parameters", [])) else {}
        somebody = api.sign_in()  # whom a log-out does not matter to
        reply = somebody.request(verb, address(path), headers=headers)
        somebody.close()
        if needed:
            assert reply.status == 400, (verb, path, reply.status, reply.body[:300])
        else:
            assert reply.status not in (400, 415), (verb, path, reply.status, reply.body[:300])
        seen.add(needed)
    assert seen == {True, False}
