#include "base/base.h"

#include "base/file.h"
#include "receive/inbox.h"
#include "receive/state.h"

#include <dirent.h>
#include <fcntl.h>
#include <jansson.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

enum { TIME_DIGITS = 16, REASON_MAX_BYTES = 2048 };
static const char reason_suffix[] = ".reason";

static void close_fd(int *fd)
{
  if (*fd >= 0)
    (void)close(*fd);
  *fd = -1;
}

void kh_inbox_close(struct kh_inbox *inbox)
{
  close_fd(&inbox->fd_tmp);
  close_fd(&inbox->fd_new);
  close_fd(&inbox->fd_aside);
}

enum kh_err kh_inbox_open(struct kh_inbox *inbox, const char *state, size_t max_entries, uint64_t max_bytes,
                          struct kh_diag *diag)
{
  int state_fd = -1;
  int inbox_fd = -1;
  enum kh_err err;

  *inbox = (struct kh_inbox){
      .fd_tmp = -1, .fd_new = -1, .fd_aside = -1, .max_entries = max_entries, .max_bytes = max_bytes};
  (void)snprintf(inbox->path, sizeof inbox->path, "%s/inbox", state);

  err = kh_state_open(state, &state_fd, diag);
  if (!err)
    err = kh_state_folder(state_fd, "inbox", &inbox_fd, diag);
  if (!err)
    err = kh_state_folder(inbox_fd, "tmp", &inbox->fd_tmp, diag);
  if (!err)
    err = kh_state_folder(inbox_fd, "new", &inbox->fd_new, diag);
  if (!err)
    err = kh_state_folder(inbox_fd, "aside", &inbox->fd_aside, diag);
  if (err)
    kh_inbox_close(inbox);
  close_fd(&inbox_fd);
  close_fd(&state_fd);
  return err;
}

/* A fresh stream each time: two streams over one descriptor would share its position. */
static DIR *open_folder(int fd)
{
  int again = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR *folder = again < 0 ? NULL : fdopendir(again);

  if (!folder)
    close_fd(&again);
  return folder;
}

static const char *next_name(DIR *folder)
{
  struct dirent *found = readdir(folder);

  while (found && found->d_name[0] == '.')
    found = readdir(folder);
  return found ? found->d_name : NULL;
}

/* When the entry NAME arrived, and how large it is; 0 for what a foreign name does not tell. */
static void read_name(const char *name, int64_t *at_us, uint64_t *bytes)
{
  const char *size = strstr(name, ",S=");
  uint64_t time = 0;

  for (int i = 0; i < TIME_DIGITS; i++) {
    const char *digits = "0123456789abcdef";
    const char *digit = name[i] ? strchr(digits, name[i]) : NULL;

    if (!digit) {
      time = 0;
      break;
    }
    time = time << 4 | (uint64_t)(digit - digits);
  }
  *at_us = time > INT64_MAX ? 0 : (int64_t)time;
  if (!size || !kh_str_u64(kh_str_of(size + 3), bytes))
    *bytes = 0;
}

static enum kh_err count_aside(const struct kh_inbox *inbox, struct kh_inbox_load *load)
{
  DIR *folder = open_folder(inbox->fd_aside);
  const char *name;

  if (!folder)
    return KH_ERR_INBOX_IO;
  while ((name = next_name(folder))) {
    int64_t at_us;
    uint64_t bytes;

    if (kh_str_ends(kh_str_of(name), kh_str_of(reason_suffix)))
      continue;
    read_name(name, &at_us, &bytes);
    load->aside++;
    load->aside_bytes += bytes;
  }
  (void)closedir(folder);
  return KH_OK;
}

enum kh_err kh_inbox_look(const struct kh_inbox *inbox, struct kh_inbox_load *load)
{
  DIR *folder = open_folder(inbox->fd_new);
  const char *name;

  *load = (struct kh_inbox_load){0};
  if (!folder)
    return KH_ERR_INBOX_IO;
  while ((name = next_name(folder))) {
    int64_t at_us;
    uint64_t bytes;

    read_name(name, &at_us, &bytes);
    load->entries++;
    load->bytes += bytes;
    if (at_us > 0 && (load->oldest_us == 0 || at_us < load->oldest_us))
      load->oldest_us = at_us;
  }
  (void)closedir(folder);
  return count_aside(inbox, load);
}

static void make_name(const struct kh_entry *entry, size_t bytes, char name[KH_ENTRY_NAME_BYTES])
{
  uint32_t random = 0;

  /* Time and process tell names apart; the random part is for clocks that stand still and pids of other containers. */
  if (getrandom(&random, sizeof random, 0) != (ssize_t)sizeof random)
    random = 0;
  (void)snprintf(name, KH_ENTRY_NAME_BYTES, "%016" PRIx64 ".%ld.%08" PRIx32 ",S=%zu",
                 (uint64_t)entry->received_us, (long)getpid(), random, bytes);
}

