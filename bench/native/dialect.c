#define _GNU_SOURCE
#include "dialect.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common.h"

#define FIELDS_MAX 4

struct dialect dialect;

static char *copied(const char *text)
{
	char *copy = strdup(text);
	if (copy == NULL)
		die("strdup");
	return copy;
}

static struct text text_of(const char *bytes)
{
	return (struct text){.bytes = copied(bytes), .length = strlen(bytes)};
}

/* Splits a line at its tabs into exactly `wanted` fields. */
static void split(char *line, char *fields[], uint32_t wanted)
{
	uint32_t count = 0;
	for (char *field; count < FIELDS_MAX && (field = strsep(&line, "\t")) != NULL;)
		fields[count++] = field;
	if (count != wanted || line != NULL) {
		errno = EINVAL;
		die("a command has too many fields or too few");
	}
}

static void add_header(char *headers, const char *header)
{
	size_t have = strlen(headers), more = strlen(header) + 2;
	if (have + more >= HEADERS_MAX)
		die("the headers are too long");
	sprintf(headers + have, "%s\r\n", header);
}

static void add_turn(bool say, const char *text)
{
	if (dialect.turn_count == TURNS_MAX)
		die("too many turns");
	dialect.turns[dialect.turn_count++] = (struct turn){.say = say, .text = text_of(text)};
}

static void add_topic(char *fields[])
{
	/* Grown by doubling; a power of two is when it is full. */
	uint32_t n = dialect.topic_count;
	if ((n & (n - 1)) == 0) {
		size_t room = n == 0 ? 1 : 2 * (size_t)n;
		dialect.topics = realloc(dialect.topics, room * sizeof *dialect.topics);
		if (dialect.topics == NULL)
			die("realloc");
	}
	dialect.topics[n] = (struct topic){.name = copied(fields[0]), .token = copied(fields[1])};
	dialect.topic_count++;
}

/* What a former description allocated is kept: it comes a few times in a process's life. */
static void clear(void)
{
	dialect = (struct dialect){.ws_port = 0};
	dialect.push_prefix = dialect.push_suffix = dialect.ping = dialect.pong = text_of("");
}

bool dialect_command(char *line)
{
	char *fields[FIELDS_MAX];
	char *rest = strchr(line, ' ');
	if (strcmp(line, "clear") == 0) {
		clear();
		return true;
	}
	if (rest == NULL)
		return false;
	size_t word = (size_t)(rest - line);
	rest++;
#define COMMAND(name) (word == TEXT_LENGTH(name) && memcmp(line, name, word) == 0)
	if (COMMAND("target")) {
		if (sscanf(rest, "%d %d", &dialect.ws_port, &dialect.http_port) != 2)
			die("target WS_PORT HTTP_PORT");
	} else if (COMMAND("subscribe")) {
		dialect.subscribe = copied(rest);
	} else if (COMMAND("say")) {
		add_turn(true, rest);
	} else if (COMMAND("hear")) {
		add_turn(false, rest);
	} else if (COMMAND("push")) {
		split(rest, fields, 2);
		dialect.push_prefix = text_of(fields[0]);
		dialect.push_suffix = text_of(fields[1]);
	} else if (COMMAND("ping")) {
		split(rest, fields, 2);
		dialect.ping = text_of(fields[0]);
		dialect.pong = text_of(fields[1]);
	} else if (COMMAND("publish")) {
		split(rest, fields, 4);
		dialect.publish_path = copied(fields[0]);
		dialect.publish_prefix = copied(fields[1]);
		dialect.publish_suffix = copied(fields[2]);
		dialect.escaped = strcmp(fields[3], "escaped") == 0;
	} else if (COMMAND("header")) {
		add_header(dialect.publish_headers, rest);
	} else if (COMMAND("probe")) {
		dialect.probe_path = copied(rest);
	} else if (COMMAND("probe-header")) {
		add_header(dialect.probe_headers, rest);
	} else if (COMMAND("topic")) {
		split(rest, fields, 2);
		add_topic(fields);
	} else {
		return false;
	}
#undef COMMAND
	return true;
}

char *filled(const char *template, const struct topic *topic)
{
	char *out = NULL;
	size_t size = 0;
	FILE *stream = open_memstream(&out, &size);
	if (stream == NULL)
		die("open_memstream");
	for (const char *at = template; *at != 0;) {
		if (strncmp(at, "{topic}", 7) == 0) {
			fputs(topic->name, stream);
			at += 7;
		} else if (strncmp(at, "{token}", 7) == 0) {
			fputs(topic->token, stream);
			at += 7;
		} else {
			fputc(*at++, stream);
		}
	}
	if (fclose(stream) != 0)
		die("filled");
	return out;
}

uint32_t topic_of_event(uint32_t event)
{
	/* splitmix32: spreads the numbers over the topics without a pattern, the same in every process */
	uint32_t x = event * 0x9e3779b9u + 0x85ebca6bu;
	x = (x ^ x >> 16) * 0x21f0aaadu;
	x = (x ^ x >> 15) * 0x735a2d97u;
	x ^= x >> 15;
	return dialect.topic_count <= 1 ? 0 : x % dialect.topic_count;
}
