#include "base/base.h"

#include "memory/sqlite/batch.h"

static enum kh_err know_destination(struct kh_sqlite *sqlite, const struct kh_delivery *delivery)
{
  struct kh_call call = kh_call(sqlite->db, KH_SQL_OWE_TO);

  kh_call_text(&call, kh_str_of(delivery->credential));
  kh_call_text(&call, kh_str_of(delivery->place));
  return kh_call_run(&call);
}

/* What replacing and its fates have in common. */
static struct kh_call older(struct kh_sqlite *sqlite, enum kh_statement statement,
                            const struct kh_delivery *delivery)
{
  struct kh_call call = kh_call(sqlite->db, statement);

  kh_call_text(&call, kh_str_of(delivery->credential));
  kh_call_text(&call, kh_str_of(delivery->place));
  kh_call_text(&call, kh_str_of(delivery->entry));
  return call;
}

static enum kh_err replace_older(struct kh_sqlite *sqlite, const struct kh_delivery *delivery)
{
  struct kh_call fates = older(sqlite, KH_SQL_FATES_OF_REPLACED, delivery);

  kh_call_number(&fates, delivery->created_us);
  enum kh_err err = kh_sqlite_fates(sqlite, &fates);
  if (err)
    return err;
  struct kh_call replace = older(sqlite, KH_SQL_REPLACE, delivery);
  return kh_sqlite_run_shared(sqlite, &replace, -1, 0, &(uint64_t){0});
}

/* *IS_NEW is false where its id is known. */
static enum kh_err insert(struct kh_sqlite *sqlite, const struct kh_delivery *delivery, bool *is_new)
{
  struct kh_call call = kh_db_owe(sqlite->db, delivery, sqlite->webhook);
  enum kh_err err = kh_call_run(&call);
  *is_new = !err && kh_db_changes(sqlite->db) > 0;
  return *is_new ? kh_sqlite_share(sqlite, kh_str_of(delivery->credential), 1, 0, (int64_t)delivery->body.len)
                 : err;
}

/* That the webhook at hand owes nothing more by DELIVERY, which an earlier one owes. */
static enum kh_err note_known(struct kh_sqlite *sqlite, const struct kh_delivery *delivery)
{
  struct kh_call fates = kh_call(sqlite->db, KH_SQL_FATES_OF_KNOWN);

  kh_call_text(&fates, kh_str_of(delivery->id));
  kh_call_number(&fates, sqlite->webhook);
  kh_call_number(&fates, delivery->created_us);
  return kh_sqlite_fates(sqlite, &fates);
}

/* One that is dead is owed again. */
static enum kh_err insert_anew(struct kh_sqlite *sqlite, const struct kh_delivery *delivery)
{
  struct kh_call fate = kh_call(sqlite->db, KH_SQL_FATE_OF_DEAD);
  uint64_t forgotten = 0;
  bool is_new = false;

  kh_call_text(&fate, kh_str_of(delivery->id));
  kh_call_number(&fate, delivery->created_us);
  enum kh_err err = kh_sqlite_fates(sqlite, &fate);
  if (err)
    return err;
  struct kh_call forget = kh_call(sqlite->db, KH_SQL_FORGET_DEAD);
  kh_call_text(&forget, kh_str_of(delivery->id));
  err = kh_sqlite_run_shared(sqlite, &forget, 0, -1, &forgotten);
  if (err)
    return err;
  return forgotten > 0 ? insert(sqlite, delivery, &is_new) : note_known(sqlite, delivery);
}

static enum kh_err owe(void *self, const struct kh_delivery *delivery)
{
  struct kh_sqlite *sqlite = self;
  enum kh_err err = kh_sqlite_need_batch(sqlite);
  bool is_new = true;

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
    err = insert(sqlite, delivery, &is_new);
  if (!err && !is_new)
    err = insert_anew(sqlite, delivery);
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

