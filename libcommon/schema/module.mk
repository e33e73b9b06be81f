# SPDX-License-Identifier: Apache-2.0
LIB_SRCS += $(addprefix libcommon/schema/,schema.c schema_load.c schema_load_types.c schema_services.c schema_comments.c schema_route.c \
	schema_rules_load.c schema_merge.c schema_check.c schema_rules.c schema_text.c schema_doc.c \
	schema_openapi.c schema_openapi_types.c schema_markdown.c json_lex.c json_decode.c \
	json_decode_scalar.c json_decode_wkt.c json_encode.c json_encode_wkt.c textnum.c)
