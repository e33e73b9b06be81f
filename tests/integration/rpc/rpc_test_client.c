/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rpc_test_client.c - the C client, driven from the outside: one command line a call, one JSON
 * line an answer.
 *
 *	rpc_test_client TARGET [cert=… key=… ca=…] < commands
 *
 * Each command is "VERB METHOD TIMEOUT_MS =HEX [A [B]]"; HEX is the request.
 *
 *	unary  METHOD TIMEOUT_MS HEX            one blocking call →
 *	       {"status":…,"text":…,"reason":…,"fields":[…],"reply":"hex"}
 *	many   METHOD TIMEOUT_MS HEX THREADS N  N blocking calls from each thread → {"OK":n,…}
 *	async  METHOD TIMEOUT_MS HEX N          N calls at once on one loop →
 *	       {"OK":n,…,"messages":n}
 *	stream METHOD TIMEOUT_MS HEX PAUSE_MS   pauses after the first message →
 *	       {"status":…,"paused_bytes":n,"messages":n,…}
 *	cancel METHOD TIMEOUT_MS HEX AFTER_MS   cancels → {"ended":0,"in_flight":0}
 */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rpc_test.pb-c.h"

#include "libcommon/base/codec.h"
#include "libcommon/base/strbuf.h"
#include "libcommon/crypto/tls.h"
#include "libcommon/observe/log.h"
#include "libcommon/rpc/rpc_client.h"
#include "libcommon/runtime/loop.h"

#define THREADS_MAX 64

static const char *target;
static struct tls_context *tls;
static struct rpc_client *client;
static struct loop *loop;
static struct rpc_channel *channel;

struct command {
	char verb[16], method[128];
	int timeout_ms, a, b;
	struct slice wire;
};

/* ---- blocking ---- */

/* The request's bytes are given: a message without a field keeps them as unknown ones. */
static enum status
call_blocking(const struct command *c, struct arena *arena, Fit__Test__V1__EchoReply **ret,
	      struct err *err)
{
	struct trace trace;
	uint8_t raw[] = { 0, 1, 0xff };
	struct rpc_metadata metadata[] = { { "x-meta", SLICE_LIT("value") },
					   { "x-raw-bin", slice_make(raw, sizeof(raw)) } };
	struct rpc_call_options opts = {
		.deadline = deadline_in(c->timeout_ms),
		.request_id = "req-1",
		.trace = &trace,
		.metadata = metadata,
		.nmetadata = 2,
	};
	Fit__Test__V1__EchoRequest *req;
	void *reply = NULL;

	trace_new(&trace);
	req = fit__test__v1__echo_request__unpack(NULL, c->wire.n, (const uint8_t *)c->wire.p);
	if (req == NULL)
		fatal("bad request in the command");
	enum status st =
		rpc_client_unary(client, c->method, &opts, &req->base,
				 &fit__test__v1__echo_reply__descriptor, arena, &reply, err);
	fit__test__v1__echo_request__free_unpacked(req, NULL);
	*ret = reply;
	return st;
}

static void
print_err(const struct err *err)
{
	struct strbuf out = STRBUF_INIT;

	strbuf_addf(&out, "\"text\":");
	strbuf_add_json_string(&out, slice_str(err->text));
	strbuf_addf(&out, ",\"public\":");
	strbuf_add_json_string(&out, slice_str(err->public_text));
	strbuf_addf(&out, ",\"reason\":\"%s\",\"retry_after_ms\":%u,\"fields\":[",
		    err->reason != NULL ? err->reason : "", err->retry_after_ms);
	for (unsigned i = 0; i < err->nfields; i++)
		strbuf_addf(&out, "%s\"%s\"", i ? "," : "", err->fields[i].path);
	strbuf_addf(&out, "]");
	printf("%s", strbuf_cstr(&out));
	strbuf_fini(&out);
}

