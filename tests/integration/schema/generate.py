# SPDX-License-Identifier: Apache-2.0
"""Random messages of any descriptor, random wire orders, and random damage to JSON text."""
import math
import struct

from google.protobuf.descriptor import FieldDescriptor as F

INTS = {
    F.TYPE_INT32: (-2**31, 2**31 - 1), F.TYPE_SINT32: (-2**31, 2**31 - 1), F.TYPE_SFIXED32: (-2**31, 2**31 - 1),
    F.TYPE_UINT32: (0, 2**32 - 1), F.TYPE_FIXED32: (0, 2**32 - 1),
    F.TYPE_INT64: (-2**63, 2**63 - 1), F.TYPE_SINT64: (-2**63, 2**63 - 1), F.TYPE_SFIXED64: (-2**63, 2**63 - 1),
    F.TYPE_UINT64: (0, 2**64 - 1), F.TYPE_FIXED64: (0, 2**64 - 1),
}
TEXTS = ["", "a", "squat", "é", "日本", "🏋️", "\"quoted\\\"", "line\nbreak\ttab", "\x01\x1f\x7f", "/slash", "x" * 200,
         "\u2028\u2029", "\ufffd\uffff", "NaN", "1.5", "true"]
DOUBLES = [0.0, -0.0, 1.0, 62.5, 0.1, -0.3, 1e15, 1e16, 123456789012345678.0, 2.0**53, 2.0**53 + 2, 5e-324, 1e-7, 1e-6,
           0.000123, 1.7976931348623157e308, 1e22, 1e23, 100, 999999999999999.0, 1 / 3, math.pi]


class Generator:
    def __init__(self, rng, skip=("any",)):
        self.rng, self.skip = rng, skip

    def scalar(self, field, finite=False):
        r, t = self.rng, field.type
        if t in INTS:
            lo, hi = INTS[t]
            return r.choice([0, 1, lo, hi, r.randint(max(lo, -100), 100), r.randint(lo, hi)])
        if t in (F.TYPE_DOUBLE, F.TYPE_FLOAT):
            v = r.choice(DOUBLES + [math.nan, math.inf, -math.inf, r.uniform(-1000, 1000), r.randint(0, 4000) / 4,
                                    r.randint(-10**6, 10**6) / 1000,
                                    struct.unpack("d", r.getrandbits(64).to_bytes(8, "little"))[0]])
            if t == F.TYPE_FLOAT:
                try:
                    v = struct.unpack("f", struct.pack("f", v))[0]
                except OverflowError:
                    v = 1.5
            return 2.5 if finite and not math.isfinite(v) else v
        if t == F.TYPE_BOOL:
            return r.random() < 0.5
        if t == F.TYPE_STRING:
            return r.choice(TEXTS) + r.choice(TEXTS)
        if t == F.TYPE_BYTES:
            return bytes(r.getrandbits(8) for _ in range(r.choice([0, 1, 2, 3, 4, 20])))
        assert t == F.TYPE_ENUM
        numbers = [v.number for v in field.enum_type.values]
        return r.choice(numbers + ([1234, -1] if field.enum_type.name != "NullValue" else []))

    def fill(self, message, depth=0):
        name = message.DESCRIPTOR.full_name
        r = self.rng
        if name == "google.protobuf.Timestamp":
            message.seconds = r.choice([0, r.randint(-62135596800, 253402300799), 1900000000, -62135596800])
            message.nanos = r.choice([0, 0, 500000000, 1000, 123456789, 999999999])
        elif name == "google.protobuf.Duration":
            sign = r.choice([1, -1])
            message.seconds = sign * r.choice([0, 1, 90, r.randint(0, 315575999999)])
            message.nanos = sign * r.choice([0, 500000000, 1000, 1, 999999999])
        elif name == "google.protobuf.FieldMask":
            message.paths.extend(r.choice(["name", "foo_bar", "a.b_c.d", "x2.y"]) for _ in range(r.randint(0, 3)))
        else:
            self.fill_fields(message, depth)

    def fill_fields(self, message, depth):
        r = self.rng
        fields = [f for f in message.DESCRIPTOR.fields if f.name not in self.skip]
        if message.DESCRIPTOR.full_name == "google.protobuf.Value":
            if depth > 6:
                fields = [f for f in fields if f.message_type is None]
            fields = [r.choice(fields)]
        elif len(fields) > 6:
            fields = r.sample(fields, min(len(fields), r.choice([0, 1, 3, 10]) if depth else r.choice([1, 5, 30, 80])))
        finite = message.DESCRIPTOR.full_name == "google.protobuf.Value"
        for f in fields:
            if depth > 4 and f.message_type is not None and f.message_type.name in ("Everything",):
                continue
            if r.random() < 0.15 and not finite:
                continue
            self.fill_field(message, f, depth, finite)

    def fill_field(self, message, f, depth, finite):
        r, target = self.rng, getattr(message, f.name)
        if f.message_type is not None and f.message_type.GetOptions().map_entry:
            key, value = f.message_type.fields_by_name["key"], f.message_type.fields_by_name["value"]
            for _ in range(r.randint(0, 3)):
                k = self.scalar(key)
                if value.message_type is not None:
                    self.fill(target[k], depth + 1)
                else:
                    target[k] = self.scalar(value, finite)
        elif f.label == F.LABEL_REPEATED:
            for _ in range(r.randint(0, 3)):
                if f.message_type is not None:
                    self.fill(target.add(), depth + 1)
                else:
                    target.append(self.scalar(f, finite))
        elif f.message_type is not None:
            target.SetInParent()
            self.fill(target, depth + 1)
        else:
            setattr(message, f.name, self.scalar(f, finite))


