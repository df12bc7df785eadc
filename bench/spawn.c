/*
 * spawn.c WHAT ROUNDS BODY OURS THEIRS - what starting a CGI program costs.
 *
 * Each round starts OURS and THEIRS, by turns the one or the other first: BODY waits in a pipe on fd 0,
 * fd 1 is a pipe, fd 2 and the environment (the CGI one) are this program's own. Prints two numbers a round:
 *
 *   starts   nanoseconds from posix_spawn to the end of waitpid
 *   memory   the peak (VmHWM) in KiB, as it stands when the program is about to end
 *
 * Ends with 1 if a program fails or answers anything but 200.
 *
 * cc: -std=c11 -D_GNU_SOURCE -O2 FILE
 */
#include "peak.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { BODY_MAX_BYTES = 32 * 1024 }; /* less than a pipe holds, so that one write fills it */

static long long now_ns(void)
{
  struct timespec now;

  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000000000LL + now.tv_nsec;
}

/* Each of these starts PROGRAM on the two descriptors and waits for it; -1 when it did not end with 0. */

static long long spawn_and_wait(char *program, int fd_in, int fd_out)
{
  char *const argv[] = {program, NULL};
  posix_spawn_file_actions_t actions;
  long long began = 0, ended = -1;
  int status = -1;
  pid_t pid = -1;

  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, fd_in, STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, fd_out, STDOUT_FILENO);
  began = now_ns();
  if (posix_spawn(&pid, program, &actions, NULL, argv, environ) == 0 && waitpid(pid, &status, 0) == pid)
    ended = now_ns();
  posix_spawn_file_actions_destroy(&actions);
  return ended >= 0 && status == 0 ? ended - began : -1;
}

static void become(char *program, int fd_in, int fd_out)
{
  char *const argv[] = {program, NULL};

  dup2(fd_in, STDIN_FILENO);
  dup2(fd_out, STDOUT_FILENO);
  if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) == 0)
    execve(program, argv, environ);
  _exit(127);
}

/* Traced, it stops after execve and, as is asked for then, once more before its memory is given back. */
static long long peak_at_its_end(char *program, int fd_in, int fd_out)
{
  long long kib = -1;
  int status = -1;
  pid_t pid = fork();

  if (pid == 0)
    become(program, fd_in, fd_out);
  if (waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status) ||
      ptrace(PTRACE_SETOPTIONS, pid, NULL, PTRACE_O_TRACEEXIT | PTRACE_O_EXITKILL) != 0)
    return -1;
  ptrace(PTRACE_CONT, pid, NULL, NULL);
  if (waitpid(pid, &status, 0) == pid && status >> 8 == (SIGTRAP | (PTRACE_EVENT_EXIT << 8)))
    kib = peak_kib(pid);
  ptrace(PTRACE_CONT, pid, NULL, NULL);
  return waitpid(pid, &status, 0) == pid && status == 0 ? kib : -1;
}

static long long one_start(long long (*measure)(char *, int, int), char *program, const char *body,
                           size_t len)
{
  static const char wanted[] = "Status: 200";
  int in[2] = {-1, -1}, out[2] = {-1, -1};
  char answer[4096] = "";
  long long took = -1;
  ssize_t got = 0;

  if (pipe2(in, O_CLOEXEC) != 0 || pipe2(out, O_CLOEXEC) != 0)
    return -1;
  if (write(in[1], body, len) == (ssize_t)len) {
    close(in[1]);
    took = measure(program, in[0], out[1]);
  }
  close(out[1]);
  got = read(out[0], answer, sizeof answer - 1);
  if (took < 0 || got <= 0 || strncmp(answer, wanted, sizeof wanted - 1) != 0) {
    fprintf(stderr, "spawn: %s failed, or answered: %s\n", program, answer);
    took = -1;
  }
  close(in[0]);
  close(out[0]);
  return took;
}

int main(int argc, char **argv)
{
  static char body[BODY_MAX_BYTES];
  long long (*measure)(char *, int, int) = NULL;
  FILE *file = NULL;
  size_t len = 0;

  if (argc == 6)
    measure = strcmp(argv[1], "starts") == 0   ? spawn_and_wait
              : strcmp(argv[1], "memory") == 0 ? peak_at_its_end
                                               : NULL;
  if (measure == NULL) {
    fputs("usage: spawn starts|memory ROUNDS BODY OURS THEIRS\n", stderr);
    return 2;
  }
  file = fopen(argv[3], "rb");
  if (file == NULL) {
    perror(argv[3]);
    return 1;
  }
  len = fread(body, 1, sizeof body, file);
  fclose(file);
  for (long round = strtol(argv[2], NULL, 10); round > 0; round--) {
    long long took[2] = {0, 0};
    int first = (int)(round % 2);

    took[first] = one_start(measure, argv[4 + first], body, len);
    took[!first] = one_start(measure, argv[4 + !first], body, len);
    if (took[0] < 0 || took[1] < 0)
      return 1;
    printf("%lld %lld\n", took[0], took[1]);
  }
  return 0;
}
