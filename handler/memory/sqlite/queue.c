#include "base/base.h"

#include "memory/sqlite/batch.h"

static enum kh_err know_destination(struct kh_sqlite *sqlite, const struct kh_delivery *delivery)
{
  struct kh_call call = kh_call(sqlite->db, KH_SQL_OWE_TO);

  kh_call_text(&call, kh_str_of(delivery->credential));
  kh_call_text(&call, kh_str_of(delivery->place));
  return kh_call_run(&call);
}

static enum kh_err replace_older(struct kh_sqlite *sqlite, const struct kh_delivery *delivery)
{
  struct kh_call call = kh_call(sqlite->db, KH_SQL_REPLACE);

  kh_call_text(&call, kh_str_of(delivery->credential));
  kh_call_text(&call, kh_str_of(delivery->place));
  kh_call_text(&call, kh_str_of(delivery->entry));
  return kh_call_run(&call);
}

static enum kh_err insert(struct kh_sqlite *sqlite, const struct kh_delivery *delivery)
{
  struct kh_call call = kh_call(sqlite->db, KH_SQL_OWE);
  const char *const names[] = {delivery->id,    delivery->rule,  delivery->notifier, delivery->credential,
                               delivery->place, delivery->entry, delivery->event};

  for (size_t i = 0; i < KH_COUNT(names); i++)
    kh_call_text(&call, kh_str_of(names[i]));
  kh_call_bytes(&call, kh_buf_text(&delivery->body), delivery->body.len);
  kh_call_number(&call, delivery->attempt);
  kh_call_number(&call, delivery->not_before_us);
  kh_call_number(&call, delivery->expires_us);
  kh_call_number(&call, delivery->created_us);
  return kh_call_run(&call);
}

static enum kh_err owe(void *self, const struct kh_delivery *delivery)
{
  struct kh_sqlite *sqlite = self;
  enum kh_err err = kh_sqlite_need_batch(sqlite);

  if (err)
    return err;
  sqlite->has_grown = true;
  sqlite->grown_us = delivery->created_us;
  err = kh_sqlite_take_room(sqlite, delivery->body.len);
  if (!err && delivery->replaces)
    err = replace_older(sqlite, delivery);
  if (!err)
    err = know_destination(sqlite, delivery);
  if (!err)
    err = insert(sqlite, delivery);
  return kh_sqlite_note(sqlite, err);
}

/* In the order of KH_SQL_TAKE. */
static enum kh_err read_delivery(struct kh_sqlite *sqlite, const struct kh_call *call,
                                 struct kh_delivery *delivery)
{
  struct {
    char *at;
    size_t room;
  } texts[] = {{delivery->id, sizeof delivery->id},
               {delivery->rule, sizeof delivery->rule},
               {delivery->notifier, sizeof delivery->notifier},
               {delivery->credential, sizeof delivery->credential},
               {delivery->place, sizeof delivery->place},
               {delivery->entry, sizeof delivery->entry},
               {delivery->event, sizeof delivery->event}};

  for (size_t i = 0; i < KH_COUNT(texts); i++) {
    struct kh_str text = kh_call_text_at(call, (int)i);
    (void)snprintf(texts[i].at, texts[i].room, "%.*s", KH_FMT(text));
  }
  struct kh_str body = kh_call_text_at(call, 7);
  delivery->attempt = (unsigned)kh_call_number_at(call, 8);
  delivery->not_before_us = kh_call_number_at(call, 9);
  delivery->expires_us = kh_call_number_at(call, 10);
  delivery->created_us = kh_call_number_at(call, 11);
  delivery->since_us = kh_call_number_at(call, 12);
  delivery->failures = (unsigned)kh_call_number_at(call, 13);
  delivery->delivered_us = kh_call_number_at(call, 14);
  kh_buf_init(&delivery->body, body.len);
  return kh_buf_add(&delivery->body, body) ? kh_db_fail(sqlite->db, "no memory for a delivery") : KH_OK;
}

/* ---- what is first ---- */

enum { UNDER_WAY_BYTES = KH_UNDER_WAY_MAX * KH_DELIVERY_ID_BYTES + 2 };

/* What waits there for the longest time and is not under way. */
struct first {
  int64_t seq, held_until_us, not_before_us;
};