static void
do_unary(const struct command *c)
{
	struct arena *arena = arena_new(64 << 20);
	Fit__Test__V1__EchoReply *reply;
	struct err err;

	err_init(&err);
	enum status st = call_blocking(c, arena, &reply, &err);
	printf("{\"status\":\"%s\",", status_name(st));
	print_err(&err);
	if (st == STATUS_OK)
		printf(",\"reply\":\"%s\",\"bytes\":%zu,\"deadline_ms\":%d,\"request_id\":\"%s\"",
		       reply->text, reply->payload.len, reply->deadline_ms, reply->request_id);
	printf("}\n");
	arena_free(arena);
}

static atomic_int counts[STATUS_COUNT];
static struct err first_err;
static atomic_bool have_err;

static void
print_counts(const char *more)
{
	const char *sep = "";

	printf("{");
	for (int i = 0; i < STATUS_COUNT; i++) {
		int n = atomic_exchange(&counts[i], 0);
		if (n > 0)
			printf("%s\"%s\":%d", sep, status_name((enum status)i), n), sep = ",";
	}
	printf("%s%s", more[0] ? sep : "", more);
	if (atomic_exchange(&have_err, false)) {
		printf(",");
		print_err(&first_err);
	}
	printf("}\n");
}

static void
count(enum status st, const struct err *err)
{
	atomic_fetch_add(&counts[st], 1);
	if (st != STATUS_OK && !atomic_exchange(&have_err, true))
		first_err = *err;
}

static void *
many_thread(void *arg)
{
	const struct command *c = arg;

	for (int i = 0; i < c->b; i++) {
		struct arena *arena = arena_new(64 << 20);
		Fit__Test__V1__EchoReply *reply;
		struct err err;
		err_init(&err);
		count(call_blocking(c, arena, &reply, &err), &err);
		arena_free(arena);
	}
	return NULL;
}

static void
do_many(struct command *c)
{
	pthread_t threads[THREADS_MAX];
	int n = c->a < THREADS_MAX ? c->a : THREADS_MAX;

	for (int i = 0; i < n; i++)
		pthread_create(&threads[i], NULL, many_thread, c);
	for (int i = 0; i < n; i++)
		pthread_join(threads[i], NULL);
	print_counts("");
}

/* ---- asynchronous ---- */

struct run {
	const struct command *c;
	struct rpc_client_call *call;
	struct loop_timer *timer;
	int messages, ended, left, headers;
	size_t bytes, paused_bytes;
	bool paused;
	pthread_mutex_t lock;
	pthread_cond_t change;
	bool over;
	enum status status;
};

static void
run_over(struct run *r)
{
	pthread_mutex_lock(&r->lock);
	r->over = true;
	pthread_cond_signal(&r->change);
	pthread_mutex_unlock(&r->lock);
}

static void
on_header(struct rpc_client_call *call, struct slice name, struct slice value, void *arg)
{
	struct run *r = arg;

	(void)call;
	(void)name;
	(void)value;
	r->headers++;
}

static void
on_message(struct rpc_client_call *call, struct slice wire, void *arg)
{
	struct run *r = arg;

	r->messages++;
	r->bytes += wire.n;
	if (r->paused)
		r->paused_bytes += wire.n;
	if (strcmp(r->c->verb, "stream") == 0 && r->messages == 1 && r->c->a > 0) {
		r->paused = true;
		r->call = call;
		rpc_client_call_pause(call, true);
		loop_timer_start(r->timer, r->c->a);
	}
}

static void
on_end(struct rpc_client_call *call, enum status status, const struct err *err, void *arg)
{
	struct run *r = arg;

	(void)call;
	count(status, err);
	r->ended++;
	r->status = status;
	if (--r->left == 0)
		run_over(r);
}

static const struct rpc_client_events events = { on_header, on_message, on_end };

static void
on_timer(void *arg)
{
	struct run *r = arg;

	if (strcmp(r->c->verb, "stream") == 0) {
		r->paused = false;
		rpc_client_call_pause(r->call, false);
	} else if (r->call != NULL) {
		rpc_client_call_cancel(r->call);
		r->call = NULL;
		loop_timer_start(r->timer, 100); /* no event may come in this time */
	} else {
		run_over(r);
	}
}

