#define _GNU_SOURCE
#include "sockets.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "common.h"
#include "dialect.h"

/* All sockets share it: what arrived is counted at once and never kept. Fits the second cache. */
#define READ_BUFFER_BYTES (256 * 1024)
#define EVENTS_PER_WAIT 1024
/*
 * While counting, the generator rests this long after each look at its sockets, so that one read
 * finds several frames. Awakened by each single frame it would use a whole core, which on a small
 * machine is one the server wants. What the server can do is the same, a time is at most this late.
 */
#define REST_NS (1 * NS_PER_MS)
/* How often patience and deadlines are looked at: fine against 1,500 ms, cheap for 20,000. */
#define TICK_MS 5

/* The browser's rules: time for connect, upgrade and auth; pause after a failure; retries. */
#define STORM_PATIENCE_NS (1500 * NS_PER_MS)
#define STORM_PAUSE_NS (1000 * NS_PER_MS)
#define STORM_RETRIES 4

/* While counting: when nothing at all arrives for so long, what is missing will not come. */
#define SILENCE_NS (10 * NS_PER_SECOND)

/* The example key of RFC 6455 and the answer it must get. */
#define WS_KEY "dGhlIHNhbXBsZSBub25jZQ=="
#define WS_ACCEPT "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

#define OPCODE_TEXT 1
#define OPCODE_CLOSE 8
#define OPCODE_PING 9
#define OPCODE_PONG 10
#define FIN_BIT 0x80
#define MASK_BIT 0x80
#define CONTROL_MAX 125
#define HEADER_MAX 10
#define MASK_BYTES 4
/* As much of a frame as is ever looked at: a header and a whole control frame. */
#define HEAD_MAX (HEADER_MAX + CONTROL_MAX)
#define UPGRADE_MAX 4096
#define REASON_MAX 200
/* Enough of a frame to tell what a server said, where that is longer than a push's beginning. */
#define LOOK_MIN 48
#define P50_OF_1000 500
#define P99_OF_1000 990

enum state { IDLE, CONNECTING, UPGRADING, AUTHENTICATING, READY, PAUSING, GONE };

struct subscriber {
	int fd;
	enum state state;
	uint32_t topic;
	uint32_t turn;      /* of the dialect, while authenticating */
	uint32_t received;  /* the number that the next push should have */
	uint32_t retries;
	int64_t lost_ns;    /* when the server was lost; 0 while it is there */
	uint64_t skip;      /* bytes of the current frame that need no look */
	uint32_t head_length; /* bytes of a frame's beginning kept from the last read */
	uint8_t head[HEAD_MAX];
	int64_t due_ns;     /* patience ends, or the pause does */
	char *answer;       /* an incomplete answer to the upgrade; rare */
	size_t answer_length;
};

enum waiting { NOTHING, FOR_CONNECT, FOR_STORM, FOR_COUNT };

/* What is sent to a topic, made once. */
struct script {
	struct text upgrade;
	struct text said[TURNS_MAX]; /* whole masked frames */
};

static struct {
	int epoll;
	struct subscriber *all;
	struct script *scripts; /* by topic */
	uint32_t script_count;
	uint32_t count, started, ready, window;
	enum waiting waiting;
	int64_t deadline_ns, begun_ns, last_ready_ns, looked_ns;
	/* counting */
	uint64_t *numbers; /* the eight digits of each event, as one integer */
	uint32_t *wanted; /* by topic */
	uint32_t events, complete, lost;
	uint64_t total, bad, missed, repeated;
	char *push_begin; /* up to the number */
	size_t push_begin_length, push_bytes, look;
	int64_t cpu_base_us, wall_base_ns, heard_ns;
	uint64_t heard_total;
	/* storm */
	uint32_t attempts, failed, gave_up;
	/* keeping: whoever is lost comes back by the browser's rules */
	bool keeping;
	int64_t *absences;
	uint32_t absence_count, absence_room;
	char reason[REASON_MAX];
} here = {.epoll = -1};

static uint8_t read_buffer[READ_BUFFER_BYTES];
static const uint8_t mask[MASK_BYTES] = {0x37, 0xfa, 0x21, 0x3d};

