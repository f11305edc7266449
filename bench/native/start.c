#define _GNU_SOURCE
#include "start.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common.h"
#include "dialect.h"

#define ARGUMENTS_MAX 32
/* Between two tries: a resolution of 0.1 ms, while the starting program keeps the processor. */
#define TRY_PAUSE_NS (100 * NS_PER_US)
/* How long a stopping program may take before it is killed: more than it promises (10 s). */
#define STOP_PATIENCE_NS (12 * NS_PER_SECOND)
#define EXIT_NOT_STARTED 127
#define REQUEST_MAX (HEADERS_MAX + 512)

static void pause_ns(int64_t ns)
{
	struct timespec t = {.tv_sec = ns / NS_PER_SECOND, .tv_nsec = ns % NS_PER_SECOND};
	nanosleep(&t, NULL);
}

static void run(char **argv, pid_t parent)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(EXIT_NOT_STARTED); /* it died before we asked to be told */
	signal(SIGINT, SIG_DFL);
	signal(SIGPIPE, SIG_DFL);
	raise_file_limit();
	execvp(argv[0], argv);
	fprintf(stderr, "load: cannot start %s (%s)\n", argv[0], strerror(errno));
	_exit(EXIT_NOT_STARTED);
}

void become(char **argv)
{
	/* A session of its own: what the program starts can be found, and ends with it. */
	setsid();
	run(argv, getppid());
	_exit(EXIT_NOT_STARTED);
}

static int status_once(int64_t deadline_ns)
{
	char request[REQUEST_MAX], answer[HTTP_ANSWER_MAX];
	size_t have = 0, total = 0;
	int result = 0;
	int n = snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n%s\r\n",
	                 dialect.probe_path, dialect.http_port, dialect.probe_headers);
	int fd = bound_socket(publisher_source(), true);
	if (fd < 0 || n < 0 || (size_t)n >= sizeof request)
		die("the probe cannot be built");
	int64_t left = deadline_ns - now_ns();
	left = left > NS_PER_MS ? left : NS_PER_MS; /* a timeout of 0 would mean none */
	struct timeval patience = {.tv_sec = left / NS_PER_SECOND,
	                           .tv_usec = left % NS_PER_SECOND / NS_PER_US};
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
	if (connect_to(fd, dialect.http_port) == 0 && send(fd, request, (size_t)n, MSG_NOSIGNAL) == n) {
		while (result == 0) {
			ssize_t k = recv(fd, answer + have, sizeof answer - have, 0);
			if (k <= 0)
				break;
			have += (size_t)k;
			result = http_answer(answer, have, &total);
		}
	}
	close(fd);
	return result;
}

/* Waits for the child to end, killing it when it takes too long. Its wait status. */
static int await_end(pid_t child)
{
	int status = 0;
	int64_t deadline = now_ns() + STOP_PATIENCE_NS;
	for (;;) {
		pid_t done = waitpid(child, &status, WNOHANG);
		if (done == child)
			return status;
		if (now_ns() > deadline)
			kill(child, SIGKILL);
		pause_ns(NS_PER_MS);
	}
}

void measure_start(char *command, const char *log, int64_t deadline_ms)
{
	char *argv[ARGUMENTS_MAX + 1];
	int count = 0;
	for (char *a = strtok(command, "\t"); a != NULL && count < ARGUMENTS_MAX; a = strtok(NULL, "\t"))
		argv[count++] = a;
	argv[count] = NULL;
	if (count == 0)
		die("startup: no command");
	int out = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (out < 0)
		die("startup: log");

	pid_t parent = getpid();
	int64_t begun = now_ns(), deadline = begun + deadline_ms * NS_PER_MS;
	pid_t child = fork();
	if (child < 0)
		die("fork");
	if (child == 0) {
		setsid();
		int nothing = open("/dev/null", O_RDONLY);
		dup2(nothing, STDIN_FILENO);
		dup2(out, STDOUT_FILENO);
		dup2(out, STDERR_FILENO);
		run(argv, parent);
	}
	int status = 0, ended = 0;
	bool alive = true;
	while (status == 0 && now_ns() < deadline) {
		status = status_once(deadline);
		if (status == 0) {
			if (waitpid(child, &ended, WNOHANG) == child) {
				alive = false;
				break;
			}
			pause_ns(TRY_PAUSE_NS);
		}
	}
	double ms = (double)(now_ns() - begun) / NS_PER_MS;
	if (alive) {
		kill(child, SIGTERM);
		ended = await_end(child);
		/* a supervisor that was killed leaves its own behind */
		kill(-child, SIGKILL);
	}
	close(out);
	emit("{\"event\":\"startup\",\"ok\":%s,\"ms\":%.3f,\"status\":%d,\"exit\":%d}",
	     status == 200 ? "true" : "false", ms, status,
	     WIFEXITED(ended) ? WEXITSTATUS(ended) : 128 + WTERMSIG(ended));
}
