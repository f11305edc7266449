/*
 * The yardstick: the least a push server can do, on one thread. It accepts, answers the WebSocket
 * upgrade, says auth_ok without looking at the token, and writes each published event to each
 * subscriber with one write(). Of a topic it knows the number at its end, no more; it checks nothing
 * and keeps nothing.
 *
 *   yardstick WS_PORT HTTP_PORT
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

/* An accept queue nobody overflows; the kernel lowers it to net.core.somaxconn. */
#define BACKLOG 16384
#define EVENTS_PER_WAIT 512
#define READ_BUFFER_BYTES (1024 * 1024)
/* The longest publish; a longer one is none of ours. */
#define PENDING_MAX (512 * 1024)
#define PUSH_MAX PENDING_MAX
#define TOPICS_MAX 65536
/* More descriptors than any run uses, where the system's limit would be no limit at all. */
#define FILES_MAX (1 << 20)
/* How long one slow reader may hold up everybody before it is dropped. */
#define STALL_MS 5000

#define PUSH_PREFIX "{\"type\":\"push\",\"payload\":"
#define PAYLOAD_KEY "\"payload\":"
/* Topics are called bench.1, bench.2 …, in the address of an upgrade and in a publish. */
#define TOPIC_BEGIN "bench."
#define WS_GUID "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
#define WS_KEY_NAME "\r\nSec-WebSocket-Key:"
#define OK_EMPTY "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
#define STATUS_BODY "{\"status\":\"ok\",\"version\":\"yardstick\"}"

enum role { NONE, WS_LISTENER, HTTP_LISTENER, HTTP, UPGRADING, AUTHENTICATING, SUBSCRIBED };

struct connection {
	enum role role;
	uint32_t topic, place; /* in its subscribers */
	uint32_t pending_length;
	char *pending; /* an incomplete request or frame; rare */
};

static struct connection *connections; /* by descriptor */
static struct topic {
	int *subscribers;
	uint32_t count, room;
} topics[TOPICS_MAX];
static int epoll_fd, files_max;
static char read_buffer[READ_BUFFER_BYTES];

static void die(const char *what)
{
	fprintf(stderr, "yardstick: %s (%s)\n", what, strerror(errno));
	exit(1);
}

static uint32_t rotate(uint32_t x, int by)
{
	return x << by | x >> (32 - by);
}

static void sha1_block(uint32_t state[5], const uint8_t block[64])
{
	uint32_t w[80];
	for (int i = 0; i < 16; i++)
		w[i] = (uint32_t)block[4 * i] << 24 | (uint32_t)block[4 * i + 1] << 16 |
		       (uint32_t)block[4 * i + 2] << 8 | block[4 * i + 3];
	for (int i = 16; i < 80; i++)
		w[i] = rotate(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
	uint32_t a = state[0], b = state[1], c = state[2], d = state[3], e = state[4];
	for (int i = 0; i < 80; i++) {
		uint32_t f, k;
		if (i < 20) {
			f = (b & c) | (~b & d);
			k = 0x5a827999;
		} else if (i < 40) {
			f = b ^ c ^ d;
			k = 0x6ed9eba1;
		} else if (i < 60) {
			f = (b & c) | (b & d) | (c & d);
			k = 0x8f1bbcdc;
		} else {
			f = b ^ c ^ d;
			k = 0xca62c1d6;
		}
		uint32_t next = rotate(a, 5) + f + e + k + w[i];
		e = d;
		d = c;
		c = rotate(b, 30);
		b = a;
		a = next;
	}
	state[0] += a;
	state[1] += b;
	state[2] += c;
	state[3] += d;
	state[4] += e;
}

/* SHA-1 of a text that, padded, fits into two blocks: up to 119 bytes. */
static void sha1(const char *text, size_t length, uint8_t digest[20])
{
	uint32_t state[5] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};
	uint8_t padded[128] = {0};
	size_t blocks = length < 56 ? 1 : 2;
	memcpy(padded, text, length);
	padded[length] = 0x80;
	for (int i = 0; i < 8; i++)
		padded[blocks * 64 - 1 - i] = (uint8_t)((uint64_t)length * 8 >> (8 * i));
	for (size_t i = 0; i < blocks; i++)
		sha1_block(state, padded + 64 * i);
	for (int i = 0; i < 20; i++)
		digest[i] = (uint8_t)(state[i / 4] >> (24 - 8 * (i % 4)));
}

