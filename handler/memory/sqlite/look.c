#include "base/base.h"

#include "memory/sqlite/look_parts.h"

enum kh_err kh_look_open(struct kh_look **look, const char *state, enum kh_look_for what,
                         struct kh_diag *diag)
{
  enum kh_err err = KH_OK;

  *look = calloc(1, sizeof **look);
  if (!*look)
    return kh_diag_set(diag, KH_ERR_STORE, "no memory");
  err = kh_db_open(&(*look)->db, state, what == KH_LOOK_ONLY ? KH_DB_LOOK : KH_DB_CHANGE, diag);
  if (!err || err == KH_ERR_NOT_FOUND)
    return KH_OK;
  free(*look);
  *look = NULL;
  return err;
}

void kh_look_close(struct kh_look *look)
{
  bool done = false;

  if (!look)
    return;
  if (look->has_changed)
    (void)!kh_db_empty_log(look->db, &done);
  kh_db_close(look->db);
  free(look);
}

enum kh_err kh_look_rows(struct kh_look *look, struct kh_call *call,
                         bool (*tell)(const struct kh_call *call, void *self), void *self,
                         struct kh_diag *diag)
{
  bool more = true;
  enum kh_err err = KH_OK;

  while (more && !(err = kh_call_row(call)))
    more = tell(call, self);
  err = err == KH_ERR_NOT_FOUND ? KH_OK : kh_look_problem(look, err, diag);
  kh_call_end(call);
  return err;
}

/* ?1 to ?7 of what a person asks for. */
static struct kh_call filtered(const struct kh_look *look, enum kh_statement statement,
                               const struct kh_look_filter *filter, int64_t now_us)
{
  struct kh_call call = kh_call(look->db, statement);
  const struct kh_str texts[] = {filter->id, filter->state, filter->notifier, filter->destination,
                                 filter->event};

  kh_call_number(&call, now_us);
  for (size_t i = 0; i < KH_COUNT(texts); i++)
    kh_call_text(&call, texts[i]);
  kh_call_number(&call, filter->created_before_us);
  return call;
}

/* In the order of KH_SQL_LIST. */
static void read_delivery(const struct kh_call *call, struct kh_look_delivery *delivery)
{
  struct kh_str *const texts[] = {
      &delivery->id,    &delivery->rule,  &delivery->notifier, &delivery->credential, &delivery->place,
      &delivery->entry, &delivery->event, &delivery->reason,   &delivery->answer,     &delivery->state};
  int64_t *const numbers[] = {&delivery->body_bytes, &delivery->attempt,       &delivery->status,
                              &delivery->created_us, &delivery->not_before_us, &delivery->expires_us,
                              &delivery->dead_us};

  for (size_t i = 0; i < KH_COUNT(texts); i++)
    *texts[i] = kh_call_text_at(call, (int)i);
  for (size_t i = 0; i < KH_COUNT(numbers); i++)
    *numbers[i] = kh_call_number_at(call, (int)(KH_COUNT(texts) + i));
  delivery->pipeline = kh_call_text_at(call, KH_COUNT(texts) + KH_COUNT(numbers));
  delivery->build_number = kh_call_number_at(call, KH_COUNT(texts) + KH_COUNT(numbers) + 1);
}

enum kh_err kh_look_deliveries(struct kh_look *look, const struct kh_look_filter *filter, int64_t now_us,
                               bool (*each)(void *self, const struct kh_look_delivery *delivery), void *self,
                               struct kh_diag *diag)
{
  bool more = true;
  enum kh_err err = KH_OK;

  if (!look->db)
    return KH_OK;
  struct kh_call call = filtered(look, KH_SQL_LIST, filter, now_us);
  while (more && !(err = kh_call_row(&call))) {
    struct kh_look_delivery delivery;

    read_delivery(&call, &delivery);
    more = each(self, &delivery);
  }
  err = err == KH_ERR_NOT_FOUND ? KH_OK : kh_look_problem(look, err, diag);
  kh_call_end(&call);
  return err;
}

enum kh_err kh_look_can_shrink(struct kh_look *look, bool *can_shrink, struct kh_diag *diag)
{
  *can_shrink = true;
  if (!look->db)
    return KH_OK;
  struct kh_call call = kh_call(look->db, KH_SQL_CAN_SHRINK);
  enum kh_err err = kh_look_problem(look, kh_call_row(&call), diag);
  if (!err)
    *can_shrink = kh_call_number_at(&call, 0) != 0;
  kh_call_end(&call);
  return err;
}

enum kh_err kh_look_body(struct kh_look *look, struct kh_str id, struct kh_buf *body, struct kh_diag *diag)
{
  enum kh_err err = KH_OK;

  if (!look->db)
    return KH_ERR_NOT_FOUND;
  struct kh_call call = kh_call(look->db, KH_SQL_SHOW);
  kh_call_text(&call, id);
  err = kh_look_problem(look, kh_call_row(&call), diag);
  if (!err)
    err = kh_buf_add(body, kh_call_text_at(&call, 0));
  kh_call_end(&call);
  return err;
}