static void
start_run(void *arg)
{
	struct run *r = arg;
	struct rpc_call_options opts = { .deadline = deadline_in(r->c->timeout_ms) };

	r->timer = loop_timer_new(loop, on_timer, r);
	int n = r->left = strcmp(r->c->verb, "async") == 0 ? r->c->a : 1;
	for (int i = 0; i < n; i++)
		r->call = rpc_channel_start(channel, r->c->method, &opts, r->c->wire, &events, r);
	if (strcmp(r->c->verb, "cancel") == 0)
		loop_timer_start(r->timer, r->c->a);
}

static unsigned in_flight;

static void
end_run(void *arg)
{
	struct run *r = arg;

	loop_timer_free(r->timer);
	in_flight = rpc_channel_in_flight(channel);
	run_over(r);
}

static void
run_wait(struct run *r)
{
	pthread_mutex_lock(&r->lock);
	while (!r->over)
		pthread_cond_wait(&r->change, &r->lock);
	r->over = false;
	pthread_mutex_unlock(&r->lock);
}

static void
do_run(const struct command *c)
{
	struct run r = { .c = c,
			 .lock = PTHREAD_MUTEX_INITIALIZER,
			 .change = PTHREAD_COND_INITIALIZER };
	char more[200];

	loop_post(loop, start_run, &r);
	run_wait(&r);
	loop_post(loop, end_run, &r);
	run_wait(&r);
	snprintf(more, sizeof(more),
		 "\"messages\":%d,\"bytes\":%zu,\"paused_bytes\":%zu,\"ended\":%d,\"in_flight\":%u,"
		 "\"headers\":%d",
		 r.messages, r.bytes, r.paused_bytes, r.ended, in_flight, r.headers);
	print_counts(more);
}

/* ---- main ---- */

static bool
parse(char *line, struct command *c, char *wire)
{
	char *hex = strrchr(line, '=');

	memset(c, 0, sizeof(*c));
	/* "verb method timeout =HEX a b" */
	if (hex == NULL)
		return false;
	size_t digits = strspn(hex + 1, "0123456789abcdef"), n;
	if (!codec_hex_decode(slice_make(hex + 1, digits), wire, &n))
		return false;
	c->wire = slice_make(wire, n);
	sscanf(hex + 1 + digits, "%d %d", &c->a, &c->b);
	return sscanf(line, "%15s %127s %d", c->verb, c->method, &c->timeout_ms) == 3;
}

static struct tls_context *
open_tls(int argc, char **argv)
{
	static const char *const keys[] = { "ca=", "cert=", "key=" };
	struct tls_context *context = NULL;
	const char *file[3] = { NULL };
	struct err err;

	for (int i = 2; i < argc; i++) {
		for (int k = 0; k < 3; k++) {
			if (strncmp(argv[i], keys[k], strlen(keys[k])) == 0)
				file[k] = argv[i] + strlen(keys[k]);
		}
	}
	err_init(&err);
	struct tls_files files = { file[0], file[1], file[2] };
	if (file[0] != NULL && tls_context_new(TLS_CLIENT, &files, &context, &err) != STATUS_OK)
		fatal("%s", err.text);
	return context;
}

int
main(int argc, char **argv)
{
	static char line[1 << 20], wire[1 << 19];
	struct command c;

	if (argc < 2)
		return 2;
	signal(SIGPIPE, SIG_IGN);
	log_setup("rpc-test-client", LOG_LEVEL_WARN, 2);
	target = argv[1];
	tls = open_tls(argc, argv);
	client = rpc_client_open(target, tls);
	loop = loop_new("client");
	channel = rpc_channel_new(loop, target, tls);
	loop_start(loop);
	while (fgets(line, sizeof(line), stdin) != NULL) {
		if (!parse(line, &c, wire))
			return 2;
		if (strcmp(c.verb, "unary") == 0)
			do_unary(&c);
		else if (strcmp(c.verb, "many") == 0)
			do_many(&c);
		else
			do_run(&c);
		fflush(stdout);
	}
	loop_stop(loop);
	rpc_channel_free(channel);
	loop_free(loop);
	rpc_client_close(client);
	tls_context_free(tls);
	return 0;
}
