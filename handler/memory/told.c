#include "base/base.h"

#include "memory/told.h"

enum { ROOM_FIRST = 256 };

static bool has_aged(const struct kh_told_row *row, int64_t now_us)
{
  return row->seen_us < now_us - (int64_t)KH_TOLD_AGE_S * 1000000;
}

/* Where WHAT stands, or the free place where it would; a hash's first bytes are as good as a hash of it. */
static struct kh_told_row *place_of(const struct kh_told_rows *told,
                                    const unsigned char what[KH_DIGEST_BYTES])
{
  size_t at = 0;

  memcpy(&at, what, sizeof at);
  for (at &= told->room - 1; told->rows[at].seen_us != 0; at = (at + 1) & (told->room - 1))
    if (kh_digest_equal(told->rows[at].what, what))
      break;
  return &told->rows[at];
}

/* A quarter stays free. */
static bool is_full(const struct kh_told_rows *told)
{
  return told->count >= told->room / 4 * 3;
}

static enum kh_err grow(struct kh_told_rows *told, int64_t now_us)
{
  struct kh_told_rows old = *told;
  size_t alive = 0;

  for (size_t i = 0; i < old.room; i++)
    alive += old.rows[i].seen_us != 0 && !has_aged(&old.rows[i], now_us);
  if (alive >= KH_TOLD_MAX)
    return KH_ERR_LIMIT;
  *told = (struct kh_told_rows){.room = ROOM_FIRST};
  while (alive >= told->room / 2)
    told->room *= 2;
  told->rows = calloc(told->room, sizeof *told->rows);
  if (!told->rows) {
    *told = old;
    return KH_ERR_NO_MEMORY;
  }
  for (size_t i = 0; i < old.room; i++) {
    if (old.rows[i].seen_us == 0 || has_aged(&old.rows[i], now_us))
      continue;
    *place_of(told, old.rows[i].what) = old.rows[i];
    told->count++;
  }
  free(old.rows);
  return KH_OK;
}

static enum kh_err was_told(void *self, const unsigned char what[KH_DIGEST_BYTES], int64_t now_us, bool *is,
                            int64_t *value)
{
  const struct kh_told_rows *told = self;
  const struct kh_told_row *row = told->room > 0 ? place_of(told, what) : NULL;

  *is = row && row->seen_us != 0 && !has_aged(row, now_us);
  *value = *is ? row->value : 0;
  return KH_OK;
}

static enum kh_err tell(void *self, const unsigned char what[KH_DIGEST_BYTES], int64_t now_us, int64_t value)
{
  struct kh_told_rows *told = self;
  enum kh_err err = is_full(told) ? grow(told, now_us) : KH_OK;

  if (err)
    return err;
  struct kh_told_row *row = place_of(told, what);
  told->count += row->seen_us == 0;
  memcpy(row->what, what, sizeof row->what);
  row->value = value;
  row->seen_us = now_us > 0 ? now_us : 1;
  return KH_OK;
}

static const struct kh_memory_ops told_memory = {.was_told = was_told, .tell = tell};

struct kh_memory kh_told_memory(struct kh_told_rows *told)
{
  return (struct kh_memory){&told_memory, told};
}

void kh_told_release(struct kh_told_rows *told)
{
  free(told->rows);
  *told = (struct kh_told_rows){0};
}
