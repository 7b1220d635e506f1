/* A disk that is full, for a PostgreSQL that loads this library: while there is a file ${CHAOS_FULL}, no file of a table
 * or an index grows, as if they were on a disk of their own without a free block. What is overwritten in place is
 * written, and so is the write-ahead log. Tests only. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

static int has_no_room(int fd, off_t end) {
  int before = errno, full = 0;
  const char *knob = getenv("CHAOS_FULL");
  if (knob && access(knob, F_OK) == 0) {
    char link[64], path[4096];
    struct stat found;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    path[length > 0 ? length : 0] = 0;
    full = strstr(path, "/base/") && fstat(fd, &found) == 0 && end > found.st_size;
  }
  errno = full ? ENOSPC : before;
  return full;
}

ssize_t pwrite(int fd, const void *data, size_t size, off_t at) {
  return has_no_room(fd, at + (off_t)size) ? -1 : syscall(SYS_pwrite64, fd, data, size, at);
}

ssize_t pwrite64(int fd, const void *data, size_t size, off_t at) { return pwrite(fd, data, size, at); }

/* The kernel takes the offset in two halves, of which the upper one counts only where a long is short. */
ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t at) {
  off_t end = at;
  for (int part = 0; part < count; part++) end += (off_t)parts[part].iov_len;
  return has_no_room(fd, end) ? -1 : syscall(SYS_pwritev, fd, parts, count, at, 0);
}

ssize_t pwritev64(int fd, const struct iovec *parts, int count, off_t at) { return pwritev(fd, parts, count, at); }

int posix_fallocate(int fd, off_t at, off_t size) {
  if (has_no_room(fd, at + size)) return ENOSPC;
  return syscall(SYS_fallocate, fd, 0, at, size) == 0 ? 0 : errno;
}

int posix_fallocate64(int fd, off_t at, off_t size) { return posix_fallocate(fd, at, size); }
