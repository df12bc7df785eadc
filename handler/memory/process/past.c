#include "base/base.h"

#include "memory/process/batch.h"

/* The latest row of KEY; NULL where there is none. */
static const struct kh_process_row *find(const struct kh_process *process,
                                         const unsigned char key[KH_DIGEST_BYTES])
{
  for (size_t i = process->row_count; i > 0; i--)
    if (kh_digest_equal(process->rows[i - 1].key, key))
      return &process->rows[i - 1];
  return NULL;
}

/* A newer row stands behind an older one, which a dropped batch leaves as it was. */
static enum kh_err add(struct kh_process *process, const unsigned char key[KH_DIGEST_BYTES],
                       const struct kh_buf *bytes, int64_t value)
{
  struct kh_process_row *rows = kh_process_room(process->rows, &process->row_room, process->row_count,
                                                KH_PROCESS_ROWS_MAX, sizeof *rows);

  if (!rows)
    return kh_process_fail(process, "too many rows for a memory in process");
  process->rows = rows;
  struct kh_process_row *row = &rows[process->row_count++];
  memcpy(row->key, key, KH_DIGEST_BYTES);
  row->value = value;
  kh_buf_init(&row->bytes, KH_PAST_ROW_MAX_BYTES);
  return kh_buf_add(&row->bytes, kh_buf_view(bytes)) ? kh_process_fail(process, "no memory for a row")
                                                     : KH_OK;
}

static enum kh_err read_row(const struct kh_process *process, const unsigned char key[KH_DIGEST_BYTES],
                            struct kh_buf *bytes)
{
  const struct kh_process_row *row = find(process, key);

  return row ? kh_buf_add(bytes, kh_buf_view(&row->bytes)) : KH_OK;
}

static void build_key(const struct kh_sighting *sighting, unsigned char key[KH_DIGEST_BYTES])
{
  kh_sha256(&sighting->build_id, 1, key);
}

enum kh_err kh_process_recall(void *self, const struct kh_claim *claim, const struct kh_sighting *sighting,
                              struct kh_past *past)
{
  unsigned char key[KH_DIGEST_BYTES];

  (void)claim;
  kh_past_clear(past);
  build_key(sighting, key);
  enum kh_err err = read_row(self, sighting->branch_key, &past->branch_bytes);
  if (!err)
    err = read_row(self, key, &past->build_bytes);
  if (!err)
    kh_past_read(past);
  return err;
}

enum kh_err kh_process_remember(void *self, const struct kh_claim *claim, const struct kh_sighting *sighting,
                                struct kh_past *past)
{
  struct kh_process *process = self;
  unsigned char key[KH_DIGEST_BYTES];
  enum kh_err err = kh_process_need_batch(process);

  (void)claim;
  build_key(sighting, key);
  if (!err && kh_past_write(past))
    err = kh_process_fail(process, "no memory for a row");
  if (!err)
    err = add(process, sighting->branch_key, &past->branch_bytes, 0);
  return err ? err : add(process, key, &past->build_bytes, 0);
}

enum kh_err kh_process_was_told(void *self, const unsigned char what[KH_DIGEST_BYTES], int64_t now_us,
                                bool *told, int64_t *value)
{
  const struct kh_process_row *row = find(self, what);

  (void)now_us;
  *told = row != NULL;
  *value = row ? row->value : 0;
  return KH_OK;
}

enum kh_err kh_process_tell(void *self, const unsigned char what[KH_DIGEST_BYTES], int64_t now_us,
                            int64_t value)
{
  struct kh_process *process = self;
  struct kh_buf none;
  enum kh_err err = kh_process_need_batch(process);

  (void)now_us;
  kh_buf_init(&none, 0);
  return err ? err : add(process, what, &none, value);
}

void kh_process_keep(void *self, int64_t branch_keep_s, const struct kh_journal_bounds *journal)
{
  (void)self; /* nothing grows old here */
  (void)branch_keep_s;
  (void)journal;
}
