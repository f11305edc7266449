/* The subscribers: N WebSocket clients in one epoll loop, and what they counted. */
#ifndef BENCH_SOCKETS_H
#define BENCH_SOCKETS_H

#include <stdint.h>

/* Opens `count` sockets, at most `window` of them in their handshake at a time. */
void sockets_connect(uint32_t count, uint32_t window, int64_t deadline_ms);

/* Starts `count` sockets at once and treats each as the browser's client does. */
void sockets_storm(uint32_t count, int64_t deadline_ms);

/* Sets all counters to zero; payloads of `payload_bytes`, numbered 0 … `events` - 1, may come. */
void sockets_reset(uint32_t payload_bytes, uint32_t events);

/* Reports as soon as every socket has received `events` pushes, or when time is up. */
void sockets_expect(uint32_t events, int64_t deadline_ms);

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
