#include "base/base.h"

#include "config/config.h"

enum { WORD_MAX_BYTES = 32 };

/* `Max-Body` for `max_body` is no distance at all. */
static int plain(char c)
{
  if (c >= 'A' && c <= 'Z')
    return c - 'A' + 'a';
  return c == '-' || c == ' ' ? '_' : c;
}

static unsigned least(unsigned a, unsigned b)
{
  return a < b ? a : b;
}

/* How many letters must be added, removed, changed or swapped with their neighbour. */
static unsigned distance(const char *a, const char *b)
{
  unsigned steps[WORD_MAX_BYTES + 1][WORD_MAX_BYTES + 1];
  size_t a_len = strlen(a);
  size_t b_len = strlen(b);

  if (a_len > WORD_MAX_BYTES || b_len > WORD_MAX_BYTES)
    return UINT_MAX;
  for (unsigned i = 0; i <= a_len; i++)
    steps[i][0] = i;
  for (unsigned j = 0; j <= b_len; j++)
    steps[0][j] = j;
  for (size_t i = 1; i <= a_len; i++)
    for (size_t j = 1; j <= b_len; j++) {
      int x = plain(a[i - 1]);
      int y = plain(b[j - 1]);

      steps[i][j] = least(steps[i - 1][j - 1] + (x != y), least(steps[i - 1][j], steps[i][j - 1]) + 1);
      if (i > 1 && j > 1 && x == plain(b[j - 2]) && plain(a[i - 2]) == y)
        steps[i][j] = least(steps[i][j], steps[i - 2][j - 2] + 1);
    }
  return steps[a_len][b_len];
}

const char *kh_config_suggest(const char *word, const char *const *known)
{
  const char *best = NULL;
  unsigned best_distance = UINT_MAX;

  for (size_t i = 0; known[i]; i++) {
    unsigned near = distance(word, known[i]);
    /* Two letters of a word of four make another word. */
    unsigned limit = strlen(known[i]) <= 4 ? 1 : 2;

    if (near <= limit && near < best_distance) {
      best = known[i];
      best_distance = near;
    }
  }
  return best;
}
