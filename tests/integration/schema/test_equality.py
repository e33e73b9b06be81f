# SPDX-License-Identifier: Apache-2.0
"""libcommon/schema against python3-protobuf's json_format: the same JSON both ways, the same refusals.

COUNT and SEED in the environment repeat or widen a run.
"""
import json
import os
import re

import pytest
from google.protobuf import json_format

import generate

COUNT = int(os.environ.get("COUNT", 1000))
NAME = "fit.testing.v1.Everything"


@pytest.fixture
def generator(rng):
    return generate.Generator(rng)


def canonical(message):
    return message.SerializeToString(deterministic=True)


def parsed(messages, wire):
    m = messages.Everything()
    m.ParseFromString(wire)
    return m


def their_parse(messages, text):
    """json_format, except that Python's json reads -0 as the integer 0, which has no sign."""
    text = re.sub(r"(?<=[:\[,\s])-0(?=[,\]}\s])", "-0.0", text)
    return json_format.Parse(text, messages.Everything())


def same_json(ours, theirs):
    """Equal values; numbers compare as numbers, so 62.5 and 6.25e1 are one."""
    return json.loads(ours) == json.loads(theirs)


def test_encode_equals_json_format(schema, messages, generator):
    for _ in range(COUNT):
        m = messages.Everything()
        generator.fill(m)
        wire = m.SerializeToString()
        for verb, options in (("encode", {}), ("always", {"including_default_value_fields": True})):
            ok, ours = schema.call(verb, NAME, wire)
            theirs = json_format.MessageToJson(m, **options)
            assert ok, (ours, wire)
            assert same_json(ours, theirs), (ours, theirs)


def test_decode_equals_json_format(schema, messages, generator):
    for _ in range(COUNT):
        m = messages.Everything()
        generator.fill(m)
        for options in ({"indent": None}, {"preserving_proto_field_name": True, "ensure_ascii": False},
                        {"including_default_value_fields": True, "use_integers_for_enums": True}):
            text = json_format.MessageToJson(m, **options)
            theirs = their_parse(messages, text)
            ok, wire = schema.call("decode", NAME, text)
            assert ok, (wire, text)
            assert canonical(parsed(messages, wire)) == canonical(theirs), text
            assert schema.call("check", NAME, wire) == (True, b"")


def test_round_trip_of_our_own_text(schema, messages, generator):
    for _ in range(COUNT):
        m = messages.Everything()
        generator.fill(m)
        ok, text = schema.call("encode", NAME, m.SerializeToString())
        assert ok
        ok, wire = schema.call("decode", NAME, text)
        assert ok, (wire, text)
        theirs = their_parse(messages, text.decode())
        assert canonical(parsed(messages, wire)) == canonical(theirs)


def test_encode_merges_as_parsers_do(schema, messages, generator, rng):
    """Any order, fields in pieces, singular fields and oneofs more than once, unknown fields between."""
    for _ in range(COUNT):
        pieces = []
        for _ in range(rng.choice([1, 2, 3])):
            m = messages.Everything()
            generator.fill(m)
            pieces += generate.split_fields(m.SerializeToString())
        pieces += rng.sample(generate.UNKNOWN, rng.randint(0, 3))
        rng.shuffle(pieces)
        wire = b"".join(pieces)
        if rng.random() < 0.3:  # the same disorder one level down
            wire = b"".join(generate.varint(131 << 3 | 2) + generate.varint(len(p)) + p for p in (wire, b"", *pieces[:1]))
        m = parsed(messages, wire)
        ok, ours = schema.call("encode", NAME, wire)
        try:
            theirs = json_format.MessageToJson(m)
        except json_format.SerializeToJsonError:  # two durations may merge into none
            assert not ok and "out of range" in ours
        else:
            assert ok and same_json(ours, theirs), (ours, theirs, wire)
        assert schema.call("check", NAME, wire) == (True, b""), wire


# Where this decoder refuses what json_format takes. Each is a choice: a value that is probably a mistake is an error for the
# client, never silently something else.
STRICTER = [
    r"is not base64$",                      # Python drops characters outside the alphabet
    r"is not a name of the enum",           # "1" in quotes, a number beyond 32 bits
    r"is (a string|an array|a number|a boolean|an object); expected an object",  # "" or [] for a message
    r"is not an integer in",                # "01", "1_0", a fraction lost in a double
    r"is not a (finite number|number that a float holds)",  # "inf", " 1", "1_0" in quotes
    r"expected (a number|an integer|true or false)",  # true for a number, 1 for a boolean, null in a list
    r"malformed JSON",                      # NaN and Infinity without quotes
    r"has a key that is not",               # "01" as the key of a map of integers
    r"is there twice",                      # both spellings of a name, "1" and "01" as keys
    r"only one may be set",                 # null for a member of a oneof that can be null
    r"is not a list of paths",              # "a,,b"
    r"is not a (time|duration) such as",    # "+1s", "1.s", a leap second, 2026-1-1
    r"expected a name of the enum",         # 1.5 or true for an enum
    r"expected a string",                   # bytes
]


def test_refuses_what_json_format_refuses(schema, messages, generator, rng):
    refused = taken = stricter = 0
    for _ in range(COUNT * 4):
        m = messages.Everything()
        generator.fill(m, depth=3)
        text = generate.damage(rng, json_format.MessageToJson(m, indent=None, ensure_ascii=rng.random() < 0.5))
        try:
            theirs = their_parse(messages, text)
            theirs.SerializeToString()
        except Exception:  # json_format lets TypeError, OverflowError and others through
            theirs = None
        ok, answer = schema.call("decode", NAME, text)
        if theirs is None:
            refused += 1
            assert not ok, (text, answer)
        elif ok:
            taken += 1
            assert canonical(parsed(messages, answer)) == canonical(theirs), text
        else:
            stricter += 1
            assert any(re.search(p, answer) for p in STRICTER), (answer, text)
    print(f"both refuse {refused}, both take {taken}, only this one refuses {stricter}")
    assert refused > COUNT and taken > COUNT / 10 and stricter < COUNT


def test_refuses_any(schema):
    ok, answer = schema.call("decode", NAME, '{"any":{"@type":"type.googleapis.com/fit.testing.v1.Leaf"}}')
    assert not ok and "google.protobuf.Any has no JSON form here" in answer
    ok, answer = schema.call("encode", NAME, bytes.fromhex("b20700"))
    assert not ok and "google.protobuf.Any" in answer


def test_damaged_bytes_never_do_harm(schema, messages, generator, rng):
    """What the check lets through, parsers take and the encoder prints."""
    for _ in range(COUNT):
        m = messages.Everything()
        generator.fill(m, depth=2)
        wire = bytearray(m.SerializeToString())
        for _ in range(rng.randint(1, 4)):
            if wire:
                wire[rng.randrange(len(wire))] = rng.getrandbits(8)
        wire = bytes(wire)
        ok, answer = schema.call("check", NAME, wire)
        schema.call("encode", NAME, wire)
        if ok:
            m = parsed(messages, wire)
            for name in ("encode", "always"):
                ok, answer = schema.call(name, NAME, wire)
                assert ok or re.search("out of range|has no JSON form|lowerCamelCase|not finite", answer), (answer, wire)
