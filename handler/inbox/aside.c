#include "base/base.h"

#include "base/file.h"
#include "base/json.h"
#include "inbox/aside.h"
#include "inbox/inbox_parts.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

enum { REASON_MAX_BYTES = 8192 };

bool kh_aside_is_name(const char *name)
{
  return name[0] != '\0' && name[0] != '.' && !strchr(name, '/') && strlen(name) < KH_ENTRY_NAME_BYTES &&
         !kh_str_ends(kh_str_of(name), KH_STR(KH_REASON_SUFFIX));
}

static bool may_be_there(const struct kh_inbox *inbox, const char *name)
{
  return inbox->fd_aside >= 0 && kh_aside_is_name(name);
}

static int by_name(const void *a, const void *b)
{
  return strcmp(a, b);
}

enum kh_err kh_aside_list(const struct kh_inbox *inbox, char (**names)[KH_ENTRY_NAME_BYTES], size_t *count)
{
  const char *name;
  size_t room = 0;
  enum kh_err err = KH_OK;

  *names = NULL;
  *count = 0;
  if (inbox->fd_aside < 0)
    return KH_OK;
  DIR *folder = kh_inbox_open_folder(inbox->fd_aside);
  if (!folder)
    return KH_ERR_INBOX_IO;
  while (!err && (name = kh_inbox_next_name(folder))) {
    if (!kh_aside_is_name(name))
      continue;
    if (*count == room) {
      size_t more = room ? 2 * room : 64;
      void *grown = reallocarray(*names, more, sizeof **names);

      if (!grown)
        err = KH_ERR_NO_MEMORY;
      else
        *names = grown;
      room = grown ? more : room;
    }
    if (!err)
      (void)snprintf((*names)[(*count)++], KH_ENTRY_NAME_BYTES, "%s", name);
  }
  (void)closedir(folder);
  if (*count > 0)
    qsort(*names, *count, sizeof **names, by_name);
  if (err) {
    free(*names);
    *names = NULL;
    *count = 0;
  }
  return err;
}

/* The first bytes of a regular file in aside/, at most ROOM of them. */
static enum kh_err read_start(const struct kh_inbox *inbox, const char *file, char *into, size_t room,
                              size_t *len, struct stat *about)
{
  int fd = openat(inbox->fd_aside, file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  enum kh_err err = KH_OK;
  ssize_t got = 0;

  *len = 0;
  if (fd < 0)
    return errno == ENOENT ? KH_ERR_NOT_FOUND : KH_ERR_INBOX_IO;
  if (fstat(fd, about) || !S_ISREG(about->st_mode)) {
    err = KH_ERR_INBOX_IO;
  } else {
    got = read(fd, into, room);
    if (got < 0)
      err = KH_ERR_INBOX_IO;
    else
      *len = (size_t)got;
  }
  (void)close(fd);
  return err;
}

struct member {
  struct kh_str key;
  char *text;
  size_t room;
};

/* What is not there, not text, or too long stays "". */
static void read_members(struct kh_str json_text, const struct member *members, size_t count)
{
  struct kh_json json;

  kh_json_init(&json, kh_json_default_limits);
  if (!kh_json_read(&json, json_text, NULL)) {
    for (size_t i = 0; i < count; i++) {
      struct kh_buf text;

      kh_buf_init(&text, members[i].room - 1);
      if (!kh_json_text(kh_json_get(kh_json_root(&json), members[i].key), &text))
        (void)snprintf(members[i].text, members[i].room, "%s", kh_buf_text(&text));
      kh_buf_release(&text);
    }
  }
  kh_json_release(&json);
}

enum kh_err kh_aside_read(const struct kh_inbox *inbox, const char *name, struct kh_aside *entry)
{
  char start[REASON_MAX_BYTES], file[KH_ENTRY_NAME_BYTES + sizeof KH_REASON_SUFFIX];
  const struct member told[] = {{KH_STR("request_id"), entry->request_id, sizeof entry->request_id},
                                {KH_STR("event"), entry->event, sizeof entry->event},
                                {KH_STR("transport"), entry->transport, sizeof entry->transport},
                                {KH_STR("proof"), entry->proof, sizeof entry->proof},
                                {KH_STR("secret"), entry->secret, sizeof entry->secret}};
  const struct member why[] = {{KH_STR("reason"), entry->reason, sizeof entry->reason},
                               {KH_STR("detail"), entry->detail, sizeof entry->detail}};
  struct stat about;
  uint64_t bytes = 0;
  size_t len = 0;

  *entry = (struct kh_aside){0};
  if (!may_be_there(inbox, name))
    return KH_ERR_NOT_FOUND;
  enum kh_err err = read_start(inbox, name, start, KH_ENTRY_LINE_MAX_BYTES + 1, &len, &about);
  if (err)
    return err;
  (void)snprintf(entry->name, sizeof entry->name, "%s", name);
  kh_inbox_read_name(name, &entry->received_us, &bytes);
  entry->bytes = (uint64_t)about.st_size;
  struct kh_str rest = kh_str(start, len);
  struct kh_str line = kh_str_cut(&rest, '\n');
  if (rest.at)
    read_members(line, told, KH_COUNT(told));

  (void)snprintf(file, sizeof file, "%s" KH_REASON_SUFFIX, name);
  err = read_start(inbox, file, start, sizeof start, &len, &about);
  if (!err)
    read_members(kh_str(start, len), why, KH_COUNT(why));
  return err == KH_ERR_NOT_FOUND ? KH_OK : err;
}

enum kh_err kh_aside_retry(const struct kh_inbox *inbox, const char *name)
{
  if (!may_be_there(inbox, name))
    return KH_ERR_NOT_FOUND;
  if (faccessat(inbox->fd_aside, name, F_OK, AT_SYMLINK_NOFOLLOW))
    return errno == ENOENT ? KH_ERR_NOT_FOUND : KH_ERR_INBOX_IO;
  /* First: behind the move it may be that of a worker which set the entry aside once more. */
  kh_inbox_drop_reason(inbox, name);
  if (renameat(inbox->fd_aside, name, inbox->fd_new, name))
    return errno == ENOENT ? KH_ERR_NOT_FOUND : KH_ERR_INBOX_IO;
  return fsync(inbox->fd_new) || fsync(inbox->fd_aside) ? KH_ERR_INBOX_IO : KH_OK;
}

enum kh_err kh_aside_drop(const struct kh_inbox *inbox, const char *name)
{
  if (!may_be_there(inbox, name))
    return KH_ERR_NOT_FOUND;
  if (unlinkat(inbox->fd_aside, name, 0))
    return errno == ENOENT ? KH_ERR_NOT_FOUND : KH_ERR_INBOX_IO;
  kh_inbox_drop_reason(inbox, name);
  return fsync(inbox->fd_aside) ? KH_ERR_INBOX_IO : KH_OK;
}
