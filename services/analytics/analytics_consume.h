/* SPDX-License-Identifier: Apache-2.0 */
/*
 * analytics_consume.h - batches of the bus into the table `events`.
 *
 * A batch, of all partitions that have something, is decoded into RowBinary and inserted in pieces
 * of at most PIECE_BYTES: what is held is bounded by the batch that the bus gives. While ClickHouse
 * is away (or full, or without its table) the answer is UNAVAILABLE and the bus holds the events.
 *
 * Bad events: all good ones of the batch are stored first; a piece that the server refuses as bad
 * data is halved until the bad row is alone. Then the answer is INVALID_ARGUMENT, upon which the
 * bus halves the batch until the bad events are alone, and puts those aside; the good ones come
 * again meanwhile, which is harmless.
 *
 * Exactness: an insert may happen twice (a lost answer, a crash before the offset is committed).
 * Both rows are equal; see migrations/0001_events.sql.
 *
 * Threads: any number.
 */
#ifndef FIT_ANALYTICS_CONSUME_H
#define FIT_ANALYTICS_CONSUME_H

#include "libcommon/bus/consumer.h"

/* Once, at start. */
void analytics_consume_register_metrics(void);

/* consumer_def.handle; ctx is struct analytics. */
enum status analytics_consume(void *ctx, const struct bus_message *messages, size_t n,
			      struct arena *arena, struct deadline deadline,
			      struct err *err) MUST_CHECK;

extern const struct consumer_def analytics_consumer;

#endif