static void fail(struct subscriber *s, const char *why, const char *text, size_t length);

static void remember(const char *why, const char *text, size_t length)
{
	if (here.reason[0] != 0)
		return;
	int n = snprintf(here.reason, sizeof here.reason, "%s", why);
	if (length > 0 && n > 0 && (size_t)n + 3 < sizeof here.reason) {
		memcpy(here.reason + n, ": ", 2);
		json_safe(here.reason + n + 2, sizeof here.reason - (size_t)n - 2, text, length);
	}
}

static size_t masked_frame(uint8_t *out, uint8_t opcode, const uint8_t *payload, size_t length)
{
	size_t n = 0;
	out[n++] = FIN_BIT | opcode;
	if (length <= CONTROL_MAX) {
		out[n++] = MASK_BIT | (uint8_t)length;
	} else {
		out[n++] = MASK_BIT | 126;
		out[n++] = (uint8_t)(length >> 8);
		out[n++] = (uint8_t)length;
	}
	memcpy(out + n, mask, MASK_BYTES);
	n += MASK_BYTES;
	for (size_t i = 0; i < length; i++)
		out[n++] = payload[i] ^ mask[i % MASK_BYTES];
	return n;
}

static void write_script(struct script *script, const struct topic *topic)
{
	char *path = filled(dialect.subscribe, topic), *request = NULL;
	int n = asprintf(&request,
	                 "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nConnection: Upgrade\r\n"
	                 "Upgrade: websocket\r\nOrigin: http://127.0.0.1\r\n"
	                 "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " WS_KEY "\r\n\r\n",
	                 path, dialect.ws_port);
	if (n < 0)
		die("asprintf");
	free(path);
	script->upgrade = (struct text){.bytes = request, .length = (size_t)n};
	for (uint32_t i = 0; i < dialect.turn_count; i++) {
		if (!dialect.turns[i].say)
			continue;
		char *text = filled(dialect.turns[i].text.bytes, topic);
		size_t length = strlen(text);
		uint8_t *frame = malloc(length + HEADER_MAX + MASK_BYTES);
		if (frame == NULL || length > UINT16_MAX)
			die("what is to be said is too long");
		script->said[i].length = masked_frame(frame, OPCODE_TEXT, (uint8_t *)text, length);
		script->said[i].bytes = (char *)frame;
		free(text);
	}
}

static void forget_scripts(void)
{
	for (uint32_t t = 0; t < here.script_count; t++) {
		free(here.scripts[t].upgrade.bytes);
		for (uint32_t i = 0; i < TURNS_MAX; i++)
			free(here.scripts[t].said[i].bytes);
	}
	free(here.scripts);
	here.scripts = NULL;
	here.script_count = 0;
}

static void prepare(uint32_t count)
{
	sockets_close();
	if (dialect.subscribe == NULL || dialect.topic_count == 0)
		die("no server has been described");
	if (here.epoll < 0) {
		here.epoll = epoll_create1(EPOLL_CLOEXEC);
		if (here.epoll < 0)
			die("epoll_create1");
		/* stdin is the one with an index no subscriber has */
		struct epoll_event e = {.events = EPOLLIN, .data.u32 = UINT32_MAX};
		if (epoll_ctl(here.epoll, EPOLL_CTL_ADD, STDIN_FILENO, &e) < 0)
			die("epoll_ctl stdin");
	}
	here.all = calloc(count, sizeof *here.all);
	here.scripts = calloc(dialect.topic_count, sizeof *here.scripts);
	if (here.all == NULL || here.scripts == NULL)
		die("calloc");
	here.script_count = dialect.topic_count;
	for (uint32_t t = 0; t < dialect.topic_count; t++)
		write_script(&here.scripts[t], &dialect.topics[t]);
	for (uint32_t i = 0; i < count; i++) {
		here.all[i].fd = -1;
		here.all[i].topic = i % dialect.topic_count;
	}
	here.count = count;
	here.started = here.ready = here.lost = here.complete = 0;
	here.attempts = here.failed = here.gave_up = here.absence_count = 0;
	here.total = here.bad = here.missed = here.repeated = 0;
	here.reason[0] = 0;

	free(here.push_begin);
	int n = asprintf(&here.push_begin, "%s" PAYLOAD_PREFIX, dialect.push_prefix.bytes);
	if (n < 0)
		die("asprintf");
	here.push_begin_length = (size_t)n;
	here.look = here.push_begin_length + NUMBER_DIGITS;
	if (here.look < LOOK_MIN)
		here.look = LOOK_MIN;
	if (here.look > CONTROL_MAX)
		die("the beginning of a push is too long");
}

