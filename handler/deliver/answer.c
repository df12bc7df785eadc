#include "base/base.h"

#include "base/utf8.h"
#include "deliver/answer.h"

enum {
  LOOKED_AT_BYTES = 1024,
  WORD_MAX_BYTES = 24,
  CAPITALS_MAX_BYTES = 5,
  DIGITS_MAX = 4,
  TELLING_BYTES = 5
};

static const char joiners[] = "_-.";
/*
 * What stands between words. Not '/', '@', '%', '+', '&': those hold the parts of URLs and tokens together.
 */
static const char between[] = "\"'`,;:!?()[]{}<>= ";

static bool is_one_of(char byte, const char *set)
{
  return byte != '\0' && strchr(set, byte) != NULL;
}

/* "5.7.1", as mail servers say why (RFC 3463, 2). */
static bool is_status_code(struct kh_str word)
{
  enum { PARTS = 3, PART_DIGITS_MAX = 3 };
  size_t parts = 0;

  if (word.len < 2 || !is_one_of(word.at[0], "245") || word.at[1] != '.')
    return false;
  for (; parts < PARTS && word.len > 0; parts++) {
    const struct kh_str part = kh_str_cut(&word, '.');

    if (part.len == 0 || part.len > PART_DIGITS_MAX || !kh_str_is_of(part, "0123456789"))
      return false;
  }
  return parts == PARTS && word.len == 0;
}

static bool looks_like_a_word(struct kh_str word)
{
  const struct kh_str rest = kh_str(word.at + 1, word.len - 1);

  if (is_status_code(word))
    return true;
  if (word.len <= DIGITS_MAX && kh_str_is_of(word, "0123456789"))
    return true;
  if (word.len <= CAPITALS_MAX_BYTES && kh_str_is_of(word, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"))
    return true;
  return word.len <= WORD_MAX_BYTES && kh_is_letter(word.at[0]) &&
         (rest.len == 0 || kh_str_is_of(rest, "abcdefghijklmnopqrstuvwxyz_-."));
}

static bool contains(struct kh_str text, struct kh_str part)
{
  for (size_t i = 0; i + part.len <= text.len; i++)
    if (kh_str_equal_nocase(kh_str(text.at + i, part.len), part))
      return true;
  return false;
}

/* The word is a part of the secret, or a part of a URL is glued into it. */
static bool tells_of(struct kh_str word, struct kh_str secret)
{
  if (word.len < TELLING_BYTES)
    return kh_str_equal_nocase(word, secret);
  if (contains(secret, word))
    return true;
  for (size_t from = 0, to = 0; from < secret.len; from = to + 1) {
    for (to = from; to < secret.len && kh_str_is_word(kh_str(secret.at + to, 1), "_-");)
      to++;
    if (to - from >= TELLING_BYTES && contains(word, kh_str(secret.at + from, to - from)))
      return true;
  }
  return false;
}

static bool may_be_kept(struct kh_str word, const struct kh_secret *const *secrets, size_t count)
{
  struct kh_str bare = word;

  /* The full stop of a sentence is no part of what stands before it. */
  while (bare.len > 1 && is_one_of(bare.at[bare.len - 1], joiners))
    bare.len--;
  if (!looks_like_a_word(bare))
    return false;
  for (size_t i = 0; i < count; i++)
    if (tells_of(bare, kh_secret_reveal(secrets[i])))
      return false;
  return true;
}

/* The bytes up to the next one between words, however many. */
static struct kh_str next_word(struct kh_str text)
{
  size_t len = 0;

  while (len < text.len && !is_one_of(text.at[len], between) && (unsigned char)text.at[len] > ' ')
    len++;
  return kh_str(text.at, len);
}

void kh_answer_keep(struct kh_str body, const struct kh_secret *const *secrets, size_t count,
                    char kept[KH_ANSWER_KEPT_BYTES])
{
  struct kh_str text = kh_str_trim(body);
  size_t at = 0, len = 0;

  while (at < text.len && at < LOOKED_AT_BYTES) {
    struct kh_str word = next_word(kh_str(text.at + at, text.len - at));
    struct kh_str piece = word;

    if (word.len == 0)
      piece = is_one_of(text.at[at], between) ? kh_str(text.at + at, 1) : KH_STR(" ");
    else if (!may_be_kept(word, secrets, count))
      piece = KH_STR("*");
    if (len + piece.len >= KH_ANSWER_KEPT_BYTES)
      break;
    memcpy(kept + len, piece.at, piece.len);
    len += piece.len;
    at += word.len > 0 ? word.len : 1;
  }
  while (len > 0 && kept[len - 1] == ' ')
    len--;
  kept[len] = '\0';
}
