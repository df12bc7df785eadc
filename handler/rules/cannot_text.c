#include "base/base.h"

#include "base/utf8.h"
#include "rules/cannot.h"

struct text {
  const struct kh_yaml *yaml;
  const json_t *node;
  struct kh_str source;
};

static unsigned line_of(const struct text *text, const char *at)
{
  const size_t before = kh_utf8_count(kh_str(text->source.at, (size_t)(at - text->source.at)));

  return kh_yaml_text_place(text->yaml, text->node, (unsigned)before).line;
}

/* The first text of COMMENT that stands on a later line of the file than it, and is no comment there. */
static struct kh_str hidden_by(const struct text *text, struct kh_str comment)
{
  unsigned line = line_of(text, comment.at);

  for (size_t i = 1; i < comment.len; i++) {
    if (comment.at[i - 1] != ' ' || comment.at[i] == ' ')
      continue;
    const struct kh_str rest = kh_str(comment.at + i, comment.len - i);
    const unsigned here = line_of(text, rest.at);

    if (here > line && !kh_str_starts(rest, KH_STR("//")))
      return rest;
    line = here;
  }
  return KH_NO_STR;
}

void kh_cannot_advise_comment(const struct kh_config *config, const json_t *node, const char *key, size_t at,
                              size_t len, struct kh_diags *diags)
{
  const struct kh_included *file = kh_config_included(config, node);
  const struct text text = {file ? &file->yaml : &config->yaml, node, kh_str_of(kh_config_text(node))};
  const struct kh_str comment = {text.source.at + at, len};

  if (line_of(&text, comment.at) == line_of(&text, comment.at + len))
    return;
  const struct kh_str hidden = hidden_by(&text, comment);
  if (hidden.at)
    (void)kh_config_say_in_text(
        config, node, at, KH_OK, diags,
        "`%s`: YAML makes one line of these, so the comment hides \"%.*s%s\" too; write `%s: |`, which keeps "
        "lines",
        key, (int)(hidden.len < 40 ? hidden.len : 40), hidden.at, hidden.len < 40 ? "" : "…", key);
}
