#include "base/base.h"

#include "base/file.h"
#include "worker/log.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static int open_file(const char *path)
{
  return open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0600);
}

enum kh_err kh_log_file_open(struct kh_log_file *log, const char *path, uint64_t max_bytes,
                             struct kh_diag *diag)
{
  *log = (struct kh_log_file){.max_bytes = max_bytes, .fd = STDERR_FILENO};
  snprintf(log->path, sizeof log->path, "%s", path);
  if (log->path[0])
    log->fd = open_file(log->path);
  log->is_torn = log->path[0] && log->fd >= 0 && kh_fd_is_torn(log->fd, log->path);
  return log->fd < 0 ? kh_diag_set(diag, KH_ERR_IO, "%s: %s", log->path, strerror(errno)) : KH_OK;
}

void kh_log_file_close(struct kh_log_file *log)
{
  if (log->fd > STDERR_FILENO)
    close(log->fd);
  log->fd = -1;
}

/* What cannot be opened again leaves the old descriptor in place: better there than nowhere. */
static void open_again(struct kh_log_file *log)
{
  int fd = open_file(log->path);

  if (fd < 0)
    return;
  close(log->fd);
  log->fd = fd;
  log->is_torn = kh_fd_is_torn(fd, log->path);
}

static void turn_over(struct kh_log_file *log)
{
  char old[sizeof log->path + 2];

  snprintf(old, sizeof old, "%s.1", log->path);
  if (rename(log->path, old) == 0)
    open_again(log);
}

static void write_line(void *self, struct kh_str line)
{
  struct kh_log_file *log = self;
  struct stat named, held;

  if (log->fd < 0)
    return;
  if (log->path[0] && fstat(log->fd, &held) == 0 && S_ISREG(held.st_mode)) {
    if (stat(log->path, &named) != 0 || named.st_ino != held.st_ino || named.st_dev != held.st_dev)
      open_again(log);
    else if (log->max_bytes > 0 && (uint64_t)held.st_size + line.len > log->max_bytes && held.st_size > 0)
      turn_over(log);
  }
  /* A full disk costs log lines, not webhooks. */
  (void)!kh_fd_write_line(log->fd, line, &log->is_torn);
}

struct kh_log kh_log_file_lines(struct kh_log_file *log, const struct kh_clock *clock)
{
  return (struct kh_log){.write = write_line, .self = log, .clock = clock};
}
