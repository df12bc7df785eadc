#include "base/base.h"

#include "base/nearest.h"

enum { WORD_MAX_BYTES = 64 };

size_t kh_word_place(struct kh_str word, const char *const *known)
{
  size_t place = 0;

  while (known[place] && !kh_str_equal(kh_str_of(known[place]), word))
    place++;
  return place;
}

/* `Max-Body` for `max_body` is no distance at all. */
static int plain(char c)
{
  if (c >= 'A' && c <= 'Z')
    return c - 'A' + 'a';
  return c == '-' || c == ' ' ? '_' : c;
}

static size_t least(size_t a, size_t b)
{
  return a < b ? a : b;
}

size_t kh_word_distance(struct kh_str a, struct kh_str b)
{
  size_t rows[3][WORD_MAX_BYTES + 1];
  size_t *before = rows[0];
  size_t *last = rows[1];
  size_t *row = rows[2];

  if (a.len > WORD_MAX_BYTES || b.len > WORD_MAX_BYTES)
    return SIZE_MAX;
  memset(rows, 0, sizeof rows);
  for (size_t j = 0; j <= b.len; j++)
    row[j] = j;
  for (size_t i = 1; i <= a.len; i++) {
    size_t *oldest = before;

    before = last;
    last = row;
    row = oldest;
    row[0] = i;
    for (size_t j = 1; j <= b.len; j++) {
      int x = plain(a.at[i - 1]);
      int y = plain(b.at[j - 1]);

      row[j] = least(last[j - 1] + (x != y), least(last[j], row[j - 1]) + 1);
      if (i > 1 && j > 1 && x == plain(b.at[j - 2]) && plain(a.at[i - 2]) == y)
        row[j] = least(row[j], before[j - 2] + 1);
    }
  }
  return row[b.len];
}

bool kh_word_is_near(size_t distance, struct kh_str known)
{
  return distance <= (known.len + 3) / 4;
}

const char *kh_word_nearest(struct kh_str word, const char *const *known)
{
  const char *best = NULL;
  size_t best_distance = SIZE_MAX;

  for (size_t i = 0; known[i]; i++) {
    size_t distance = kh_word_distance(word, kh_str_of(known[i]));

    if (kh_word_is_near(distance, kh_str_of(known[i])) && distance < best_distance) {
      best = known[i];
      best_distance = distance;
    }
  }
  return best;
}