  for (size_t i = 0; i < KH_COUNT(texts); i++)
    kh_call_copy(call, (int)i, texts[i].at, texts[i].room);
  kh_call_copy(call, 14, delivery->subject, sizeof delivery->subject);
  struct kh_str body = kh_call_text_at(call, 7);
  delivery->attempt = (unsigned)kh_call_number_at(call, 8);
  delivery->not_before_us = kh_call_number_at(call, 9);
  delivery->expires_us = kh_call_number_at(call, 10);
  delivery->created_us = kh_call_number_at(call, 11);
  delivery->since_us = kh_call_number_at(call, 12);
  delivery->failures = (unsigned)kh_call_number_at(call, 13);
  kh_buf_init(&delivery->body, body.len);
  return kh_buf_add(&delivery->body, body) ? kh_db_fail(sqlite->db, "no memory for a delivery") : KH_OK;
}

/* ---- what is first ---- */

enum { UNDER_WAY_BYTES = KH_UNDER_WAY_MAX * KH_DELIVERY_ID_BYTES + 2, NAME_MAX_BYTES = 64 * 1024 };

/* What waits there for the longest time and is not under way. */
struct first {
  int64_t seq, held_until_us, not_before_us;
  bool is_known; /* its destination, but in a damaged file */
};

/* From one destination to the next, in the order of their names. */
struct walk {
  struct kh_sqlite *sqlite;
  const struct kh_under_way *under_way;
  char ids[UNDER_WAY_BYTES];
  struct kh_buf credential, place; /* of the last one; cut short, it would come again */
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

static void begin_walk(struct walk *walk, struct kh_sqlite *sqlite, const struct kh_under_way *under_way)
{
  walk->sqlite = sqlite;
  walk->under_way = under_way;
  kh_buf_init(&walk->credential, NAME_MAX_BYTES);
  kh_buf_init(&walk->place, NAME_MAX_BYTES);
  list_ids(under_way, walk->ids);
}

static void end_walk(struct walk *walk)
{
  kh_buf_release(&walk->credential);
  kh_buf_release(&walk->place);
}

static bool is_full(const struct walk *walk)
{
  for (size_t i = 0; walk->under_way && i < walk->under_way->count; i++)
    if (walk->under_way->at[i].is_full &&
        kh_str_equal(kh_buf_view(&walk->credential), kh_str_of(walk->under_way->at[i].credential)) &&
        kh_str_equal(kh_buf_view(&walk->place), kh_str_of(walk->under_way->at[i].place)))
      return true;
  return false;
}

static enum kh_err keep_name(struct kh_buf *name, const struct kh_call *call, int column)
{
  kh_buf_clear(name);
  return kh_buf_add(name, kh_call_text_at(call, column))
             ? kh_db_fail(call->db, "no memory for the name of a destination, or it is damaged")
             : KH_OK;
}

static enum kh_err step(struct walk *walk, struct first *first)
{
  struct kh_call call = kh_call(walk->sqlite->db, KH_SQL_FIRST);

  kh_call_text(&call, kh_str_of(walk->ids));
  kh_call_text(&call, kh_buf_view(&walk->credential));
  kh_call_text(&call, kh_buf_view(&walk->place));
  enum kh_err err = kh_call_row(&call);
  if (!err) {
    *first = (struct first){.held_until_us = kh_call_number_at(&call, 2),
                            .not_before_us = kh_call_number_at(&call, 3),
                            .seq = kh_call_number_at(&call, 4),
                            .is_known = !kh_call_is_null_at(&call, 2)};
    err = keep_name(&walk->credential, &call, 0);
  }
  if (!err)
    err = keep_name(&walk->place, &call, 1);
  kh_call_end(&call);
  return err;
}

/* Of the next destination that is not full. KH_ERR_NOT_FOUND at the end. */
static enum kh_err next_first(struct walk *walk, struct first *first)
{
  enum kh_err err = step(walk, first);

  while (!err && (is_full(walk) || !first->is_known))
    err = step(walk, first);
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
  struct first found = {.not_before_us = INT64_MAX, .seq = INT64_MAX}, first;
  struct walk walk;
  enum kh_err err;

  begin_walk(&walk, sqlite, under_way);
  while (!(err = next_first(&walk, &first)))
    if (first.held_until_us <= now_us && first.not_before_us <= now_us && is_before(&first, &found))
      found = first;
  end_walk(&walk);
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
  struct first first;
  struct walk walk;
  bool found = false;
  enum kh_err err;

