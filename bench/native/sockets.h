/* The subscribers: N WebSocket clients in one epoll loop, and what they counted. */
#ifndef BENCH_SOCKETS_H
#define BENCH_SOCKETS_H

#include <stdint.h>

/* Opens `count` sockets, at most `window` of them in their handshake at a time. */
void sockets_connect(uint32_t count, uint32_t window, int64_t deadline_ms);

/* Starts `count` sockets at once and treats each as the browser's client does. */
void sockets_storm(uint32_t count, int64_t deadline_ms);

/* From now on every socket that is lost comes back by the browser's rules. */
void sockets_keep(void);

/* Reports who was lost since, who gave up, and how long the others were away. */
void sockets_kept(void);

/*
 * Sets all counters to zero: `events` with payloads of `payload_bytes` will come, numbered from 0
 * on each topic.
 */
void sockets_reset(uint32_t payload_bytes, uint32_t events);

/* Reports as soon as every socket has received all pushes of its topic, or when time is up. */
void sockets_expect(int64_t deadline_ms);

/* Reports the counters as they are. */
void sockets_report(void);

/* Closes everything with a reset, so that no port is left waiting. */
void sockets_close(void);

/*
 * Serves the sockets until a byte can be read from stdin. Commands that wait (connect, storm,
 * expect) report from in here.
 */
void sockets_run_until_input(void);

#endif
