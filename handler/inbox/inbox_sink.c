#include "base/base.h"

#include "base/file.h"
#include "inbox/inbox_sink.h"

/* What is kept in a folder that was moved away would never be seen. */
static bool is_in_place(const struct kh_inbox *inbox)
{
  char path[KH_PATH_BYTES + 8];

  (void)snprintf(path, sizeof path, "%s/new", inbox->path);
  return kh_fd_is_at(inbox->fd_new, path);
}

static enum kh_err open_inbox(struct kh_inbox_sink *sink, struct kh_diag *diag)
{
  const struct kh_inbox_bounds bounds = kh_inbox_bounds_of(sink->config);

  if (sink->inbox.fd_new >= 0 && is_in_place(&sink->inbox))
    return KH_OK;
  kh_inbox_close(&sink->inbox);
  return kh_inbox_open(&sink->inbox, sink->config->state, &bounds, diag);
}

/* Only the worker can make room, and it may have died with the inbox full. */
static void look_at_failure(struct kh_inbox_sink *sink, const struct kh_entry *entry, enum kh_err err,
                            struct kh_kept *kept)
{
  if (err == KH_ERR_INBOX_IO)
    kh_inbox_close(&sink->inbox);
  if (err == KH_ERR_INBOX_FULL || err == KH_ERR_NO_SPACE)
    kept->worker = kh_wake_for_room(sink->config, entry->received_us, &kept->worker_diag);
}

static enum kh_err keep(void *self, const struct kh_entry *entry, struct kh_kept *kept, struct kh_diag *diag)
{
  struct kh_inbox_sink *sink = self;
  struct kh_inbox_load load = {0};
  enum kh_err err = open_inbox(sink, diag);

  if (!err)
    err = kh_inbox_keep(&sink->inbox, entry, kept->entry, &load, diag);
  kept->is_kept = err == KH_OK;
  kept->oldest_us = load.oldest_us;
  if (kept->is_kept)
    kept->worker = kh_wake(sink->config, &kept->worker_diag);
  look_at_failure(sink, entry, err, kept);
  return err;
}

static enum kh_err keep_aside(void *self, const struct kh_entry *entry, enum kh_err reason,
                              const struct kh_diag *why, struct kh_kept *kept, struct kh_diag *diag)
{
  struct kh_inbox_sink *sink = self;
  enum kh_err err = open_inbox(sink, diag);

  if (!err)
    err = kh_inbox_keep_aside(&sink->inbox, entry, reason, why, kept->entry, diag);
  look_at_failure(sink, entry, err, kept);
  return err;
}

static void close_inbox(void *self)
{
  struct kh_inbox_sink *sink = self;

  kh_inbox_close(&sink->inbox);
}

struct kh_sink kh_inbox_sink_init(struct kh_inbox_sink *sink, const struct kh_config *config)
{
  static const struct kh_sink_ops ops = {.keep = keep, .keep_aside = keep_aside, .close = close_inbox};

  *sink = (struct kh_inbox_sink){.inbox = kh_inbox_closed(), .config = config};
  return (struct kh_sink){&ops, sink};
}
