#include "base/base.h"

#include "base/file.h"
#include "inbox/state.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

enum kh_err kh_state_failure(const char *what, struct kh_diag *diag)
{
  int cause = errno;

  return kh_diag_set(diag, kh_is_full(cause) ? KH_ERR_NO_SPACE : KH_ERR_INBOX_IO, "%s: %s", what,
                     strerror(cause));
}

/* A folder is durable only when the folder that names it is. */
static enum kh_err sync_parent_of(const char *path, struct kh_diag *diag)
{
  char parent[PATH_MAX];
  const char *slash = strrchr(path, '/');
  size_t len = slash ? (size_t)(slash - path) : 0;

  if (len >= sizeof parent)
    return kh_diag_set(diag, KH_ERR_INBOX_IO, "%s: the path is too long", path);
  memcpy(parent, path, len);
  parent[len] = '\0';
  int fd = open(len > 0 ? parent : slash ? "/" : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  enum kh_err err = fd < 0 || fsync(fd) ? kh_state_failure(path, diag) : KH_OK;
  if (fd >= 0)
    (void)close(fd);
  return err;
}

static enum kh_err check_owner(const char *state, int fd, struct kh_diag *diag)
{
  struct stat about;

  if (fstat(fd, &about))
    return kh_state_failure(state, diag);
  if (about.st_uid != geteuid())
    return kh_diag_set(diag, KH_ERR_STATE_OWNER,
                       "%s belongs to user %u and this process runs as user %u; receivers and worker must "
                       "run as its owner: run this as user %u, or type `chown -R %u %s`",
                       state, (unsigned)about.st_uid, (unsigned)geteuid(), (unsigned)about.st_uid,
                       (unsigned)geteuid(), state);
  if (about.st_mode & 0077)
    return kh_diag_set(diag, KH_ERR_STATE_MODE, "%s is open to others (mode %04o); close it: chmod 700 %s",
                       state, (unsigned)(about.st_mode & 07777), state);
  return KH_OK;
}

enum kh_err kh_state_find(const char *state, int *fd, struct kh_diag *diag)
{
  *fd = open(state, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (*fd < 0 && errno == ENOTDIR)
    return kh_diag_set(diag, KH_ERR_INBOX_IO, "%s: %s; move it away, or name another folder by `state`",
                       state, strerror(errno));
  if (*fd < 0)
    return errno == ENOENT ? KH_ERR_NOT_FOUND : kh_state_failure(state, diag);

  enum kh_err err = check_owner(state, *fd, diag);
  if (err) {
    (void)close(*fd);
    *fd = -1;
  }
  return err;
}

enum kh_err kh_state_open(const char *state, int *fd, struct kh_diag *diag)
{
  enum kh_err err = kh_state_find(state, fd, diag);

  if (err != KH_ERR_NOT_FOUND)
    return err;
  if (mkdir(state, 0700) && errno != EEXIST)
    return kh_state_failure(state, diag);
  err = sync_parent_of(state, diag);
  if (err) {
    (void)rmdir(state); /* the next webhook tries again */
    return err;
  }
  err = kh_state_find(state, fd, diag);
  return err == KH_ERR_NOT_FOUND ? kh_state_failure(state, diag) : err;
}

enum kh_err kh_state_folder(int parent_fd, const char *name, int *fd, struct kh_diag *diag)
{
  *fd = openat(parent_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (*fd < 0 && errno == ENOENT) {
    if (mkdirat(parent_fd, name, 0700) && errno != EEXIST)
      return kh_state_failure(name, diag);
    if (fsync(parent_fd)) {
      enum kh_err err = kh_state_failure(name, diag);
      (void)unlinkat(parent_fd, name, AT_REMOVEDIR);
      return err;
    }
    *fd = openat(parent_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  }
  return *fd < 0 ? kh_state_failure(name, diag) : KH_OK;
}
