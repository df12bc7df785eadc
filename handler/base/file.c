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
    size_t want = left < CHUNK_BYTES ? left : CHUNK_BYTES;
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

enum kh_err kh_fd_write(int fd, struct kh_str text)
{
  while (text.len > 0) {
    ssize_t wrote = write(fd, text.at, text.len);

    if (wrote < 0 && errno == EINTR)
      continue;
    if (wrote < 0)
      return kh_is_full(errno) ? KH_ERR_NO_SPACE : KH_ERR_IO;
    text = kh_str(text.at + wrote, text.len - (size_t)wrote);
  }
  return KH_OK;
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