enum kh_err kh_look_destinations(struct kh_look *look, int64_t now_us,
                                 void (*each)(void *self, const struct kh_look_destination *destination),
                                 void *self, struct kh_diag *diag)
{
  enum kh_err err = KH_OK;

  if (!look->db)
    return KH_OK;
  struct kh_call call = kh_call(look->db, KH_SQL_DESTINATIONS);
  kh_call_number(&call, now_us);
  while (!(err = kh_call_row(&call))) {
    const struct kh_look_destination destination = {.credential = kh_call_text_at(&call, 0),
                                                    .place = kh_call_text_at(&call, 1),
                                                    .delivered_us = kh_call_number_at(&call, 2),
                                                    .held_until_us = kh_call_number_at(&call, 3),
                                                    .due = kh_call_number_at(&call, 4),
                                                    .waiting = kh_call_number_at(&call, 5),
                                                    .dead = kh_call_number_at(&call, 6),
                                                    .oldest_us = kh_call_number_at(&call, 7),
                                                    .next_us = kh_call_number_at(&call, 8),
                                                    .refused = kh_call_number_at(&call, 9),
                                                    .refused_us = kh_call_number_at(&call, 10),
                                                    .failing_us = kh_call_number_at(&call, 11),
                                                    .reason = kh_call_text_at(&call, 12),
                                                    .dead_us = kh_call_number_at(&call, 13)};
    each(self, &destination);
  }
  err = err == KH_ERR_NOT_FOUND ? KH_OK : kh_look_problem(look, err, diag);
  kh_call_end(&call);
  return err;
}

enum kh_err kh_look_counts(struct kh_look *look, int64_t now_us, struct kh_look_counts *today,
                           struct kh_look_counts *all, struct kh_diag *diag)
{
  enum kh_err err = KH_OK;

  *today = *all = (struct kh_look_counts){0};
  if (!look->db)
    return KH_OK;
  struct kh_call call = kh_call(look->db, KH_SQL_COUNTS);
  kh_call_number(&call, now_us / KH_DAY_US);
  while (!(err = kh_call_row(&call)))
    *(kh_call_number_at(&call, 0) == 0 ? all : today) = (struct kh_look_counts){
        .accepted = kh_call_number_at(&call, 1),
        .repeats = kh_call_number_at(&call, 2),
        .delivered = kh_call_number_at(&call, 3),
        .failed = kh_call_number_at(&call, 4),
        .dead = kh_call_number_at(&call, 5),
    };
  err = err == KH_ERR_NOT_FOUND ? KH_OK : kh_look_problem(look, err, diag);
  kh_call_end(&call);
  return err;
}

enum kh_err kh_look_change(struct kh_look *look, struct kh_call *call, int64_t *count, struct kh_diag *diag)
{
  enum kh_err err = kh_look_problem(look, kh_call_run(call), diag);

  *count = err ? 0 : kh_db_changes(look->db);
  look->has_changed = look->has_changed || *count > 0;
  return err;
}

enum kh_err kh_look_run(struct kh_look *look, enum kh_statement statement, struct kh_diag *diag)
{
  struct kh_call call = kh_call(look->db, statement);

  return kh_look_problem(look, kh_call_run(&call), diag);
}

enum kh_err kh_look_end_change(struct kh_look *look, enum kh_err err, struct kh_diag *diag)
{
  if (!err)
    err = kh_look_run(look, KH_SQL_FORGET_SHARES, diag);
  if (!err)
    err = kh_look_run(look, KH_SQL_COUNT_SHARES, diag);
  if (!err)
    err = kh_look_run(look, KH_SQL_COMMIT, diag);
  if (err && kh_db_in_transaction(look->db))
    (void)!kh_look_run(look, KH_SQL_ROLLBACK, NULL);
  return err;
}

enum kh_err kh_look_redrive(struct kh_look *look, const struct kh_look_filter *filter, int64_t now_us,
                            int64_t lifetime_max_us, int64_t *count, struct kh_diag *diag)
{
  int64_t released = 0;

  *count = 0;
  if (!look->db)
    return KH_OK;
  enum kh_err err = kh_look_run(look, KH_SQL_BEGIN, diag);
  if (err)
    return err;
  struct kh_call release = filtered(look, KH_SQL_RELEASE, filter, now_us);
  err = kh_look_change(look, &release, &released, diag);
  if (!err) {
    struct kh_call redrive = filtered(look, KH_SQL_REDRIVE, filter, now_us);

    kh_call_number(&redrive, lifetime_max_us);
    err = kh_look_change(look, &redrive, count, diag);
  }
  return kh_look_end_change(look, err, diag);
}

enum kh_err kh_look_drop(struct kh_look *look, const struct kh_look_filter *filter, int64_t now_us,
                         int64_t *count, struct kh_diag *diag)
{
  *count = 0;
  if (!look->db)
    return KH_OK;
  enum kh_err err = kh_look_run(look, KH_SQL_BEGIN, diag);
  if (err)
    return err;
  struct kh_call fates = filtered(look, KH_SQL_FATES_OF_DROPPED, filter, now_us);
  err = kh_look_problem(look, kh_call_run(&fates), diag);
  if (!err) {
    struct kh_call call = filtered(look, KH_SQL_DROP, filter, now_us);

    err = kh_look_change(look, &call, count, diag);
  }
  return kh_look_end_change(look, err, diag);
}
