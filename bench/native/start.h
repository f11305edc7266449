/* Starting servers: as a child that never outlives its parent, and against the clock. */
#ifndef BENCH_START_H
#define BENCH_START_H

#include <stdint.h>

/*
 * Becomes the program argv[0], with all the open files the system allows, and is killed by the
 * kernel when the parent dies, however it dies. Returns only by ending with status 127.
 */
void become(char **argv) __attribute__((noreturn));

/*
 * Starts a program, measures from just before fork() until GET /internal/status answers 200, stops
 * it with SIGTERM, and reports. `command` is the arguments, separated by tabs; its output goes to
 * the file `log`.
 */
void measure_start(char *command, const char *log, int64_t deadline_ms);

#endif
