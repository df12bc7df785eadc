#include "base/base.h"

#include "memory/process/batch.h"

static struct kh_none_owed *find_owed(struct kh_none *none, const char *id)
{
  for (size_t i = 0; i < none->owed_count; i++)
    if (!none->owed[i].now.gone && kh_str_equal(kh_str_of(none->owed[i].delivery.id), kh_str_of(id)))
      return &none->owed[i];
  return NULL;
}

void kh_none_sweep(struct kh_none *none)
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

static enum kh_err copy_body(struct kh_none *none, const struct kh_buf *from, struct kh_buf *to)
{
  kh_buf_init(to, from->len);
  return kh_buf_add(to, kh_buf_view(from)) ? kh_none_fail(none, "no memory for a delivery") : KH_OK;
}

static void replace_older(struct kh_none *none, const struct kh_delivery *delivery)
{
  for (size_t i = 0; i < none->owed_count; i++) {
    const struct kh_delivery *other = &none->owed[i].delivery;

    if (strcmp(other->destination, delivery->destination) == 0 && strcmp(other->entry, delivery->entry) != 0)
      none->owed[i].now.gone = true;
  }
}

enum kh_err kh_none_owe(struct kh_none *none, const struct kh_delivery *delivery)
{
  if (delivery->replaces)
    replace_older(none, delivery);
  if (find_owed(none, delivery->id))
    return KH_OK;
  if (delivery->content_type.len >= KH_CONTENT_TYPE_BYTES)
    return kh_none_fail(none, "the content type of a delivery is too long");
  struct kh_none_owed *all = kh_none_room(none->owed, &none->owed_room, none->owed_count, KH_NONE_OWED_MAX,
                                          sizeof *none->owed);
  if (!all)
    return kh_none_fail(none, "too many deliveries for a memory in process");
  none->owed = all;
  struct kh_none_owed *owed = &none->owed[none->owed_count++];
  *owed = (struct kh_none_owed){.delivery = *delivery,
                                .now = {false, delivery->attempt, delivery->not_before_us}};
  (void)snprintf(owed->content_type, sizeof owed->content_type, "%.*s", KH_FMT(delivery->content_type));
  return copy_body(none, &delivery->body, &owed->delivery.body);
}

static bool must_wait(const struct kh_delivery *delivery, const struct kh_under_way *under_way)
{
  for (size_t i = 0; under_way && i < under_way->count; i++)
    if (strcmp(delivery->id, under_way->at[i].id) == 0 ||
        (under_way->at[i].is_full && strcmp(delivery->destination, under_way->at[i].destination) == 0))
      return true;
  return false;
}

static struct kh_none_owed *first_due(struct kh_none *none, const struct kh_under_way *under_way)
{
  struct kh_none_owed *first = NULL;

  for (size_t i = 0; i < none->owed_count; i++)
    if (!none->owed[i].now.gone && !must_wait(&none->owed[i].delivery, under_way) &&
        (!first || none->owed[i].now.not_before_us < first->now.not_before_us))
      first = &none->owed[i];
  return first;
}

enum kh_err kh_none_take(void *self, int64_t now_us, const struct kh_under_way *under_way,
                         struct kh_delivery *delivery)
{
  struct kh_none *none = self;
  const struct kh_none_owed *owed = first_due(none, under_way);

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

static enum kh_err record(struct kh_none *none, const char *id, struct kh_none_fate fate)
{
  struct kh_none_owed *owed = find_owed(none, id);

  if (none->in_batch && none->batch_failed)
    return KH_ERR_STORE;
  if (!owed)
    return KH_ERR_NOT_FOUND;
  owed->now = fate;
  if (!none->in_batch)
    kh_none_sweep(none);
  return KH_OK;
}

enum kh_err kh_none_done(void *self, const char *id, int64_t now_us, int64_t hold_until_us)
{
  (void)now_us;
  (void)hold_until_us;
  return record(self, id, (struct kh_none_fate){.gone = true});
}

enum kh_err kh_none_retry_at(void *self, const char *id, unsigned attempt, int64_t not_before_us,
                             const struct kh_failure *why)
{
  (void)why;
  return record(self, id, (struct kh_none_fate){false, attempt, not_before_us});
}

enum kh_err kh_none_bury(void *self, const char *id, unsigned attempt, int64_t now_us,
                         const struct kh_failure *why)
{
  (void)attempt;
  (void)now_us;
  (void)why;
  return record(self, id, (struct kh_none_fate){.gone = true});
}

enum kh_err kh_none_know_config(void *self, const unsigned char digest[KH_DIGEST_BYTES], int64_t now_us)
{
  (void)self;
  (void)digest;
  (void)now_us;
  return KH_OK;
}

enum kh_err kh_none_hold(void *self, const char *destination, int64_t until_us)
{
  (void)self;
  (void)destination;
  (void)until_us;
  return KH_OK;
}

enum kh_err kh_none_next_due(void *self, const struct kh_under_way *under_way, int64_t *at_us)
{
  const struct kh_none_owed *owed = first_due(self, under_way);

  if (!owed)
    return KH_ERR_NOT_FOUND;
  *at_us = owed->now.not_before_us;
  return KH_OK;
}
