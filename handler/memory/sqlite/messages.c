#include "base/base.h"

#include "memory/sqlite/batch.h"

enum kh_err kh_sqlite_said(void *self, const unsigned char what[KH_DIGEST_BYTES], int64_t now_us,
                           struct kh_told *told)
{
  struct kh_sqlite *sqlite = self;
  struct kh_call call = kh_call(sqlite->db, KH_SQL_MESSAGE);

  kh_call_bytes(&call, what, KH_DIGEST_BYTES);
  kh_call_number(&call, now_us - KH_MESSAGE_AGE_S * INT64_C(1000000));
  const enum kh_err err = kh_call_row(&call);
  if (!err) {
    kh_call_copy(&call, 0, told->text, sizeof told->text);
    kh_call_copy(&call, 1, told->subject, sizeof told->subject);
  }
  kh_call_end(&call);
  return kh_sqlite_note(sqlite, err);
}

enum kh_err kh_sqlite_say(void *self, const unsigned char what[KH_DIGEST_BYTES],
                          const struct kh_delivery *delivery, const char *text, int64_t now_us)
{
  struct kh_sqlite *sqlite = self;
  struct kh_call call = kh_call(sqlite->db, KH_SQL_MESSAGE_KEEP);
  const char *const texts[] = {delivery->subject, delivery->rule, delivery->notifier, delivery->place, text};
  const enum kh_err err = kh_sqlite_need_batch(sqlite);

  if (err)
    return err;
  kh_call_bytes(&call, what, KH_DIGEST_BYTES);
  kh_call_number(&call, now_us);
  for (size_t i = 0; i < KH_COUNT(texts); i++)
    kh_call_text(&call, kh_str_of(texts[i]));
  return kh_sqlite_note(sqlite, kh_call_run(&call));
}