/* " one two ", or "". */
static void list_ids(const struct kh_under_way *under_way, char list[UNDER_WAY_BYTES])
{
  const size_t count = under_way ? under_way->count : 0;
  size_t len = 0;

  list[0] = '\0';
  for (size_t i = 0; i < count; i++)
    len += (size_t)snprintf(list + len, UNDER_WAY_BYTES - len, "%s%s ", i == 0 ? " " : "",
                            under_way->at[i].id);
}

static bool is_full(const struct kh_under_way *under_way, struct kh_str credential, struct kh_str place)
{
  for (size_t i = 0; under_way && i < under_way->count; i++)
    if (under_way->at[i].is_full && kh_str_equal(credential, kh_str_of(under_way->at[i].credential)) &&
        kh_str_equal(place, kh_str_of(under_way->at[i].place)))
      return true;
  return false;
}

/* Of the next destination that is not full. KH_ERR_NOT_FOUND at the end. */
static enum kh_err next_first(struct kh_call *firsts, const struct kh_under_way *under_way,
                              struct first *first)
{
  enum kh_err err = kh_call_row(firsts);

  while (!err && is_full(under_way, kh_call_text_at(firsts, 0), kh_call_text_at(firsts, 1)))
    err = kh_call_row(firsts);
  if (!err)
    *first = (struct first){.held_until_us = kh_call_number_at(firsts, 2),
                            .not_before_us = kh_call_number_at(firsts, 3),
                            .seq = kh_call_number_at(firsts, 4)};
  return err;
}

static bool is_before(const struct first *one, const struct first *other)
{
  return one->not_before_us < other->not_before_us ||
         (one->not_before_us == other->not_before_us && one->seq < other->seq);
}

static enum kh_err find_due(struct kh_sqlite *sqlite, int64_t now_us, const struct kh_under_way *under_way,
                            int64_t *seq)
{
  struct kh_call call = kh_call(sqlite->db, KH_SQL_FIRSTS);
  struct first found = {.not_before_us = INT64_MAX, .seq = INT64_MAX}, first;
  char ids[UNDER_WAY_BYTES];
  enum kh_err err;

  list_ids(under_way, ids);
  kh_call_text(&call, kh_str_of(ids));
  while (!(err = next_first(&call, under_way, &first)))
    if (first.held_until_us <= now_us && first.not_before_us <= now_us && is_before(&first, &found))
      found = first;
  kh_call_end(&call);
  *seq = found.seq;
  return err == KH_ERR_NOT_FOUND && found.seq < INT64_MAX ? KH_OK : err;
}

static enum kh_err take(void *self, int64_t now_us, const struct kh_under_way *under_way,
                        struct kh_delivery *delivery)
{
  struct kh_sqlite *sqlite = self;
  int64_t seq = 0;

  *delivery = (struct kh_delivery){0};
  enum kh_err err = find_due(sqlite, now_us, under_way, &seq);
  if (err)
    return kh_sqlite_note(sqlite, err);
  struct kh_call call = kh_call(sqlite->db, KH_SQL_TAKE);
  kh_call_number(&call, seq);
  err = kh_call_row(&call);
  if (!err)
    err = read_delivery(sqlite, &call, delivery);
  kh_call_end(&call);
  return kh_sqlite_note(sqlite, err);
}

static enum kh_err next_due(void *self, const struct kh_under_way *under_way, int64_t *at_us)
{
  struct kh_sqlite *sqlite = self;
  struct kh_call call = kh_call(sqlite->db, KH_SQL_FIRSTS);
  struct first first;
  char ids[UNDER_WAY_BYTES];
  bool found = false;
  enum kh_err err;

  list_ids(under_way, ids);
  kh_call_text(&call, kh_str_of(ids));
  while (!(err = next_first(&call, under_way, &first))) {
    const int64_t due_us = first.held_until_us > first.not_before_us ? first.held_until_us
                                                                     : first.not_before_us;

    *at_us = found && *at_us < due_us ? *at_us : due_us;
    found = true;
  }
  kh_call_end(&call);
  return kh_sqlite_note(sqlite, err == KH_ERR_NOT_FOUND && found ? KH_OK : err);
}

/* ---- what became of it ---- */

static enum kh_err record(struct kh_sqlite *sqlite, struct kh_call *call)
{
  enum kh_err err;

