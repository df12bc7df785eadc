#include "base/base.h"

#include "support/tempdir.h"

#include <check.h>
#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

void kh_tempdir_open(struct kh_tempdir *dir)
{
  const char *base = getenv("TMPDIR");

  (void)snprintf(dir->path, sizeof dir->path, "%s/kitehook-test-XXXXXX", base && *base ? base : "/tmp");
  ck_assert_msg(mkdtemp(dir->path) != NULL, "mkdtemp %s: %s", dir->path, strerror(errno));
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *place)
{
  (void)status;
  (void)type;
  (void)place;
  (void)remove(path);
  return 0;
}

void kh_tempdir_close(struct kh_tempdir *dir)
{
  if (dir->path[0] != '\0')
    (void)nftw(dir->path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
  dir->path[0] = '\0';
}

char *kh_tempdir_path(const struct kh_tempdir *dir, const char *name, char *path, size_t path_bytes)
{
  int length = snprintf(path, path_bytes, "%s/%s", dir->path, name);

  ck_assert_msg(length > 0 && (size_t)length < path_bytes, "path too long");
  return path;
}

int kh_dir_count(const char *path)
{
  DIR *dir = opendir(path);
  int count = 0;

  if (!dir)
    return -1;
  for (const struct dirent *entry; (entry = readdir(dir));)
    count += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
  (void)closedir(dir);
  return count;
}

void kh_file_put(const char *path, struct kh_str text)
{
  int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

  ck_assert_msg(fd >= 0, "%s: %s", path, strerror(errno));
  ck_assert_int_eq(write(fd, text.at ? text.at : "", text.len), (ssize_t)text.len);
  ck_assert_int_eq(close(fd), 0);
}
