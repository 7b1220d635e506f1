/* A disk and a clock to play with, for processes that load this library: ${CHAOS_KNOBS} holds two numbers, the
 * microseconds that each fsync takes longer and the seconds by which the wall clock is off. Read at every fsync, and
 * at most every 50 ms for the clock. Every way to ask for the time of day gives the same wrong one: Python asks
 * clock_gettime, the Kafka client's compiled part gettimeofday, others time or timespec_get. Clocks that only count,
 * as CLOCK_MONOTONIC, stay right. Tests only. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
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

static int tells_the_time_of_day(clockid_t id) {
  return id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE || id == CLOCK_REALTIME_ALARM || id == CLOCK_TAI;
}

int clock_gettime(clockid_t id, struct timespec *now) {
  static int (*real)(clockid_t, struct timespec *);
  static long read_at_ms;
  if (!real) real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
  int result = real(id, now);
  if (result == 0 && tells_the_time_of_day(id)) {
    struct timespec counted;
    real(CLOCK_MONOTONIC, &counted);
    long counted_ms = counted.tv_sec * 1000 + counted.tv_nsec / 1000000;
    if (counted_ms - read_at_ms > 50) { read_at_ms = counted_ms; read_knobs(); }
    now->tv_sec += offset_s;
  }
  return result;
}

/* The second argument, a time zone, is obsolete; who asks for it all the same gets none. */
int gettimeofday(struct timeval *restrict now, void *restrict zone) {
  struct timespec exact;
  if (zone) *(struct timezone *)zone = (struct timezone){0, 0};
  if (!now) return 0;
  int result = clock_gettime(CLOCK_REALTIME, &exact);
  if (result == 0) *now = (struct timeval){exact.tv_sec, exact.tv_nsec / 1000};
  return result;
}

time_t time(time_t *now) {
  struct timespec exact;
  if (clock_gettime(CLOCK_REALTIME, &exact) != 0) return (time_t)-1;
  if (now) *now = exact.tv_sec;
  return exact.tv_sec;
}

int timespec_get(struct timespec *now, int base) {
  return base == TIME_UTC && clock_gettime(CLOCK_REALTIME, now) == 0 ? base : 0;
}
