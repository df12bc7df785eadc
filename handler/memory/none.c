#include "base/base.h"

#include "memory/store.h"

/* One webhook, or a few, and what KH_RULES_MAX rules make of it. */
enum { KNOWN_MAX = 256, OWED_MAX = 2048, REPLAY_WINDOW_S = 2 * 300 };

struct known {
  char entry[96];
  char signature[2 * KH_DIGEST_BYTES + 1]; /* "" when it counts no more than an earlier sight of the same */
  unsigned char body_digest[KH_DIGEST_BYTES];
  bool has_body;
  int64_t seen_us;
};

/* Done and dead are the same here: nobody could look at a dead one later. */
struct fate {
  bool gone;
  unsigned attempt;
  int64_t not_before_us;
};

struct owed {
  struct kh_delivery delivery; /* but for what fate says */
  char content_type[KH_CONTENT_TYPE_BYTES];
  struct fate now;
  struct fate before; /* the batch */
};

struct none {
  struct known *known; /* owned, like owed; they grow, since most processes need one place of each */
  struct owed *owed;
  size_t known_room, owed_room;
  size_t known_count, known_before;
  size_t owed_count, owed_before;
  bool in_batch;
  bool batch_failed;
  const char *problem;
  char content_type[KH_CONTENT_TYPE_BYTES]; /* of the delivery taken last */
};

static enum kh_err fail(struct none *none, const char *what)
{
  none->problem = what;
  none->batch_failed = true;
  return KH_ERR_STORE;
}

static bool is_within(int64_t a_us, int64_t b_us, int64_t window_s)
{
  int64_t apart_us = a_us > b_us ? a_us - b_us : b_us - a_us;

  return apart_us <= window_s * 1000000;
}

static struct owed *find_owed(struct none *none, const char *id)
{
  for (size_t i = 0; i < none->owed_count; i++)
    if (!none->owed[i].now.gone && kh_str_equal(kh_str_of(none->owed[i].delivery.id), kh_str_of(id)))
      return &none->owed[i];
  return NULL;
}

/* Releases what is gone; what stays keeps its order. */
static void sweep(struct none *none)
{
  size_t kept = 0;

  for (size_t i = 0; i < none->owed_count; i++) {
    if (none->owed[i].now.gone)
      kh_delivery_release(&none->owed[i].delivery);
    else
      none->owed[kept++] = none->owed[i];
  }
  none->owed_count = kept;
}

static enum kh_err none_batch_begin(void *self)
{
  struct none *none = self;

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
  struct none *none = self;

  if (!none->in_batch)
    return;
  none->in_batch = false;
  none->known_count = none->known_before;
  for (size_t i = 0; i < none->owed_count; i++)
    none->owed[i].now = i < none->owed_before ? none->owed[i].before : (struct fate){.gone = true};
  sweep(none);
}

static enum kh_err none_batch_end(void *self)
{
  struct none *none = self;

  if (!none->in_batch)
    return fail(none, "no batch is open");
  if (none->batch_failed) {
    none_batch_drop(none);
    return KH_ERR_STORE;
  }
  none->in_batch = false;
  sweep(none);
  return KH_OK;
}

static bool is_entry_known(const struct none *none, const struct kh_claim *claim)
{
  for (size_t i = 0; i < none->known_count; i++)
    if (kh_str_equal(kh_str_of(none->known[i].entry), claim->entry))
      return true;
  return false;
}

static bool is_replay(const struct none *none, const struct kh_claim *claim)
{
  for (size_t i = 0; claim->signature.len > 0 && i < none->known_count; i++)
    if (kh_str_equal(kh_str_of(none->known[i].signature), claim->signature) &&
        is_within(none->known[i].seen_us, claim->now_us, REPLAY_WINDOW_S))
      return true;
  return false;
}

static bool is_repeat(const struct none *none, const struct kh_claim *claim)
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

/* AT with room for one more than the COUNT things of SIZE bytes; NULL, and AT as it was, when there are MAX, or no memory. */
static void *with_room(void *at, size_t *room, size_t count, size_t max, size_t size)
{
  if (count < *room)
    return at;
  size_t wanted = *room ? 2 * *room : 4;
  void *grown = count < max ? realloc(at, wanted * size) : NULL;

  if (grown)
    *room = wanted;
  return grown;
}

static enum kh_err remember(struct none *none, const struct kh_claim *claim)
{
  bool has_signature = claim->signature.len > 0 && !is_replay(none, claim);
  bool has_body = !claim->is_ping && !is_repeat(none, claim);

  struct known *all = with_room(none->known, &none->known_room, none->known_count, KNOWN_MAX,
                                sizeof *none->known);
  if (!all)
    return fail(none, "too many webhooks for a memory in process");
  none->known = all;
  struct known *known = &none->known[none->known_count++];
  *known = (struct known){.has_body = has_body, .seen_us = claim->now_us};
  (void)snprintf(known->entry, sizeof known->entry, "%.*s", KH_FMT(claim->entry));
  if (has_signature)
    (void)snprintf(known->signature, sizeof known->signature, "%.*s", KH_FMT(claim->signature));
  memcpy(known->body_digest, claim->body_digest, sizeof known->body_digest);
  return KH_OK;
}

static enum kh_err copy_body(struct none *none, const struct kh_buf *from, struct kh_buf *to)
{
  kh_buf_init(to, from->len);
  return kh_buf_add(to, kh_buf_view(from)) ? fail(none, "no memory for a delivery") : KH_OK;
}

