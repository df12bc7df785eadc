#include "base/base.h"

#include "base/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CHUNK_BYTES = 4096 };

enum kh_err kh_fd_read(int fd, struct kh_buf *out)
{
  for (;;) {
    size_t left = out->max - out->len;
    size_t most = out->room > out->len + CHUNK_BYTES ? out->room - out->len - 1 : CHUNK_BYTES;
    size_t want = left < most ? left : most;
    char probe;
    char *to = want > 0 ? kh_buf_reserve(out, want) : &probe;

    if (!to)
      return KH_ERR_LIMIT;
    ssize_t got = read(fd, to, want > 0 ? want : 1);
    if (got < 0 && errno == EINTR)
      continue;
    if (got < 0)
      return KH_ERR_IO;
    if (got == 0)
      return KH_OK;
    if (want == 0)
      return KH_ERR_LIMIT;
    out->len += (size_t)got;
    out->at[out->len] = '\0';
  }
}

enum kh_err kh_file_read(const char *path, struct kh_buf *out, struct kh_diag *diag)
{
  int fd = open(path, O_RDONLY | O_CLOEXEC);

  if (fd < 0)
    return kh_diag_set(diag, errno == ENOENT ? KH_ERR_NOT_FOUND : KH_ERR_IO, "%s: %s", path, strerror(errno));
  enum kh_err err = kh_fd_read(fd, out);
  if (err == KH_ERR_LIMIT)
    (void)kh_diag_set(diag, err, "%s: larger than %zu bytes", path, out->max);
  else if (err)
    (void)kh_diag_set(diag, err, "%s: %s", path, strerror(errno));
  (void)close(fd);
  return err;
}

/* Leaves in TEXT what was not written. */
static enum kh_err write_all(int fd, struct kh_str *text)
{
  while (text->len > 0) {
    ssize_t wrote = write(fd, text->at, text->len);

    if (wrote < 0 && errno == EINTR)
      continue;
    if (wrote < 0)
      return kh_is_full(errno) ? KH_ERR_NO_SPACE : KH_ERR_IO;
    *text = kh_str(text->at + wrote, text->len - (size_t)wrote);
  }
  return KH_OK;
}

enum kh_err kh_fd_write(int fd, struct kh_str text)
{
  return write_all(fd, &text);
}

enum kh_err kh_fd_write_line(int fd, struct kh_str line, bool *is_torn)
{
  struct kh_str rest = line;

  if (*is_torn) {
    enum kh_err err = kh_fd_write(fd, KH_STR("\n"));

    if (err)
      return err;
    *is_torn = false;
  }
  enum kh_err err = write_all(fd, &rest);
  *is_torn = err && rest.len < line.len;
  return err;
}

bool kh_fd_is_torn(int fd, const char *path)
{
  struct stat about;
  char last = '\n';

  if (fstat(fd, &about) || !S_ISREG(about.st_mode) || about.st_size == 0)
    return false;
  int reader = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (reader < 0)
    return false;
  (void)!pread(reader, &last, 1, about.st_size - 1);
  (void)close(reader);
  return last != '\n';
}

bool kh_fd_is_at(int fd, const char *path)
{
  struct stat held, named;

  return fstat(fd, &held) == 0 && stat(path, &named) == 0 && held.st_ino == named.st_ino &&
         held.st_dev == named.st_dev;
}

void kh_fd_fill_standard(void)
{
  for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
    if (fcntl(fd, F_GETFD) < 0)
      (void)open("/dev/null", O_RDWR); /* gets the lowest free number, which is FD */
}
