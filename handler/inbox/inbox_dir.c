#include "base/base.h"

#include "base/file.h"
#include "inbox/inbox_parts.h"
#include "inbox/state.h"
#include "inbox/wake.h"

#include <fcntl.h>
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

bool kh_inbox_is_there(const struct kh_inbox *inbox)
{
  const struct {
    int fd;
    const char *name;
  } folders[] = {{inbox->fd_tmp, "tmp"}, {inbox->fd_new, "new"}, {inbox->fd_aside, "aside"}};
  char path[KH_PATH_BYTES + 8];

  for (size_t i = 0; i < KH_COUNT(folders); i++) {
    (void)snprintf(path, sizeof path, "%s/%s", inbox->path, folders[i].name);
    if (!kh_fd_is_at(folders[i].fd, path))
      return false;
  }
  return true;
}

static enum kh_err find_folder(int parent_fd, const char *name, int *fd, struct kh_diag *diag)
{
  *fd = openat(parent_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (*fd >= 0)
    return KH_OK;
  return errno == ENOENT ? KH_ERR_NOT_FOUND : kh_state_failure(name, diag);
}

/* Whoever finds the folder finds also what a worker's lock needs: that was made, and is synced with it. */
static enum kh_err open_inbox_folder(int state_fd, int *fd, struct kh_diag *diag)
{
  enum kh_err err = find_folder(state_fd, "inbox", fd, diag);

  if (err != KH_ERR_NOT_FOUND)
    return err;
  err = kh_worker_lock_make(state_fd, diag);
  return err ? err : kh_state_folder(state_fd, "inbox", fd, diag);
}

enum kh_err kh_inbox_open(struct kh_inbox *inbox, const char *state, const struct kh_inbox_bounds *bounds,
                          struct kh_diag *diag)
{
  int state_fd = -1;
  int inbox_fd = -1;
  enum kh_err err;

  *inbox = kh_inbox_closed();
  inbox->bounds = *bounds;
  (void)snprintf(inbox->path, sizeof inbox->path, "%s/inbox", state);

  err = kh_state_open(state, &state_fd, diag);
  if (!err)
    err = open_inbox_folder(state_fd, &inbox_fd, diag);
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

enum kh_err kh_inbox_find(struct kh_inbox *inbox, const char *state, struct kh_diag *diag)
{
  int state_fd = -1;
  enum kh_err err;

  *inbox = kh_inbox_closed();
  (void)snprintf(inbox->path, sizeof inbox->path, "%s/inbox", state);

  err = kh_state_find(state, &state_fd, diag);
  if (!err)
    err = find_folder(state_fd, "inbox/tmp", &inbox->fd_tmp, diag);
  if (!err)
    err = find_folder(state_fd, "inbox/new", &inbox->fd_new, diag);
  if (!err)
    err = find_folder(state_fd, "inbox/aside", &inbox->fd_aside, diag);
  if (err)
    kh_inbox_close(inbox);
  close_fd(&state_fd);
  return err;
}

/* REASON is KH_OK for an entry that a worker will take, else why it goes straight to aside/. */
static enum kh_err keep(const struct kh_inbox *inbox, const struct kh_entry *entry, enum kh_err reason,
                        const struct kh_diag *why, char name[KH_ENTRY_NAME_BYTES], struct kh_inbox_load *load,
                        struct kh_diag *diag)
{
  struct kh_buf line;
  enum kh_err err;

  *load = (struct kh_inbox_load){0};
  kh_buf_init(&line, KH_ENTRY_LINE_MAX_BYTES + 1);
  err = kh_entry_line(entry, &line);
  if (err) {
    err = kh_diag_set(diag, KH_ERR_INBOX_IO, "the entry's first line could not be made");
    goto done;
  }
  size_t bytes = line.len + entry->verified.body.len;
  kh_inbox_make_name(entry, bytes, name);
  err = kh_inbox_check_room(inbox, entry->received_us, bytes, load, diag);
  /* The reason first: an entry without one would be kept although the answer says that it was not. */
  if (!err && reason)
    err = kh_inbox_write_reason(inbox, name, reason, why, diag);
  if (!err)
    err = kh_inbox_write_tmp(inbox, name, kh_buf_view(&line), entry->verified.body, diag);
  if (!err)
    err = kh_inbox_publish(inbox, name, reason ? inbox->fd_aside : inbox->fd_new, diag);
  if (err && reason)
    kh_inbox_drop_reason(inbox, name);
done:
  if (err)
    name[0] = '\0';
  kh_buf_release(&line);
  return err;
}

enum kh_err kh_inbox_keep(const struct kh_inbox *inbox, const struct kh_entry *entry,
                          char name[KH_ENTRY_NAME_BYTES], struct kh_inbox_load *load, struct kh_diag *diag)
{
  return keep(inbox, entry, KH_OK, NULL, name, load, diag);
}

enum kh_err kh_inbox_keep_aside(const struct kh_inbox *inbox, const struct kh_entry *entry,
                                enum kh_err reason, const struct kh_diag *why, char name[KH_ENTRY_NAME_BYTES],
                                struct kh_diag *diag)
{
  struct kh_inbox_load load;

  return keep(inbox, entry, reason, why, name, &load, diag);
}
