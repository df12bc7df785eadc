#include "base/base.h"

#include "memory/process/batch.h"

enum { REPLAY_WINDOW_S = 2 * 300 };

enum kh_err kh_none_fail(struct kh_none *none, const char *what)
{
  none->problem = what;
  none->batch_failed = true;
  return KH_ERR_STORE;
}

void *kh_none_room(void *at, size_t *room, size_t count, size_t max, size_t size)
{
  if (count < *room)
    return at;
  size_t wanted = *room ? 2 * *room : 4;
  void *grown = count < max ? realloc(at, wanted * size) : NULL;

  if (grown)
    *room = wanted;
  return grown;
}

static bool is_within(int64_t a_us, int64_t b_us, int64_t window_s)
{
  int64_t apart_us = a_us > b_us ? a_us - b_us : b_us - a_us;

  return apart_us <= window_s * 1000000;
}

static enum kh_err none_batch_begin(void *self)
{
  struct kh_none *none = self;

  if (none->in_batch) {
    none->problem = "a batch is open already";
    return KH_ERR_STORE;
  }
  none->in_batch = true;
  none->batch_failed = false;
  none->known_before = none->known_count;
  none->owed_before = none->owed_count;
  for (size_t i = 0; i < none->owed_count; i++)
    none->owed[i].before = none->owed[i].now;
  return KH_OK;
}

static void none_batch_drop(void *self)
{
  struct kh_none *none = self;

  if (!none->in_batch)
    return;
  none->in_batch = false;
  none->known_count = none->known_before;
  for (size_t i = 0; i < none->owed_count; i++)
    none->owed[i].now = i < none->owed_before ? none->owed[i].before : (struct kh_none_fate){.gone = true};
  kh_none_sweep(none);
}

static enum kh_err none_batch_end(void *self)
{
  struct kh_none *none = self;

  if (!none->in_batch)
    return kh_none_fail(none, "no batch is open");
  if (none->batch_failed) {
    none_batch_drop(none);
    return KH_ERR_STORE;
  }
  none->in_batch = false;
  kh_none_sweep(none);
  return KH_OK;
}

static bool is_entry_known(const struct kh_none *none, const struct kh_claim *claim)
{
  for (size_t i = 0; i < none->known_count; i++)
    if (kh_str_equal(kh_str_of(none->known[i].entry), claim->entry))
      return true;
  return false;
}

static bool is_replay(const struct kh_none *none, const struct kh_claim *claim)
{
  for (size_t i = 0; claim->signature.len > 0 && i < none->known_count; i++)
    if (kh_str_equal(kh_str_of(none->known[i].signature), claim->signature) &&
        is_within(none->known[i].seen_us, claim->now_us, REPLAY_WINDOW_S))
      return true;
  return false;
}

static bool is_repeat(const struct kh_none *none, const struct kh_claim *claim)
{
  for (size_t i = 0; !claim->is_ping && i < none->known_count; i++)
    if (none->known[i].has_body && kh_digest_equal(none->known[i].body_digest, claim->body_digest) &&
        is_within(none->known[i].seen_us, claim->now_us, KH_BODY_WINDOW_S))
      return true;
  return false;
}

static enum kh_err none_begin(void *self, const struct kh_claim *claim, struct kh_facts *facts)
{
  facts->seen = is_entry_known(self, claim) ? KH_SEEN_DONE
                : is_replay(self, claim)    ? KH_SEEN_REPLAY
                : is_repeat(self, claim)    ? KH_SEEN_REPEAT
                                            : KH_SEEN_NEVER;
  return KH_OK;
}

static enum kh_err remember(struct kh_none *none, const struct kh_claim *claim)
{
  bool has_signature = claim->signature.len > 0 && !is_replay(none, claim);
  bool has_body = !claim->is_ping && !is_repeat(none, claim);

  struct kh_none_known *all = kh_none_room(none->known, &none->known_room, none->known_count,
                                           KH_NONE_KNOWN_MAX, sizeof *none->known);
  if (!all)
    return kh_none_fail(none, "too many webhooks for a memory in process");
  none->known = all;
  struct kh_none_known *known = &none->known[none->known_count++];
  *known = (struct kh_none_known){.has_body = has_body, .seen_us = claim->now_us};
  (void)snprintf(known->entry, sizeof known->entry, "%.*s", KH_FMT(claim->entry));
  if (has_signature)
    (void)snprintf(known->signature, sizeof known->signature, "%.*s", KH_FMT(claim->signature));
  memcpy(known->body_digest, claim->body_digest, sizeof known->body_digest);
  return KH_OK;
}

static enum kh_err none_commit(void *self, const struct kh_claim *claim, const struct kh_journal *journal,
                               const struct kh_delivery *deliveries, size_t count)
{
  struct kh_none *none = self;
  enum kh_err err;

  (void)journal; /* nobody could read it later */
  if (!none->in_batch)
    return kh_none_fail(none, "no batch is open");
  if (none->batch_failed)
    return KH_ERR_STORE;
  if (is_entry_known(none, claim))
    return KH_OK;
  err = remember(none, claim);
  for (size_t i = 0; !err && i < count; i++)
    err = kh_none_owe(none, &deliveries[i]);
  return err;
}

static enum kh_err none_tidy(void *self)
{
  (void)self;
  return KH_OK;
}

static const char *none_problem(void *self)
{
  const struct kh_none *none = self;

  return none->problem;
}

static void none_close(void *self)
{
  struct kh_none *none = self;

  for (size_t i = 0; i < none->owed_count; i++)
    kh_delivery_release(&none->owed[i].delivery);
  free(none->owed);
  free(none->known);
  free(none);
}

static const struct kh_store_ops none_ops = {
    .batch_begin = none_batch_begin,
    .begin = none_begin,
    .commit = none_commit,
    .batch_end = none_batch_end,
    .batch_drop = none_batch_drop,
    .take = kh_none_take,
    .done = kh_none_done,
    .retry_at = kh_none_retry_at,
    .bury = kh_none_bury,
    .hold = kh_none_hold,
    .next_due = kh_none_next_due,
    .know_config = kh_none_know_config,
    .tidy = none_tidy,
    .problem = none_problem,
    .close = none_close,
};

enum kh_err kh_store_open_none(struct kh_store *store)
{
  struct kh_none *none = calloc(1, sizeof *none);

  *store = (struct kh_store){NULL, NULL};
  if (!none)
    return KH_ERR_STORE;
  none->problem = "";
  *store = (struct kh_store){&none_ops, none};
  return KH_OK;
}
