#include "base/base.h"

#include "base/utf8.h"
#include "language/names/expected.h"
#include "rules/branches.h"
#include "rules/cannot.h"

struct patterns {
  const struct kh_config *config;
  const json_t *node;
  struct kh_diags *diags;
  const char *key;
  struct kh_str text;
  bool is_of_slugs;
};

static void tell(const struct patterns *patterns, struct kh_str pattern, const char *format, ...)
    KH_PRINTF(3, 4);
static void tell(const struct patterns *patterns, struct kh_str pattern, const char *format, ...)
{
  char words[200];
  va_list values;

  va_start(values, format);
  (void)vsnprintf(words, sizeof words, format, values);
  va_end(values);
  (void)kh_config_say_in_text(patterns->config, patterns->node, (size_t)(pattern.at - patterns->text.at),
                              KH_OK, patterns->diags, "`%s`: \"%.*s\" %s", patterns->key,
                              (int)(pattern.len < 60 ? pattern.len : 60), pattern.at, words);
}

static struct kh_str without_mark(struct kh_str pattern)
{
  return kh_str_starts(pattern, KH_STR("!")) ? kh_str(pattern.at + 1, pattern.len - 1) : pattern;
}

/* ---- what no name has ---- */

/* What was probably meant by PATTERN, in TO; false when nobody knows. */
static bool is_meant(const struct patterns *patterns, struct kh_str pattern, char to[64])
{
  const char *star = memmem(pattern.at, pattern.len, ".*", 2);
  const char *slash = memrchr(pattern.at, '/', pattern.len);

  if (pattern.len >= 60 || memchr(pattern.at, ',', pattern.len))
    return false;
  if (patterns->is_of_slugs && slash)
    pattern = kh_str(slash + 1, (size_t)(pattern.at + pattern.len - slash - 1));
  if (kh_str_starts(pattern, KH_STR("^")))
    pattern = kh_str(pattern.at + 1, pattern.len - 1);
  if (kh_str_ends(pattern, KH_STR("$")))
    pattern.len--;
  (void)snprintf(to, 64, "%.*s", KH_FMT(pattern));
  if (star && !patterns->is_of_slugs)
    (void)snprintf(to, 64, "%.*s%.*s", (int)(star - pattern.at), pattern.at,
                   (int)(pattern.at + pattern.len - star - 1), star + 1);
  else if (!patterns->is_of_slugs && kh_str_ends(pattern, KH_STR("/")))
    (void)snprintf(to, 64, "%.*s*", KH_FMT(pattern));
  for (char *c = to; patterns->is_of_slugs && *c; c++)
    *c = (char)(*c >= 'A' && *c <= 'Z' ? *c - 'A' + 'a' : *c == ' ' || *c == '_' ? '-' : *c);
  return to[strspn(to, "*")] != '\0';
}

static const char *fault_of(const struct patterns *patterns, struct kh_str pattern)
{
  struct kh_str rest = pattern;
  const char *fault = NULL;

  while (rest.at && !fault) {
    const bool begins = rest.at == pattern.at;
    const struct kh_str text = kh_str_cut(&rest, '*');
    const struct kh_piece piece = {text, begins, rest.at == NULL};
    size_t at = 0;

    fault = patterns->is_of_slugs ? kh_slug_fault(piece, &at) : kh_branch_fault(piece, &at);
  }
  return fault;
}

static bool tell_of_fault(const struct patterns *patterns, struct kh_str pattern, struct kh_str glob)
{
  const char *fault = fault_of(patterns, glob);
  const char *does = glob.at == pattern.at ? "never matches" : "excludes nothing";
  char instead[64] = "";

  if (!fault)
    return false;
  if (memchr(glob.at, ',', glob.len))
    tell(patterns, pattern, "%s: %s; blanks separate patterns, not commas", does, fault);
  else if (is_meant(patterns, glob, instead) && !fault_of(patterns, kh_str_of(instead)))
    tell(patterns, pattern, "%s: %s; did you mean `%s`?", does, fault, instead);
  else
    tell(patterns, pattern, "%s: %s", does, fault);
  return true;
}

/* ---- what is hardly meant ---- */

static bool tell_of_doubt(const struct patterns *patterns, struct kh_str pattern, struct kh_str glob)
{
  const size_t prefix = kh_ref_prefix(glob);

  if (memchr(glob.at, ',', glob.len))
    tell(patterns, pattern, "has a comma, which stands for itself; did you mean a blank?");
  else if (memchr(glob.at, '|', glob.len))
    tell(patterns, pattern, "has a `|`, which stands for itself; did you mean a blank?");
  else if (prefix > 0)
    tell(patterns, pattern, "begins with %.*s, which build.branch does not; did you mean `%.*s`?",
         (int)prefix, glob.at, (int)(glob.len - prefix < 60 ? glob.len - prefix : 60), glob.at + prefix);
  else if (memchr(glob.at, '$', glob.len))
    tell(patterns, pattern, "has a `$`, which stands for itself; write the branch itself");
  else
    return false;
  return true;
}

/* ---- what another excludes ---- */

/* A negative pattern that holds for a glob as if that were a name holds for all that the glob matches. */
static void tell_of_excluded(const struct patterns *patterns, struct kh_str pattern)
{
  struct kh_str rest = patterns->text;

  for (struct kh_str one = kh_branches_next(&rest); one.len > 0; one = kh_branches_next(&rest))
    if (one.at[0] == '!' && !kh_branches_match(one, pattern)) {
      tell(patterns, pattern, "never matches: `%.*s` excludes it", (int)(one.len < 60 ? one.len : 60),
           one.at);
      return;
    }
}

void kh_cannot_advise_patterns(const struct kh_config *config, const json_t *entry, const char *key,
                               const char *text, struct kh_diags *diags)
{
  const struct patterns patterns = {
      .config = config,
      .node = json_object_get(entry, key),
      .diags = diags,
      .key = key,
      .text = kh_str_of(text),
      .is_of_slugs = strcmp(key, "pipelines") == 0,
  };
  struct kh_str rest = patterns.text;
  size_t positive = 0;
  struct kh_str all = KH_NO_STR;

  for (struct kh_str one = kh_branches_next(&rest); one.len > 0; one = kh_branches_next(&rest)) {
    const struct kh_str glob = without_mark(one);
    const bool is_told = tell_of_fault(&patterns, one, glob) || tell_of_doubt(&patterns, one, glob);

    positive += glob.at == one.at;
    if (glob.at == one.at && !is_told)
      tell_of_excluded(&patterns, one);
    if (glob.at != one.at && strspn(glob.at, "*") >= glob.len)
      all = one;
  }
  if (all.at && positive == 0)
    tell(&patterns, all, "excludes everything, so the rule never matches");
}
