#include "base/base.h"

#include "base/file.h"
#include "inbox/inbox_parts.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

enum kh_err kh_inbox_list(const struct kh_inbox *inbox, char (*names)[KH_ENTRY_NAME_BYTES], size_t max,
                          size_t *count)
{
  DIR *folder = kh_inbox_open_folder(inbox->fd_new);
  const char *name;

  *count = 0;
  if (!folder)
    return KH_ERR_INBOX_IO;
  /*
   * Keeps the MAX smallest names in order; most names of a long queue are larger than all of them and cost
   * one compare.
   */
  while ((name = kh_inbox_next_name(folder))) {
    size_t at = *count;

    if (strlen(name) >= KH_ENTRY_NAME_BYTES || (at == max && strcmp(name, names[max - 1]) > 0))
      continue;
    if (at == max)
      at--;
    else
      ++*count;
    for (; at > 0 && strcmp(names[at - 1], name) > 0; at--)
      memcpy(names[at], names[at - 1], KH_ENTRY_NAME_BYTES);
    (void)snprintf(names[at], KH_ENTRY_NAME_BYTES, "%s", name);
  }
  (void)closedir(folder);
  return KH_OK;
}

/*
 * Only a receiver writes here, and only regular files: anything else would stop the worker for good if it
 * were retried.
 */
enum kh_err kh_inbox_read(const struct kh_inbox *inbox, const char *name, struct kh_buf *bytes)
{
  int fd = openat(inbox->fd_new, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  struct stat about;
  enum kh_err err = KH_OK;

  if (fd < 0 && errno == ENOENT)
    return KH_ERR_NOT_FOUND;
  if (fd < 0)
    return errno == ELOOP || errno == EACCES || errno == ENXIO ? KH_ERR_ENTRY_MALFORMED : KH_ERR_INBOX_IO;
  if (fstat(fd, &about))
    err = KH_ERR_INBOX_IO;
  else if (!S_ISREG(about.st_mode))
    err = KH_ERR_ENTRY_MALFORMED;
  else
    err = kh_fd_read(fd, bytes);
  (void)close(fd);
  return err;
}

enum kh_err kh_inbox_remove(const struct kh_inbox *inbox, const char *name)
{
  return unlinkat(inbox->fd_new, name, 0) && errno != ENOENT ? KH_ERR_INBOX_IO : KH_OK;
}

enum kh_err kh_inbox_set_aside(const struct kh_inbox *inbox, const char *name, enum kh_err reason,
                               const struct kh_diag *why)
{
  enum kh_err err = kh_inbox_write_reason(inbox, name, reason, why, NULL);

  if (!err && (renameat(inbox->fd_new, name, inbox->fd_aside, name) || fsync(inbox->fd_aside)))
    err = KH_ERR_INBOX_IO;
  return err;
}

void kh_inbox_sweep(const struct kh_inbox *inbox, int64_t now_us)
{
  const int64_t hour_us = INT64_C(3600) * 1000000;
  DIR *folder = kh_inbox_open_folder(inbox->fd_tmp);
  const char *name;

  while (folder && (name = kh_inbox_next_name(folder))) {
    int64_t at_us;
    uint64_t bytes;

    kh_inbox_read_name(name, &at_us, &bytes);
    if (at_us > 0 && now_us - at_us > hour_us)
      (void)unlinkat(inbox->fd_tmp, name, 0);
  }
  if (folder)
    (void)closedir(folder);
}
