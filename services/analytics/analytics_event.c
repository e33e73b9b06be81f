/* SPDX-License-Identifier: Apache-2.0 */
#include "services/analytics/analytics_event.h"

#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <google/protobuf/timestamp.pb-c.h>
#include <protobuf-c/protobuf-c.h>

#include "fit/ai_coaching/v1/event.pb-c.h"
#include "fit/analytics/v1/event.pb-c.h"
#include "fit/auth/v1/event.pb-c.h"
#include "fit/user/v1/event.pb-c.h"
#include "fit/workout/v1/event.pb-c.h"

#include "libcommon/base/clock.h"
#include "libcommon/base/compiler.h"
#include "libcommon/base/strbuf.h"
#include "libcommon/schema/schema.h"
#include "libcommon/schema/wire.h"
#include "libcommon/store/clickhouse_row.h"

#define FIELDS_MAX 32 /* of one event type; the seen mask is this wide */
#define TYPES_MAX 64  /* of one topic */

/* Numbers of the members that every Event has. */
enum { EVENT_ID = 1, EVENT_TIME = 2, EVENT_SUBJECT = 3, EVENT_SEQUENCE = 4 };

enum column {
	EXTRA,
	SESSION_ID,
	PLAN_ID,
	EXERCISE_ID,
	SET_ID,
	AT,
	NAME,
	KIND,
	PLATFORM,
	TIER,
	DURATION_S,
	DURATION_MS,
	SETS,
	REPS,
	LOAD_G
};

static const struct {
	const char *field;
	enum column column;
} columns[] = {
	{ "session_id", SESSION_ID },
	{ "plan_id", PLAN_ID },
	{ "exercise_id", EXERCISE_ID },
	{ "set_id", SET_ID },
	{ "started_at", AT },
	{ "name", NAME },
	{ "kind", KIND },
	{ "set_type", KIND },
	{ "platform", PLATFORM },
	{ "tier", TIER },
	{ "subscription_tier", TIER },
	{ "duration", DURATION_S },
	{ "duration_ms", DURATION_MS },
	{ "sets", SETS },
	{ "reps", REPS },
	{ "volume_load_g", LOAD_G },
	{ "weight_g", LOAD_G },
	{ "value_g", LOAD_G },
};

struct event_type {
	const ProtobufCFieldDescriptor *member; /* NULL: no such type */
	uint8_t columns[FIELDS_MAX];            /* by index of the field */
};

struct analytics_topic {
	const char *name, *source;
	const ProtobufCMessageDescriptor *event;
	const struct schema_message *schema;
	struct event_type types[TYPES_MAX]; /* by field number */
};

static struct analytics_topic topics[] = {
	{ "fit.auth.v1", "auth", &fit__auth__v1__event__descriptor },
	{ "fit.user.v1", "user", &fit__user__v1__event__descriptor },
	{ "fit.workout.v1", "workout", &fit__workout__v1__event__descriptor },
	{ "fit.ai_coaching.v1", "ai-coaching", &fit__ai_coaching__v1__event__descriptor },
	{ "fit.analytics.v1", "analytics", &fit__analytics__v1__event__descriptor },
};

const char *const analytics_topics[] = { "fit.auth.v1",        "fit.user.v1",      "fit.workout.v1",
					 "fit.ai_coaching.v1", "fit.analytics.v1", NULL };

const char analytics_event_into[] =
	"events (event_id,time,time_ms,user_id,source,type,sequence,at,session_id,plan_id,exercise_id,"
	"set_id,name,kind,platform,tier,duration_ms,sets,reps,load_g,extra)";

/* ---- the tables ---- */

static bool
is_time(const ProtobufCFieldDescriptor *f)
{
	return f->type == PROTOBUF_C_TYPE_MESSAGE &&
	       f->descriptor == &google__protobuf__timestamp__descriptor;
}

