/*
 * lambda_api.c WHAT ROUNDS EVENT LOG OURS THEIRS [ARGUMENT]... - plays Lambda's Runtime API for two
 * bootstraps, by turns.
 *
 * EVENT is a file with what `next` hands out. OURS and THEIRS (with its ARGUMENTs) are started with this
 * program's environment and an AWS_LAMBDA_RUNTIME_API of their own; what they print goes to LOG. Each round
 * prints two numbers:
 *
 *   starts   nanoseconds from posix_spawn to a complete GET of next; the process is then killed
 *   warm     nanoseconds from sending the event to having the complete POST of its response; one process for
 *            all rounds
 *   memory   the peak (VmHWM) in KiB of a process that has answered one event; ru_maxrss would count this
 *            program's too
 *
 * Before `starts`, each must have answered EVENT once. Ends with 1 unless every answer has statusCode 200.
 *
 * cc: -std=c11 -D_GNU_SOURCE -O2 -static FILE
 */
#include "peak.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define RUNTIME "/2018-06-01/runtime/invocation/"
#define ID "8476a536-e9f4-11e8-9739-2dfe598c3fcd"

enum { PATIENCE_S = 10, BUFFER_BYTES = 64 * 1024, EVENT_MAX_BYTES = 48 * 1024 };

struct program {
  char **argv;
  const char *log;
  int fd_listener;
  char address[32];
  pid_t pid; /* 0 when it does not run */
  int fd;    /* its connection, or -1 */
  size_t len;
  char request[BUFFER_BYTES];
};

static char event[EVENT_MAX_BYTES + 1024];
static size_t event_len;

static long long now_ns(void)
{
  struct timespec now;

  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000000000LL + now.tv_nsec;
}

static bool complain(const struct program *program, const char *what)
{
  fprintf(stderr, "lambda_api: %s: %s; it said: %.600s\n", program->argv[0], what, program->request);
  return false;
}

static bool listen_for(struct program *program)
{
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
  struct timeval patience = {PATIENCE_S, 0};
  socklen_t len = sizeof address;

  program->fd_listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (program->fd_listener < 0 ||
      bind(program->fd_listener, (struct sockaddr *)&address, sizeof address) != 0 ||
      listen(program->fd_listener, 8) != 0 ||
      getsockname(program->fd_listener, (struct sockaddr *)&address, &len) != 0)
    return false;
  setsockopt(program->fd_listener, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  snprintf(program->address, sizeof program->address, "127.0.0.1:%d", ntohs(address.sin_port));
  return true;
}

static bool start(struct program *program)
{
  posix_spawn_file_actions_t actions;

  setenv("AWS_LAMBDA_RUNTIME_API", program->address, 1);
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, program->log, O_WRONLY | O_CREAT | O_APPEND,
                                   0600);
  int failed = posix_spawn(&program->pid, program->argv[0], &actions, NULL, program->argv, environ);
  posix_spawn_file_actions_destroy(&actions);
  return failed ? complain(program, "cannot be started") : true;
}

/*
 * Killed before its connection ends, or it would make a new one, which the next process's would wait behind.
 */
static void stop(struct program *program)
{
  if (program->pid > 0) {
    kill(program->pid, SIGKILL);
    waitpid(program->pid, NULL, 0);
  }
  if (program->fd >= 0)
    close(program->fd);
  program->pid = 0;
  program->fd = -1;
}

