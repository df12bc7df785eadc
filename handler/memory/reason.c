#include "base/base.h"

#include "memory/reason.h"

struct row {
  const char *word, *says, *cure;
  enum kh_reason_stage stage;
};

#define ROW(number, name, word, stage, says, cure) [number] = {word, says, cure, stage},
static const struct row rows[] = {KH_REASONS(ROW)};
#undef ROW

static const struct row none = {"unknown", "nothing is known of it", "", KH_STAGE_WEBHOOK};

static const struct row *row_of(enum kh_reason reason)
{
  return kh_reason_is_known(reason) ? &rows[reason] : &none;
}

bool kh_reason_is_known(int64_t number)
{
  return number > 0 && number < (int64_t)KH_COUNT(rows) && rows[number].word;
}

const char *kh_reason_word(enum kh_reason reason)
{
  return row_of(reason)->word;
}

enum kh_reason_stage kh_reason_stage(enum kh_reason reason)
{
  return row_of(reason)->stage;
}

const char *kh_reason_says(enum kh_reason reason)
{
  return row_of(reason)->says;
}

const char *kh_reason_cure(enum kh_reason reason)
{
  return row_of(reason)->cure;
}

enum kh_reason kh_reason_by_word(struct kh_str word)
{
  for (size_t i = 1; i < KH_COUNT(rows); i++)
    if (rows[i].word && kh_str_equal(word, kh_str_of(rows[i].word)))
      return (enum kh_reason)i;
  return KH_REASON_NONE;
}
