/* What the parts of the load generator share: clock, output, the test payload, HTTP. */
#ifndef BENCH_COMMON_H
#define BENCH_COMMON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NS_PER_MS 1000000LL
#define NS_PER_SECOND 1000000000LL
#define US_PER_SECOND 1000000LL
#define NS_PER_US 1000LL

/* One whole HTTP answer of a server must fit: the longest is a status object. */
#define HTTP_ANSWER_MAX 16384

/*
 * The payload is {"n":"00000017","pad":"xx…"}: a number of fixed width at a fixed place, so that
 * the receiver can check the order of what it got with one comparison of eight bytes.
 */
#define PAYLOAD_PREFIX "{\"n\":\""
#define PAYLOAD_MIDDLE "\",\"pad\":\""
#define PAYLOAD_SUFFIX "\"}"
#define NUMBER_DIGITS 8
#define TEXT_LENGTH(literal) (sizeof(literal) - 1)
#define PAYLOAD_MIN                                                                                \
	(TEXT_LENGTH(PAYLOAD_PREFIX) + NUMBER_DIGITS + TEXT_LENGTH(PAYLOAD_MIDDLE) +                   \
	 TEXT_LENGTH(PAYLOAD_SUFFIX))

/* Monotonic time, the same for all processes of one machine. */
int64_t now_ns(void);

/* User and system time this process has used. */
int64_t own_cpu_us(void);

/* Ends the program with status 1 and a line on stderr. */
void die(const char *what) __attribute__((noreturn));

/* Writes one line to stdout in one piece. */
void emit(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Copies text so that it can stand inside a JSON string; anything unprintable becomes '?'. */
void json_safe(char *out, size_t size, const char *text, size_t length);

/* Writes the eight digits of a number, without a terminator. */
void write_number(char *out, uint32_t number);

/* Writes a payload of exactly `size` bytes (at least PAYLOAD_MIN) with the number 0. */
void write_payload(char *out, size_t size);

/* The smallest of `count` sorted samples that so many thousandths of all do not exceed, in ms. */
double quantile_ms(const int64_t *sorted, uint32_t count, uint32_t thousandths);

/* Sorts nanoseconds. */
void sort_ns(int64_t *samples, uint32_t count);

/* A non-blocking or blocking TCP socket bound to a source address. -1 with errno on failure. */
int bound_socket(uint32_t source, bool blocking);

/* connect() to 127.0.0.1; the result of connect(). */
int connect_to(int fd, int port);

/*
 * Looks at an HTTP answer that may be incomplete. Returns its status (200 for any 2xx) and sets
 * `total` to its length; 0 when more bytes are needed; -1 when it is no answer we understand.
 */
int http_answer(const char *bytes, size_t length, size_t *total);

/* Source addresses. Publishers stay off the subscribers' addresses so as not to share ports. */
uint32_t subscriber_source(uint32_t index);
uint32_t publisher_source(void);

/* Raises the soft limit of open files to the hard one; returns it. */
long raise_file_limit(void);

#endif
