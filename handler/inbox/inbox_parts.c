#include "base/base.h"

#include "base/file.h"
#include "base/json_write.h"
#include "base/utf8.h"
#include "inbox/inbox_parts.h"
#include "inbox/state.h"

#include <fcntl.h>
#include <sys/random.h>
#include <unistd.h>

enum { TIME_DIGITS = 16, REASON_MAX_BYTES = 8192 };

/* A fresh stream each time: two streams over one descriptor would share its position. */
DIR *kh_inbox_open_folder(int fd)
{
  int again = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR *folder = again < 0 ? NULL : fdopendir(again);

  if (!folder && again >= 0)
    (void)close(again);
  return folder;
}

const char *kh_inbox_next_name(DIR *folder)
{
  struct dirent *found = readdir(folder);

  while (found && found->d_name[0] == '.')
    found = readdir(folder);
  return found ? found->d_name : NULL;
}

void kh_inbox_read_name(const char *name, int64_t *at_us, uint64_t *bytes)
{
  const char *size = strstr(name, ",S=");
  uint64_t time = 0;

  bool is_ours = strnlen(name, TIME_DIGITS) == TIME_DIGITS && kh_str_hex(kh_str(name, TIME_DIGITS), &time);
  *at_us = is_ours && time <= INT64_MAX ? (int64_t)time : 0;
  if (*at_us == 0 || !size || !kh_str_u64(kh_str_of(size + 3), bytes))
    *bytes = 0;
}

void kh_inbox_make_name(const struct kh_entry *entry, size_t bytes, char name[KH_ENTRY_NAME_BYTES])
{
  uint32_t random = 0;

  /*
   * Time and process tell names apart; the random part is for clocks that stand still and pids of other
   * containers.
   */
  if (getrandom(&random, sizeof random, 0) != (ssize_t)sizeof random)
    random = 0;
  (void)snprintf(name, KH_ENTRY_NAME_BYTES, "%016" PRIx64 ".%ld.%08" PRIx32 ",S=%zu",
                 (uint64_t)entry->received_us, (long)getpid(), random, bytes);
}

enum kh_err kh_inbox_write_tmp(const struct kh_inbox *inbox, const char *name, struct kh_str head,
                               struct kh_str tail, struct kh_diag *diag)
{
  int fd = openat(inbox->fd_tmp, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  enum kh_err err = KH_OK;

  if (fd < 0)
    return kh_state_failure(inbox->path, diag);
  if (kh_fd_write(fd, head) || kh_fd_write(fd, tail) || fsync(fd))
    err = kh_state_failure(inbox->path, diag);
  if (close(fd) && !err)
    err = kh_state_failure(inbox->path, diag);
  if (err)
    (void)unlinkat(inbox->fd_tmp, name, 0);
  return err;
}

enum kh_err kh_inbox_publish(const struct kh_inbox *inbox, const char *name, int to_fd, struct kh_diag *diag)
{
  if (renameat(inbox->fd_tmp, name, to_fd, name)) {
    enum kh_err err = kh_state_failure(inbox->path, diag);
    (void)unlinkat(inbox->fd_tmp, name, 0);
    return err;
  }
  if (fsync(to_fd)) {
    enum kh_err err = kh_state_failure(inbox->path, diag);
    (void)unlinkat(to_fd, name, 0);
    return err;
  }
  return KH_OK;
}

enum kh_err kh_inbox_write_reason(const struct kh_inbox *inbox, const char *name, enum kh_err reason,
                                  const struct kh_diag *why, struct kh_diag *diag)
{
  char file[KH_ENTRY_NAME_BYTES + sizeof KH_REASON_SUFFIX];
  json_t *json = json_object();
  struct kh_buf text;
  enum kh_err err;

  (void)json_object_set_new(json, "reason", json_string(kh_err_token(reason)));
  if (why && why->text[0] != '\0')
    (void)json_object_set_new(json, "detail", json_string(why->text));
  (void)snprintf(file, sizeof file, "%s" KH_REASON_SUFFIX, name);
  /* What a worker that was killed here left would keep this entry, and all behind it, waiting for good. */
  (void)unlinkat(inbox->fd_tmp, file, 0);
  kh_buf_init(&text, REASON_MAX_BYTES);
  err = kh_json_write(json, &text);
  if (err)
    (void)kh_diag_set(diag, err, "%s: the reason could not be written", name);
  else
    err = kh_inbox_write_tmp(inbox, file, kh_buf_view(&text), KH_STR("\n"), diag);
  if (!err)
    err = kh_inbox_publish(inbox, file, inbox->fd_aside, diag);
  kh_buf_release(&text);
  json_decref(json);
  return err;
}

void kh_inbox_drop_reason(const struct kh_inbox *inbox, const char *name)
{
  char file[KH_ENTRY_NAME_BYTES + sizeof KH_REASON_SUFFIX];

  (void)snprintf(file, sizeof file, "%s" KH_REASON_SUFFIX, name);
  (void)unlinkat(inbox->fd_aside, file, 0);
}
