/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rpc_test_server.c - a server that does what tests ask for: rpc_test_server PROTOSET ADDRESS
 * [key=value …]
 *
 * Keys: io, workers, queue, max_age_ms, default_timeout_ms, keepalive_ms, drain_ms, cert, key, ca.
 * Prints "port N". SIGUSR1: not serving; SIGUSR2: serving; SIGTERM: drain (drain_ms), exit status 0
 * or 3.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "rpc_test.pb-c.h"

#include "libcommon/base/clock.h"
#include "libcommon/base/strbuf.h"
#include "libcommon/crypto/tls.h"
#include "libcommon/observe/log.h"
#include "libcommon/rpc/rpc_server.h"
#include "libcommon/runtime/loop.h"
#include "libcommon/runtime/workpool.h"
#include "libcommon/schema/schema.h"

static struct {
	atomic_int running, cancelled, detached_open, detached_cancelled, send_refused, drained,
		send_blocked_ms;
	atomic_llong cancelled_us;
} seen;
static struct loop *ticker_loop;

static void
sleep_ms(int ms)
{
	struct timespec ts = { ms / 1000, ms % 1000 * 1000000L };
	nanosleep(&ts, NULL);
}

/* False: cancelled. */
static bool
nap(struct rpc_call *call, int ms, bool deaf)
{
	int64_t from = clock_mono_ns();

	if (deaf) {
		/* Random requests must not keep all workers for long. */
		sleep_ms(ms < 2000 ? ms : 2000);
		return true;
	}
	while ((clock_mono_ns() - from) / 1000000 < ms) {
		if (rpc_call_cancelled(call)) {
			atomic_store(&seen.cancelled_us, (clock_mono_ns() - from) / 1000);
			atomic_fetch_add(&seen.cancelled, 1);
			return false;
		}
		sleep_ms(1);
	}
	return true;
}

static enum status
asked_failure(const Fit__Test__V1__EchoRequest *req, struct err *err)
{
	if (req->status == STATUS_OK)
		return STATUS_OK;
	if (req->with_fields) {
		err_init(err);
		err_add_field(err, "sets[2].reps", "must be at least 1");
		err_add_field(err, "name", "must not be empty");
		return STATUS_INVALID_ARGUMENT;
	}
	if (req->status_text[0] != '\0')
		err_public(err, (enum status)req->status, "%s", req->status_text);
	else
		err_set(err, (enum status)req->status, "internal text of the test");
	if (strcmp(req->reason, "ETAG_MISMATCH") == 0)
		err_reason(err, "ETAG_MISMATCH");
	err->retry_after_ms = (uint32_t)req->retry_after_ms;
	return (enum status)req->status;
}

static void
fill_reply(struct rpc_call *call, const Fit__Test__V1__EchoRequest *req,
	   Fit__Test__V1__EchoReply *res)
{
	struct arena *arena = rpc_call_arena(call);
	const struct principal *p = rpc_call_principal(call);

	res->text = req->text;
	res->payload = req->payload;
	if (req->reply_bytes > 0) {
		res->payload.len = (size_t)req->reply_bytes;
		res->payload.data = arena_zalloc(arena, res->payload.len);
	}
	if (p->present) {
		res->subject = arena_alloc(arena, UUID_TEXT_SIZE);
		uuid_format(&p->user_id, res->subject);
		res->role = arena_strdup(arena, p->role);
	}
	res->deadline_ms = deadline_left_ms(rpc_call_deadline(call));
	res->request_id = arena_strdup(arena, rpc_call_request_id(call));
	int64_t version;
	res->if_match = rpc_call_if_match(call, &version) ? version : -2;
}

static void
echo_metadata(struct rpc_call *call, const char *name, Fit__Test__V1__EchoReply *res)
{
	const void *cursor = NULL;
	struct slice key, value;

	res->metadata = ARENA_ARRAY(rpc_call_arena(call), char *, 64);
	while (rpc_call_metadata_next(call, &cursor, &key, &value) && res->n_metadata < 64) {
		if (!slice_eq_str(key, name))
			continue;
		rpc_call_set_header(call, name, value);
		char *hex = arena_alloc(rpc_call_arena(call), 2 * value.n + 1);
		for (size_t i = 0; i < value.n; i++)
			snprintf(hex + 2 * i, 3, "%02x", (unsigned char)value.p[i]);
		hex[2 * value.n] = '\0';
		res->metadata[res->n_metadata++] = hex;
	}
}