/* Base64 of the 20 bytes of a digest: 28 characters. */
static void base64(const uint8_t digest[20], char out[29])
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	int n = 0;
	for (int i = 0; i < 20; i += 3) {
		uint32_t v = (uint32_t)digest[i] << 16 | (uint32_t)digest[i + 1] << 8 |
		             (i + 2 < 20 ? digest[i + 2] : 0u);
		out[n++] = letters[v >> 18];
		out[n++] = letters[v >> 12 & 63];
		out[n++] = letters[v >> 6 & 63];
		out[n++] = i + 2 < 20 ? letters[v & 63] : '=';
	}
	out[n] = 0;
}

static void watch(int fd, enum role role)
{
	struct epoll_event e = {.events = EPOLLIN, .data.fd = fd};
	connections[fd] = (struct connection){.role = role};
	if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &e) < 0)
		die("epoll_ctl");
}

static void drop(int fd)
{
	struct connection *c = &connections[fd];
	if (c->role == SUBSCRIBED) {
		struct topic *topic = &topics[c->topic];
		int last = topic->subscribers[--topic->count];
		topic->subscribers[c->place] = last;
		connections[last].place = c->place;
	}
	free(c->pending);
	*c = (struct connection){.role = NONE};
	close(fd);
}

/* Writes all of it, waiting while the reader's buffers are full: nothing is lost, all wait. */
static bool write_all(int fd, const char *bytes, size_t length)
{
	for (size_t sent = 0; sent < length;) {
		ssize_t n = write(fd, bytes + sent, length - sent);
		if (n > 0) {
			sent += (size_t)n;
			continue;
		}
		struct pollfd p = {.fd = fd, .events = POLLOUT};
		if (n < 0 && errno == EAGAIN && poll(&p, 1, STALL_MS) == 1)
			continue;
		return false;
	}
	return true;
}

static void subscribe(int fd)
{
	struct connection *c = &connections[fd];
	struct topic *topic = &topics[c->topic];
	if (topic->count == topic->room) {
		topic->room = topic->room == 0 ? 4 : 2 * topic->room;
		topic->subscribers = realloc(topic->subscribers, topic->room * sizeof *topic->subscribers);
		if (topic->subscribers == NULL)
			die("realloc");
	}
	c->role = SUBSCRIBED;
	c->place = topic->count;
	topic->subscribers[topic->count++] = fd;
}

/* The number of the topic that is named in a request; 0 when none is. */
static uint32_t topic_number(const char *text, size_t length)
{
	const char *at = memmem(text, length, TOPIC_BEGIN, sizeof TOPIC_BEGIN - 1);
	return at == NULL ? 0 : (uint32_t)(strtoul(at + sizeof TOPIC_BEGIN - 1, NULL, 10) % TOPICS_MAX);
}

static void publish(uint32_t number, const char *payload, size_t length)
{
	struct topic *topic = &topics[number];
	static char frame[PUSH_MAX + 64];
	size_t text = sizeof PUSH_PREFIX - 1 + length + 1, n = 0;
	frame[n++] = (char)0x81;
	if (text <= 125) {
		frame[n++] = (char)text;
	} else if (text <= UINT16_MAX) {
		frame[n++] = 126;
		frame[n++] = (char)(text >> 8);
		frame[n++] = (char)text;
	} else {
		frame[n++] = 127;
		for (int shift = 56; shift >= 0; shift -= 8)
			frame[n++] = (char)((uint64_t)text >> shift);
	}
	memcpy(frame + n, PUSH_PREFIX, sizeof PUSH_PREFIX - 1);
	n += sizeof PUSH_PREFIX - 1;
	memcpy(frame + n, payload, length);
	n += length;
	frame[n++] = '}';
	/* from the end, because drop() puts the last one into the place of the dropped one */
	for (uint32_t i = topic->count; i-- > 0;)
		if (!write_all(topic->subscribers[i], frame, n))
			drop(topic->subscribers[i]);
}