static bool send_all(struct subscriber *s, const void *bytes, size_t length)
{
	/* What a client sends here is far smaller than any send buffer. */
	if (send(s->fd, bytes, length, MSG_NOSIGNAL) == (ssize_t)length)
		return true;
	fail(s, "send", strerror(errno), strlen(strerror(errno)));
	return false;
}

static void send_upgrade(struct subscriber *s)
{
	struct epoll_event e = {.events = EPOLLIN, .data.u32 = (uint32_t)(s - here.all)};
	const struct text *upgrade = &here.scripts[s->topic].upgrade;
	s->state = UPGRADING;
	epoll_ctl(here.epoll, EPOLL_CTL_MOD, s->fd, &e);
	send_all(s, upgrade->bytes, upgrade->length);
}

static void start(struct subscriber *s)
{
	uint32_t index = (uint32_t)(s - here.all);
	here.attempts++;
	s->state = CONNECTING;
	s->skip = s->head_length = s->turn = 0;
	s->due_ns = now_ns() + STORM_PATIENCE_NS;
	s->fd = bound_socket(subscriber_source(index), false);
	if (s->fd < 0) {
		fail(s, "socket", strerror(errno), strlen(strerror(errno)));
		return;
	}
	struct epoll_event e = {.events = EPOLLOUT, .data.u32 = index};
	if (epoll_ctl(here.epoll, EPOLL_CTL_ADD, s->fd, &e) < 0)
		die("epoll_ctl");
	if (connect_to(s->fd, dialect.ws_port) < 0 && errno != EINPROGRESS)
		fail(s, "connect", strerror(errno), strlen(strerror(errno)));
}

static void drop(struct subscriber *s)
{
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
	free(s->answer);
	s->answer = NULL;
	s->answer_length = 0;
}

static void fail(struct subscriber *s, const char *why, const char *text, size_t length)
{
	bool was_ready = s->state == READY;
	remember(why, text, length);
	drop(s);
	if (was_ready) {
		here.lost++;
		here.ready--;
		s->lost_ns = now_ns();
	}
	if (here.keeping || (here.waiting == FOR_STORM && !was_ready)) {
		here.failed += !was_ready;
		if (s->retries < STORM_RETRIES) {
			s->retries++;
			s->state = PAUSING;
			s->due_ns = now_ns() + STORM_PAUSE_NS;
			return;
		}
		here.gave_up++;
	}
	s->state = GONE;
}

static void start_next(void)
{
	while (here.started < here.count && here.started - here.ready < here.window)
		start(&here.all[here.started++]);
}

static void was_absent(int64_t ns)
{
	if (here.absence_count == here.absence_room) {
		here.absence_room = here.absence_room == 0 ? 1024 : 2 * here.absence_room;
		here.absences = realloc(here.absences, here.absence_room * sizeof *here.absences);
		if (here.absences == NULL)
			die("realloc");
	}
	here.absences[here.absence_count++] = ns;
}

static void became_ready(struct subscriber *s)
{
	s->state = READY;
	s->retries = 0;
	if (s->lost_ns != 0)
		was_absent(now_ns() - s->lost_ns);
	s->lost_ns = 0;
	here.ready++;
	here.last_ready_ns = now_ns();
	if (here.waiting == FOR_CONNECT)
		start_next();
}

/* Says what is to be said next; ready when nothing is left to say or to hear. */
static void take_turns(struct subscriber *s)
{
	while (s->turn < dialect.turn_count && dialect.turns[s->turn].say) {
		const struct text *said = &here.scripts[s->topic].said[s->turn++];
		if (!send_all(s, said->bytes, said->length))
			return;
	}
	if (s->turn == dialect.turn_count)
		became_ready(s);
}

