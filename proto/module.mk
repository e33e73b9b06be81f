# SPDX-License-Identifier: Apache-2.0
PROTOS += fit/api/v1/options.proto fit/api/v1/reason.proto fit/api/v1/principal.proto \
	google/api/http.proto google/api/annotations.proto google/rpc/status.proto google/rpc/error_details.proto \
	buf/validate/validate.proto grpc/health/v1/health.proto grpc/reflection/v1/reflection.proto \
	grpc/reflection/v1alpha/reflection.proto
PROTOS += $(patsubst proto/%,%,$(sort $(wildcard proto/fit/auth/v1/*.proto proto/fit/user/v1/*.proto \
	proto/fit/workout/v1/*.proto)))
PROTOS += $(patsubst proto/%,%,$(sort $(wildcard proto/fit/ai_coaching/v1/*.proto)))
PROTOS += $(patsubst proto/%,%,$(sort $(wildcard proto/fit/analytics/v1/*.proto)))
PROTOS += $(patsubst proto/%,%,$(sort $(wildcard proto/fit/notification/v1/*.proto)))
