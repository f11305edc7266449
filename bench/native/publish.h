/* The publishers: what Wavelog's PHP does, at three speeds. Each reports once, when done. */
#ifndef BENCH_PUBLISH_H
#define BENCH_PUBLISH_H

#include <stdint.h>

/* One keep-alive connection, the next event as soon as the last one is answered. */
void publish_burst(uint32_t events, uint32_t payload_bytes, int64_t deadline_ms);

/* One keep-alive connection, `rate` events per second. */
void publish_paced(uint32_t rate, uint32_t events, uint32_t payload_bytes, int64_t deadline_ms);

/*
 * A new connection for each event, `rate` per second, started on time even while earlier ones wait
 * for their answer. An event not answered within `patience_ms` has failed.
 */
void publish_php(uint32_t rate, uint32_t events, uint32_t payload_bytes, int64_t patience_ms);

#endif