static enum status
do_unary(struct rpc_call *call, const void *request, void *reply, struct err *err)
{
	const Fit__Test__V1__EchoRequest *req = request;

	if (req->echo_metadata[0] != '\0')
		echo_metadata(call, req->echo_metadata, reply);
	if (req->sleep_ms > 0 && !nap(call, req->sleep_ms, req->deaf))
		return err_set(err, STATUS_CANCELLED, "cancelled");
	enum status st = asked_failure(req, err);
	if (st == STATUS_OK)
		fill_reply(call, req, reply);
	return st;
}

static enum status
do_server_stream(struct rpc_call *call, const void *request, void *reply, struct err *err)
{
	const Fit__Test__V1__StreamRequest *req = request;
	Fit__Test__V1__StreamReply message;
	int64_t blocked = 0;

	(void)reply;
	fit__test__v1__stream_reply__init(&message);
	message.payload.len = (size_t)req->bytes;
	message.payload.data = arena_zalloc(rpc_call_arena(call), message.payload.len);
	for (int i = 0; i < req->count; i++) {
		message.number = i;
		int64_t from = clock_mono_ms();
		enum status st = rpc_call_send(call, &message.base, err);
		blocked += clock_mono_ms() - from;
		atomic_store(&seen.send_blocked_ms, (int)blocked);
		if (st != STATUS_OK) {
			atomic_fetch_add(&seen.cancelled, 1);
			return st;
		}
		if (req->fail_after > 0 && i + 1 == req->fail_after)
			return err_public(err, STATUS_DATA_LOSS, "as asked");
		if (req->interval_ms > 0 && !nap(call, req->interval_ms, false))
			return err_set(err, STATUS_CANCELLED, "cancelled");
	}
	return STATUS_OK;
}

static enum status
on_unary(struct rpc_call *call, const void *request, void *reply, struct err *err)
{
	atomic_fetch_add(&seen.running, 1);
	enum status st = do_unary(call, request, reply, err);
	atomic_fetch_sub(&seen.running, 1);
	return st;
}

static enum status
on_server_stream(struct rpc_call *call, const void *request, void *reply, struct err *err)
{
	atomic_fetch_add(&seen.running, 1);
	enum status st = do_server_stream(call, request, reply, err);
	atomic_fetch_sub(&seen.running, 1);
	return st;
}

static enum status
on_client_stream(struct rpc_call *call, const void *request, void *reply, struct err *err)
{
	Fit__Test__V1__Summary *sum = reply;
	void *message;

	(void)request;
	for (;;) {
		enum status st = rpc_call_recv(call, &message, err);
		if (st != STATUS_OK) {
			atomic_fetch_add(&seen.cancelled, 1);
			return st;
		}
		if (message == NULL)
			return STATUS_OK;
		const Fit__Test__V1__EchoRequest *req = message;
		if (req->sleep_ms > 0 && !nap(call, req->sleep_ms, req->deaf))
			return err_set(err, STATUS_CANCELLED, "cancelled");
		sum->count++;
		sum->bytes += (int64_t)req->payload.len;
		if (req->status != 0)
			return asked_failure(req, err);
	}
}

static enum status
on_bidi(struct rpc_call *call, const void *request, void *reply, struct err *err)
{
	void *message;

	(void)request;
	(void)reply;
	for (;;) {
		enum status st = rpc_call_recv(call, &message, err);
		if (st != STATUS_OK || message == NULL)
			return st;
		const Fit__Test__V1__EchoRequest *req = message;
		st = asked_failure(req, err);
		if (st != STATUS_OK)
			return st;
		Fit__Test__V1__EchoReply res;
		fit__test__v1__echo_reply__init(&res);
		res.text = req->text;
		res.payload = req->payload;
		st = rpc_call_send(call, &res.base, err);
		if (st != STATUS_OK)
			return st;
	}
}

/* ---- the detached ticker: one loop for all of them ---- */

struct ticker {
	struct rpc_stream *stream;
	struct loop_timer *timer;
	Fit__Test__V1__StreamReply message;
	int count, interval_ms, fail_after;
	bool waiting, ended;
	atomic_uint refs; /* the ticker itself, and events on their way to its loop */
};

