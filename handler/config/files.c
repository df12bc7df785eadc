#include "base/base.h"

#include "config/parts.h"

#include "base/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

bool kh_path_beside(const char *beside, const char *path, char resolved[KH_PATH_BYTES])
{
  if (strncmp(path, "./", 2) == 0)
    path += 2;
  const char *slash = strrchr(beside, '/');
  int folder = path[0] == '/' || !slash ? 0 : (int)(slash - beside) + 1;
  int length = snprintf(resolved, KH_PATH_BYTES, "%.*s%s", folder, beside, path);

  return path[0] && length < KH_PATH_BYTES;
}

static int64_t nanoseconds(const struct timespec *at)
{
  return (int64_t)at->tv_sec * 1000000000 + at->tv_nsec;
}

static struct kh_stamp stamp_of(const struct stat *seen)
{
  if (!seen)
    return (struct kh_stamp){-1, -1, -1, -1, -1};
  return (struct kh_stamp){.mtime_ns = nanoseconds(&seen->st_mtim),
                           .size = (int64_t)seen->st_size,
                           .inode = (int64_t)seen->st_ino,
                           .device = (int64_t)seen->st_dev,
                           .ctime_ns = nanoseconds(&seen->st_ctim)};
}

static struct kh_stamp stamp_at(const char *path)
{
  struct stat seen;

  return stamp_of(stat(path, &seen) == 0 ? &seen : NULL);
}

static bool is_watched(const struct kh_config *config, const char *path)
{
  for (size_t i = 0; i < config->watched_count; i++)
    if (strcmp(config->watched[i].path, path) == 0)
      return true;
  return false;
}

static enum kh_err watch(struct kh_config *config, const char *path, const struct stat *seen)
{
  if (is_watched(config, path))
    return KH_OK;
  if (config->watched_count >= KH_WATCHED_MAX)
    return KH_ERR_LIMIT;

  struct kh_watched_file *file = &config->watched[config->watched_count];
  file->path = strdup(path);
  if (!file->path)
    return KH_ERR_NO_MEMORY;
  config->watched_count++;
  file->stamp = stamp_of(seen);
  return KH_OK;
}

enum kh_err kh_config_watch(struct kh_config *config, const char *path)
{
  struct stat seen;

  return watch(config, path, stat(path, &seen) == 0 ? &seen : NULL);
}

void kh_config_unwatch(struct kh_config *config)
{
  while (config->watched_count > 0)
    free(config->watched[--config->watched_count].path);
}

/* In one read: what is asked for behind the last byte tells the end, and a file that grew. */
static enum kh_err read_sized(int fd, size_t size, struct kh_buf *text, struct kh_diag *why)
{
  size_t room = size < text->max ? size + 1 : size;
  char *to = kh_buf_reserve(text, room);
  ssize_t got = -1;

  if (!to)
    return kh_diag_set(why, KH_ERR_NO_MEMORY, "no memory left to read it");
  do
    got = read(fd, to, room);
  while (got < 0 && errno == EINTR);
  if (got < 0)
    return kh_diag_set(why, KH_ERR_IO, "%s", strerror(errno));
  if ((size_t)got > size)
    return kh_diag_set(why, KH_ERR_IO, "it grew while it was read");
  text->len += (size_t)got;
  text->at[text->len] = '\0';
  return KH_OK;
}

static enum kh_err read_regular(int fd, const struct stat *seen, struct kh_buf *text, struct kh_diag *why)
{
  if (!S_ISREG(seen->st_mode))
    return kh_diag_set(why, KH_ERR_IO, "not a regular file");
  if ((uint64_t)seen->st_size > text->max)
    return kh_diag_set(why, KH_ERR_LIMIT, "larger than %zu bytes", text->max);
  return read_sized(fd, (size_t)seen->st_size, text, why);
}

enum kh_err kh_config_load(struct kh_config *config, const char *path, struct kh_buf *text, unsigned *mode,
                           struct kh_diag *why)
{
  if (config->watched_count >= KH_WATCHED_MAX && !is_watched(config, path))
    return kh_diag_set(why, KH_ERR_LIMIT, "more than %d files to watch", KH_WATCHED_MAX);

  /* A FIFO in the place of a file must not stop a receiver. */
  int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  int reason = errno;
  struct stat seen = {0};
  bool is_there = (fd >= 0 ? fstat(fd, &seen) : stat(path, &seen)) == 0;
  enum kh_err err = watch(config, path, is_there ? &seen : NULL);

  if (err)
    (void)kh_diag_set(why, err, "no memory left");
  else if (fd < 0)
    err = kh_diag_set(why, reason == ENOENT ? KH_ERR_NOT_FOUND : KH_ERR_IO, "%s", strerror(reason));
  else
    err = read_regular(fd, &seen, text, why);
  if (fd >= 0)
    (void)close(fd);
  *mode = (unsigned)seen.st_mode & 07777;
  return err;
}

struct kh_str kh_without_bom(struct kh_str text)
{
  const struct kh_str mark = KH_STR("\xEF\xBB\xBF");

  return kh_str_starts(text, mark) ? kh_str(text.at + mark.len, text.len - mark.len) : text;
}

const char *kh_config_load_cure(enum kh_err err)
{
  if (err == KH_ERR_NOT_FOUND)
    return "write that file, or correct the path";
  return err == KH_ERR_IO ? "it must be a file that the user who runs this may read"
                          : "is it the right file?";
}

const char *kh_config_changed_file(const struct kh_config *config)
{
  for (size_t i = 0; i < config->watched_count; i++) {
    const struct kh_stamp was = config->watched[i].stamp, is = stamp_at(config->watched[i].path);

    if (is.mtime_ns != was.mtime_ns || is.size != was.size || is.inode != was.inode ||
        is.device != was.device || is.ctime_ns != was.ctime_ns)
      return config->watched[i].path;
  }
  return NULL;
}

int64_t kh_config_age_us(const struct kh_config *config, int64_t until_us)
{
  int64_t youngest_ns = 0;

  for (size_t i = 0; i < config->watched_count; i++) {
    const struct kh_watched_file *file = &config->watched[i];
    char folder[KH_PATH_BYTES] = "";
    int64_t written_ns = file->stamp.mtime_ns;

    /* An editor that moves the old file away first leaves nothing else that tells. */
    if (written_ns < 0 && kh_path_beside(file->path, ".", folder))
      written_ns = stamp_at(folder).mtime_ns;
    if (written_ns > youngest_ns && written_ns / 1000 < until_us)
      youngest_ns = written_ns;
  }
  return until_us - youngest_ns / 1000;
}

void kh_config_digest(const struct kh_config *config, unsigned char digest[KH_DIGEST_BYTES])
{
  struct kh_str parts[2 * KH_WATCHED_MAX];
  int64_t seen[KH_WATCHED_MAX][3];
  size_t count = 0;

  for (size_t i = 0; i < config->watched_count; i++) {
    const struct kh_watched_file *file = &config->watched[i];

    parts[count++] = kh_str(file->path, strlen(file->path) + 1);
    /* Device and ctime are other ones after a mount or a copy of the folder: that is no other config. */
    memcpy(seen[i], (const int64_t[]){file->stamp.mtime_ns, file->stamp.size, file->stamp.inode},
           sizeof seen[i]);
    parts[count++] = kh_str((const char *)seen[i], sizeof seen[i]);
  }
  kh_sha256(parts, count, digest);
}
