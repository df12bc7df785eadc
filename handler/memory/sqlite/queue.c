#include "base/base.h"

#include "memory/sqlite/batch.h"

/* What is taken, beside the time, is told apart by these values: ?2 to ?33. */
static void add_under_way(struct kh_call *call, const struct kh_under_way *under_way)
{
  const size_t count = under_way ? under_way->count : 0;

  for (size_t i = 0; i < KH_UNDER_WAY_MAX; i++)
    kh_call_text(call, kh_str_of(i < count ? under_way->at[i].id : ""));
  for (size_t i = 0; i < KH_UNDER_WAY_MAX; i++)
    kh_call_text(call, kh_str_of(i < count && under_way->at[i].is_full ? under_way->at[i].destination : ""));
}

static enum kh_err know_destination(struct kh_memory *memory, const struct kh_delivery *delivery)
{
  struct kh_call call = kh_call(memory->db, KH_SQL_OWE_TO);

  kh_call_text(&call, kh_str_of(delivery->destination));
  return kh_call_run(&call);
}

static enum kh_err replace_older(struct kh_memory *memory, const struct kh_delivery *delivery)
{
  struct kh_call call = kh_call(memory->db, KH_SQL_REPLACE);

  kh_call_text(&call, kh_str_of(delivery->destination));
  kh_call_text(&call, kh_str_of(delivery->entry));
  return kh_call_run(&call);
}

static enum kh_err owe(struct kh_memory *memory, const struct kh_delivery *delivery)
{
  struct kh_call call = kh_call(memory->db, KH_SQL_OWE);
  const char *const names[] = {delivery->id,          delivery->rule,  delivery->notifier,
                               delivery->destination, delivery->entry, delivery->event};

  for (size_t i = 0; i < KH_COUNT(names); i++)
    kh_call_text(&call, kh_str_of(names[i]));
  kh_call_text(&call, delivery->content_type);
  kh_call_bytes(&call, kh_buf_text(&delivery->body), delivery->body.len);
  kh_call_number(&call, delivery->attempt);
  kh_call_number(&call, delivery->not_before_us);
  kh_call_number(&call, delivery->expires_us);
  kh_call_number(&call, delivery->created_us);
  return kh_call_run(&call);
}

enum kh_err kh_owed_add(struct kh_memory *memory, const struct kh_delivery *delivery)
{
  enum kh_err err = KH_OK;

  if (delivery->content_type.len >= KH_CONTENT_TYPE_BYTES)
    return kh_db_fail(memory->db, "the content type of a delivery is too long");
  if (delivery->replaces)
    err = replace_older(memory, delivery);
  if (!err)
    err = know_destination(memory, delivery);
  return err ? err : owe(memory, delivery);
}

/* In the order of KH_SQL_TAKE. */
static enum kh_err read_delivery(struct kh_memory *memory, const struct kh_call *call,
                                 struct kh_delivery *delivery)
{
  struct {
    char *at;
    size_t room;
  } texts[] = {{delivery->id, sizeof delivery->id},
               {delivery->rule, sizeof delivery->rule},
               {delivery->notifier, sizeof delivery->notifier},
               {delivery->destination, sizeof delivery->destination},
               {delivery->entry, sizeof delivery->entry},
               {delivery->event, sizeof delivery->event},
               {memory->content_type, sizeof memory->content_type}};

  for (size_t i = 0; i < KH_COUNT(texts); i++) {
    struct kh_str text = kh_call_text_at(call, (int)i);
    (void)snprintf(texts[i].at, texts[i].room, "%.*s", KH_FMT(text));
  }
  struct kh_str body = kh_call_text_at(call, 7);
  delivery->content_type = kh_str_of(memory->content_type);
  delivery->attempt = (unsigned)kh_call_number_at(call, 8);
  delivery->not_before_us = kh_call_number_at(call, 9);
  delivery->expires_us = kh_call_number_at(call, 10);
  delivery->created_us = kh_call_number_at(call, 11);
  delivery->is_probe = kh_call_number_at(call, 12) != 0;
  kh_buf_init(&delivery->body, body.len);
  return kh_buf_add(&delivery->body, body) ? kh_db_fail(memory->db, "no memory for a delivery") : KH_OK;
}

enum kh_err kh_owed_take(void *self, int64_t now_us, const struct kh_under_way *under_way,
                         struct kh_delivery *delivery)
{
  struct kh_memory *memory = self;
  struct kh_call call = kh_call(memory->db, KH_SQL_TAKE);

  *delivery = (struct kh_delivery){0};
  kh_call_number(&call, now_us);
  add_under_way(&call, under_way);
  enum kh_err err = kh_call_row(&call);
  if (!err)
    err = read_delivery(memory, &call, delivery);
  kh_call_end(&call);
  return kh_memory_note(memory, err);
}

static enum kh_err record(struct kh_memory *memory, struct kh_call *call)
{
  enum kh_err err;

  if (memory->in_batch && memory->batch_failed) {
    kh_call_end(call);
    return KH_ERR_STORE;
  }
  memory->untidy = true;
  err = kh_call_run(call);
  memory->has_made_room = memory->has_made_room && (err || memory->in_batch);
  if (!err && kh_db_changes(memory->db) == 0)
    err = KH_ERR_NOT_FOUND;
  return kh_memory_note(memory, err);
}

