#include "base/base.h"

#include "receive/inbox_parts.h"
#include "receive/state.h"

#include <unistd.h>

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

static enum kh_err count_aside(const struct kh_inbox *inbox, struct kh_inbox_load *load)
{
  DIR *folder = kh_inbox_open_folder(inbox->fd_aside);
  const char *name;

  if (!folder)
    return KH_ERR_INBOX_IO;
  while ((name = kh_inbox_next_name(folder))) {
    int64_t at_us;
    uint64_t bytes;

    if (kh_str_ends(kh_str_of(name), KH_STR(KH_REASON_SUFFIX)))
      continue;
    kh_inbox_read_name(name, &at_us, &bytes);
    load->aside++;
    load->aside_bytes += bytes;
  }
  (void)closedir(folder);
  return KH_OK;
}

enum kh_err kh_inbox_look(const struct kh_inbox *inbox, struct kh_inbox_load *load)
{
  DIR *folder = kh_inbox_open_folder(inbox->fd_new);
  const char *name;

  *load = (struct kh_inbox_load){0};
  if (!folder)
    return KH_ERR_INBOX_IO;
  while ((name = kh_inbox_next_name(folder))) {
    int64_t at_us;
    uint64_t bytes;

    kh_inbox_read_name(name, &at_us, &bytes);
    load->entries++;
    load->bytes += bytes;
    if (at_us > 0 && (load->oldest_us == 0 || at_us < load->oldest_us))
      load->oldest_us = at_us;
  }
  (void)closedir(folder);
  return count_aside(inbox, load);
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
  kh_inbox_make_name(entry, bytes, name);
  err = check_room(inbox, bytes, load, diag);
  if (!err)
    err = kh_inbox_write_tmp(inbox, name, kh_buf_view(&line), entry->verified.body, diag);
  if (!err)
    err = kh_inbox_publish(inbox, name, to_fd, diag);
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

enum kh_err kh_inbox_keep_aside(const struct kh_inbox *inbox, const struct kh_entry *entry,
                                enum kh_err reason, const struct kh_diag *why, char name[KH_ENTRY_NAME_BYTES],
                                struct kh_diag *diag)
{
  struct kh_inbox_load load;
  enum kh_err err = keep(inbox, entry, inbox->fd_aside, name, &load, diag);

  return err ? err : kh_inbox_write_reason(inbox, name, reason, why, diag);
}