static bool begins_with(const uint8_t *text, uint64_t length, const struct text *wanted)
{
	return length >= wanted->length && memcmp(text, wanted->bytes, wanted->length) == 0;
}

/* How many bytes of a frame must be at hand to judge it, given its first `length` bytes. */
static size_t frame_need(const uint8_t *f, size_t length, size_t *header, uint64_t *payload)
{
	if (length < 2)
		return 2;
	uint8_t code = f[1] & 0x7f;
	*header = code < 126 ? 2 : code == 126 ? 4 : 10;
	if (length < *header)
		return *header;
	if (code < 126) {
		*payload = code;
	} else {
		*payload = 0;
		for (size_t i = 2; i < *header; i++)
			*payload = *payload << 8 | f[i];
	}
	/* here.look is at most CONTROL_MAX, so both fit into HEAD_MAX */
	uint64_t look = *payload > CONTROL_MAX ? here.look : *payload;
	return *header + (size_t)look;
}

static uint32_t number_of(const uint8_t *digits)
{
	uint32_t number = 0;
	for (uint32_t i = 0; i < NUMBER_DIGITS; i++)
		number = 10 * number + (digits[i] - '0');
	return number;
}

static void count_push(struct subscriber *s, const uint8_t *text, uint64_t length)
{
	uint64_t digits;
	if (length != here.push_bytes || memcmp(text, here.push_begin, here.push_begin_length) != 0) {
		here.bad++;
		remember("an unexpected frame", (const char *)text,
		         length < here.look ? (size_t)length : here.look);
		return;
	}
	memcpy(&digits, text + here.push_begin_length, sizeof digits);
	here.total++;
	if (s->received >= here.events || digits != here.numbers[s->received]) {
		uint32_t number = number_of(text + here.push_begin_length);
		if (number < s->received || number >= here.events) {
			here.repeated++;
			remember("a push again, or out of order", (const char *)text, here.look);
			return;
		}
		here.missed += number - s->received;
		s->received = number;
		remember("a push is missing before", (const char *)text, here.look);
	}
	if (++s->received == here.wanted[s->topic])
		here.complete++;
}

/* What comes between the upgrade and the subscription. */
static void hear(struct subscriber *s, const uint8_t *text, uint64_t length)
{
	if (begins_with(text, length, &dialect.turns[s->turn].text)) {
		s->turn++;
		take_turns(s);
		return;
	}
	fail(s, "answer to auth", (const char *)text, length > CONTROL_MAX ? here.look : (size_t)length);
}

static void answer_ping(struct subscriber *s, uint8_t opcode, const void *text, size_t length)
{
	uint8_t pong[HEADER_MAX + MASK_BYTES + CONTROL_MAX];
	send_all(s, pong, masked_frame(pong, opcode, text, length));
}

static void judge_frame(struct subscriber *s, const uint8_t *f, size_t header, uint64_t length)
{
	const uint8_t *text = f + header;
	uint8_t opcode = f[0] & 0x0f;
	if ((f[0] & 0xf0) != FIN_BIT || (f[1] & MASK_BIT) != 0) {
		here.bad++;
		fail(s, "a frame no server may send", NULL, 0);
	} else if (opcode == OPCODE_TEXT && dialect.ping.length > 0 && length == dialect.ping.length &&
	           begins_with(text, length, &dialect.ping)) {
		answer_ping(s, OPCODE_TEXT, dialect.pong.bytes, dialect.pong.length);
	} else if (opcode == OPCODE_TEXT && s->state == READY) {
		count_push(s, text, length);
	} else if (opcode == OPCODE_TEXT && s->state == AUTHENTICATING) {
		hear(s, text, length);
	} else if (opcode == OPCODE_PING && length <= CONTROL_MAX) {
		answer_ping(s, OPCODE_PONG, text, (size_t)length);
	} else if (opcode == OPCODE_CLOSE) {
		char code[16] = "no code";
		if (length >= 2)
			snprintf(code, sizeof code, "%d", text[0] << 8 | text[1]);
		fail(s, "closed by the server", code, strlen(code));
	} else if (opcode != OPCODE_PONG) {
		here.bad++;
		fail(s, "a frame of another kind", NULL, 0);
	}
}

