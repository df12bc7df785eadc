#include "base/base.h"

#include "memory/memory.h"

enum kh_err kh_owed_add(struct kh_memory *memory, const struct kh_delivery *delivery)
{
  struct kh_call call = kh_call(memory->db, KH_SQL_OWE);
  const char *const names[] = {delivery->id,          delivery->rule,  delivery->notifier,
                               delivery->destination, delivery->entry, delivery->event};

  if (delivery->content_type.len >= KH_CONTENT_TYPE_BYTES)
    return kh_db_fail(memory->db, "the content type of a delivery is too long");
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
  kh_buf_init(&delivery->body, body.len);
  return kh_buf_add(&delivery->body, body) ? kh_db_fail(memory->db, "no memory for a delivery") : KH_OK;
}

enum kh_err kh_owed_take(void *self, int64_t now_us, struct kh_delivery *delivery)
{
  struct kh_memory *memory = self;
  struct kh_call call = kh_call(memory->db, KH_SQL_TAKE);

  *delivery = (struct kh_delivery){0};
  kh_call_number(&call, now_us);
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
  if (!err && kh_db_changes(memory->db) == 0)
    err = KH_ERR_NOT_FOUND;
  return kh_memory_note(memory, err);
}

/* To the call's values. */
static void add_failure(struct kh_call *call, const struct kh_failure *why)
{
  kh_call_text(call, kh_str_of(why->reason));
  kh_call_number(call, why->status);
  kh_call_text(call, kh_str_of(why->answer));
}

static enum kh_err note_success(struct kh_memory *memory, const char *id, int64_t now_us)
{
  struct kh_call call = kh_call(memory->db, KH_SQL_SUCCESS);

  kh_call_text(&call, kh_str_of(id));
  kh_call_number(&call, now_us);
  return record(memory, &call);
}

enum kh_err kh_owed_done(void *self, const char *id, int64_t now_us)
{
  struct kh_memory *memory = self;
  bool alone = !memory->in_batch; /* two statements, one sync */
  enum kh_err err = alone ? kh_memory_batch_begin(memory) : KH_OK;

  if (!err)
    err = note_success(memory, id, now_us);
  if (!err) {
    struct kh_call call = kh_call(memory->db, KH_SQL_DONE);

    kh_call_text(&call, kh_str_of(id));
    err = record(memory, &call);
  }
  if (alone && !err)
    err = kh_memory_batch_end(memory);
  else if (alone)
    kh_memory_batch_drop(memory);
  return err;
}

enum kh_err kh_owed_retry_at(void *self, const char *id, unsigned attempt, int64_t not_before_us,
                             const struct kh_failure *why)
{
  struct kh_memory *memory = self;
  struct kh_call call = kh_call(memory->db, KH_SQL_RETRY);

  kh_call_text(&call, kh_str_of(id));
  kh_call_number(&call, attempt);
  kh_call_number(&call, not_before_us);
  add_failure(&call, why);
  return record(memory, &call);
}

enum kh_err kh_owed_bury(void *self, const char *id, unsigned attempt, int64_t now_us,
                         const struct kh_failure *why)
{
  struct kh_memory *memory = self;
  struct kh_call call = kh_call(memory->db, KH_SQL_BURY);

  kh_call_text(&call, kh_str_of(id));
  kh_call_number(&call, attempt);
  kh_call_number(&call, now_us);
  add_failure(&call, why);
  return record(memory, &call);
}

enum kh_err kh_owed_next_due(void *self, int64_t *at_us)
{
  struct kh_memory *memory = self;
  struct kh_call call = kh_call(memory->db, KH_SQL_NEXT);
  enum kh_err err = kh_call_row(&call);

  if (!err && kh_call_is_null_at(&call, 0))
    err = KH_ERR_NOT_FOUND;
  if (!err)
    *at_us = kh_call_number_at(&call, 0);
  kh_call_end(&call);
  return kh_memory_note(memory, err);
}