  if (sqlite->in_batch && sqlite->batch_failed) {
    kh_call_end(call);
    return KH_ERR_STORE;
  }
  sqlite->untidy = true;
  err = kh_call_run(call);
  sqlite->has_made_room = sqlite->has_made_room && (err || sqlite->in_batch);
  if (!err && kh_db_changes(sqlite->db) == 0)
    err = KH_ERR_NOT_FOUND;
  return kh_sqlite_note(sqlite, err);
}

/* Of a batch that was begun for one step, which came to ERR. */
static enum kh_err end_batch(struct kh_sqlite *sqlite, enum kh_err err)
{
  if (!err)
    return kh_sqlite_batch.end(sqlite);
  kh_sqlite_batch.drop(sqlite);
  return err;
}

/* What the destination learns from an outcome, if anything, and what becomes of the delivery: one sync. */
static enum kh_err record_both(struct kh_sqlite *sqlite, struct kh_call *destination,
                               struct kh_call *delivery, enum kh_counted what, int64_t now_us)
{
  bool alone = !sqlite->in_batch;
  enum kh_err err = alone ? kh_sqlite_batch.begin(sqlite) : KH_OK;

  if (!err && destination)
    err = record(sqlite, destination);
  else if (destination)
    kh_call_end(destination);
  if (!err)
    err = record(sqlite, delivery);
  else
    kh_call_end(delivery);
  if (!err)
    kh_sqlite_count(sqlite, what, 1, now_us);
  return alone ? end_batch(sqlite, err) : err;
}

static enum kh_err count(void *self, const char *id, unsigned attempt, int64_t now_us, int64_t again_us)
{
  struct kh_sqlite *sqlite = self;
  struct kh_call call = kh_call(sqlite->db, KH_SQL_COUNT);

  kh_call_text(&call, kh_str_of(id));
  kh_call_number(&call, attempt);
  kh_call_number(&call, again_us);
  kh_call_number(&call, now_us);
  return record(sqlite, &call);
}

static enum kh_err done(void *self, const char *id, int64_t now_us, int64_t rest_until_us)
{
  struct kh_sqlite *sqlite = self;
  struct kh_call success = kh_call(sqlite->db, KH_SQL_SUCCESS);
  struct kh_call removal = kh_call(sqlite->db, KH_SQL_DONE);

  kh_call_text(&success, kh_str_of(id));
  kh_call_number(&success, now_us);
  kh_call_number(&success, rest_until_us);
  kh_call_text(&removal, kh_str_of(id));
  return record_both(sqlite, &success, &removal, KH_COUNTED_DELIVERED, now_us);
}

/* What RETRY and BURY have in common. */
static struct kh_call failed(struct kh_sqlite *sqlite, enum kh_statement statement, const char *id,
                             unsigned attempt, int64_t at_us, const struct kh_failure *why)
{
  struct kh_call call = kh_call(sqlite->db, statement);

  kh_call_text(&call, kh_str_of(id));
  kh_call_number(&call, attempt);
  kh_call_number(&call, at_us);
  kh_call_text(&call, kh_str_of(why->reason));
  kh_call_number(&call, why->status);
  kh_call_text(&call, kh_str_of(why->answer));
  kh_call_number(&call, why->is_refusal);
  kh_call_number(&call, why->now_us);
  kh_call_number(&call, why->is_untried);
  return call;
}

static enum kh_err record_failure(struct kh_sqlite *sqlite, struct kh_call *failed, const char *id,
                                  const struct kh_failure *why, enum kh_counted what)
{
  if (why->rest_until_us == 0)
    return record_both(sqlite, NULL, failed, what, why->now_us);
  struct kh_call rests = kh_call(sqlite->db, KH_SQL_REST);

  kh_call_text(&rests, kh_str_of(id));
  kh_call_number(&rests, why->rest_until_us);
  kh_call_number(&rests, why->now_us);
  kh_call_number(&rests, why->failures);
  return record_both(sqlite, &rests, failed, what, why->now_us);
}

static enum kh_err retry(void *self, const char *id, unsigned attempt, int64_t not_before_us,
                         const struct kh_failure *why)
{
  struct kh_call call = failed(self, KH_SQL_RETRY, id, attempt, not_before_us, why);

  return record_failure(self, &call, id, why, KH_COUNTED_FAILED);
}