static void
ticker_unref(struct ticker *t)
{
	if (atomic_fetch_sub(&t->refs, 1) != 1)
		return;
	free(t->message.payload.data);
	free(t);
}

static void
ticker_end(struct ticker *t, enum status status)
{
	t->ended = true;
	rpc_stream_finish(t->stream, status, NULL);
	loop_timer_free(t->timer);
	atomic_fetch_sub(&seen.detached_open, 1);
	ticker_unref(t);
}

static void
tick(void *arg)
{
	struct ticker *t = arg;

	while (t->message.number < t->count) {
		enum status st = rpc_stream_send(t->stream, &t->message.base);
		if (st == STATUS_RESOURCE_EXHAUSTED) {
			atomic_fetch_add(&seen.send_refused, 1);
			t->waiting = true;
			return;
		}
		if (st != STATUS_OK) {
			ticker_end(t, STATUS_CANCELLED);
			return;
		}
		t->message.number++;
		if (t->interval_ms > 0) {
			loop_timer_start(t->timer, t->interval_ms);
			return;
		}
	}
	ticker_end(t, t->fail_after > 0 ? STATUS_DATA_LOSS : STATUS_OK);
}

static void
start_ticker(void *arg)
{
	struct ticker *t = arg;

	t->timer = loop_timer_new(ticker_loop, tick, t);
	tick(t);
}

static void
on_ticker_drained(void *arg)
{
	struct ticker *t = arg;

	if (t->waiting && !t->ended) {
		t->waiting = false;
		atomic_fetch_add(&seen.drained, 1);
		tick(t);
	}
	ticker_unref(t);
}

static void
on_drain(void *arg)
{
	atomic_fetch_add(&((struct ticker *)arg)->refs, 1);
	loop_post(ticker_loop, on_ticker_drained, arg);
}

static void
on_cancelled(void *arg)
{
	struct ticker *t = arg;

	atomic_fetch_add(&seen.detached_cancelled, 1);
	if (!t->ended)
		ticker_end(t, STATUS_CANCELLED);
	ticker_unref(t);
}

/* Posted, so that the ticker's loop alone ends it; it may have ended by itself by then. */
static void
on_cancel(void *arg)
{
	atomic_fetch_add(&((struct ticker *)arg)->refs, 1);
	loop_post(ticker_loop, on_cancelled, arg);
}

static enum status
on_ticker(struct rpc_call *call, const void *request, void *reply, struct err *err)
{
	const Fit__Test__V1__StreamRequest *req = request;
	struct ticker *t = calloc(1, sizeof(*t));

	(void)reply;
	(void)err;
	if (t == NULL)
		abort();
	atomic_init(&t->refs, 1);
	fit__test__v1__stream_reply__init(&t->message);
	t->message.payload.len = (size_t)req->bytes;
	t->message.payload.data = calloc(1, (size_t)req->bytes + 1);
	t->count = req->count;
	t->interval_ms = req->interval_ms;
	t->fail_after = req->fail_after;
	atomic_fetch_add(&seen.detached_open, 1);
	struct rpc_stream_events events = { .on_cancel = on_cancel,
					    .on_drain = on_drain,
					    .arg = t };
	t->stream = rpc_call_detach(call, &events);
	loop_post(ticker_loop, start_ticker, t);
	return RPC_DETACHED;
}

static enum status
on_observe(struct rpc_call *call, const void *request, void *reply, struct err *err)
{
	Fit__Test__V1__Counters *c = reply;

	(void)call;
	(void)request;
	(void)err;
	c->running = atomic_load(&seen.running);
	c->cancelled = atomic_load(&seen.cancelled);
	c->cancelled_us = atomic_load(&seen.cancelled_us);
	c->detached_open = atomic_load(&seen.detached_open);
	c->detached_cancelled = atomic_load(&seen.detached_cancelled);
	c->send_refused = atomic_load(&seen.send_refused);
	c->drained = atomic_load(&seen.drained);
	c->send_blocked_ms = atomic_load(&seen.send_blocked_ms);
	return STATUS_OK;
}

