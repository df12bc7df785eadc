#include "base/base.h"

#include "owner.h"

#include <dirent.h>
#include <fcntl.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LOOKED_AT_MAX = 20000, DEPTH_MAX = 3 }; /* inbox/new/ENTRY is the deepest */

void kh_user_name(unsigned uid, bool for_sudo, char name[KH_USER_NAME_BYTES])
{
  const struct passwd *user = getpwuid(uid);

  if (user)
    (void)snprintf(name, KH_USER_NAME_BYTES, "%s", user->pw_name);
  else
    (void)snprintf(name, KH_USER_NAME_BYTES, for_sudo ? "'#%u'" : "%u", uid);
}

struct walk {
  struct kh_foreign *found;
  size_t left;
};

static void look_into(struct walk *walk, int parent_fd, const char *name, const char *path, int depth);

static void look_at(struct walk *walk, int fd, const char *name, const char *path, int depth)
{
  struct stat about;

  if (fstatat(fd, name, &about, AT_SYMLINK_NOFOLLOW))
    return;
  if (about.st_uid != geteuid() && walk->found->count++ == 0) {
    walk->found->uid = (unsigned)about.st_uid;
    (void)snprintf(walk->found->path, sizeof walk->found->path, "%s", path);
  }
  if (S_ISDIR(about.st_mode) && depth < DEPTH_MAX)
    look_into(walk, fd, name, path, depth);
}

static void look_into(struct walk *walk, int parent_fd, const char *name, const char *path, int depth)
{
  char below[PATH_MAX];
  const struct dirent *entry;
  int fd = openat(parent_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR *folder = fd < 0 ? NULL : fdopendir(fd);

  if (!folder && fd >= 0)
    (void)close(fd);
  if (!folder)
    return;
  while (walk->left > 0 && (entry = readdir(folder))) {
    if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
      continue;
    walk->left--;
    if (snprintf(below, sizeof below, "%s/%s", path, entry->d_name) < (int)sizeof below)
      look_at(walk, dirfd(folder), entry->d_name, below, depth + 1);
  }
  (void)closedir(folder);
}

struct kh_foreign kh_foreign_find(const char *state)
{
  struct kh_foreign found = {.count = 0};
  struct walk walk = {&found, LOOKED_AT_MAX};

  look_into(&walk, AT_FDCWD, state, state, 0);
  return found;
}