# ---- wire ----

def varint(v):
    out = bytearray()
    while v >= 0x80:
        out.append(v & 0x7F | 0x80)
        v >>= 7
    out.append(v)
    return bytes(out)


def split_fields(wire):
    """The top-level fields, each with its tag."""
    i, out = 0, []

    def read(i):
        v = shift = 0
        while True:
            b = wire[i]
            v |= (b & 0x7F) << shift
            i, shift = i + 1, shift + 7
            if b < 0x80:
                return v, i
    while i < len(wire):
        start = i
        tag, i = read(i)
        kind = tag & 7
        if kind == 0:
            _, i = read(i)
        elif kind == 2:
            n, i = read(i)
            i += n
        else:
            i += 8 if kind == 1 else 4
        out.append(wire[start:i])
    return out


UNKNOWN = [varint(9999 << 3) + varint(5), varint(9998 << 3 | 2) + b"\x03abc", varint(9997 << 3 | 5) + b"1234",
           varint(99999 << 3 | 1) + b"12345678"]


# ---- damage to JSON ----

PIECES = ["null", "true", "false", "0", "-0", "1", "-1", "1.0", "1.5", "1e2", "1e400", "-1e400", "3.5e38", "2147483648",
          "-2147483649", "4294967296", "18446744073709551616", "9223372036854775808", "\"\"", "\"1\"", "\"1.5\"", "\"x\"",
          "\"NaN\"", "\"Infinity\"", "\"-Infinity\"", "\"inf\"", "NaN", "Infinity", "[]", "{}", "[1]", "[null]", "{\"a\":1}",
          "{\"a\":null}", "\"2026-01-31T18:05:00Z\"", "\"2026-02-30T18:05:00Z\"", "\"2026-01-31T18:05:00\"",
          "\"1970-01-01T00:00:00.1234567890Z\"", "\"0000-01-01T00:00:00Z\"", "\"1s\"", "\"1\"", "\"-1.5s\"",
          "\"315576000001s\"", "\"1.0000000001s\"", "\"fooBar\"", "\"foo_bar\"", "\"RED\"", "\"PURPLE\"", "\"AQID\"",
          "\"AQI\"", "\"A\"", "\"-_\"", "\"\\ud800\"", "\"\\ude00\\ud800\"", "\"\\u0041\"", "\"\\x41\"", "01", "1.", ".5", "+1",
          "--1", "1e", "'a'", "tru", "nul", "[1,]", "{,}", "{\"a\":1,}", "[", "]", "{", "}", "\"", "\\", "/**/", "\"\x01\"",
          "\"true\"", "1 2", "\"-\"", "\" 1\"", "\"1e2\"", "\"0x1\""]
BYTES = "{}[]\":,\\0123456789.eE+-tfnu/ \n\t\x00\x1f\x7féabcxyz_"


def damage(rng, text):
    """The text with one to three changes."""
    for _ in range(rng.choice([1, 1, 1, 2, 3])):
        kind = rng.randrange(6)
        i = rng.randrange(len(text) + 1)
        j = min(len(text), i + rng.choice([1, 1, 2, 5]))
        if kind == 0:
            text = text[:i] + text[j:]
        elif kind == 1:
            text = text[:i] + rng.choice(BYTES) + text[i:]
        elif kind == 2:
            text = text[:i] + rng.choice(BYTES) + text[j:]
        elif kind == 3:
            text = text[:i] + text[i:j] + text[i:j] + text[j:]
        else:  # a value for another
            spots = [k for k, c in enumerate(text) if c in ":[,"]
            if not spots:
                continue
            a = rng.choice(spots) + 1
            b = a
            while b < len(text) and text[b] not in ",]}":
                b += 1
            text = text[:a] + rng.choice(PIECES) + text[b:]
    return text