/* Writes HEAD and TAIL to a new file in tmp/, synced. On failure nothing is left. */
static enum kh_err write_tmp(const struct kh_inbox *inbox, const char *name, struct kh_str head,
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

/* Moves tmp/NAME to TO_FD, and makes that durable. On failure nothing is left. */
static enum kh_err publish(const struct kh_inbox *inbox, const char *name, int to_fd, struct kh_diag *diag)
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

static enum kh_err check_room(const struct kh_inbox *inbox, uint64_t bytes, struct kh_inbox_load *load,
                              struct kh_diag *diag)
{
  if (kh_inbox_look(inbox, load))
    return kh_state_failure(inbox->path, diag);
  uint64_t used = load->bytes + load->aside_bytes;
  if (load->entries + load->aside >= inbox->max_entries || used + bytes > inbox->max_bytes)
    return kh_diag_set(diag, KH_ERR_INBOX_FULL, "%s is full: %zu waiting, %zu set aside, %" PRIu64 " bytes",
                       inbox->path, load->entries, load->aside, used);
  return KH_OK;
}

static enum kh_err keep(const struct kh_inbox *inbox, const struct kh_entry *entry, int to_fd,
                        char name[KH_ENTRY_NAME_BYTES], struct kh_inbox_load *load, struct kh_diag *diag)
{
  struct kh_buf line;
  enum kh_err err;

  kh_buf_init(&line, KH_ENTRY_LINE_MAX_BYTES + 1);
  err = kh_entry_line(entry, &line);
  if (err) {
    err = kh_diag_set(diag, KH_ERR_INBOX_IO, "the entry's first line could not be made");
    goto done;
  }
  size_t bytes = line.len + entry->verified.body.len;
  make_name(entry, bytes, name);
  err = check_room(inbox, bytes, load, diag);
  if (!err)
    err = write_tmp(inbox, name, kh_buf_view(&line), entry->verified.body, diag);
  if (!err)
    err = publish(inbox, name, to_fd, diag);
done:
  kh_buf_release(&line);
  return err;
}

enum kh_err kh_inbox_keep(const struct kh_inbox *inbox, const struct kh_entry *entry,
                          char name[KH_ENTRY_NAME_BYTES], struct kh_inbox_load *load, struct kh_diag *diag)
{
  *load = (struct kh_inbox_load){0};
  return keep(inbox, entry, inbox->fd_new, name, load, diag);
}

/* Puts <NAME>.reason into aside/: a line of JSON for people and for `kitehook inbox`. */
static enum kh_err write_reason(const struct kh_inbox *inbox, const char *name, enum kh_err reason,
                                const struct kh_diag *why, struct kh_diag *diag)
{
  char file[KH_ENTRY_NAME_BYTES + sizeof reason_suffix];
  json_t *json = json_object();
  enum kh_err err;

  (void)json_object_set_new(json, "reason", json_string(kh_err_token(reason)));
  if (why && why->text[0] != '\0')
    (void)json_object_set_new(json, "detail", json_string(why->text));
  char *text = json_dumps(json, JSON_COMPACT);
  (void)snprintf(file, sizeof file, "%s%s", name, reason_suffix);
  err = text ? write_tmp(inbox, file, kh_str_of(text), KH_STR("\n"), diag)
             : kh_diag_set(diag, KH_ERR_NO_MEMORY, "out of memory");
  if (!err)
    err = publish(inbox, file, inbox->fd_aside, diag);
  free(text);
  json_decref(json);
  return err;
}

enum kh_err kh_inbox_keep_aside(const struct kh_inbox *inbox, const struct kh_entry *entry,
                                enum kh_err reason, const struct kh_diag *why, char name[KH_ENTRY_NAME_BYTES],
                                struct kh_diag *diag)
{
  struct kh_inbox_load load;
  enum kh_err err = keep(inbox, entry, inbox->fd_aside, name, &load, diag);

  return err ? err : write_reason(inbox, name, reason, why, diag);
}

enum kh_err kh_inbox_list(const struct kh_inbox *inbox, char (*names)[KH_ENTRY_NAME_BYTES], size_t max,
                          size_t *count)
{
  DIR *folder = open_folder(inbox->fd_new);
  const char *name;

  *count = 0;
  if (!folder)
    return KH_ERR_INBOX_IO;
  /* Keeps the MAX smallest names in order; most names of a long queue are larger than all of them and cost one compare. */
  while ((name = next_name(folder))) {
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

enum kh_err kh_inbox_read(const struct kh_inbox *inbox, const char *name, struct kh_buf *bytes)
{
  int fd = openat(inbox->fd_new, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

  if (fd < 0)
    return errno == ENOENT ? KH_ERR_NOT_FOUND : KH_ERR_INBOX_IO;
  enum kh_err err = kh_fd_read(fd, bytes);
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
  enum kh_err err = write_reason(inbox, name, reason, why, NULL);

  if (!err && (renameat(inbox->fd_new, name, inbox->fd_aside, name) || fsync(inbox->fd_aside)))
    err = KH_ERR_INBOX_IO;
  return err;
}

void kh_inbox_sweep(const struct kh_inbox *inbox, int64_t now_us)
{
  const int64_t hour_us = INT64_C(3600) * 1000000;
  DIR *folder = open_folder(inbox->fd_tmp);
  const char *name;

  while (folder && (name = next_name(folder))) {
    int64_t at_us;
    uint64_t bytes;

    read_name(name, &at_us, &bytes);
    if (at_us > 0 && now_us - at_us > hour_us)
      (void)unlinkat(inbox->fd_tmp, name, 0);
  }
  if (folder)
    (void)closedir(folder);
}
