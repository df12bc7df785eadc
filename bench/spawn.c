/*
 * spawn.c ROUNDS BODY OURS THEIRS - what starting a CGI program costs.
 *
 * Each round starts OURS and THEIRS, by turns the one or the other first: BODY waits in a pipe on fd 0,
 * fd 1 is a pipe, fd 2 and the environment (the CGI one) are this program's own. Prints two numbers a round,
 * nanoseconds from posix_spawn to the end of waitpid. Ends with 1 if a program fails or answers anything
 * but 200.
 *
 * cc: -std=c11 -D_GNU_SOURCE -O2 FILE
 */
#include <fcntl.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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

/* Starts PROGRAM on the two descriptors and waits for it; -1 when it did not end with 0. */
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

static long long one_start(char *program, const char *body, size_t len)
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
    took = spawn_and_wait(program, in[0], out[1]);
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
  FILE *file = NULL;
  size_t len = 0;

  if (argc != 5) {
    fputs("usage: spawn ROUNDS BODY OURS THEIRS\n", stderr);
    return 2;
  }
  file = fopen(argv[2], "rb");
  if (file == NULL) {
    perror(argv[2]);
    return 1;
  }
  len = fread(body, 1, sizeof body, file);
  fclose(file);
  for (long round = strtol(argv[1], NULL, 10); round > 0; round--) {
    long long took[2] = {0, 0};
    int first = (int)(round % 2);

    took[first] = one_start(argv[3 + first], body, len);
    took[!first] = one_start(argv[3 + !first], body, len);
    if (took[0] < 0 || took[1] < 0)
      return 1;
    printf("%lld %lld\n", took[0], took[1]);
  }
  return 0;
}