  begin_walk(&walk, sqlite, under_way);
  while (!(err = next_first(&walk, &first))) {
    const int64_t due_us = first.held_until_us > first.not_before_us ? first.held_until_us
                                                                     : first.not_before_us;

    *at_us = found && *at_us < due_us ? *at_us : due_us;
    found = true;
  }
  end_walk(&walk);
  return kh_sqlite_note(sqlite, err == KH_ERR_NOT_FOUND && found ? KH_OK : err);
}

static enum kh_err delivered(void *self, const char *credential, int64_t *at_us)
{
  struct kh_sqlite *sqlite = self;
  struct kh_call call = kh_call(sqlite->db, KH_SQL_ARRIVED);

  kh_call_text(&call, kh_str_of(credential));
  enum kh_err err = kh_call_row(&call);
  *at_us = err ? 0 : kh_call_number_at(&call, 0);
  kh_call_end(&call);
  return kh_sqlite_note(sqlite, err);
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

/* An outcome is recorded in a batch, if need be in one of its own, which *ALONE says: one sync. */
static enum kh_err begin_outcome(struct kh_sqlite *sqlite, bool *alone)
{
  *alone = !sqlite->in_batch;
  return *alone ? kh_sqlite_batch.begin(sqlite) : kh_sqlite_need_batch(sqlite);
}

static enum kh_err end_outcome(struct kh_sqlite *sqlite, bool alone, enum kh_err err, enum kh_counted what,
                               int64_t now_us)
{
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

/* What it needs to know of a delivery that is done. */
struct found {
  char credential[KH_CREDENTIAL_BYTES], place[KH_PLACE_BYTES];
  int64_t seq, bytes, fate_bytes;
  bool is_dead;
};

static enum kh_err find(struct kh_sqlite *sqlite, const char *id, struct found *found)
{
  struct kh_call call = kh_call(sqlite->db, KH_SQL_FIND);

  kh_call_text(&call, kh_str_of(id));
  enum kh_err err = kh_call_row(&call);
  if (!err) {
    found->seq = kh_call_number_at(&call, 0);
    kh_call_copy(&call, 1, found->credential, sizeof found->credential);
    kh_call_copy(&call, 2, found->place, sizeof found->place);
    found->bytes = kh_call_number_at(&call, 3);
    found->is_dead = kh_call_number_at(&call, 4) != 0;
    found->fate_bytes = kh_call_number_at(&call, 5);
  }
  kh_call_end(&call);
  return kh_sqlite_note(sqlite, err);
}

static enum kh_err succeed(struct kh_sqlite *sqlite, const struct found *found, unsigned failures,
                           int64_t now_us, int64_t rest_until_us)
{
  struct kh_call call = kh_call(sqlite->db, KH_SQL_SUCCESS);

  kh_call_text(&call, kh_str_of(found->credential));
  kh_call_text(&call, kh_str_of(found->place));
  kh_call_number(&call, now_us);
  kh_call_number(&call, rest_until_us);
  kh_call_number(&call, failures);
  return record(sqlite, &call);
}

/* Without RETURNING, which costs as much as the row. */
static enum kh_err note_fate(struct kh_sqlite *sqlite, const struct found *found, int64_t now_us)
{
  struct kh_call call = kh_call(sqlite->db, KH_SQL_FATE_OF_DONE);

  if (sqlite->journal.max_entries == 0)
    return KH_OK;
  kh_call_number(&call, found->seq);
  kh_call_number(&call, now_us);
  enum kh_err err = kh_call_run(&call);
  if (!err && kh_db_changes(sqlite->db) > 0)
    sqlite->fates_bytes += found->fate_bytes;
  return kh_sqlite_note(sqlite, err);
}

static enum kh_err remove_found(struct kh_sqlite *sqlite, const struct found *found)
{
  struct kh_call call = kh_call(sqlite->db, KH_SQL_DONE);

  kh_call_number(&call, found->seq);
  enum kh_err err = record(sqlite, &call);
  return err ? err
             : kh_sqlite_share(sqlite, kh_str_of(found->credential), found->is_dead ? 0 : -1,
                               found->is_dead ? -1 : 0, found->bytes);
}

static enum kh_err done(void *self, const char *id, unsigned failures, int64_t now_us, int64_t rest_until_us)
{
  struct kh_sqlite *sqlite = self;
  struct found found;
  bool alone = false;
  enum kh_err err = begin_outcome(sqlite, &alone);

  if (!err)
    err = find(sqlite, id, &found);
  if (!err)
    err = succeed(sqlite, &found, failures, now_us, rest_until_us);
  if (!err)
    err = note_fate(sqlite, &found, now_us);
  if (!err)
    err = remove_found(sqlite, &found);
  return end_outcome(sqlite, alone, err, KH_COUNTED_DELIVERED, now_us);
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

/* Of its destination, if the failure says anything about that. */
static enum kh_err rest_after(struct kh_sqlite *sqlite, const char *id, const struct kh_failure *why)
{
  if (why->rest_until_us == 0)
    return KH_OK;
  struct kh_call call = kh_call(sqlite->db, KH_SQL_REST);

  kh_call_text(&call, kh_str_of(id));
  kh_call_number(&call, why->rest_until_us);
  kh_call_number(&call, why->now_us);
  kh_call_number(&call, why->failures);
  return record(sqlite, &call);
}

static enum kh_err retry(void *self, const char *id, unsigned attempt, int64_t not_before_us,
                         const struct kh_failure *why)
{
  struct kh_sqlite *sqlite = self;
  bool alone = false;
  enum kh_err err = begin_outcome(sqlite, &alone);

  if (!err)
    err = rest_after(sqlite, id, why);
  if (!err) {
    struct kh_call call = failed(sqlite, KH_SQL_RETRY, id, attempt, not_before_us, why);

    err = record(sqlite, &call);
  }
  return end_outcome(sqlite, alone, err, KH_COUNTED_FAILED, why->now_us);
}

static enum kh_err bury(void *self, const char *id, unsigned attempt, int64_t now_us,
                        const struct kh_failure *why)
{
  struct kh_sqlite *sqlite = self;
  uint64_t buried = 0;
  bool alone = false;
  enum kh_err err = begin_outcome(sqlite, &alone);

  if (!err)
    err = rest_after(sqlite, id, why);
  if (!err) {
    struct kh_call call = failed(sqlite, KH_SQL_BURY, id, attempt, now_us, why);

    sqlite->has_grown = true;
    sqlite->grown_us = now_us;
    err = kh_sqlite_run_shared(sqlite, &call, -1, 1, &buried);
  }
  if (!err && buried == 0)
    err = KH_ERR_NOT_FOUND;
  return end_outcome(sqlite, alone, err, KH_COUNTED_DEAD, why->now_us);
}

static enum kh_err rest(void *self, const char *credential, const char *place, int64_t now_us,
                        int64_t until_us)
{
  struct kh_sqlite *sqlite = self;
  struct kh_call call = kh_call(sqlite->db, place ? KH_SQL_REST_BY_NAME : KH_SQL_REST_CREDENTIAL);

  kh_call_text(&call, kh_str_of(credential));
  if (place)
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
  const int64_t before_us = now_us - sqlite->bounds.keep_dead_s * 1000000;
  struct kh_call fates = kh_call(sqlite->db, KH_SQL_FATES_OF_OLD);

  kh_call_number(&fates, before_us);
  kh_call_number(&fates, now_us);
  enum kh_err err = kh_sqlite_fates(sqlite, &fates);
  if (err)
    return err;
  struct kh_call call = kh_call(sqlite->db, KH_SQL_FORGET_OLD);
  kh_call_number(&call, before_us);
  return kh_sqlite_run_shared(sqlite, &call, 0, -1, &(uint64_t){0});
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
                                             .delivered = delivered,
                                             .told = kh_sqlite_said,
                                             .tell = kh_sqlite_say,
                                             .know_config = know_config,
                                             .bound = bound,
                                             .use = kh_sqlite_use};