/* Whether a field's value can stand in a column; else it goes into `extra`, if anywhere. */
static bool
fits(const ProtobufCFieldDescriptor *f, enum column column)
{
	if (f->label == PROTOBUF_C_LABEL_REPEATED)
		return false;
	if (column == AT)
		return is_time(f);
	if (column >= DURATION_S)
		return f->type == PROTOBUF_C_TYPE_UINT32 || f->type == PROTOBUF_C_TYPE_UINT64 ||
		       f->type == PROTOBUF_C_TYPE_INT64 || f->type == PROTOBUF_C_TYPE_INT32;
	return f->type == PROTOBUF_C_TYPE_STRING;
}

static void
make_type(struct event_type *type, const ProtobufCFieldDescriptor *member)
{
	const ProtobufCMessageDescriptor *m = member->descriptor;

	if (m->n_fields > FIELDS_MAX)
		panic("analytics: %s has more than %d fields", m->name, FIELDS_MAX);
	for (unsigned i = 0; i < m->n_fields; i++)
		for (size_t j = 0; j < ARRAY_LEN(columns); j++)
			if (strcmp(m->fields[i].name, columns[j].field) == 0 &&
			    fits(&m->fields[i], columns[j].column))
				type->columns[i] = (uint8_t)columns[j].column;
	type->member = member;
}

static void
make_topics(void)
{
	for (size_t i = 0; i < ARRAY_LEN(topics); i++) {
		struct analytics_topic *t = &topics[i];

		t->schema = schema_message(schema_builtin(), slice_str(t->event->name));
		if (t->schema == NULL)
			panic("analytics: %s is not in the protoset", t->event->name);
		for (unsigned j = 0; j < t->event->n_fields; j++) {
			const ProtobufCFieldDescriptor *f = &t->event->fields[j];

			if (f->id <= EVENT_SEQUENCE || f->type != PROTOBUF_C_TYPE_MESSAGE)
				continue;
			if (f->id >= TYPES_MAX)
				panic("analytics: %s.%s is number %u", t->event->name, f->name,
				      f->id);
			make_type(&t->types[f->id], f);
		}
	}
}

const struct analytics_topic *
analytics_topic_find(const char *name)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	static const char retry[] = ".retry";
	size_t n = strlen(name);

	pthread_once(&once, make_topics);
	if (n >= sizeof(retry) && strcmp(name + n - (sizeof(retry) - 1), retry) == 0)
		n -= sizeof(retry) - 1;
	for (size_t i = 0; i < ARRAY_LEN(topics); i++)
		if (strlen(topics[i].name) == n && memcmp(topics[i].name, name, n) == 0)
			return &topics[i];
	return NULL;
}

/* ---- one event ---- */

struct row {
	struct uuid id, user_id, ids[SET_ID + 1]; /* by column */
	int64_t time_ms, at_ms;
	struct slice type, texts[TIER + 1]; /* by column */
	uint64_t numbers[LOAD_G + 1];       /* by column */
	int64_t sequence;
	struct strbuf extra; /* "{…", the last brace to come */
};

static enum status
bad(struct err *err, const char *what)
{
	return err_set(err, STATUS_INVALID_ARGUMENT, "an event without a valid %s", what);
}

/* schema_check has seen that the bytes are a message; a DateTime holds 1970 to 2106. */
static bool
read_time(struct slice wire, int64_t *ret_ms)
{
	struct wire_in in = wire_in(wire);
	struct wire_field f;
	int64_t seconds = 0, nanos = 0;

	while (wire_next(&in, &f) > 0) {
		if (f.number == 1)
			seconds = (int64_t)f.bits;
		else if (f.number == 2)
			nanos = (int32_t)f.bits;
	}
	if (seconds < 0 || seconds > UINT32_MAX || nanos < 0 || nanos > 999999999)
		return false;
	*ret_ms = seconds * 1000 + nanos / 1000000;
	return true;
}

static bool
read_id(struct slice text, struct uuid *ret_id)
{
	return text.n == 0 || uuid_parse(text, ret_id); /* not given: nil */
}

