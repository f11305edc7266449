#define _GNU_SOURCE
#include "common.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/*
 * One address has some 28,000 client ports by default. A fresh address every 5,000 sockets stays
 * clear of that even when the ports of the previous run still wait to be released.
 */
#define SOCKETS_PER_SOURCE 5000
#define NO_CONTENT 204

int64_t now_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * NS_PER_SECOND + t.tv_nsec;
}

int64_t own_cpu_us(void)
{
	struct rusage u;
	getrusage(RUSAGE_SELF, &u);
	return (u.ru_utime.tv_sec + u.ru_stime.tv_sec) * US_PER_SECOND + u.ru_utime.tv_usec +
	       u.ru_stime.tv_usec;
}

void die(const char *what)
{
	fprintf(stderr, "load: %s (%s)\n", what, strerror(errno));
	exit(1);
}

void emit(const char *format, ...)
{
	char line[4096];
	va_list args;
	va_start(args, format);
	int n = vsnprintf(line, sizeof line - 1, format, args);
	va_end(args);
	if (n < 0 || (size_t)n >= sizeof line - 1)
		die("a report is too long");
	line[n] = '\n';
	for (int sent = 0; sent <= n;) {
		ssize_t k = write(STDOUT_FILENO, line + sent, (size_t)(n + 1 - sent));
		if (k < 0 && errno == EINTR)
			continue;
		if (k < 0)
			exit(1); /* nobody listens any more */
		sent += (int)k;
	}
}

void json_safe(char *out, size_t size, const char *text, size_t length)
{
	size_t n = 0;
	for (size_t i = 0; i < length && n + 1 < size; i++) {
		unsigned char c = (unsigned char)text[i];
		if (c == '"' || c == '\\')
			out[n++] = '\'';
		else if (c == '\r' || c == '\n')
			out[n++] = ' ';
		else
			out[n++] = c < 0x20 || c > 0x7e ? '?' : (char)c;
	}
	out[n] = 0;
}

void write_number(char *out, uint32_t number)
{
	for (int i = NUMBER_DIGITS - 1; i >= 0; i--) {
		out[i] = (char)('0' + number % 10);
		number /= 10;
	}
}

void write_payload(char *out, size_t size)
{
	char *at = out;
	memcpy(at, PAYLOAD_PREFIX, TEXT_LENGTH(PAYLOAD_PREFIX));
	at += TEXT_LENGTH(PAYLOAD_PREFIX);
	write_number(at, 0);
	at += NUMBER_DIGITS;
	memcpy(at, PAYLOAD_MIDDLE, TEXT_LENGTH(PAYLOAD_MIDDLE));
	at += TEXT_LENGTH(PAYLOAD_MIDDLE);
	memset(at, 'x', size - PAYLOAD_MIN);
	at += size - PAYLOAD_MIN;
	memcpy(at, PAYLOAD_SUFFIX, TEXT_LENGTH(PAYLOAD_SUFFIX));
}

uint32_t subscriber_source(uint32_t index)
{
	return ntohl(inet_addr("127.0.0.2")) + index / SOCKETS_PER_SOURCE;
}

uint32_t publisher_source(void)
{
	return ntohl(inet_addr("127.0.1.1"));
}

int bound_socket(uint32_t source, bool blocking)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | (blocking ? 0 : SOCK_NONBLOCK), 0);
	if (fd < 0)
		return -1;
	int on = 1;
	/* The port is chosen at connect(), so that one port can serve towards several servers. */
	setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	struct sockaddr_in from = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(source)};
	if (bind(fd, (struct sockaddr *)&from, sizeof from) < 0) {
		int why = errno;
		close(fd);
		errno = why;
		return -1;
	}
	return fd;
}

int connect_to(int fd, int port)
{
	struct sockaddr_in to = {.sin_family = AF_INET,
	                         .sin_port = htons((uint16_t)port),
	                         .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	return connect(fd, (struct sockaddr *)&to, sizeof to);
}

int http_answer(const char *bytes, size_t length, size_t *total)
{
	static const char protocol[] = "HTTP/1.1 ";
	static const char length_name[] = "content-length:";
	const char *end = memmem(bytes, length, "\r\n\r\n", 4);
	if (end == NULL)
		return length >= HTTP_ANSWER_MAX ? -1 : 0;
	if (memcmp(bytes, protocol, TEXT_LENGTH(protocol)) != 0)
		return -1;
	long body = -1;
	for (const char *line = memmem(bytes, length, "\r\n", 2); line != NULL && line < end;
	     line = memmem(line + 2, (size_t)(end + 2 - line - 2), "\r\n", 2)) {
		if (strncasecmp(line + 2, length_name, TEXT_LENGTH(length_name)) == 0)
			body = strtol(line + 2 + TEXT_LENGTH(length_name), NULL, 10);
	}
	int status = atoi(bytes + TEXT_LENGTH(protocol));
	if (status == NO_CONTENT)
		body = 0;
	if (body < 0)
		return -1;
	*total = (size_t)(end + 4 - bytes) + (size_t)body;
	if (*total > HTTP_ANSWER_MAX)
		return -1;
	if (length < *total)
		return 0;
	return status / 100 == 2 ? 200 : status;
}

static int by_size(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
	return (x > y) - (x < y);
}

void sort_ns(int64_t *samples, uint32_t count)
{
	qsort(samples, count, sizeof *samples, by_size);
}

double quantile_ms(const int64_t *sorted, uint32_t count, uint32_t thousandths)
{
	if (count == 0)
		return 0;
	uint64_t rank = ((uint64_t)count * thousandths + 999) / 1000;
	return (double)sorted[rank == 0 ? 0 : rank - 1] / NS_PER_MS;
}

long raise_file_limit(void)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return -1;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	return (long)limit.rlim_cur;
}