/* What the destination learns from an outcome, and what becomes of the delivery: one sync. */
static enum kh_err record_both(struct kh_memory *memory, struct kh_call *destination,
                               struct kh_call *delivery)
{
  bool alone = !memory->in_batch;
  enum kh_err err = alone ? kh_memory_batch_begin(memory) : KH_OK;

  if (!err)
    err = record(memory, destination);
  else
    kh_call_end(destination);
  if (!err)
    err = record(memory, delivery);
  else
    kh_call_end(delivery);
  if (alone && !err)
    err = kh_memory_batch_end(memory);
  else if (alone)
    kh_memory_batch_drop(memory);
  return err;
}

enum kh_err kh_owed_done(void *self, const char *id, int64_t now_us, int64_t hold_until_us)
{
  struct kh_memory *memory = self;
  struct kh_call success = kh_call(memory->db, KH_SQL_SUCCESS);
  struct kh_call done = kh_call(memory->db, KH_SQL_DONE);

  kh_call_text(&success, kh_str_of(id));
  kh_call_number(&success, now_us);
  kh_call_number(&success, hold_until_us);
  kh_call_text(&done, kh_str_of(id));
  return record_both(memory, &success, &done);
}

/* RETRY and BURY take the same values. */
static enum kh_err fail(struct kh_memory *memory, enum kh_statement statement, const char *id,
                        unsigned attempt, int64_t at_us, const struct kh_failure *why)
{
  struct kh_call failed = kh_call(memory->db, statement);

  kh_call_text(&failed, kh_str_of(id));
  kh_call_number(&failed, attempt);
  kh_call_number(&failed, at_us);
  kh_call_text(&failed, kh_str_of(why->reason));
  kh_call_number(&failed, why->status);
  kh_call_text(&failed, kh_str_of(why->answer));
  kh_call_number(&failed, why->is_refusal);
  if (why->hold_until_us == 0)
    return record(memory, &failed);
  struct kh_call hold = kh_call(memory->db, KH_SQL_HOLD);

  kh_call_text(&hold, kh_str_of(id));
  kh_call_number(&hold, why->hold_until_us);
  return record_both(memory, &hold, &failed);
}

enum kh_err kh_owed_retry_at(void *self, const char *id, unsigned attempt, int64_t not_before_us,
                             const struct kh_failure *why)
{
  return fail(self, KH_SQL_RETRY, id, attempt, not_before_us, why);
}

enum kh_err kh_owed_bury(void *self, const char *id, unsigned attempt, int64_t now_us,
                         const struct kh_failure *why)
{
  return fail(self, KH_SQL_BURY, id, attempt, now_us, why);
}

enum kh_err kh_owed_hold(void *self, const char *destination, int64_t until_us)
{
  struct kh_memory *memory = self;
  struct kh_call call = kh_call(memory->db, KH_SQL_HOLD_BY_NAME);

  kh_call_text(&call, kh_str_of(destination));
  kh_call_number(&call, until_us);
  return record(memory, &call);
}

enum kh_err kh_owed_next_due(void *self, const struct kh_under_way *under_way, int64_t *at_us)
{
  struct kh_memory *memory = self;
  struct kh_call call = kh_call(memory->db, KH_SQL_NEXT);

  kh_call_number(&call, 0);
  add_under_way(&call, under_way);
  enum kh_err err = kh_call_row(&call);
  if (!err && kh_call_is_null_at(&call, 0))
    err = KH_ERR_NOT_FOUND;
  if (!err)
    *at_us = kh_call_number_at(&call, 0);
  kh_call_end(&call);
  return kh_memory_note(memory, err);
}

static enum kh_err begin_anew(struct kh_memory *memory, int64_t now_us)
{
  struct kh_call holds = kh_call(memory->db, KH_SQL_CONFIG_HOLDS);
  struct kh_call refused = kh_call(memory->db, KH_SQL_CONFIG_REFUSED);
  struct kh_call prune = kh_call(memory->db, KH_SQL_PRUNE_DESTINATIONS);
  enum kh_err err = kh_call_run(&holds);

  kh_call_number(&refused, now_us);
  if (!err)
    err = kh_call_run(&refused);
  kh_call_number(&prune, now_us - (int64_t)KH_DESTINATION_AGE_S * 1000000);
  return err ? err : kh_call_run(&prune);
}

static enum kh_err mend(struct kh_memory *memory, enum kh_statement statement, int64_t now_us)
{
  struct kh_call call = kh_call(memory->db, statement);

  kh_call_number(&call, now_us);
  kh_call_number(&call, now_us + (int64_t)KH_WAIT_MAX_S * 1000000);
  return kh_call_run(&call);
}

enum kh_err kh_owed_know_config(void *self, const unsigned char digest[KH_DIGEST_BYTES], int64_t now_us)
{
  struct kh_memory *memory = self;
  enum kh_err err = kh_memory_batch_begin(memory);

  if (err)
    return err;
  struct kh_call call = kh_call(memory->db, KH_SQL_CONFIG);
  kh_call_bytes(&call, digest, KH_DIGEST_BYTES);
  err = kh_call_run(&call);
  if (!err && kh_db_changes(memory->db) > 0)
    err = begin_anew(memory, now_us);
  if (!err)
    err = mend(memory, KH_SQL_MEND_WAITS, now_us);
  if (!err)
    err = mend(memory, KH_SQL_MEND_HOLDS, now_us);
  if (kh_memory_note(memory, err)) {
    kh_memory_batch_drop(memory);
    return err;
  }
  return kh_memory_batch_end(memory);
}