/* The length a request announces; 0 when it has no body. `end` is where its headers end. */
static size_t content_length(const char *request, const char *end)
{
	static const char name[] = "content-length:";
	const char *line = request;
	while ((line = memmem(line, (size_t)(end - line), "\r\n", 2)) != NULL) {
		line += 2;
		if (strncasecmp(line, name, sizeof name - 1) == 0)
			return (size_t)strtoul(line + sizeof name - 1, NULL, 10);
	}
	return 0;
}

/* Answers the requests in `bytes`; returns how many bytes they took. -1 to close. */
static ssize_t serve_http(int fd, const char *bytes, size_t length)
{
	size_t done = 0;
	for (;;) {
		const char *at = bytes + done, *end = memmem(at, length - done, "\r\n\r\n", 4);
		if (end == NULL)
			return (ssize_t)done;
		size_t head = (size_t)(end + 4 - at), body = content_length(at, end);
		if (length - done < head + body)
			return (ssize_t)done;
		done += head + body;
		if (at[0] == 'G') {
			char answer[256];
			int n = snprintf(answer, sizeof answer,
			                 "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
			                 "Content-Length: %zu\r\n\r\n" STATUS_BODY,
			                 sizeof STATUS_BODY - 1);
			if (!write_all(fd, answer, (size_t)n))
				return -1;
			continue;
		}
		/* answered first, as the publisher need not wait for the deliveries */
		if (!write_all(fd, OK_EMPTY, sizeof OK_EMPTY - 1))
			return -1;
		/* the load generator puts the payload last, so it ends where the body's object does */
		const char *payload = memmem(at + head, body, PAYLOAD_KEY, sizeof PAYLOAD_KEY - 1);
		if (payload != NULL) {
			payload += sizeof PAYLOAD_KEY - 1;
			size_t size = (size_t)(at + head + body - 1 - payload);
			if (size > PUSH_MAX - sizeof PUSH_PREFIX)
				return -1;
			publish(topic_number(at + head, (size_t)(payload - at) - head), payload, size);
		}
	}
}

static ssize_t serve_upgrade(int fd, const char *bytes, size_t length)
{
	const char *end = memmem(bytes, length, "\r\n\r\n", 4);
	if (end == NULL)
		return 0;
	const char *key = memmem(bytes, length, WS_KEY_NAME, sizeof WS_KEY_NAME - 1);
	char text[128], answer[256], accept[29];
	uint8_t digest[20];
	if (key == NULL)
		return -1;
	key += sizeof WS_KEY_NAME - 1;
	key += strspn(key, " ");
	size_t n = strcspn(key, " \r\n");
	if (n + sizeof WS_GUID > 119)
		return -1;
	memcpy(text, key, n);
	memcpy(text + n, WS_GUID, sizeof WS_GUID - 1);
	sha1(text, n + sizeof WS_GUID - 1, digest);
	base64(digest, accept);
	int size = snprintf(answer, sizeof answer,
	                    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
	                    "Connection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n",
	                    accept);
	if (!write_all(fd, answer, (size_t)size))
		return -1;
	connections[fd].role = AUTHENTICATING;
	connections[fd].topic = topic_number(bytes, (size_t)(end - bytes));
	return end + 4 - bytes;
}

