#include "base/base.h"

#include "memory/sqlite/journal.h"
#include "memory/sqlite/look_parts.h"
#include "memory/sqlite/past.h"

#include <jansson.h>

/* Rows that are read at once, and what of them is held then. */
enum { CHUNK_ROWS = 64, CHUNK_MAX_BYTES = 64 * 1024 * 1024 };

/* ---- webhooks ---- */

struct chunk {
  size_t count;
  struct kh_buf bytes; /* of all texts */
  struct kh_look_webhook at[CHUNK_ROWS];
};

enum { TEXTS = 15 };

/* In the order of the statement, behind the numbers. */
static void list_texts(struct kh_look_webhook *webhook, struct kh_str *verdict, struct kh_str *texts[TEXTS])
{
  struct kh_str *const all[TEXTS] = {
      &webhook->entry,  &webhook->request_id, &webhook->event,     &webhook->organization, &webhook->pipeline,
      &webhook->branch, &webhook->state,      &webhook->build_id,  &webhook->job,          verdict,
      &webhook->proof,  &webhook->secret,     &webhook->decisions, &webhook->notes,        &webhook->kept};

  memcpy(texts, all, sizeof all);
}

/* Its texts hold as long as the call's row; behind it, those in BYTES do. */
static void read_webhook(const struct kh_call *call, struct kh_look_webhook *webhook, struct kh_buf *bytes)
{
  int64_t *const numbers[] = {&webhook->seq,        &webhook->build_number, &webhook->received_us,
                              &webhook->done_us,    &webhook->sent_s,       &webhook->bytes,
                              &webhook->deliveries, &webhook->rule_list};
  struct kh_str verdict = KH_NO_STR;
  struct kh_str *texts[TEXTS];

  for (size_t i = 0; i < KH_COUNT(numbers); i++)
    *numbers[i] = kh_call_number_at(call, (int)i);
  list_texts(webhook, &verdict, texts);
  for (size_t i = 0; i < TEXTS; i++) {
    *texts[i] = kh_call_text_at(call, (int)(KH_COUNT(numbers) + i));
    if (texts[i] != &verdict)
      (void)kh_buf_add(bytes, *texts[i]);
  }
  webhook->verdict = kh_reason_by_word(verdict);
}

/* From the call's rows, which are gone, into BYTES, which has moved as it grew. */
static void point(struct chunk *chunk)
{
  struct kh_str verdict = KH_NO_STR;
  const char *at = kh_buf_text(&chunk->bytes);

  for (size_t row = 0; row < chunk->count; row++) {
    struct kh_str *texts[TEXTS];

    list_texts(&chunk->at[row], &verdict, texts);
    for (size_t i = 0; i < TEXTS; i++) {
      texts[i]->at = at;
      at += texts[i]->len;
    }
  }
}

/* What of WHICH stands between two numbers, which become those of what is left. */
struct cursor {
  int64_t after, before;
};

/* A number is how people call one. */
static bool is_seq(struct kh_str id, int64_t *seq)
{
  uint64_t number = 0;

  if (!kh_str_u64(id, &number) || number > INT64_MAX - 1)
    return false;
  *seq = (int64_t)number;
  return true;
}

static struct cursor begin_at(const struct kh_look_which *which, struct kh_str *id)
{
  struct cursor cursor = {which->after_seq, INT64_MAX};
  int64_t seq = 0;

  *id = which->id;
  if (is_seq(which->id, &seq)) {
    *id = KH_NO_STR;
    cursor.after = seq - 1 > cursor.after ? seq - 1 : cursor.after;
    cursor.before = seq + 1;
  }
  return cursor;
}

static enum kh_err read_chunk(struct kh_look *look, const struct kh_look_which *which, struct kh_str id,
                              const struct cursor *cursor, struct chunk *chunk, struct kh_diag *diag)
{
  const enum kh_reason reason = kh_reason_by_word(which->reason);
  const unsigned char byte = (unsigned char)reason;
  struct kh_call call = kh_call(look->db, which->newest_first ? KH_SQL_WEBHOOKS_BACK : KH_SQL_WEBHOOKS);
  enum kh_err err = KH_OK;

  kh_buf_clear(&chunk->bytes);
  chunk->count = 0;
  kh_call_number(&call, cursor->after);
  kh_call_number(&call, cursor->before);
  kh_call_number(&call, which->since_us);
  kh_call_number(&call, which->build_number);
  kh_call_text(&call, id);
  kh_call_text(&call, which->event);
  kh_call_text(&call, which->branch);
  kh_call_text(&call, which->pipeline);
  kh_call_text(&call, which->verdict);
  kh_call_bytes(&call, &byte, which->reason.len > 0);
  kh_call_number(&call, CHUNK_ROWS);
  while (chunk->count < CHUNK_ROWS && !(err = kh_call_row(&call)))
    read_webhook(&call, &chunk->at[chunk->count++], &chunk->bytes);
  kh_call_end(&call);
  err = err == KH_ERR_NOT_FOUND ? KH_OK : kh_look_problem(look, err, diag);
  if (!err && kh_buf_ok(&chunk->bytes))
    err = kh_diag_set(diag, KH_ERR_STORE, "no memory for a part of the journal");
  if (!err)
    point(chunk);
  return err;
}