static void consume(struct subscriber *s, const uint8_t *p, size_t n)
{
	while (n > 0 && (s->state == READY || s->state == AUTHENTICATING)) {
		if (s->skip > 0) {
			size_t k = s->skip < n ? (size_t)s->skip : n;
			s->skip -= k;
			p += k;
			n -= k;
			continue;
		}
		const uint8_t *f = p;
		size_t have = n, header = 0;
		uint64_t payload = 0;
		if (s->head_length > 0) {
			f = s->head;
			have = s->head_length;
		}
		size_t need = frame_need(f, have, &header, &payload);
		if (have < need) {
			/* keep the beginning; the rest comes with the next read */
			size_t k = need - s->head_length < n ? need - s->head_length : n;
			memcpy(s->head + s->head_length, p, k);
			s->head_length += (uint32_t)k;
			p += k;
			n -= k;
			/* everything wanted is here: judge it without waiting for another byte */
			f = s->head;
			have = s->head_length;
			need = frame_need(f, have, &header, &payload);
			if (have < need)
				continue;
		}
		if (f == p) {
			p += need;
			n -= need;
		}
		s->head_length = 0;
		s->skip = payload - (need - header);
		judge_frame(s, f, header, payload);
	}
}

static void upgraded(struct subscriber *s, const char *bytes, size_t length)
{
	if (s->answer != NULL) {
		if (s->answer_length + length > UPGRADE_MAX) {
			fail(s, "the answer to the upgrade is too long", NULL, 0);
			return;
		}
		memcpy(s->answer + s->answer_length, bytes, length);
		s->answer_length += length;
		bytes = s->answer;
		length = s->answer_length;
	}
	const char *end = memmem(bytes, length, "\r\n\r\n", 4);
	if (end == NULL) {
		if (s->answer == NULL && length <= UPGRADE_MAX) {
			s->answer = malloc(UPGRADE_MAX);
			if (s->answer == NULL)
				die("malloc");
			memcpy(s->answer, bytes, length);
			s->answer_length = length;
		}
		return;
	}
	size_t head = (size_t)(end + 4 - bytes);
	if (memcmp(bytes, "HTTP/1.1 101 ", 13) != 0 || memmem(bytes, head, WS_ACCEPT, 28) == NULL) {
		fail(s, "answer to the upgrade", bytes, length < 100 ? length : 100);
		return;
	}
	s->state = AUTHENTICATING;
	take_turns(s);
	consume(s, (const uint8_t *)bytes + head, length - head);
}

static void readable(struct subscriber *s)
{
	ssize_t n = recv(s->fd, read_buffer, sizeof read_buffer, 0);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n < 0)
		fail(s, "receive", strerror(errno), strlen(strerror(errno)));
	else if (n == 0)
		fail(s, "closed without a close frame", NULL, 0);
	else if (s->state == UPGRADING)
		upgraded(s, (char *)read_buffer, (size_t)n);
	else
		consume(s, read_buffer, (size_t)n);
}

static void on_event(struct subscriber *s, uint32_t events)
{
	if (s->fd < 0)
		return; /* dropped earlier in the same batch */
	if ((here.keeping || here.waiting == FOR_STORM) && s->state != READY && now_ns() > s->due_ns) {
		fail(s, "patience ended", NULL, 0);
	} else if (s->state == CONNECTING) {
		int error = 0;
		socklen_t size = sizeof error;
		getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &error, &size);
		if (error != 0)
			fail(s, "connect", strerror(error), strlen(strerror(error)));
		else if (events & EPOLLOUT)
			send_upgrade(s);
	} else {
		readable(s);
	}
}