static ssize_t serve_auth(int fd, const char *bytes, size_t length)
{
	static const char auth_ok[] = "\x81\x12{\"type\":\"auth_ok\"}";
	const uint8_t *f = (const uint8_t *)bytes;
	if (length < 4)
		return 0;
	size_t code = f[1] & 0x7f;
	size_t frame = code < 126 ? 6 + code : 8 + ((size_t)f[2] << 8 | f[3]);
	if (code == 127)
		return -1;
	if (length < frame)
		return 0;
	if (!write_all(fd, auth_ok, sizeof auth_ok - 1))
		return -1;
	subscribe(fd);
	return (ssize_t)frame;
}

static ssize_t serve(int fd, const char *bytes, size_t length)
{
	switch (connections[fd].role) {
	case HTTP:
		return serve_http(fd, bytes, length);
	case UPGRADING:
		return serve_upgrade(fd, bytes, length);
	case AUTHENTICATING:
		return serve_auth(fd, bytes, length);
	default:
		return (ssize_t)length; /* nothing a subscriber says matters */
	}
}

static void readable(int fd)
{
	struct connection *c = &connections[fd];
	size_t kept = c->pending_length;
	if (kept > 0)
		memcpy(read_buffer, c->pending, kept);
	ssize_t n = read(fd, read_buffer + kept, sizeof read_buffer - kept);
	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0) {
		drop(fd);
		return;
	}
	size_t have = kept + (size_t)n;
	ssize_t used = serve(fd, read_buffer, have);
	size_t left = used < 0 ? 0 : have - (size_t)used;
	if (used < 0 || left > PENDING_MAX) {
		drop(fd);
		return;
	}
	if (left > 0 && c->pending == NULL && (c->pending = malloc(PENDING_MAX)) == NULL)
		die("malloc");
	if (left > 0)
		memcpy(c->pending, read_buffer + used, left);
	c->pending_length = (uint32_t)left;
}

static void accept_all(int listener, enum role role)
{
	for (;;) {
		int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd < 0)
			return;
		if (fd >= files_max) {
			close(fd);
			continue;
		}
		int on = 1;
		/* without it an event would wait until the one before it is acknowledged */
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
		watch(fd, role);
	}
}

static void listen_on(const char *port, enum role role)
{
	int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	struct sockaddr_in at = {.sin_family = AF_INET,
	                         .sin_port = htons((uint16_t)atoi(port)),
	                         .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	if (fd < 0)
		die("socket");
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (bind(fd, (struct sockaddr *)&at, sizeof at) < 0 || listen(fd, BACKLOG) < 0)
		die("listen");
	watch(fd, role);
}

static void stop(int signal)
{
	(void)signal;
	_exit(0);
}

int main(int argc, char **argv)
{
	static struct epoll_event events[EVENTS_PER_WAIT];
	struct rlimit files;
	if (argc != 3) {
		fprintf(stderr, "usage: yardstick WS_PORT HTTP_PORT\n");
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	signal(SIGTERM, stop);
	if (getrlimit(RLIMIT_NOFILE, &files) < 0)
		die("getrlimit");
	files_max = files.rlim_cur < FILES_MAX ? (int)files.rlim_cur : FILES_MAX;
	connections = calloc((size_t)files_max, sizeof *connections);
	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (connections == NULL || epoll_fd < 0)
		die("start");
	listen_on(argv[1], WS_LISTENER);
	listen_on(argv[2], HTTP_LISTENER);
	for (;;) {
		int n = epoll_wait(epoll_fd, events, EVENTS_PER_WAIT, -1);
		if (n < 0 && errno != EINTR)
			die("epoll_wait");
		for (int i = 0; i < n; i++) {
			int fd = events[i].data.fd;
			enum role role = connections[fd].role;
			if (role == WS_LISTENER)
				accept_all(fd, UPGRADING);
			else if (role == HTTP_LISTENER)
				accept_all(fd, HTTP);
			else if (role != NONE)
				readable(fd);
		}
	}
}
