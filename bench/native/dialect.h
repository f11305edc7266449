/* How a server wants to be spoken to: what is asked, what is said, what comes. Set by commands. */
#ifndef BENCH_DIALECT_H
#define BENCH_DIALECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What may be said and heard between the upgrade and the subscription. */
#define TURNS_MAX 4
/* Headers of the two kinds of request, all lines of one together. */
#define HEADERS_MAX 2048

struct text {
	char *bytes;
	size_t length;
};

struct turn {
	bool say; /* else a text frame that begins so must come */
	struct text text;
};

struct topic {
	char *name;
	char *token;
};

struct dialect {
	int ws_port, http_port;
	char *subscribe;
	struct turn turns[TURNS_MAX];
	uint32_t turn_count;
	struct text push_prefix, push_suffix;
	struct text ping, pong; /* both empty where there are none */
	char *publish_path, *publish_prefix, *publish_suffix;
	char publish_headers[HEADERS_MAX];
	bool escaped; /* the payload stands inside a JSON string */
	char *probe_path;
	char probe_headers[HEADERS_MAX];
	struct topic *topics;
	uint32_t topic_count;
};

extern struct dialect dialect;

/* Obeys a command that describes the server; false when the line is none. */
bool dialect_command(char *line);

/* The template with {topic} and {token} replaced; the caller frees it. */
char *filled(const char *template, const struct topic *topic);

/* The topic of an event: the same sequence for the publisher and for the subscribers. */
uint32_t topic_of_event(uint32_t event);

#endif