static void replace_older(struct none *none, const struct kh_delivery *delivery)
{
  for (size_t i = 0; i < none->owed_count; i++) {
    const struct kh_delivery *other = &none->owed[i].delivery;

    if (strcmp(other->destination, delivery->destination) == 0 && strcmp(other->entry, delivery->entry) != 0)
      none->owed[i].now.gone = true;
  }
}

static enum kh_err owe(struct none *none, const struct kh_delivery *delivery)
{
  if (delivery->replaces)
    replace_older(none, delivery);
  if (find_owed(none, delivery->id))
    return KH_OK;
  if (delivery->content_type.len >= KH_CONTENT_TYPE_BYTES)
    return fail(none, "the content type of a delivery is too long");
  struct owed *all = with_room(none->owed, &none->owed_room, none->owed_count, OWED_MAX, sizeof *none->owed);
  if (!all)
    return fail(none, "too many deliveries for a memory in process");
  none->owed = all;
  struct owed *owed = &none->owed[none->owed_count++];
  *owed = (struct owed){.delivery = *delivery, .now = {false, delivery->attempt, delivery->not_before_us}};
  (void)snprintf(owed->content_type, sizeof owed->content_type, "%.*s", KH_FMT(delivery->content_type));
  return copy_body(none, &delivery->body, &owed->delivery.body);
}

static enum kh_err none_commit(void *self, const struct kh_claim *claim, const struct kh_journal *journal,
                               const struct kh_delivery *deliveries, size_t count)
{
  struct none *none = self;
  enum kh_err err;

  (void)journal; /* nobody could read it later */
  if (!none->in_batch)
    return fail(none, "no batch is open");
  if (none->batch_failed)
    return KH_ERR_STORE;
  if (is_entry_known(none, claim))
    return KH_OK;
  err = remember(none, claim);
  for (size_t i = 0; !err && i < count; i++)
    err = owe(none, &deliveries[i]);
  return err;
}

static bool must_wait(const struct kh_delivery *delivery, const struct kh_under_way *under_way)
{
  for (size_t i = 0; under_way && i < under_way->count; i++)
    if (strcmp(delivery->id, under_way->at[i].id) == 0 ||
        (under_way->at[i].is_full && strcmp(delivery->destination, under_way->at[i].destination) == 0))
      return true;
  return false;
}

static struct owed *first_due(struct none *none, const struct kh_under_way *under_way)
{
  struct owed *first = NULL;

  for (size_t i = 0; i < none->owed_count; i++)
    if (!none->owed[i].now.gone && !must_wait(&none->owed[i].delivery, under_way) &&
        (!first || none->owed[i].now.not_before_us < first->now.not_before_us))
      first = &none->owed[i];
  return first;
}

static enum kh_err none_take(void *self, int64_t now_us, const struct kh_under_way *under_way,
                             struct kh_delivery *delivery)
{
  struct none *none = self;
  const struct owed *owed = first_due(none, under_way);

  *delivery = (struct kh_delivery){0};
  if (!owed || owed->now.not_before_us > now_us)
    return KH_ERR_NOT_FOUND;
  *delivery = owed->delivery;
  delivery->attempt = owed->now.attempt;
  delivery->not_before_us = owed->now.not_before_us;
  memcpy(none->content_type, owed->content_type, sizeof none->content_type);
  delivery->content_type = kh_str_of(none->content_type);
  return copy_body(none, &owed->delivery.body, &delivery->body);
}

static enum kh_err record(struct none *none, const char *id, struct fate fate)
{
  struct owed *owed = find_owed(none, id);

  if (none->in_batch && none->batch_failed)
    return KH_ERR_STORE;
  if (!owed)
    return KH_ERR_NOT_FOUND;
  owed->now = fate;
  if (!none->in_batch)
    sweep(none);
  return KH_OK;
}

static enum kh_err none_done(void *self, const char *id, int64_t now_us)
{
  (void)now_us;
  return record(self, id, (struct fate){.gone = true});
}

static enum kh_err none_retry_at(void *self, const char *id, unsigned attempt, int64_t not_before_us,
                                 const struct kh_failure *why)
{
  (void)why;
  return record(self, id, (struct fate){false, attempt, not_before_us});
}

static enum kh_err none_bury(void *self, const char *id, unsigned attempt, int64_t now_us,
                             const struct kh_failure *why)
{
  (void)attempt;
  (void)now_us;
  (void)why;
  return record(self, id, (struct fate){.gone = true});
}

static enum kh_err none_know_config(void *self, const unsigned char digest[KH_DIGEST_BYTES], int64_t now_us)
{
  (void)self;
  (void)digest;
  (void)now_us;
  return KH_OK;
}

static enum kh_err none_next_due(void *self, const struct kh_under_way *under_way, int64_t *at_us)
{
  const struct owed *owed = first_due(self, under_way);

  if (!owed)
    return KH_ERR_NOT_FOUND;
  *at_us = owed->now.not_before_us;
  return KH_OK;
}

static enum kh_err none_tidy(void *self)
{
  (void)self;
  return KH_OK;
}

static const char *none_problem(void *self)
{
  const struct none *none = self;

  return none->problem;
}

static void none_close(void *self)
{
  struct none *none = self;

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
    .take = none_take,
    .done = none_done,
    .retry_at = none_retry_at,
    .bury = none_bury,
    .next_due = none_next_due,
    .know_config = none_know_config,
    .tidy = none_tidy,
    .problem = none_problem,
    .close = none_close,
};

enum kh_err kh_store_open_none(struct kh_store *store)
{
  struct none *none = calloc(1, sizeof *none);

  *store = (struct kh_store){NULL, NULL};
  if (!none)
    return KH_ERR_STORE;
  none->problem = "";
  *store = (struct kh_store){&none_ops, none};
  return KH_OK;
}
