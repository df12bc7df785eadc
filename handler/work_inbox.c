#include "base/base.h"

#include "work_parts.h"

static void log_aside(struct kh_work *work, const char *name, enum kh_err reason, const struct kh_diag *why)
{
  struct kh_log_line line;

  kh_log_begin(&line, &work->log, KH_ERROR, "inbox aside");
  kh_log_text(&line, KH_LOG_ENTRY, kh_str_of(name));
  kh_log_text(&line, KH_LOG_VERDICT, KH_STR("aside"));
  kh_log_problem(&line, reason, why);
  kh_log_end(&line, &work->log);
}

static bool is_unproven(enum kh_err err)
{
  return err == KH_ERR_ENTRY_SECRET_GONE || err == KH_ERR_ENTRY_MAC;
}

static enum kh_err open_entry(const struct kh_work *work, struct kh_buf *event_text, struct kh_entry *entry,
                              struct kh_diag *why)
{
  const struct kh_str bytes = kh_buf_view(&work->entry);
  enum kh_err first = kh_entry_open(bytes, &work->config->signatures, &work->config->tokens, event_text,
                                    entry, why);
  enum kh_err err = first;

  for (unsigned n = 0; is_unproven(err) && work->also_proves; n++) {
    const struct kh_config *other = work->also_proves(work->owner, n);

    if (!other)
      return first;
    kh_buf_clear(event_text);
    err = kh_entry_open(bytes, &other->signatures, &other->tokens, event_text, entry, NULL);
  }
  return err;
}

static enum kh_err work_entry(struct kh_work *work, const char *name, struct kh_diag *why)
{
  struct kh_buf event_text;
  struct kh_entry entry;
  enum kh_err err;

  kh_buf_init(&event_text, KH_EVENT_NAME_BYTES);
  kh_buf_clear(&work->entry);
  err = kh_inbox_read(work->inbox, name, &work->entry);
  if (!err)
    err = open_entry(work, &event_text, &entry, why);
  if (!err)
    err = kh_work_webhook(work, name, &entry, why);
  kh_buf_release(&event_text);
  return err;
}

/* Errors of the machine rather than of the entry: trying again later may help, setting aside would not. */
static bool is_passing(enum kh_err err)
{
  return err == KH_ERR_STORE || err == KH_ERR_NO_SPACE || err == KH_ERR_INBOX_IO || err == KH_ERR_IO ||
         err == KH_ERR_NO_MEMORY;
}

/* What cannot even be set aside stays where it is, and holds up no other. */
static enum kh_err set_aside(struct kh_work *work, const char *name, enum kh_err reason,
                             const struct kh_diag *why, struct kh_diag *diag)
{
  enum kh_err err = kh_inbox_set_aside(work->inbox, name, reason, why);

  if (err)
    return kh_diag_set(diag, err, "%s cannot be set aside: %s", name, strerror(errno));
  log_aside(work, name, reason, why);
  return KH_OK;
}

/* Those of a batch that are not to be removed; STUCK of them cannot be taken at all, and why the first. */
struct stay {
  bool stays[KH_WORK_BATCH];
  size_t stuck;
  struct kh_diag why;
};

/* *COUNT becomes less where their log lines would be too many to be held. */
static enum kh_err work_batch(struct kh_work *work, char (*names)[KH_ENTRY_NAME_BYTES], size_t *count,
                              struct stay *stay, struct kh_diag *diag)
{
  for (size_t i = 0; i < *count; i++) {
    struct kh_diag why = {0};
    enum kh_err err = work_entry(work, names[i], &why);

    stay->stays[i] = err != KH_OK;
    if (work->lines.len > KH_WORK_LINES_MAX_BYTES / 2)
      *count = i + 1;
    if (!err || err == KH_ERR_NOT_FOUND)
      continue;
    if (is_passing(err))
      return kh_diag_set(diag, err, "%s: %s", names[i], why.text[0] ? why.text : strerror(errno));
    const enum kh_err reason = err;
    err = set_aside(work, names[i], reason, &why, &stay->why);
    if (err == KH_ERR_INBOX_IO)
      stay->stuck++;
    else if (!err)
      err = kh_work_journal_aside(work, names[i], reason);
    if (err && err != KH_ERR_INBOX_IO)
      return kh_diag_set(diag, err, "%s", stay->why.text);
  }
  return KH_OK;
}

/* One transaction of *COUNT, which may become less, and what comes after it. */
static enum kh_err work_names(struct kh_work *work, char (*names)[KH_ENTRY_NAME_BYTES], size_t *count,
                              struct kh_diag *diag)
{
  struct stay stay = {0};

  kh_buf_clear(&work->lines);
  enum kh_err err = kh_batch_begin(&work->store.batch);
  if (!err)
    err = work_batch(work, names, count, &stay, diag);
  if (!err)
    err = kh_batch_end(&work->store.batch);
  if (err) {
    (void)kh_diag_set(diag, err, "%s", kh_batch_problem(&work->store.batch));
    kh_batch_drop(&work->store.batch);
    kh_buf_clear(&work->lines);
    return err;
  }
  kh_work_release_lines(work);
  for (size_t i = 0; i < *count && !err; i++)
    if (!stay.stays[i])
      err = kh_inbox_remove(work->inbox, names[i]);
  if (err)
    return kh_diag_set(diag, err, "%s: %s", work->inbox->path, strerror(errno));
  return stay.stuck == *count ? kh_diag_set(diag, KH_ERR_INBOX_IO, "%s", stay.why.text) : KH_OK;
}

/* What was taken makes room for the rest, and so does the log of a transaction. */
static void adapt_batch(struct kh_work *work, size_t count, enum kh_err err)
{
  if (err == KH_ERR_NO_SPACE)
    work->batch_max = count > 1 ? count / 2 : 1;
  if (work->batch_max == KH_WORK_BATCH && kh_store_has_spare(&work->store))
    return;
  (void)!kh_store_tidy(&work->store);
  if (!err && kh_store_has_spare(&work->store))
    work->batch_max = KH_WORK_BATCH;
}

enum kh_err kh_work_inbox(struct kh_work *work, size_t *taken, struct kh_diag *diag)
{
  char names[KH_WORK_BATCH][KH_ENTRY_NAME_BYTES];
  struct kh_diag why;
  bool again = true;

  *taken = 0;
  if (!kh_store_has_spare(&work->store))
    work->batch_max = 1;
  enum kh_err err = kh_inbox_list(work->inbox, names, work->batch_max, taken);
  if (err)
    return kh_diag_set(diag, err, "%s: %s", work->inbox->path, strerror(errno));
  while (*taken > 0 && again) {
    why = (struct kh_diag){0};
    err = work_names(work, names, taken, &why);
    adapt_batch(work, *taken, err);
    again = err == KH_ERR_NO_SPACE && *taken > 1;
    if (again)
      *taken = work->batch_max;
  }
  return err ? kh_diag_set(diag, err, "%s", why.text) : KH_OK;
}