enum kh_err kh_look_webhooks(struct kh_look *look, const struct kh_look_which *which,
                             bool (*each)(void *self, const struct kh_look_webhook *webhook), void *self,
                             struct kh_diag *diag)
{
  struct chunk *chunk = look->db ? calloc(1, sizeof *chunk) : NULL;
  struct kh_str id = KH_NO_STR;
  struct cursor cursor = begin_at(which, &id);
  bool more = chunk != NULL;
  int64_t told = 0;
  enum kh_err err = KH_OK;

  if (!chunk)
    return look->db ? kh_diag_set(diag, KH_ERR_STORE, "no memory") : KH_OK;
  kh_buf_init(&chunk->bytes, CHUNK_MAX_BYTES);
  while (more && !err) {
    err = read_chunk(look, which, id, &cursor, chunk, diag);
    for (size_t i = 0; more && !err && i < chunk->count; i++) {
      more = each(self, &chunk->at[i]) && ++told != which->max;
      *(which->newest_first ? &cursor.before : &cursor.after) = chunk->at[i].seq;
    }
    more = more && chunk->count == CHUNK_ROWS;
  }
  kh_buf_release(&chunk->bytes);
  free(chunk);
  return err;
}

/* ---- decisions ---- */

static struct kh_str member_of(const json_t *object, const char *key)
{
  const json_t *member = json_object_get(object, key);

  return json_is_string(member) ? kh_str(json_string_value(member), json_string_length(member)) : KH_NO_STR;
}

static json_t *parse(struct kh_str text)
{
  return text.len > 0 ? json_loadb(text.at, text.len, 0, NULL) : NULL;
}

static enum kh_err read_rules(struct kh_look *look, int64_t id, json_t **rules, struct kh_diag *diag)
{
  struct kh_call call = kh_call(look->db, KH_SQL_RULES_OF);

  kh_call_number(&call, id);
  enum kh_err err = kh_call_row(&call);
  *rules = err ? NULL : parse(kh_call_text_at(&call, 0));
  kh_call_end(&call);
  return err == KH_ERR_NOT_FOUND ? KH_OK : kh_look_problem(look, err, diag);
}

static struct kh_look_decision decision_of(const struct kh_look_webhook *webhook, size_t at,
                                           const json_t *rule, const json_t *notes)
{
  char place[24];

  (void)snprintf(place, sizeof place, "%zu", at);
  return (struct kh_look_decision){.at = at,
                                   .rule = member_of(rule, "name"),
                                   .notifier = member_of(rule, "notifier"),
                                   .destination = member_of(rule, "destination"),
                                   .digest = member_of(rule, "digest"),
                                   .reason = (enum kh_reason)(unsigned char)webhook->decisions.at[at],
                                   .note = member_of(notes, place)};
}

enum kh_err kh_look_decisions(struct kh_look *look, const struct kh_look_webhook *webhook,
                              bool (*each)(void *self, const struct kh_look_decision *decision), void *self,
                              struct kh_diag *diag)
{
  json_t *rules = NULL, *notes = parse(webhook->notes);
  enum kh_err err = look->db ? read_rules(look, webhook->rule_list, &rules, diag) : KH_OK;
  bool more = true;

  for (size_t i = 0; more && !err && i < webhook->decisions.len; i++) {
    const struct kh_look_decision decision = decision_of(webhook, i, json_array_get(rules, i), notes);

    more = each(self, &decision);
  }
  json_decref(rules);
  json_decref(notes);
  return err;
}

/* ---- what is read row by row ---- */

struct fates {
  bool (*each)(void *self, const struct kh_look_fate *fate);
  void *self;
};

/* In the order of KH_SQL_FATES. */
static bool tell_fate(const struct kh_call *call, void *self)
{
  const struct fates *fates = self;
  const struct kh_look_fate fate = {.webhook = kh_call_number_at(call, 0),
                                    .id = kh_call_text_at(call, 1),
                                    .rule = kh_call_text_at(call, 2),
                                    .notifier = kh_call_text_at(call, 3),
                                    .credential = kh_call_text_at(call, 4),
                                    .place = kh_call_text_at(call, 5),
                                    .detail = kh_call_text_at(call, 6),
                                    .answer = kh_call_text_at(call, 7),
                                    .tries = kh_call_text_at(call, 8),
                                    .reason = (enum kh_reason)kh_call_number_at(call, 9),
                                    .is_owed = kh_call_number_at(call, 10) != 0,
                                    .status = kh_call_number_at(call, 11),
                                    .attempts = kh_call_number_at(call, 12),
                                    .created_us = kh_call_number_at(call, 13),
                                    .next_us = kh_call_number_at(call, 14),
                                    .ended_us = kh_call_number_at(call, 15)};

  return fates->each(fates->self, &fate);
}