static void report_counts(const char *event, bool ok)
{
	uint64_t wanted = 0, behind = 0;
	for (uint32_t i = 0; i < here.count && here.wanted != NULL; i++) {
		uint32_t all = here.wanted[here.all[i].topic];
		wanted += all;
		behind += here.all[i].received < all ? all - here.all[i].received : 0;
	}
	int64_t now = now_ns();
	emit("{\"event\":\"%s\",\"ok\":%s,\"at_ns\":%lld,\"sockets\":%u,\"wanted\":%llu,\"total\":%llu,"
	     "\"missed\":%llu,\"repeated\":%llu,\"bad\":%llu,\"lost\":%u,\"cpu_us\":%lld,"
	     "\"wall_us\":%lld,\"reason\":\"%s\"}",
	     event, ok ? "true" : "false", (long long)now, here.count, (unsigned long long)wanted,
	     (unsigned long long)here.total, (unsigned long long)(here.missed + behind),
	     (unsigned long long)here.repeated, (unsigned long long)here.bad, here.lost,
	     (long long)(own_cpu_us() - here.cpu_base_us),
	     (long long)((now - here.wall_base_ns) / NS_PER_US), here.reason);
}

static void report_connected(bool ok)
{
	emit("{\"event\":\"connect\",\"ok\":%s,\"sockets\":%u,\"ready\":%u,\"ms\":%.3f,"
	     "\"cpu_us\":%lld,\"reason\":\"%s\"}",
	     ok ? "true" : "false", here.count, here.ready,
	     (double)(here.last_ready_ns - here.begun_ns) / NS_PER_MS,
	     (long long)(own_cpu_us() - here.cpu_base_us), here.reason);
}

static void report_storm(bool ok)
{
	emit("{\"event\":\"storm\",\"ok\":%s,\"sockets\":%u,\"ready\":%u,\"attempts\":%u,"
	     "\"failed\":%u,\"gave_up\":%u,\"lost\":%u,\"ms\":%.3f,\"cpu_us\":%lld,\"reason\":\"%s\"}",
	     ok ? "true" : "false", here.count, here.ready, here.attempts, here.failed, here.gave_up,
	     here.lost, (double)(here.last_ready_ns - here.begun_ns) / NS_PER_MS,
	     (long long)(own_cpu_us() - here.cpu_base_us), here.reason);
}

static bool no_fault(void)
{
	return here.lost == 0 && here.bad == 0 && here.missed == 0 && here.repeated == 0;
}

/* Reports what is being waited for, once it has come or cannot come any more. */
static void check_waiting(int64_t now)
{
	bool late = now > here.deadline_ns;
	enum waiting was = here.waiting;
	if (was == FOR_CONNECT) {
		bool all = here.ready == here.count;
		bool failed = here.reason[0] != 0;
		if (!all && !failed && !late)
			return;
		if (late && !failed)
			remember("not all sockets were ready in time", NULL, 0);
		here.waiting = NOTHING;
		report_connected(all && !failed);
	} else if (was == FOR_STORM) {
		bool settled = here.ready + here.gave_up == here.count;
		if (!settled && here.lost == 0 && !late)
			return;
		here.waiting = NOTHING;
		report_storm(here.ready == here.count && here.lost == 0);
	} else if (was == FOR_COUNT) {
		bool all = here.complete == here.count;
		if (here.total != here.heard_total) {
			here.heard_total = here.total;
			here.heard_ns = now;
		}
		if (!all && (here.keeping || here.lost == 0) && !late && now - here.heard_ns < SILENCE_NS)
			return;
		here.waiting = NOTHING;
		report_counts("expect", all && no_fault());
	}
}

static void tick(int64_t now)
{
	if ((here.waiting != FOR_STORM && !here.keeping) || now - here.looked_ns < TICK_MS * NS_PER_MS)
		return;
	here.looked_ns = now;
	for (uint32_t i = 0; i < here.count; i++) {
		struct subscriber *s = &here.all[i];
		if (s->state == IDLE || s->state == READY || s->state == GONE || now <= s->due_ns)
			continue;
		if (s->state == PAUSING)
			start(s);
		else
			fail(s, "patience ended", NULL, 0);
	}
}

static void wait_for(enum waiting what, int64_t deadline_ms)
{
	here.waiting = what;
	here.begun_ns = here.last_ready_ns = here.looked_ns = here.heard_ns = now_ns();
	here.deadline_ns = here.begun_ns + deadline_ms * NS_PER_MS;
}

void sockets_connect(uint32_t count, uint32_t window, int64_t deadline_ms)
{
	prepare(count);
	here.window = window;
	here.cpu_base_us = own_cpu_us();
	wait_for(FOR_CONNECT, deadline_ms);
	start_next();
}

