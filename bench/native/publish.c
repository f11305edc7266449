#define _GNU_SOURCE
#include "publish.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "common.h"
#include "dialect.h"

#define EVENTS_PER_WAIT 64
/* A keep-alive publisher that waits longer than this for one answer has lost the server. */
#define ANSWER_PATIENCE_SECONDS 10
#define MEDIAN_OF_1000 500
#define P99_OF_1000 990
/* The quotes of PAYLOAD_PREFIX, each with a backslash before it. */
#define ESCAPES_BEFORE_NUMBER 3

/* One request, in which each event changes the number and, where there are several, the topic. */
#define PLACES_MAX 4

static struct {
	char *bytes;
	size_t length;
	size_t number_at;
	size_t topic_at[PLACES_MAX];
	uint32_t topic_places;
	size_t topic_length;
	uint32_t *published; /* events so far, by topic */
} request;

/* Where a text occurs, the payload left out: it holds no topic. */
static void find_topics(const char *name)
{
	request.topic_length = strlen(name);
	request.topic_places = 0;
	for (const char *at = request.bytes;
	     (at = memmem(at, request.length - (size_t)(at - request.bytes), name,
	                  request.topic_length)) != NULL;
	     at += request.topic_length) {
		if (request.topic_places == PLACES_MAX)
			die("the topic stands too often in the publish request");
		request.topic_at[request.topic_places++] = (size_t)(at - request.bytes);
	}
	for (uint32_t i = 0; i < dialect.topic_count; i++)
		if (strlen(dialect.topics[i].name) != request.topic_length)
			die("topics of one run must be equally long");
}

/* The payload as it stands in the body; the caller frees it. */
static struct text payload_text(uint32_t payload_bytes)
{
	struct text out = {.bytes = malloc(2 * (size_t)payload_bytes)};
	char *plain = malloc(payload_bytes);
	if (out.bytes == NULL || plain == NULL)
		die("malloc");
	write_payload(plain, payload_bytes);
	for (uint32_t i = 0; i < payload_bytes; i++) {
		if (dialect.escaped && plain[i] == '"')
			out.bytes[out.length++] = '\\';
		out.bytes[out.length++] = plain[i];
	}
	free(plain);
	return out;
}

static void prepare(uint32_t payload_bytes)
{
	const struct topic *topic = &dialect.topics[0];
	if (payload_bytes < PAYLOAD_MIN || dialect.topic_count == 0 || dialect.publish_path == NULL)
		die("the publish request cannot be built");
	char *path = filled(dialect.publish_path, topic);
	char *prefix = filled(dialect.publish_prefix, topic);
	char *suffix = filled(dialect.publish_suffix, topic);
	struct text payload = payload_text(payload_bytes);
	free(request.bytes);
	request.bytes = NULL;
	FILE *stream = open_memstream(&request.bytes, &request.length);
	if (stream == NULL)
		die("open_memstream");
	fprintf(stream,
	        "POST %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nAccept: */*\r\n"
	        "Content-Type: application/json\r\n%sContent-Length: %zu\r\n\r\n%s",
	        path, dialect.http_port, dialect.publish_headers,
	        strlen(prefix) + payload.length + strlen(suffix), prefix);
	request.number_at = (size_t)ftell(stream) + TEXT_LENGTH(PAYLOAD_PREFIX) +
	                    (dialect.escaped ? ESCAPES_BEFORE_NUMBER : 0);
	fwrite(payload.bytes, 1, payload.length, stream);
	fputs(suffix, stream);
	if (fclose(stream) != 0)
		die("the publish request cannot be built");
	find_topics(topic->name);
	free(path);
	free(prefix);
	free(suffix);
	free(payload.bytes);
	free(request.published);
	request.published = calloc(dialect.topic_count, sizeof *request.published);
	if (request.published == NULL)
		die("calloc");
}

