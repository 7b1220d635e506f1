/* An open-loop HTTP load: requests from a file, each due at its own time whatever the answers do, so that a slow server
 * is not spared. With rate 0 every connection sends as fast as it is answered. One thread, epoll, loopback.
 *
 *   load PORT FILE COUNT RATE CONNECTIONS NEW
 *
 * FILE: for each request a 32-bit big-endian length and its bytes, whole. NEW: 1 makes a connection for each request and
 * closes it with FIN. Prints one JSON object; latencies are in microseconds, from the time a request was due. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { CONNECTIONS_MAX = 512, ANSWER_MAX = 4096 };

struct connection {
  int fd;
  long request;      /* under way, -1: free */
  double due;
  size_t sent, got;
  char answer[ANSWER_MAX];
};

static struct connection connections[CONNECTIONS_MAX];
static char **requests;
static uint32_t *lengths;
static long count, next_request, done, ok, failed;
static double *latencies;
static int port, poller, make_new;

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec + time.tv_nsec / 1e9;
}

static void connect_one(struct connection *c) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int one = 1;
  c->fd = socket(AF_INET, SOCK_STREAM, 0);
  if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&address, sizeof address) < 0) { perror("connect"); exit(1); }
  setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  fcntl(c->fd, F_SETFL, O_NONBLOCK);
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
  epoll_ctl(poller, EPOLL_CTL_ADD, c->fd, &event);
}

static void push(struct connection *c) {
  while (c->sent < lengths[c->request]) {
    ssize_t n = write(c->fd, requests[c->request] + c->sent, lengths[c->request] - c->sent);
    if (n < 0) { if (errno == EAGAIN) return; break; }
    c->sent += n;
  }
}

static void begin(struct connection *c, double due) {
  if (make_new || c->fd < 0) connect_one(c);
  c->request = next_request++;
  c->due = due;
  c->sent = c->got = 0;
  push(c);
}

static void end(struct connection *c, int is_ok) {
  latencies[done++] = (now() - c->due) * 1e6;
  if (is_ok) ok++; else failed++;
  c->request = -1;
  if (make_new || !is_ok) { close(c->fd); c->fd = -1; }
}

static void readable(struct connection *c) {
  ssize_t n = read(c->fd, c->answer + c->got, ANSWER_MAX - 1 - c->got);
  if (n < 0 && errno == EAGAIN) return;
  if (n <= 0) { if (c->request >= 0) end(c, 0); else { close(c->fd); c->fd = -1; } return; }
  c->got += n;
  c->answer[c->got] = 0;
  char *head = strstr(c->answer, "\r\n\r\n");
  if (!head || c->request < 0) return;
  char *length = strcasestr(c->answer, "content-length:");
  size_t whole = head - c->answer + 4 + (length ? strtoul(length + 15, NULL, 10) : 0);
  if (c->got >= whole) end(c, strncmp(c->answer + 9, "200", 3) == 0);
}

static int compare(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

int main(int argc, char **argv) {
  if (argc != 7) { fprintf(stderr, "load PORT FILE COUNT RATE CONNECTIONS NEW\n"); return 2; }
  port = atoi(argv[1]);
  count = atol(argv[3]);
  double rate = atof(argv[4]);
  int wide = atoi(argv[5]);
  make_new = atoi(argv[6]);
  if (wide < 1 || wide > CONNECTIONS_MAX) return 2;
  FILE *file = fopen(argv[2], "rb");
  if (!file) { perror(argv[2]); return 1; }
  requests = calloc(count, sizeof *requests);
  lengths = calloc(count, sizeof *lengths);
  latencies = calloc(count, sizeof *latencies);
  for (long i = 0; i < count; i++) {
    uint32_t size;
    if (fread(&size, 4, 1, file) != 1) { count = i; break; }
    lengths[i] = ntohl(size);
    requests[i] = malloc(lengths[i]);
    if (fread(requests[i], 1, lengths[i], file) != lengths[i]) return 1;
  }
  poller = epoll_create1(0);
  for (int i = 0; i < wide; i++) { connections[i].fd = -1; connections[i].request = -1; if (!make_new) connect_one(&connections[i]); }
  double start = now();
  struct epoll_event events[CONNECTIONS_MAX];
  while (done < count) {
    double at = now();
    for (int i = 0; i < wide && next_request < count; i++) {
      double due = rate > 0 ? start + next_request / rate : at;
      if (due > at) break;
      if (connections[i].request < 0) begin(&connections[i], due);
    }
    int timeout = 1;
    int n = epoll_wait(poller, events, CONNECTIONS_MAX, rate > 0 ? (timeout = 0, timeout) : 1);
    for (int i = 0; i < n; i++) readable(events[i].data.ptr);
    if (rate > 0 && n == 0) { struct timespec nap = {0, 50000}; nanosleep(&nap, NULL); }
  }
  double took = now() - start;
  qsort(latencies, done, sizeof *latencies, compare);
  printf("{\"sent\": %ld, \"ok\": %ld, \"failed\": %ld, \"seconds\": %.4f, \"per_s\": %.1f, \"p50_us\": %.1f, "
         "\"p99_us\": %.1f, \"p999_us\": %.1f}\n", done, ok, failed, took, done / took, latencies[done / 2],
         latencies[(long)(done * 0.99)], latencies[(long)(done * 0.999)]);
  return 0;
}
