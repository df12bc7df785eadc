#include "base/base.h"

#include "base/file.h"
#include "inbox/inbox_sink.h"

/* What is kept in a folder that was moved away would never be seen. */
static enum kh_err open_inbox(struct kh_inbox_sink *sink, struct kh_diag *diag)
{
  const struct kh_inbox_bounds bounds = kh_inbox_bounds_of(sink->config);
  char path[KH_PATH_BYTES + 8];

  (void)snprintf(path, sizeof path, "%s/new", sink->inbox.path);
  if (kh_fd_is_at(sink->inbox.fd_new, path))
    return KH_OK;
  kh_inbox_close(&sink->inbox);
  return kh_inbox_open(&sink->inbox, sink->config->state, &bounds, diag);
}

/*
 * The look before each webhook is cheap, for one folder of three. Where another one was moved or removed, the
 * inbox is opened again at once: true when that is worth another try.
 */
static bool is_mended(struct kh_inbox_sink *sink, enum kh_err err, struct kh_diag *diag)
{
  if (err != KH_ERR_INBOX_IO || sink->inbox.fd_new < 0 || kh_inbox_is_there(&sink->inbox))
    return false;
  kh_inbox_close(&sink->inbox);
  if (open_inbox(sink, NULL) != KH_OK)
    return false;
  if (diag)
    *diag = (struct kh_diag){0};
  return true;
}

/* Only the worker can make room, and it may have died with the inbox full. */
static enum kh_err cope_with(struct kh_inbox_sink *sink, enum kh_err err, const struct kh_entry *entry,
                             struct kh_kept *kept)
{
  if (err == KH_ERR_INBOX_IO)
    kh_inbox_close(&sink->inbox);
  if (err == KH_ERR_INBOX_FULL || err == KH_ERR_NO_SPACE)
    kept->worker = kh_wake_for_room(sink->config, entry->received_us, &kept->worker_diag);
  return err;
}

static enum kh_err keep(void *self, const struct kh_entry *entry, struct kh_kept *kept, struct kh_diag *diag)
{
  struct kh_inbox_sink *sink = self;
  struct kh_inbox_load load = {0};
  enum kh_err err = open_inbox(sink, diag);

  if (!err)
    err = kh_inbox_keep(&sink->inbox, entry, kept->entry, &load, diag);
  if (is_mended(sink, err, diag))
    err = kh_inbox_keep(&sink->inbox, entry, kept->entry, &load, diag);
  kept->oldest_us = load.oldest_us;
  kept->is_kept = err == KH_OK;
  if (kept->is_kept)
    kept->worker = kh_wake(sink->config, &kept->worker_diag);
  return cope_with(sink, err, entry, kept);
}

static enum kh_err keep_aside(void *self, const struct kh_entry *entry, enum kh_err reason,
                              const struct kh_diag *why, struct kh_kept *kept, struct kh_diag *diag)
{
  struct kh_inbox_sink *sink = self;
  enum kh_err err = open_inbox(sink, diag);

  if (!err)
    err = kh_inbox_keep_aside(&sink->inbox, entry, reason, why, kept->entry, diag);
  if (is_mended(sink, err, diag))
    err = kh_inbox_keep_aside(&sink->inbox, entry, reason, why, kept->entry, diag);
  return cope_with(sink, err, entry, kept);
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
