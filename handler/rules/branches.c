#include "base/base.h"

#include "rules/branches.h"

static bool is_space(char c)
{
  return c == ' ' || (c >= '\t' && c <= '\r');
}

struct kh_str kh_branches_next(struct kh_str *rest)
{
  size_t begin = 0;

  while (begin < rest->len && is_space(rest->at[begin]))
    begin++;
  size_t end = begin;
  while (end < rest->len && !is_space(rest->at[end]))
    end++;

  struct kh_str pattern = kh_str(rest->at + begin, end - begin);
  *rest = kh_str(rest->at + end, rest->len - end);
  return pattern;
}

enum kh_err kh_branches_check(struct kh_str patterns, struct kh_diag *diag)
{
  struct kh_str rest = patterns.at ? patterns : KH_STR("");

  for (struct kh_str one = kh_branches_next(&rest); one.len > 0; one = kh_branches_next(&rest)) {
    bool alone = kh_str_equal(one, KH_STR("!"));

    if (!alone && !kh_str_starts(one, KH_STR("!!")))
      continue;
    if (diag && diag->err == KH_OK)
      diag->column = (unsigned)(one.at - patterns.at) + 1;
    return kh_diag_set(diag, KH_ERR_CONFIG,
                       alone ? "a \"!\" needs a pattern right behind it"
                             : "a pattern can begin with only one \"!\"");
  }
  return KH_OK;
}

static bool glob_matches(struct kh_str glob, struct kh_str name)
{
  struct kh_str rest = glob;
  struct kh_str piece = kh_str_cut(&rest, '*');

  if (!rest.at)
    return kh_str_equal(piece, name);
  if (!kh_str_starts(name, piece))
    return false;
  name = kh_str(name.at + piece.len, name.len - piece.len);

  /* The leftmost place of each inner piece leaves most for the others, so it never has to be taken back. */
  for (piece = kh_str_cut(&rest, '*'); rest.at; piece = kh_str_cut(&rest, '*')) {
    const char *found = piece.len > 0 ? memmem(name.at, name.len, piece.at, piece.len) : name.at;

    if (!found)
      return false;
    const char *behind = found + piece.len;
    name = kh_str(behind, name.len - (size_t)(behind - name.at));
  }
  return kh_str_ends(name, piece);
}

bool kh_branches_match(struct kh_str patterns, struct kh_str name)
{
  struct kh_str rest = patterns.at ? patterns : KH_STR("");
  bool wanted = false;
  bool found = false;

  if (!name.at)
    name = KH_STR("");
  for (struct kh_str one = kh_branches_next(&rest); one.len > 0; one = kh_branches_next(&rest)) {
    if (one.at[0] != '!') {
      wanted = true;
      found = found || glob_matches(one, name);
    } else if (glob_matches(kh_str(one.at + 1, one.len - 1), name)) {
      return false;
    }
  }
  return found || !wanted;
}