void sockets_storm(uint32_t count, int64_t deadline_ms)
{
	prepare(count);
	here.cpu_base_us = own_cpu_us();
	wait_for(FOR_STORM, deadline_ms);
	/* All connect before any of them is served: the hardest case for an accept queue. */
	while (here.started < count)
		start(&here.all[here.started++]);
}

void sockets_keep(void)
{
	here.keeping = true;
	here.lost = here.failed = here.gave_up = here.absence_count = 0;
	here.looked_ns = now_ns();
	emit("{\"event\":\"keep\",\"ok\":true}");
}

void sockets_kept(void)
{
	sort_ns(here.absences, here.absence_count);
	emit("{\"event\":\"kept\",\"ok\":true,\"sockets\":%u,\"ready\":%u,\"lost\":%u,\"failed\":%u,"
	     "\"gave_up\":%u,\"absences\":%u,\"median_ms\":%.3f,\"p99_ms\":%.3f,\"max_ms\":%.3f,"
	     "\"reason\":\"%s\"}",
	     here.count, here.ready, here.lost, here.failed, here.gave_up, here.absence_count,
	     quantile_ms(here.absences, here.absence_count, P50_OF_1000),
	     quantile_ms(here.absences, here.absence_count, P99_OF_1000),
	     here.absence_count == 0 ? 0
	                             : (double)here.absences[here.absence_count - 1] / NS_PER_MS,
	     here.reason);
}

void sockets_reset(uint32_t payload_bytes, uint32_t events)
{
	free(here.numbers);
	free(here.wanted);
	here.numbers = malloc((events + 1) * sizeof *here.numbers);
	here.wanted = calloc(dialect.topic_count, sizeof *here.wanted);
	if (here.numbers == NULL || here.wanted == NULL)
		die("malloc");
	for (uint32_t i = 0; i < events; i++) {
		write_number((char *)&here.numbers[i], i);
		here.wanted[topic_of_event(i)]++;
	}
	here.complete = 0;
	for (uint32_t i = 0; i < here.count; i++) {
		here.all[i].received = 0;
		here.complete += here.wanted[here.all[i].topic] == 0;
	}
	here.events = events;
	here.total = here.bad = here.missed = here.repeated = 0;
	here.push_bytes = dialect.push_prefix.length + payload_bytes + dialect.push_suffix.length;
	here.cpu_base_us = own_cpu_us();
	here.wall_base_ns = now_ns();
	emit("{\"event\":\"reset\",\"ok\":true}");
}

void sockets_expect(int64_t deadline_ms)
{
	wait_for(FOR_COUNT, deadline_ms);
}

void sockets_report(void)
{
	report_counts("report", no_fault());
}

void sockets_close(void)
{
	struct linger reset = {.l_onoff = 1, .l_linger = 0};
	for (uint32_t i = 0; i < here.count; i++) {
		if (here.all[i].fd >= 0)
			setsockopt(here.all[i].fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
		drop(&here.all[i]);
	}
	free(here.all);
	here.all = NULL;
	forget_scripts();
	here.keeping = false;
	here.count = here.ready = here.started = 0;
	here.waiting = NOTHING;
}

void sockets_run_until_input(void)
{
	static struct epoll_event events[EVENTS_PER_WAIT];
	static const struct timespec rest = {.tv_nsec = REST_NS};
	if (here.epoll < 0)
		return; /* no socket yet: the caller may simply block in read() */
	for (;;) {
		int n = epoll_wait(here.epoll, events, EVENTS_PER_WAIT,
		                   here.waiting == NOTHING && !here.keeping ? -1 : TICK_MS);
		if (n < 0 && errno != EINTR)
			die("epoll_wait");
		bool input = false;
		for (int i = 0; i < n; i++) {
			if (events[i].data.u32 == UINT32_MAX)
				input = true;
			else
				on_event(&here.all[events[i].data.u32], events[i].events);
		}
		if (here.waiting != NOTHING || here.keeping) {
			int64_t now = now_ns();
			tick(now);
			check_waiting(now);
		}
		if (input)
			return;
		if (here.waiting == FOR_COUNT && n < EVENTS_PER_WAIT)
			nanosleep(&rest, NULL);
	}
}
