/*
 * maildir.h - the two syncs of a durable inbox and nothing else: a file is written in tmp/, synced,
 * renamed into new/, and new/ is synced.
 */
#ifndef MAILDIR_H
#define MAILDIR_H

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

struct maildir {
  int fd_tmp, fd_new;
  unsigned long kept;
};

/* Opens ROOT/tmp and ROOT/new, which must exist. */
static bool maildir_open(struct maildir *maildir, const char *root)
{
  int fd = root != NULL ? open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;

  if (fd < 0)
    return false;
  maildir->fd_tmp = openat(fd, "tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  maildir->fd_new = openat(fd, "new", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  maildir->kept = 0;
  close(fd);
  return maildir->fd_tmp >= 0 && maildir->fd_new >= 0;
}

static bool maildir_write(int fd, const char *bytes, size_t len)
{
  while (len > 0) {
    ssize_t wrote = write(fd, bytes, len);

    if (wrote <= 0)
      return false;
    bytes += wrote;
    len -= (size_t)wrote;
  }
  return true;
}

static bool maildir_keep(struct maildir *maildir, const char *bytes, size_t len)
{
  struct timespec now;
  char name[80];
  bool kept = false;
  int fd = -1;

  clock_gettime(CLOCK_REALTIME, &now);
  snprintf(name, sizeof name, "%lld.%09ld.%ld.%lu", (long long)now.tv_sec, now.tv_nsec, (long)getpid(),
           maildir->kept++);
  fd = openat(maildir->fd_tmp, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0)
    return false;
  kept = maildir_write(fd, bytes, len) && fsync(fd) == 0;
  close(fd);
  return kept && renameat(maildir->fd_tmp, name, maildir->fd_new, name) == 0 && fsync(maildir->fd_new) == 0;
}

#endif
