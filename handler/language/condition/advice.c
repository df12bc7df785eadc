#include "base/base.h"

#include "base/utf8.h"
#include "language/condition/node.h"
#include "language/condition/regex.h"
#include "language/names/event_names.h"

static void walk_uses(const struct kh_node *node, const struct kh_uses *uses)
{
  struct kh_use use = {.at = node->at, .len = node->len, .root = KH_ROOT_NONE};

  if (node->type == KH_NODE_VARIABLE) {
    use.name = node->name;
    use.root = node->name->root;
  } else if (node->type == KH_NODE_CALL) {
    use.root = node->function->root;
  } else if (node->type == KH_NODE_SUBSTITUTION || node->is_live) {
    use.root = KH_ROOT_BUILD;
  }
  if (use.root != KH_ROOT_NONE)
    uses->use(uses->self, &use);
  for (const struct kh_node *child = node->first; child; child = child->next)
    walk_uses(child, uses);
}

void kh_condition_uses(const struct kh_condition *condition, const struct kh_uses *uses)
{
  if (condition->root)
    walk_uses(condition->root, uses);
}

static void count_use(void *self, const struct kh_use *use)
{
  (void)use;
  (*(size_t *)self)++;
}

static void tell(const struct kh_advice *advice, const struct kh_node *node, const char *text)
{
  advice->tell(advice->self, node->at, node->len, text);
}

static void advise_regex(const struct kh_node *node, const struct kh_advice *advice)
{
  struct kh_str source = kh_regex_source(node->value.regex);
  size_t backslashes = 0;

  if (kh_str_ends(source, KH_STR("$$")))
    tell(advice, node, "one \"$\" anchors at the end; nothing is replaced in a condition before it is read");
  if (!kh_str_ends(source, KH_STR("\\$")))
    return;
  for (size_t i = source.len - 1; i > 0 && source.at[i - 1] == '\\'; i--)
    backslashes++;
  if (backslashes % 2 == 1)
    tell(advice, node, "\"\\$\" matches a dollar sign; drop the backslash to anchor at the end");
}

static void advise_string(const struct kh_node *node, const struct kh_advice *advice)
{
  const char *found = memmem(node->body.at, node->body.len, "$$", 2);
  const size_t at = found ? (size_t)(found - node->body.at) + 2 : node->body.len;

  if (at < node->body.len &&
      (node->body.at[at] == '{' || kh_str_name_length(kh_str(node->body.at + at, 1)) > 0))
    tell(advice, node, "\"$$\" is a text here; write one \"$\" for a variable of the build: \"$NAME\"");
}

static void advise_event(const struct kh_node *node, const struct kh_node *other, bool is_equal,
                         const struct kh_advice *advice)
{
  char text[160] = "";
  char name[64] = "";

  if (node->type != KH_NODE_VARIABLE || node->name->name != KH_NAME_EVENT || other->type != KH_NODE_STRING ||
      other->is_template)
    return;
  if (kh_event_name_is_known(other->value.text)) {
    if (is_equal && advice->may_be && !advice->may_be(advice->self, other->value.text))
      tell(advice, other, "this rule is not for that event; name it in `events`");
    return;
  }
  (void)snprintf(name, sizeof name, "%.*s", KH_FMT(other->value.text));
  const char *hint = kh_event_name_hint(name);
  (void)snprintf(text, sizeof text, "Buildkite documents no event of this name%s%s%s",
                 hint ? "; did you mean \"" : "", hint ? hint : "", hint ? "\"?" : "");
  tell(advice, other, text);
}

static void walk_advice(const struct kh_node *node, const struct kh_advice *advice)
{
  char text[KH_ADVICE_BYTES] = "";

  if (node->type == KH_NODE_CONSTANT && node->value.kind == KH_KIND_REGEX)
    advise_regex(node, advice);
  if (node->type == KH_NODE_STRING)
    advise_string(node, advice);
  const char *why = node->type == KH_NODE_VARIABLE ? kh_name_why_null(node->name, advice->remembers) : NULL;
  if (why) {
    (void)snprintf(text, sizeof text, "%s is always null: %s", node->name->text, why);
    tell(advice, node, text);
  }
  if (node->type == KH_NODE_COMPARE && (node->op == KH_TOKEN_EQUAL || node->op == KH_TOKEN_UNEQUAL)) {
    advise_event(node->first, node->first->next, node->op == KH_TOKEN_EQUAL, advice);
    advise_event(node->first->next, node->first, node->op == KH_TOKEN_EQUAL, advice);
  }
  for (const struct kh_node *child = node->first; child; child = child->next)
    walk_advice(child, advice);
}

void kh_condition_advise(const struct kh_condition *condition, const struct kh_advice *advice)
{
  size_t uses = 0;

  if (!condition->root)
    return;
  kh_condition_uses(condition, &(struct kh_uses){&uses, count_use});
  if (uses == 0)
    tell(advice, condition->root, "this condition says the same for every event: it names nothing of it");
  walk_advice(condition->root, advice);
}

/* ---- comments ---- */

struct kh_str kh_condition_source(const struct kh_condition *condition)
{
  return condition->source;
}

struct kh_str kh_condition_comment(const struct kh_condition *condition, size_t *at)
{
  const struct kh_str source = condition->source;
  struct kh_arena arena;
  struct kh_lexer lexer = {
      .source = source, .at = *at, .extended = condition->dialect == KH_DIALECT_EXTENDED, .arena = &arena};
  struct kh_str comment = KH_NO_STR;
  struct kh_token token = {.type = KH_TOKEN_NAME};

  kh_arena_init(&arena, KH_CONDITION_ARENA_BYTES, NULL, 0);
  while (!comment.at && condition->root && token.type != KH_TOKEN_END && token.type != KH_TOKEN_BAD) {
    const size_t begin = lexer.at;
    token = kh_lexer_next(&lexer);
    const struct kh_str gap = kh_str(source.at + begin, token.at - begin);
    const char *found = memmem(gap.at, gap.len, "//", 2);

    if (!found)
      continue;
    comment = kh_str(found, (size_t)(gap.at + gap.len - found));
    const char *end = memchr(comment.at, '\n', comment.len);
    comment.len = end ? (size_t)(end - comment.at) : comment.len;
    *at = (size_t)(comment.at - source.at) + comment.len;
  }
  kh_arena_release(&arena);
  return comment;
}