/* Makes the request that of the next event, which is the `event`th. */
static void set_event(uint32_t event)
{
	uint32_t topic = topic_of_event(event);
	write_number(request.bytes + request.number_at, request.published[topic]++);
	if (dialect.topic_count == 1)
		return;
	for (uint32_t i = 0; i < request.topic_places; i++)
		memcpy(request.bytes + request.topic_at[i], dialect.topics[topic].name,
		       request.topic_length);
}

static int open_keep_alive(void)
{
	int fd = bound_socket(publisher_source(), true);
	if (fd < 0)
		return -1;
	struct timeval patience = {.tv_sec = ANSWER_PATIENCE_SECONDS};
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
	if (connect_to(fd, dialect.http_port) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

/* Whether the server's answer says that nothing more will be answered on this connection. */
static bool says_close(const char *answer, size_t length)
{
	static const char name[] = "\r\nconnection:";
	const char *end = memmem(answer, length, "\r\n\r\n", 4);
	for (const char *line = answer; line != NULL && line < end;
	     line = memmem(line + 2, (size_t)(end + 2 - line - 2), "\r\n", 2)) {
		if (strncasecmp(line, name, TEXT_LENGTH(name)) != 0)
			continue;
		const char *value = line + TEXT_LENGTH(name);
		return memmem(value, strcspn(value, "\r"), "close", 5) != NULL;
	}
	return false;
}

/*
 * Sends the request and reads its answer. The status; -1 when there was none. A server that takes
 * one request per connection costs its publisher a new connection each, which is part of what is
 * measured: `*fd` is -1 when the server has said so.
 */
static int exchange(int *fd)
{
	char answer[HTTP_ANSWER_MAX];
	size_t have = 0, total = 0;
	if (*fd < 0)
		*fd = open_keep_alive();
	if (*fd < 0 ||
	    send(*fd, request.bytes, request.length, MSG_NOSIGNAL) != (ssize_t)request.length)
		return -1;
	for (;;) {
		ssize_t n = recv(*fd, answer + have, sizeof answer - have, 0);
		if (n <= 0)
			return -1;
		have += (size_t)n;
		int status = http_answer(answer, have, &total);
		if (status == 0)
			continue;
		if (says_close(answer, have)) {
			close(*fd);
			*fd = -1;
		}
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
		set_event(i);
		status = exchange(&fd);
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
	if (connect_to(call->fd, dialect.http_port) < 0 && errno != EINPROGRESS)
		end_call(c, call, -1);
}

static void serve_call(struct calls *c, struct call *call)
{
	if (call->fd < 0)
		return;
	if (!call->sent) {
		set_event((uint32_t)(call - c->all));
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

void publish_php(uint32_t rate, uint32_t events, uint32_t payload_bytes, int64_t patience_ms)
{
	struct epoll_event ready[EVENTS_PER_WAIT];
	struct calls c = {.epoll = epoll_create1(EPOLL_CLOEXEC)};
	c.all = calloc(events, sizeof *c.all);
	c.took_ns = calloc(events, sizeof *c.took_ns);
	if (c.epoll < 0 || c.all == NULL || c.took_ns == NULL)
		die("publish_php");
	prepare(payload_bytes);
	int64_t first = now_ns(), pause = NS_PER_SECOND / rate, cpu = own_cpu_us();
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
	sort_ns(c.took_ns, c.answered);
	emit("{\"event\":\"php\",\"ok\":%s,\"answered\":%u,\"failed\":%u,\"status\":%d,"
	     "\"median_ms\":%.3f,\"p99_ms\":%.3f,\"max_ms\":%.3f,\"first_ns\":%lld,\"cpu_us\":%lld}",
	     c.failed == 0 ? "true" : "false", c.answered, c.failed, c.failed == 0 ? 200 : c.status,
	     quantile_ms(c.took_ns, c.answered, MEDIAN_OF_1000),
	     quantile_ms(c.took_ns, c.answered, P99_OF_1000),
	     c.answered == 0 ? 0 : (double)c.took_ns[c.answered - 1] / NS_PER_MS, (long long)first,
	     (long long)(own_cpu_us() - cpu));
	close(c.epoll);
	free(c.all);
	free(c.took_ns);
}
