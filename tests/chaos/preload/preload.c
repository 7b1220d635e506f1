/* A disk and a clock to play with, for processes that load this library: ${CHAOS_KNOBS} holds two numbers, the
 * microseconds that each fsync takes longer and the seconds by which the wall clock is off. Read at every fsync, and
 * at most every 50 ms for the clock. Tests only. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static long delay_us, offset_s;

static void read_knobs(void) {
  const char *path = getenv("CHAOS_KNOBS");
  FILE *file = path ? fopen(path, "r") : NULL;
  if (!file) return;
  long delay = 0, offset = 0;
  if (fscanf(file, "%ld %ld", &delay, &offset) == 2) { delay_us = delay; offset_s = offset; }
  fclose(file);
}

int fsync(int fd) {
  read_knobs();
  if (delay_us) usleep(delay_us);
  return (int)syscall(SYS_fsync, fd);
}

int fdatasync(int fd) {
  read_knobs();
  if (delay_us) usleep(delay_us);
  return (int)syscall(SYS_fdatasync, fd);
}

int clock_gettime(clockid_t id, struct timespec *time) {
  static int (*real)(clockid_t, struct timespec *);
  static long read_at_ms;
  if (!real) real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
  int result = real(id, time);
  if (result == 0 && id == CLOCK_REALTIME) {
    struct timespec now;
    real(CLOCK_MONOTONIC, &now);
    long now_ms = now.tv_sec * 1000 + now.tv_nsec / 1000000;
    if (now_ms - read_at_ms > 50) { read_at_ms = now_ms; read_knobs(); }
    time->tv_sec += offset_s;
  }
  return result;
}
