#define _GNU_SOURCE
#include "publish.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "common.h"

#define EVENTS_PER_WAIT 64
/* A keep-alive publisher that waits longer than this for one answer has lost the server. */
#define ANSWER_PATIENCE_SECONDS 10
#define MEDIAN_OF_1000 500
#define P99_OF_1000 990

static struct {
	char *bytes;
	size_t length;
	size_t number_at;
} request;

static void prepare(uint32_t payload_bytes)
{
	char head[1024];
	int body = (int)payload_bytes + snprintf(NULL, 0, "{\"topic\":\"%s\",\"payload\":}", target.topic);
	int n = snprintf(head, sizeof head,
	                 "POST /internal/publish HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nAccept: */*\r\n"
	                 "Content-Type: application/json\r\nX-Worker-Secret: %s\r\n"
	                 "Content-Length: %d\r\n\r\n{\"topic\":\"%s\",\"payload\":",
	                 target.http_port, target.secret, body, target.topic);
	if (n < 0 || (size_t)n >= sizeof head || payload_bytes < PAYLOAD_MIN)
		die("the publish request cannot be built");
	free(request.bytes);
	request.length = (size_t)n + payload_bytes + 1;
	request.bytes = malloc(request.length);
	if (request.bytes == NULL)
		die("malloc");
	memcpy(request.bytes, head, (size_t)n);
	write_payload(request.bytes + n, payload_bytes);
	request.bytes[request.length - 1] = '}';
	request.number_at = (size_t)n + TEXT_LENGTH(PAYLOAD_PREFIX);
}

static void set_number(uint32_t number)
{
	write_number(request.bytes + request.number_at, number);
}

