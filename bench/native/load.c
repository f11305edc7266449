/*
 * The load generator. Takes commands, one a line, on stdin, and answers with JSON lines on stdout;
 * ends when stdin does. `load exec PROGRAM ARG…` instead becomes that program.
 *
 *   clear                         forget the server; what follows describes another one:
 *   target WS_PORT HTTP_PORT        its ports on 127.0.0.1
 *   subscribe PATH                  of the upgrade; {topic} and {token} are replaced, here and below
 *   say TEXT | hear PREFIX          in this order, until the subscription stands
 *   push PREFIX<tab>SUFFIX          what stands around a payload
 *   ping TEXT<tab>TEXT              a ping in text, and its answer
 *   publish PATH<tab>PREFIX<tab>SUFFIX<tab>plain|escaped
 *   header LINE                     of a publish
 *   probe PATH | probe-header LINE  what is asked of a starting server
 *   topic NAME<tab>TOKEN            one more topic; sockets and events are spread over all
 *   connect N WINDOW MS           N subscribers, WINDOW handshakes at a time, all ready within MS
 *   storm N MS                    N subscribers at once, by the browser's rules
 *   keep | kept                   whoever is lost comes back; reports how that went
 *   reset BYTES EVENTS            counters to zero; EVENTS payloads of BYTES will come
 *   expect MS                     reports once every subscriber has got all of its topic's pushes
 *   report                        reports the counters
 *   burst EVENTS BYTES MS         publish over one connection as fast as answers come
 *   paced RATE EVENTS BYTES MS    publish over one connection, RATE per second
 *   php RATE EVENTS BYTES MS      publish over a new connection each, measure until answered
 *   startup MS LOG<tab>ARG<tab>…  start a program, measure until it answers, stop it
 *   quit
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "common.h"
#include "dialect.h"
#include "publish.h"
#include "sockets.h"
#include "start.h"

#define LINE_MAX_BYTES 8192

static void startup(char *rest)
{
	char *log = NULL;
	long deadline_ms = strtol(rest, &log, 10);
	char *command = log == NULL ? NULL : strchr(log, '\t');
	if (command == NULL || *log != ' ')
		die("startup MS LOG<tab>ARG…");
	*command = 0;
	measure_start(command + 1, log + 1, deadline_ms);
}

static void obey(char *line)
{
	unsigned a, b, c, d;
	char *rest = strchr(line, ' ');
	rest = rest == NULL ? line + strlen(line) : rest + 1;
	if (dialect_command(line)) {
		return;
	} else if (sscanf(line, "connect %u %u %u", &a, &b, &c) == 3) {
		sockets_connect(a, b, c);
	} else if (sscanf(line, "storm %u %u", &a, &b) == 2) {
		sockets_storm(a, b);
	} else if (sscanf(line, "reset %u %u", &a, &b) == 2) {
		sockets_reset(a, b);
	} else if (strcmp(line, "keep") == 0) {
		sockets_keep();
	} else if (strcmp(line, "kept") == 0) {
		sockets_kept();
	} else if (sscanf(line, "expect %u", &a) == 1) {
		sockets_expect(a);
	} else if (strcmp(line, "report") == 0) {
		sockets_report();
	} else if (sscanf(line, "burst %u %u %u", &a, &b, &c) == 3) {
		publish_burst(a, b, c);
	} else if (sscanf(line, "paced %u %u %u %u", &a, &b, &c, &d) == 4 && a > 0) {
		publish_paced(a, b, c, d);
	} else if (sscanf(line, "php %u %u %u %u", &a, &b, &c, &d) == 4 && a > 0) {
		publish_php(a, b, c, d);
	} else if (strncmp(line, "startup ", 8) == 0) {
		startup(rest);
	} else if (strcmp(line, "quit") == 0) {
		sockets_close();
		exit(0);
	} else {
		errno = EINVAL;
		fprintf(stderr, "load: unknown command \"%.60s\"\n", line);
		exit(2);
	}
}

int main(int argc, char **argv)
{
	static char input[LINE_MAX_BYTES];
	size_t have = 0;
	if (argc > 2 && strcmp(argv[1], "exec") == 0)
		become(argv + 2);
	/* Busy with a command, it would not see that stdin has ended. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGPIPE, SIG_IGN);
	/* A terminal's Ctrl-C reaches everyone; the bench itself ends us, after the servers. */
	signal(SIGINT, SIG_IGN);
	long files = raise_file_limit();
	emit("{\"event\":\"ready\",\"ok\":true,\"clock_ticks\":%ld,\"open_files\":%ld}",
	     sysconf(_SC_CLK_TCK), files);
	for (;;) {
		sockets_run_until_input();
		ssize_t n = read(STDIN_FILENO, input + have, sizeof input - have);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			sockets_close();
			return 0;
		}
		have += (size_t)n;
		char *begin = input, *end;
		while ((end = memchr(begin, '\n', have - (size_t)(begin - input))) != NULL) {
			*end = 0;
			obey(begin);
			begin = end + 1;
		}
		have -= (size_t)(begin - input);
		memmove(input, begin, have);
		if (have == sizeof input)
			die("a command is too long");
	}
}