static const struct rpc_method methods[] = {
	{ "Unary", on_unary },
	{ "ServerStream", on_server_stream },
	{ "ClientStream", on_client_stream },
	{ "Bidi", on_bidi },
	{ "Ticker", on_ticker },
	{ "User", on_unary },
	{ "Admin", on_unary },
	{ "Slow", on_unary },
	{ "Observe", on_observe },
};
static const struct rpc_service service = { &fit__test__v1__test_service__descriptor, methods,
					    ARRAY_LEN(methods) };
static const struct rpc_service *const services[] = { &service };

/* ---- main ---- */

static const char *
option(int argc, char **argv, const char *key, const char *fallback)
{
	size_t n = strlen(key);

	for (int i = 3; i < argc; i++) {
		if (strncmp(argv[i], key, n) == 0 && argv[i][n] == '=')
			return argv[i] + n + 1;
	}
	return fallback;
}

static long
number(int argc, char **argv, const char *key, long fallback)
{
	const char *text = option(argc, argv, key, NULL);

	return text != NULL ? atol(text) : fallback;
}

static struct slice
read_file(const char *path)
{
	FILE *f = fopen(path, "rb");
	struct strbuf sb = STRBUF_INIT;
	char buf[4096];
	size_t n;

	if (f == NULL)
		fatal("%s: %s", path, strerror(errno));
	while ((n = fread(buf, 1, sizeof(buf), f)) > 0)
		strbuf_add(&sb, buf, n);
	fclose(f);
	return strbuf_slice(&sb);
}

static struct tls_context *
tls(int argc, char **argv)
{
	struct tls_files files = { option(argc, argv, "ca", NULL), option(argc, argv, "cert", NULL),
				   option(argc, argv, "key", NULL) };
	struct tls_context *context = NULL;
	struct err err;

	err_init(&err);
	if (files.ca != NULL && tls_context_new(TLS_SERVER, &files, &context, &err) != STATUS_OK)
		fatal("%s", err.text);
	return context;
}

static int
serve(struct rpc_server *server, const sigset_t *signals, int64_t drain_ms)
{
	for (;;) {
		int sig;
		sigwait(signals, &sig);
		if (sig == SIGUSR1 || sig == SIGUSR2) {
			rpc_server_set_serving(server, sig == SIGUSR2);
			continue;
		}
		bool quiet = rpc_server_drain(server, deadline_in(drain_ms));
		return quiet ? 0 : 3;
	}
}

int
main(int argc, char **argv)
{
	struct workpool_class classes[] = { { "slow", 25 } };
	struct schema *schema;
	sigset_t signals;
	struct err err;

	if (argc < 3)
		return 2;
	err_init(&err);
	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGUSR1);
	sigaddset(&signals, SIGUSR2);
	pthread_sigmask(SIG_BLOCK, &signals, NULL);
	log_setup("rpc-test", LOG_LEVEL_WARN, 2);
	struct slice protoset = read_file(argv[1]);
	if (schema_load(protoset, &schema, &err) != STATUS_OK)
		fatal("schema: %s", err.text);
	ticker_loop = loop_new("ticker");
	loop_start(ticker_loop);
	struct workpool *wp = workpool_new("work", (unsigned)number(argc, argv, "workers", 16),
					   (size_t)number(argc, argv, "queue", 2048), classes, 1);
	struct tls_context *context = tls(argc, argv);
	struct rpc_server_options opts = {
		.address = argv[2],
		.io_threads = (unsigned)number(argc, argv, "io", 1),
		.max_connection_age_ms = number(argc, argv, "max_age_ms", 0),
		.default_timeout_ms = number(argc, argv, "default_timeout_ms", 0),
		.keepalive_ms = number(argc, argv, "keepalive_ms", 0),
		.workpool = wp,
		.tls = context,
		.peer_prefix = "spiffe://fit/",
		.schema = schema,
		.protoset = protoset,
	};
	struct rpc_server *server;
	int rc = 1;
	if (rpc_server_open(&opts, services, 1, &server, &err) == STATUS_OK) {
		printf("port %d\n", rpc_server_port(server));
		fflush(stdout);
		rc = serve(server, &signals, number(argc, argv, "drain_ms", 10000));
		rpc_server_close(server);
	} else {
		fprintf(stderr, "%s\n", err.text);
	}
	workpool_free(wp);
	loop_stop(ticker_loop);
	loop_free(ticker_loop);
	schema_free(schema);
	tls_context_free(context);
	free((void *)(uintptr_t)protoset.p);
	return rc;
}