static int open_keep_alive(void)
{
	int fd = bound_socket(publisher_source(), true);
	if (fd < 0)
		return -1;
	struct timeval patience = {.tv_sec = ANSWER_PATIENCE_SECONDS};
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
	if (connect_to(fd, target.http_port) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

/* Sends the request and reads its answer. The status; -1 when there was none. */
static int exchange(int fd)
{
	char answer[HTTP_ANSWER_MAX];
	size_t have = 0, total = 0;
	if (send(fd, request.bytes, request.length, MSG_NOSIGNAL) != (ssize_t)request.length)
		return -1;
	for (;;) {
		ssize_t n = recv(fd, answer + have, sizeof answer - have, 0);
		if (n <= 0)
			return -1;
		have += (size_t)n;
		int status = http_answer(answer, have, &total);
		if (status != 0)
			return status;
	}
}

static void publish_keep_alive(const char *event, int64_t pause_ns, uint32_t events,
                               uint32_t payload_bytes, int64_t deadline_ms)
{
	prepare(payload_bytes);
	int fd = open_keep_alive();
	int64_t first = now_ns(), deadline = first + deadline_ms * NS_PER_MS, latest_ns = 0;
	int64_t cpu = own_cpu_us();
	int status = fd < 0 ? -1 : 200;
	uint32_t accepted = 0;
	for (uint32_t i = 0; i < events && status == 200 && now_ns() < deadline; i++) {
		int64_t due = first + (int64_t)i * pause_ns;
		struct timespec until = {.tv_sec = due / NS_PER_SECOND, .tv_nsec = due % NS_PER_SECOND};
		if (pause_ns > 0)
			clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
		int64_t behind = now_ns() - due;
		latest_ns = behind > latest_ns ? behind : latest_ns;
		set_number(i);
		status = exchange(fd);
		accepted += status == 200;
	}
	if (fd >= 0)
		close(fd);
	emit("{\"event\":\"%s\",\"ok\":%s,\"accepted\":%u,\"status\":%d,\"first_ns\":%lld,"
	     "\"last_ns\":%lld,\"behind_ms\":%.3f,\"cpu_us\":%lld}",
	     event, accepted == events ? "true" : "false", accepted, status, (long long)first,
	     (long long)now_ns(), pause_ns > 0 ? (double)latest_ns / NS_PER_MS : 0.0,
	     (long long)(own_cpu_us() - cpu));
}

void publish_burst(uint32_t events, uint32_t payload_bytes, int64_t deadline_ms)
{
	publish_keep_alive("burst", 0, events, payload_bytes, deadline_ms);
}

void publish_paced(uint32_t rate, uint32_t events, uint32_t payload_bytes, int64_t deadline_ms)
{
	publish_keep_alive("paced", NS_PER_SECOND / rate, events, payload_bytes, deadline_ms);
}

struct call {
	int fd;
	bool sent;
	int64_t begun_ns;
	size_t have;
	char answer[HTTP_ANSWER_MAX];
};

struct calls {
	int epoll;
	struct call *all;
	uint32_t begun, done, failed;
	int64_t *took_ns;
	uint32_t answered;
	int status;
};

static void end_call(struct calls *c, struct call *call, int status)
{
	close(call->fd);
	call->fd = -1;
	c->done++;
	if (status == 200) {
		c->took_ns[c->answered++] = now_ns() - call->begun_ns;
		return;
	}
	c->failed++;
	c->status = status;
}

static void begin_call(struct calls *c, struct call *call)
{
	call->begun_ns = now_ns();
	call->fd = bound_socket(publisher_source(), false);
	if (call->fd < 0)
		die("socket");
	struct epoll_event e = {.events = EPOLLOUT, .data.ptr = call};
	if (epoll_ctl(c->epoll, EPOLL_CTL_ADD, call->fd, &e) < 0)
		die("epoll_ctl");
	c->begun++;
	if (connect_to(call->fd, target.http_port) < 0 && errno != EINPROGRESS)
		end_call(c, call, -1);
}

static void serve_call(struct calls *c, struct call *call)
{
	if (call->fd < 0)
		return;
	if (!call->sent) {
		set_number((uint32_t)(call - c->all));
		if (send(call->fd, request.bytes, request.length, MSG_NOSIGNAL) !=
		    (ssize_t)request.length) {
			end_call(c, call, -1);
			return;
		}
		call->sent = true;
		struct epoll_event e = {.events = EPOLLIN, .data.ptr = call};
		epoll_ctl(c->epoll, EPOLL_CTL_MOD, call->fd, &e);
		return;
	}
	size_t total = 0;
	ssize_t n = recv(call->fd, call->answer + call->have, sizeof call->answer - call->have, 0);
	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0) {
		end_call(c, call, -1);
		return;
	}
	call->have += (size_t)n;
	int status = http_answer(call->answer, call->have, &total);
	if (status != 0)
		end_call(c, call, status);
}

static void give_up_late_calls(struct calls *c, int64_t patience_ms)
{
	int64_t now = now_ns();
	for (uint32_t i = 0; i < c->begun; i++)
		if (c->all[i].fd >= 0 && now - c->all[i].begun_ns > patience_ms * NS_PER_MS)
			end_call(c, &c->all[i], -1);
}

static int by_size(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
	return (x > y) - (x < y);
}

/* The smallest sample that so many thousandths of all samples do not exceed. */
static double quantile_ms(const int64_t *sorted, uint32_t count, uint32_t thousandths)
{
	if (count == 0)
		return 0;
	uint64_t rank = ((uint64_t)count * thousandths + 999) / 1000;
	return (double)sorted[rank == 0 ? 0 : rank - 1] / NS_PER_MS;
}

void publish_php(uint32_t rate, uint32_t events, uint32_t payload_bytes, int64_t patience_ms)
{
	struct epoll_event ready[EVENTS_PER_WAIT];
	struct calls c = {.epoll = epoll_create1(EPOLL_CLOEXEC)};
	c.all = calloc(events, sizeof *c.all);
	c.took_ns = calloc(events, sizeof *c.took_ns);
	if (c.epoll < 0 || c.all == NULL || c.took_ns == NULL)
		die("publish_php");
	prepare(payload_bytes);
	int64_t first = now_ns(), pause = NS_PER_SECOND / rate;
	while (c.done < events) {
		int64_t next_ns = first + (int64_t)c.begun * pause - now_ns();
		if (c.begun < events && next_ns <= 0) {
			begin_call(&c, &c.all[c.begun]);
			continue;
		}
		/* rounded up, so as not to spin through the last millisecond */
		int64_t wait_ms = next_ns / NS_PER_MS + 1;
		if (c.begun == events || wait_ms > patience_ms)
			wait_ms = patience_ms;
		int n = epoll_wait(c.epoll, ready, EVENTS_PER_WAIT, (int)wait_ms);
		for (int i = 0; i < n; i++)
			serve_call(&c, ready[i].data.ptr);
		give_up_late_calls(&c, patience_ms);
	}
	qsort(c.took_ns, c.answered, sizeof *c.took_ns, by_size);
	emit("{\"event\":\"php\",\"ok\":%s,\"answered\":%u,\"failed\":%u,\"status\":%d,"
	     "\"median_ms\":%.3f,\"p99_ms\":%.3f,\"max_ms\":%.3f,\"first_ns\":%lld}",
	     c.failed == 0 ? "true" : "false", c.answered, c.failed, c.failed == 0 ? 200 : c.status,
	     quantile_ms(c.took_ns, c.answered, MEDIAN_OF_1000),
	     quantile_ms(c.took_ns, c.answered, P99_OF_1000),
	     c.answered == 0 ? 0 : (double)c.took_ns[c.answered - 1] / NS_PER_MS, (long long)first);
	close(c.epoll);
	free(c.all);
	free(c.took_ns);
}
