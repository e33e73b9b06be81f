/* SPDX-License-Identifier: Apache-2.0 */
#include "services/auth/auth_events.h"

#include "fit/auth/v1/event.pb-c.h"
#include "libcommon/rpc/pb_time.h"
#include "libcommon/store/pg.h"

#define TOPIC "fit.auth.v1"

/*
 * The envelope's texts and time, which set_envelope fills once the outbox has numbered the
 * event.
 */
struct envelope {
	Fit__Auth__V1__Event event; /* first: set_envelope gets a pointer to it */
	Google__Protobuf__Timestamp time;
	char id[UUID_TEXT_SIZE];
	char subject[UUID_TEXT_SIZE];
};

static void
set_envelope(ProtobufCMessage *message, const struct uuid *id, int64_t sequence, int64_t time_ms)
{
	struct envelope *e = container_of((Fit__Auth__V1__Event *)message, struct envelope, event);

	uuid_format(id, e->id);
	pb_time_set(&e->time, time_ms);
	e->event.sequence = sequence;
}

static struct envelope *
envelope_new(struct pg_tx *tx, const struct uuid *user)
{
	struct envelope *e = ARENA_NEW(pg_tx_arena(tx), struct envelope);

	fit__auth__v1__event__init(&e->event);
	google__protobuf__timestamp__init(&e->time);
	uuid_format(user, e->subject);
	e->event.id = e->id;
	e->event.subject = e->subject;
	e->event.time = &e->time;
	return e;
}

static enum status
put(struct pg_tx *tx, struct envelope *e, const char *type, const struct uuid *user,
    const char *traceparent, struct err *err)
{
	struct pg_event event = { .topic = TOPIC,
				  .type = type,
				  .subject = *user,
				  .message = &e->event.base,
				  .traceparent = traceparent,
				  .set_envelope = set_envelope };

	return pg_tx_outbox(tx, &event, err);
}

enum status
auth_event_signed_in(struct pg_tx *tx, const struct auth_session *session, bool first,
		     bool known_device, const char *traceparent, struct err *err)
{
	struct envelope *e = envelope_new(tx, &session->user);
	Fit__Auth__V1__SignedIn *m = ARENA_NEW(pg_tx_arena(tx), Fit__Auth__V1__SignedIn);

	fit__auth__v1__signed_in__init(m);
	m->session_id = uuid_text(pg_tx_arena(tx), &session->id);
	m->provider = arena_strdup(pg_tx_arena(tx), session->provider);
	m->platform = arena_strdup(pg_tx_arena(tx), session->platform);
	m->first = first;
	m->known_device = known_device;
	e->event.type_case = FIT__AUTH__V1__EVENT__TYPE_SIGNED_IN;
	e->event.signed_in = m;
	return put(tx, e, "signed_in", &session->user, traceparent, err);
}

static Fit__Auth__V1__SessionRevoked__Reason
reason_of(enum auth_end why)
{
	switch (why) {
	case AUTH_END_BY_USER:
		return FIT__AUTH__V1__SESSION_REVOKED__REASON__BY_USER;
	case AUTH_END_REPLACED:
		return FIT__AUTH__V1__SESSION_REVOKED__REASON__REPLACED;
	case AUTH_END_INACTIVE:
		return FIT__AUTH__V1__SESSION_REVOKED__REASON__ACCOUNT_INACTIVE;
	case AUTH_END_TOO_MANY:
		return FIT__AUTH__V1__SESSION_REVOKED__REASON__TOO_MANY;
	case AUTH_END_SIGN_OUT:
	case AUTH_END_REUSE:
		break;
	}
	panic("no session_revoked for end %d", (int)why);
}

enum status
auth_event_ended(struct pg_tx *tx, const struct uuid *user, const struct uuid *session,
		 enum auth_end why, const char *traceparent, struct err *err)
{
	struct envelope *e = envelope_new(tx, user);
	struct arena *arena = pg_tx_arena(tx);

	if (why == AUTH_END_SIGN_OUT) {
		Fit__Auth__V1__SignedOut *m = ARENA_NEW(arena, Fit__Auth__V1__SignedOut);

		fit__auth__v1__signed_out__init(m);
		m->session_id = uuid_text(pg_tx_arena(tx), session);
		e->event.type_case = FIT__AUTH__V1__EVENT__TYPE_SIGNED_OUT;
		e->event.signed_out = m;
		return put(tx, e, "signed_out", user, traceparent, err);
	}
	if (why == AUTH_END_REUSE) {
		Fit__Auth__V1__RefreshReuseDetected *m =
			ARENA_NEW(arena, Fit__Auth__V1__RefreshReuseDetected);

		fit__auth__v1__refresh_reuse_detected__init(m);
		m->session_id = uuid_text(pg_tx_arena(tx), session);
		e->event.type_case = FIT__AUTH__V1__EVENT__TYPE_REFRESH_REUSE_DETECTED;
		e->event.refresh_reuse_detected = m;
		return put(tx, e, "refresh_reuse_detected", user, traceparent, err);
	}

	Fit__Auth__V1__SessionRevoked *m = ARENA_NEW(arena, Fit__Auth__V1__SessionRevoked);

	fit__auth__v1__session_revoked__init(m);
	m->session_id = uuid_text(pg_tx_arena(tx), session);
	m->reason = reason_of(why);
	e->event.type_case = FIT__AUTH__V1__EVENT__TYPE_SESSION_REVOKED;
	e->event.session_revoked = m;
	return put(tx, e, "session_revoked", user, traceparent, err);
}

enum status
auth_event_all_ended(struct pg_tx *tx, const struct uuid *user, size_t sessions,
		     const char *traceparent, struct err *err)
{
	struct envelope *e = envelope_new(tx, user);
	Fit__Auth__V1__AllSessionsEnded *m =
		ARENA_NEW(pg_tx_arena(tx), Fit__Auth__V1__AllSessionsEnded);

	fit__auth__v1__all_sessions_ended__init(m);
	m->sessions = (uint32_t)sessions;
	e->event.type_case = FIT__AUTH__V1__EVENT__TYPE_ALL_SESSIONS_ENDED;
	e->event.all_sessions_ended = m;
	return put(tx, e, "all_sessions_ended", user, traceparent, err);
}