static enum kh_err bury(void *self, const char *id, unsigned attempt, int64_t now_us,
                        const struct kh_failure *why)
{
  struct kh_sqlite *sqlite = self;
  const bool alone = !sqlite->in_batch;
  enum kh_err err = alone ? kh_sqlite_batch.begin(sqlite) : KH_OK;

  if (err)
    return err;
  struct kh_call call = failed(sqlite, KH_SQL_BURY, id, attempt, now_us, why);
  sqlite->has_grown = true;
  sqlite->grown_us = now_us;
  err = record_failure(sqlite, &call, id, why, KH_COUNTED_DEAD);
  return alone ? end_batch(sqlite, err) : err;
}

static enum kh_err rest(void *self, const char *credential, const char *place, int64_t now_us,
                        int64_t until_us)
{
  struct kh_sqlite *sqlite = self;
  struct kh_call call = kh_call(sqlite->db, KH_SQL_REST_BY_NAME);

  kh_call_text(&call, kh_str_of(credential));
  kh_call_text(&call, kh_str_of(place));
  kh_call_number(&call, until_us);
  kh_call_number(&call, now_us);
  return record(sqlite, &call);
}

static enum kh_err begin_anew(struct kh_sqlite *sqlite, int64_t now_us)
{
  struct kh_call holds = kh_call(sqlite->db, KH_SQL_CONFIG_RESTS);
  struct kh_call refused = kh_call(sqlite->db, KH_SQL_CONFIG_REFUSED);
  struct kh_call prune = kh_call(sqlite->db, KH_SQL_PRUNE_DESTINATIONS);
  enum kh_err err = kh_call_run(&holds);

  kh_call_number(&refused, now_us);
  if (!err)
    err = kh_call_run(&refused);
  kh_call_number(&prune, now_us - (int64_t)KH_DESTINATION_AGE_S * 1000000);
  return err ? err : kh_call_run(&prune);
}

static enum kh_err mend(struct kh_sqlite *sqlite, enum kh_statement statement, int64_t now_us)
{
  struct kh_call call = kh_call(sqlite->db, statement);

  kh_call_number(&call, now_us);
  return kh_call_run(&call);
}

enum kh_err kh_sqlite_mend_waits(struct kh_sqlite *sqlite, int64_t now_us)
{
  return mend(sqlite, KH_SQL_MEND_WAITS, now_us);
}

static enum kh_err forget_dead(struct kh_sqlite *sqlite, int64_t now_us)
{
  struct kh_call call = kh_call(sqlite->db, KH_SQL_FORGET_OLD);

  kh_call_number(&call, now_us - sqlite->bounds.keep_dead_s * 1000000);
  return kh_call_run(&call);
}

static enum kh_err know_config(void *self, const unsigned char digest[KH_DIGEST_BYTES], int64_t now_us)
{
  struct kh_sqlite *sqlite = self;
  enum kh_err err = kh_sqlite_batch.begin(sqlite);

  if (err)
    return err;
  struct kh_call call = kh_call(sqlite->db, KH_SQL_CONFIG);
  kh_call_bytes(&call, digest, KH_DIGEST_BYTES);
  err = kh_call_run(&call);
  if (!err && kh_db_changes(sqlite->db) > 0)
    err = begin_anew(sqlite, now_us);
  if (!err)
    err = kh_sqlite_mend_waits(sqlite, now_us);
  if (!err)
    err = mend(sqlite, KH_SQL_MEND_RESTS, now_us);
  if (!err)
    err = forget_dead(sqlite, now_us);
  return end_batch(sqlite, kh_sqlite_note(sqlite, err));
}

static void bound(void *self, const struct kh_queue_bounds *bounds)
{
  struct kh_sqlite *sqlite = self;

  sqlite->bounds = *bounds;
}

const struct kh_queue_ops kh_sqlite_queue = {.owe = owe,
                                             .take = take,
                                             .count = count,
                                             .done = done,
                                             .retry = retry,
                                             .bury = bury,
                                             .next_due = next_due,
                                             .rest = rest,
                                             .know_config = know_config,
                                             .bound = bound,
                                             .use = kh_sqlite_use};
