#include "base/base.h"

#include "base/file.h"
#include "support/command.h"

#include <check.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

/* Both streams are files in memory, so that neither side can block the other. */
static int memory_file(const char *name)
{
  int fd = memfd_create(name, MFD_CLOEXEC);

  ck_assert_msg(fd >= 0, "memfd_create: %s", strerror(errno));
  return fd;
}

int kh_command(const char *const *argv, struct kh_str input, struct kh_buf *out)
{
  int in_fd = memory_file("stdin");
  int out_fd = memory_file("stdout");
  int status = 0;

  ck_assert_int_eq(kh_fd_write(in_fd, input), KH_OK);
  ck_assert_int_eq(lseek(in_fd, 0, SEEK_SET), 0);
  pid_t pid = fork();
  ck_assert_msg(pid >= 0, "fork: %s", strerror(errno));
  if (pid == 0) {
    char *const *arguments = (char *const *)(uintptr_t)argv;

    if (dup2(in_fd, STDIN_FILENO) >= 0 && dup2(out_fd, STDOUT_FILENO) >= 0)
      (void)execvp(arguments[0], arguments);
    _exit(127);
  }
  while (waitpid(pid, &status, 0) < 0)
    ck_assert_int_eq(errno, EINTR);
  ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) != 127, "%s did not run", argv[0]);

  ck_assert_int_eq(lseek(out_fd, 0, SEEK_SET), 0);
  ck_assert_int_eq(kh_fd_read(out_fd, out), KH_OK);
  (void)close(in_fd);
  (void)close(out_fd);
  return WEXITSTATUS(status);
}