static bool take_connection(struct program *program)
{
  struct timeval patience = {PATIENCE_S, 0};
  int on = 1;

  program->fd = accept4(program->fd_listener, NULL, NULL, SOCK_CLOEXEC);
  if (program->fd < 0)
    return complain(program, "it does not connect");
  setsockopt(program->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  setsockopt(program->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return true;
}

/* True once head and body are there. */
static bool is_complete(const struct program *program)
{
  const char *blank = strstr(program->request, "\r\n\r\n");
  const char *length = strcasestr(program->request, "\r\nContent-Length:");

  if (blank == NULL)
    return false;
  size_t body = length != NULL && length < blank
                    ? strtoul(length + sizeof "\r\nContent-Length:" - 1, NULL, 10)
                    : 0;
  return program->len >= (size_t)(blank + 4 - program->request) + body;
}

/* The next request, whole, which must start with WANTED. */
static bool read_request(struct program *program, const char *wanted)
{
  program->len = 0;
  program->request[0] = '\0';
  while (!is_complete(program)) {
    if (program->fd < 0 && !take_connection(program))
      return false;
    ssize_t got = recv(program->fd, program->request + program->len, BUFFER_BYTES - 1 - program->len, 0);
    if (got < 0 || (got == 0 && program->len > 0))
      return complain(program, "no whole request");
    if (got == 0) {
      close(program->fd);
      program->fd = -1;
      continue;
    }
    program->len += (size_t)got;
    program->request[program->len] = '\0';
  }
  return strncmp(program->request, wanted, strlen(wanted)) == 0 ||
         complain(program, "not the call that was due");
}

static bool read_next(struct program *program)
{
  return read_request(program, "GET " RUNTIME "next ");
}

/* Gives the event and takes the answer. NS is how long that took. Ends with a new GET of next. */
static bool one_event(struct program *program, long long *ns)
{
  static const char taken[] = "HTTP/1.1 202 Accepted\r\nContent-Type: application/json\r\nContent-Length: "
                              "15\r\n\r\n{\"status\":\"OK\"}";
  long long began = now_ns();

  if (send(program->fd, event, event_len, MSG_NOSIGNAL) != (ssize_t)event_len ||
      !read_request(program, "POST " RUNTIME ID "/response "))
    return complain(program, "no answer");
  *ns = now_ns() - began;
  if (!strstr(program->request, "\"statusCode\":200"))
    return complain(program, "not the status 200");
  return send(program->fd, taken, sizeof taken - 1, MSG_NOSIGNAL) == (ssize_t)sizeof taken - 1 &&
         read_next(program);
}

/* Each of these is one round of one program; -1 when it failed. */

static long long measure_start(struct program *program)
{
  long long began = now_ns();
  bool asked = start(program) && read_next(program);
  long long took = now_ns() - began;

  stop(program);
  return asked ? took : -1;
}

static long long measure_warm(struct program *program)
{
  long long ns = 0;
  bool ready = program->pid > 0 || (start(program) && read_next(program));

  return ready && one_event(program, &ns) ? ns : -1;
}

static long long measure_memory(struct program *program)
{
  long long ns = 0;
  bool answered = start(program) && read_next(program) && one_event(program, &ns);
  long long kib = answered ? peak_kib(program->pid) : -1;

  stop(program);
  return kib;
}

/* What next answers: the head that the platform sends, and the file. */
static bool read_event(const char *path)
{
  static char payload[EVENT_MAX_BYTES];
  FILE *file = fopen(path, "rb");
  size_t len = file ? fread(payload, 1, sizeof payload, file) : 0;

  if (file)
    fclose(file);
  if (len == 0 || len == sizeof payload)
    return false;
  int head = snprintf(
      event, sizeof event,
      "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nLambda-Runtime-Aws-Request-Id: " ID
      "\r\nLambda-Runtime-Deadline-Ms: %lld\r\nContent-Length: %zu\r\n\r\n",
      (long long)(time(NULL) + 600) * 1000, len);
  memcpy(event + head, payload, len);
  event_len = (size_t)head + len;
  return true;
}

static bool run(struct program *programs, long long (*measure)(struct program *), long rounds)
{
  for (; rounds > 0; rounds--) {
    long long figures[2] = {0, 0};
    int first = (int)(rounds % 2);

    figures[first] = measure(&programs[first]);
    figures[!first] = figures[first] < 0 ? -1 : measure(&programs[!first]);
    if (figures[0] < 0 || figures[1] < 0)
      return false;
    printf("%lld %lld\n", figures[0], figures[1]);
  }
  return true;
}

int main(int argc, char **argv)
{
  static struct program programs[2];
  long long (*measure)(struct program *) = NULL;

  if (argc > 6)
    measure = strcmp(argv[1], "starts") == 0   ? measure_start
              : strcmp(argv[1], "warm") == 0   ? measure_warm
              : strcmp(argv[1], "memory") == 0 ? measure_memory
                                               : NULL;
  if (measure == NULL) {
    fputs("usage: lambda_api starts|warm|memory ROUNDS EVENT LOG OURS THEIRS [ARGUMENT]...\n", stderr);
    return 2;
  }
  char *ours[] = {argv[5], NULL};
  programs[0] = (struct program){.argv = ours, .log = argv[4], .fd = -1};
  programs[1] = (struct program){.argv = argv + 6, .log = argv[4], .fd = -1};
  if (!read_event(argv[3]) || !listen_for(&programs[0]) || !listen_for(&programs[1])) {
    fputs("lambda_api: no EVENT of a usable size, or no socket\n", stderr);
    return 1;
  }
  bool good = measure != measure_start ||
              (measure_memory(&programs[0]) > 0 && measure_memory(&programs[1]) > 0);
  good = good && run(programs, measure, strtol(argv[2], NULL, 10));
  stop(&programs[0]);
  stop(&programs[1]);
  return good ? 0 : 1;
}