static void
add_scalar(struct strbuf *out, const ProtobufCFieldDescriptor *f, const struct wire_field *w)
{
	const ProtobufCEnumValue *value;
	char time[CLOCK_RFC3339_SIZE] = "";
	double real;
	int64_t ms;

	switch (f->type) {
	case PROTOBUF_C_TYPE_STRING:
		strbuf_add_json_string(out, w->bytes);
		break;
	case PROTOBUF_C_TYPE_BOOL:
		strbuf_adds(out, w->bits != 0 ? "true" : "false");
		break;
	case PROTOBUF_C_TYPE_UINT32:
		strbuf_add_u64(out, (uint32_t)w->bits);
		break;
	case PROTOBUF_C_TYPE_UINT64:
		strbuf_add_u64(out, w->bits);
		break;
	case PROTOBUF_C_TYPE_INT32:
		strbuf_add_i64(out, (int32_t)w->bits);
		break;
	case PROTOBUF_C_TYPE_INT64:
		strbuf_add_i64(out, (int64_t)w->bits);
		break;
	case PROTOBUF_C_TYPE_DOUBLE:
		memcpy(&real, &w->bits, sizeof(real));
		/* JSON has no name for infinities and what is no number. */
		if (isfinite(real))
			strbuf_addf(out, "%.12g", real);
		else
			strbuf_adds(out, "null");
		break;
	case PROTOBUF_C_TYPE_ENUM:
		value = protobuf_c_enum_descriptor_get_value(f->descriptor, (int)w->bits);
		if (value != NULL)
			strbuf_add_json_string(out, slice_str(value->name));
		else
			strbuf_add_i64(out, (int)w->bits);
		break;
	default:
		if (is_time(f) && read_time(w->bytes, &ms))
			clock_format_rfc3339(ms, time);
		strbuf_add_json_string(out, slice_str(time));
	}
}

/* Scalars, times and lists of texts; of anything else an event has none. */
static bool
has_json(const ProtobufCFieldDescriptor *f)
{
	switch (f->type) {
	case PROTOBUF_C_TYPE_STRING:
		return true;
	case PROTOBUF_C_TYPE_BOOL:
	case PROTOBUF_C_TYPE_UINT32:
	case PROTOBUF_C_TYPE_UINT64:
	case PROTOBUF_C_TYPE_INT32:
	case PROTOBUF_C_TYPE_INT64:
	case PROTOBUF_C_TYPE_DOUBLE:
	case PROTOBUF_C_TYPE_ENUM:
		return f->label != PROTOBUF_C_LABEL_REPEATED;
	default:
		return f->label != PROTOBUF_C_LABEL_REPEATED && is_time(f);
	}
}

/* All values of a repeated field, wherever they are in the message. */
static void
add_list(struct strbuf *out, const ProtobufCFieldDescriptor *f, struct slice message)
{
	struct wire_in in = wire_in(message);
	struct wire_field w;
	const char *comma = "";

	strbuf_addch(out, '[');
	while (wire_next(&in, &w) > 0) {
		if (w.number != f->id)
			continue;
		strbuf_adds(out, comma);
		add_scalar(out, f, &w);
		comma = ",";
	}
	strbuf_addch(out, ']');
}

static void
add_extra(struct row *row, const ProtobufCFieldDescriptor *f, const struct wire_field *w,
	  struct slice message)
{
	if (!has_json(f))
		return;
	strbuf_adds(&row->extra, row->extra.len > 0 ? ",\"" : "{\"");
	strbuf_adds(&row->extra, f->name);
	strbuf_adds(&row->extra, "\":");
	if (f->label == PROTOBUF_C_LABEL_REPEATED)
		add_list(&row->extra, f, message);
	else
		add_scalar(&row->extra, f, w);
}

static bool
set_column(struct row *row, enum column column, const struct wire_field *w)
{
	if (column <= SET_ID)
		return read_id(w->bytes, &row->ids[column]);
	if (column == AT)
		return read_time(w->bytes, &row->at_ms);
	if (column <= TIER)
		row->texts[column] = w->bytes;
	else
		row->numbers[column] = w->bits;
	return true;
}