enum kh_err kh_look_fates(struct kh_look *look, int64_t seq, int64_t now_us,
                          bool (*each)(void *self, const struct kh_look_fate *fate), void *self,
                          struct kh_diag *diag)
{
  struct fates fates = {each, self};

  if (!look->db)
    return KH_OK;
  struct kh_call call = kh_call(look->db, KH_SQL_FATES);
  kh_call_number(&call, seq > 0 ? seq : 1);
  kh_call_number(&call, seq > 0 ? seq : INT64_MAX);
  kh_call_number(&call, now_us);
  return kh_look_rows(look, &call, tell_fate, &fates, diag);
}

struct events_seen {
  bool (*each)(void *self, const struct kh_look_event_seen *seen);
  void *self;
};

/* In the order of KH_SQL_EVENTS_SEEN. */
static bool tell_seen(const struct kh_call *call, void *self)
{
  const struct events_seen *events = self;
  const struct kh_look_event_seen seen = {kh_call_text_at(call, 0), kh_call_text_at(call, 1),
                                          kh_call_number_at(call, 2), kh_call_number_at(call, 3)};

  return events->each(events->self, &seen);
}

enum kh_err kh_look_events_seen(struct kh_look *look,
                                bool (*each)(void *self, const struct kh_look_event_seen *seen), void *self,
                                struct kh_diag *diag)
{
  struct events_seen events = {each, self};

  if (!look->db)
    return KH_OK;
  struct kh_call call = kh_call(look->db, KH_SQL_EVENTS_SEEN);
  return kh_look_rows(look, &call, tell_seen, &events, diag);
}

enum kh_err kh_look_span(struct kh_look *look, struct kh_look_span *span, struct kh_diag *diag)
{
  *span = (struct kh_look_span){0};
  if (!look->db)
    return KH_OK;
  struct kh_call call = kh_call(look->db, KH_SQL_SPAN);
  enum kh_err err = kh_look_problem(look, kh_call_row(&call), diag);
  if (!err)
    *span = (struct kh_look_span){.webhooks = kh_call_number_at(&call, 0),
                                  .first_seq = kh_call_number_at(&call, 1),
                                  .last_seq = kh_call_number_at(&call, 2),
                                  .first_us = kh_call_number_at(&call, 3),
                                  .last_us = kh_call_number_at(&call, 4),
                                  .bytes = kh_call_number_at(&call, 5)};
  kh_call_end(&call);
  return err;
}

/* ---- owing once more ---- */

static enum kh_err owe_one(struct kh_look *look, const struct kh_delivery *delivery, int64_t webhook)
{
  struct kh_call to = kh_call(look->db, KH_SQL_OWE_TO);

  kh_call_text(&to, kh_str_of(delivery->credential));
  kh_call_text(&to, kh_str_of(delivery->place));
  enum kh_err err = kh_call_run(&to);
  if (err)
    return err;
  struct kh_call owe = kh_db_owe(look->db, delivery, webhook);
  return kh_call_run(&owe);
}

/* A worker may have told a newer state since who owes it asked. */
static enum kh_err tell_one(struct kh_look *look, const struct kh_told_row *row, int64_t now_us)
{
  int64_t value = 0;
  bool told = false;
  enum kh_err err = kh_db_was_told(look->db, row->what, now_us, &told, &value);

  if (err)
    return err;
  return value > row->value ? kh_db_fail(look->db, "a newer webhook has told its state meanwhile: try again")
                            : kh_db_tell(look->db, row->what, now_us, row->value);
}

static enum kh_err tell_all(struct kh_look *look, const struct kh_told_rows *told, int64_t now_us)
{
  enum kh_err err = KH_OK;

  for (size_t i = 0; !err && i < told->room; i++)
    if (told->rows[i].seen_us != 0)
      err = tell_one(look, &told->rows[i], now_us);
  return err;
}

enum kh_err kh_look_owe(struct kh_look *look, const struct kh_look_owed *owed, int64_t now_us, int64_t *seq,
                        struct kh_diag *diag)
{
  const struct kh_journal *journal = owed->journal;
  struct kh_journal_end end;
  int64_t rule_list = 0;

  *seq = 0;
  if (!look->db)
    return kh_diag_set(diag, KH_ERR_STORE, "there is no memory yet; a worker makes it");
  enum kh_err err = kh_look_run(look, KH_SQL_BEGIN, diag);
  if (err)
    return err;
  err = kh_db_journal_end(look->db, &end);
  if (!err && journal->rules)
    err = kh_db_rule_list(look->db, journal->rules, &rule_list);
  if (!err)
    err = kh_db_write_journal(look->db, journal, rule_list, &end);
  for (size_t i = 0; !err && i < owed->count; i++)
    err = owe_one(look, &owed->deliveries[i], end.seq);
  if (!err)
    err = tell_all(look, owed->told, now_us);
  look->has_changed = true;
  err = kh_look_end_change(look, kh_look_problem(look, err, diag), diag);
  *seq = err ? 0 : end.seq;
  return err;
}
