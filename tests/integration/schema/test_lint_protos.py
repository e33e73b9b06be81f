# SPDX-License-Identifier: Apache-2.0
"""tools/build/lint-protos: each rule on a proto that breaks it, and none on one that breaks none."""
import subprocess

import pytest

from conftest import ROOT

HEAD = """syntax = "proto3";
package fit.sample.v1;
import "buf/validate/validate.proto";
import "fit/api/v1/options.proto";
import "google/api/annotations.proto";
import "google/protobuf/empty.proto";
"""
GOOD = """
message Thing {
  string id = 1 [(fit.api.v1.field).owner = CALLER, (buf.validate.field).string.uuid = true];
  string display_name = 2 [(fit.api.v1.field).data = PII, (buf.validate.field).string.max_len = 40];
  repeated string tags = 3 [(buf.validate.field).repeated = {max_items: 3, items: {string: {max_len: 9}}}];
  map<string, int32> scores = 4 [(buf.validate.field).map = {max_pairs: 3, keys: {string: {max_len: 9}}}];
  Kind kind = 5;
}
enum Kind { KIND_UNSPECIFIED = 0; KIND_A = 1; }
message Event { string id = 1; oneof type { Done done = 2; } }
// It is done.
message Done { string thing_id = 1; double weight_kg = 2 [(fit.api.v1.field).data = HEALTH]; }
// Things.
service ThingService {
  // Makes one.
  rpc Make(Thing) returns (Thing) {
    option (fit.api.v1.method) = {audience: USER, success_status: 201, location: "/things/{id}"};
    option (google.api.http) = {post: "/things", body: "*"};
  }
  // Inside.
  rpc Inner(Thing) returns (google.protobuf.Empty) { option (fit.api.v1.method) = {audience: INTERNAL, callers: ["auth"]}; }
}
"""


def lint(tmp_path, body):
    (tmp_path / "sample.proto").write_text(HEAD + body)
    protoset = tmp_path / "set"
    subprocess.run(["protoc", f"-I{tmp_path}", "-Iproto", "-I/usr/include", "--include_imports", "--include_source_info",
                    f"-o{protoset}", "sample.proto"], cwd=ROOT, check=True)
    done = subprocess.run(["tools/build/lint-protos", str(protoset)], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stderr == ""
    return done.returncode, done.stdout


def test_good_proto_passes(tmp_path):
    assert lint(tmp_path, GOOD) == (0, "")


@pytest.mark.parametrize("old,new,complaint", [
    ('option (fit.api.v1.method) = {audience: INTERNAL, callers: ["auth"]};', '', "ThingService.Inner: has no access policy"),
    (', callers: ["auth"]', '', "ThingService.Inner: is INTERNAL and names no callers"),
    ('audience: INTERNAL', 'rate_class: "x"', "ThingService.Inner: has no access policy"),
    ('  // Inside.\n', '', "ThingService.Inner: has no comment"),
    ('audience: INTERNAL', 'audience: USER', "ThingService.Inner: has no HTTP rule"),
    ('audience: USER, success', 'audience: INTERNAL, success', "ThingService.Make: is INTERNAL and has an HTTP rule"),
    (', location: "/things/{id}"', '', "ThingService.Make: answers 201 without location"),
    ('{post: "/things", body: "*"}', '{patch: "/things/{id}", body: "*"}', "is PATCH without update_mask"),
    ('(fit.api.v1.field).owner = CALLER, ', '', "Thing.id: is an id without"),
    (', (buf.validate.field).string.max_len = 40', '', "Thing.display_name: is text without max_len"),
    ('{max_items: 3, items: {string: {max_len: 9}}}', '{max_items: 3}', "Thing.tags: is a list whose items have no max_len"),
    ('{max_items: 3, items: {string: {max_len: 9}}}', '{items: {string: {max_len: 9}}}', "Thing.tags: is a list without max_items"),
    ('max_pairs: 3, ', '', "Thing.scores: is a map without max_pairs"),
    ('keys: {string: {max_len: 9}}', '', "Thing.scores: is a map whose keys or values have no max_len"),
    ('(fit.api.v1.field).data = PII, ', '', "Thing.display_name: sounds like PII"),
    ('string thing_id = 1;', 'string notes = 1 [(fit.api.v1.field).data = FREE_TEXT];',
     "Done.notes: is FREE_TEXT and reachable from an Event"),
    ('string thing_id = 1;', 'Thing thing = 1;', "Thing.display_name: is PII and reachable from an Event"),
    ('string thing_id = 1;', 'string state = 1 [(fit.api.v1.field).data = HEALTH];', "Done.state: is HEALTH and reachable"),
    ('// It is done.\n', '', "Done: is an event without a comment"),
    ('KIND_UNSPECIFIED', 'KIND_NONE', "its zero is KIND_NONE"),
    ('KIND_A', 'KindA', "KindA is not in UPPER_SNAKE_CASE"),
    ('double weight_kg', 'double weightKg', "Done.weightKg: a field's name is in lower_snake_case"),
    ('service ThingService', 'service Things', "a service is called XService"),
])
def test_complains(tmp_path, old, new, complaint):
    assert old in GOOD
    code, text = lint(tmp_path, GOOD.replace(old, new))
    assert code == 1 and complaint in text
    assert text.startswith("proto/sample.proto:")