static enum status
read_member(struct row *row, const struct event_type *type, struct slice message, struct err *err)
{
	const ProtobufCMessageDescriptor *m = type->member->descriptor;
	struct wire_in in = wire_in(message);
	struct wire_field w;
	uint32_t seen = 0;

	row->type = slice_str(type->member->name);
	while (wire_next(&in, &w) > 0) {
		const ProtobufCFieldDescriptor *f =
			protobuf_c_message_descriptor_get_field(m, w.number);
		size_t i = f != NULL ? (size_t)(f - m->fields) : 0;

		if (f == NULL)
			continue;
		if (type->columns[i] != EXTRA) {
			if (!set_column(row, type->columns[i], &w))
				return bad(err, f->name);
		} else if ((seen & 1u << i) == 0) {
			add_extra(row, f, &w, message);
		}
		seen |= 1u << i;
	}
	return STATUS_OK;
}

static enum status
read_event(struct row *row, const struct analytics_topic *topic, struct slice wire, struct err *err)
{
	struct wire_in in = wire_in(wire);
	struct wire_field w;
	enum status st = STATUS_OK;
	bool has_id = false, has_time = false, has_subject = false;

	row->at_ms = -1;
	while (st == STATUS_OK && wire_next(&in, &w) > 0) {
		if (w.number == EVENT_ID)
			has_id = uuid_parse(w.bytes, &row->id);
		else if (w.number == EVENT_TIME)
			has_time = read_time(w.bytes, &row->time_ms);
		else if (w.number == EVENT_SUBJECT)
			has_subject = uuid_parse(w.bytes, &row->user_id);
		else if (w.number == EVENT_SEQUENCE)
			row->sequence = (int64_t)w.bits;
		else if (w.number < TYPES_MAX && topic->types[w.number].member != NULL)
			st = read_member(row, &topic->types[w.number], w.bytes, err);
	}
	if (st != STATUS_OK)
		return st;
	if (!has_id || !has_time || !has_subject)
		return bad(err, !has_id ? "id" : !has_time ? "time" : "subject");
	if (row->at_ms < 0)
		row->at_ms = row->time_ms;
	return STATUS_OK;
}

static void
put_row(struct strbuf *out, const struct row *row, const char *source)
{
	ch_put_uuid(out, &row->id);
	ch_put_u32(out, (uint32_t)(row->time_ms / 1000));
	ch_put_u16(out, (uint16_t)(row->time_ms % 1000));
	ch_put_uuid(out, &row->user_id);
	ch_put_text(out, slice_str(source));
	ch_put_text(out, row->type);
	ch_put_i64(out, row->sequence);
	ch_put_u32(out, (uint32_t)(row->at_ms / 1000));
	for (int i = SESSION_ID; i <= SET_ID; i++)
		ch_put_uuid(out, &row->ids[i]);
	for (int i = NAME; i <= TIER; i++)
		ch_put_text(out, row->texts[i]);
	ch_put_u64(out, row->numbers[DURATION_S] * 1000 + row->numbers[DURATION_MS]);
	ch_put_u32(out, (uint32_t)row->numbers[SETS]);
	ch_put_u32(out, (uint32_t)row->numbers[REPS]);
	ch_put_i64(out, (int64_t)row->numbers[LOAD_G]);
	ch_put_text(out, strbuf_slice(&row->extra));
}

enum status
analytics_event_row(const struct analytics_topic *topic, struct slice wire, const char *type,
		    const struct uuid *id, struct strbuf *rows, struct err *err)
{
	struct row row = { .type = slice_str(type != NULL ? type : "") };
	enum status st = schema_check(topic->schema, wire, &schema_limits_default, err);

	if (st != STATUS_OK)
		return err_context(err, "an event of %s", topic->name);
	st = read_event(&row, topic, wire, err);
	if (st == STATUS_OK && id != NULL && !uuid_eq(id, &row.id))
		st = bad(err, "id: the bus has another one");
	if (st == STATUS_OK) {
		if (row.extra.len > 0)
			strbuf_addch(&row.extra, '}');
		put_row(rows, &row, topic->source);
	}
	strbuf_fini(&row.extra);
	return st;
}
