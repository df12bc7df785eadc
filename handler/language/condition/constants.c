#include "base/base.h"

#include "language/condition/node.h"
#include "language/condition/possible.h"

static void tell(const struct kh_advice *advice, const struct kh_node *node, const char *format, ...)
    KH_PRINTF(3, 4);
static void tell(const struct kh_advice *advice, const struct kh_node *node, const char *format, ...)
{
  char words[200];
  va_list values;

  va_start(values, format);
  (void)vsnprintf(words, sizeof words, format, values);
  va_end(values);
  advice->tell(advice->self, node->at, node->len, words);
}

/* NAME is compared with TEXT: is that what is wrong? */
static bool tell_of_value(const struct kh_advice *advice, const struct kh_supposed *supposed,
                          const struct kh_node *name, const struct kh_node *literal, bool is_equal)
{
  const char *always = is_equal ? "never true" : "always true";

  if (name->type != KH_NODE_VARIABLE || literal->type != KH_NODE_STRING || literal->is_template)
    return false;
  if ((name->name->flags & KH_NAME_BLANK_IS_NULL) && kh_text_is_blank(literal->value.text)) {
    tell(advice, name, "%s: %s is never blank but null; write `%s %s null`", always, name->name->text,
         name->name->text, is_equal ? "==" : "!=");
    return true;
  }
  if (!supposed->may_be || supposed->may_be(supposed->self, name->name, literal->value.text))
    return false;
  const char *meant = advice->meant ? advice->meant(advice->self, name->name, literal->value.text) : NULL;
  tell(advice, literal, "%s: no webhook has %s \"%.*s\"%s%s%s", always, name->name->text,
       (int)(literal->value.text.len < 40 ? literal->value.text.len : 40), literal->value.text.at,
       meant ? "; did you mean \"" : "", meant ? meant : "", meant ? "\"?" : "");
  return true;
}

static bool names(const struct kh_node *node, enum kh_name name)
{
  bool found = node->type == KH_NODE_VARIABLE && node->name->name == name;

  for (const struct kh_node *child = node->first; child && !found; child = child->next)
    found = names(child, name);
  return found;
}

static void tell_constant(const struct kh_advice *advice, const struct kh_supposed *supposed,
                          const struct kh_node *node, bool is_true)
{
  const bool is_equality = node->type == KH_NODE_COMPARE &&
                           (node->op == KH_TOKEN_EQUAL || node->op == KH_TOKEN_UNEQUAL);

  if (is_equality && (tell_of_value(advice, supposed, node->first, node->first->next, !is_true) ||
                      tell_of_value(advice, supposed, node->first->next, node->first, !is_true)))
    return;
  const bool is_of_blocked = names(node, KH_NAME_BUILD_BLOCKED) || names(node, KH_NAME_BUILD_BLOCKED_STATE);

  if (!is_true && is_of_blocked && names(node, KH_NAME_BUILD_STATE))
    tell(
        advice, node,
        "never true: the build.state of a blocked build is \"blocked\"; ask for build.blocked_state instead");
  else if (node->type == KH_NODE_AND && !is_true)
    tell(advice, node, "never true: its parts exclude each other; did you mean `||`?");
  else if (node->type == KH_NODE_OR && is_true)
    tell(advice, node, "always true: one of its parts always is; did you mean `&&`?");
  else
    tell(advice, node, "%s, whatever the webhook says; remove it, or write what it should ask for",
         is_true ? "always true" : "never true");
}

static bool is_truth(const struct kh_node *node)
{
  return node->type == KH_NODE_NOT || node->type == KH_NODE_AND || node->type == KH_NODE_OR ||
         node->type == KH_NODE_COMPARE || node->type == KH_NODE_CALL || node->type == KH_NODE_TERNARY;
}

/* True when something was told of NODE or of what is in it. */
static bool tell_constants(const struct kh_advice *advice, const struct kh_supposed *supposed,
                           const struct kh_node *node)
{
  bool told = false;

  for (const struct kh_node *child = node->first; child; child = child->next)
    told |= tell_constants(advice, supposed, child);
  if (told || !is_truth(node))
    return told;
  const unsigned may = kh_node_possible(node, supposed);
  if (may != KH_MAY_BE_TRUE && (may & (KH_MAY_BE_TRUE | KH_MAY_BE_VALUE)))
    return false;
  tell_constant(advice, supposed, node, may == KH_MAY_BE_TRUE);
  return true;
}

void kh_condition_constants(const struct kh_condition *condition, const struct kh_supposed *supposed,
                            const struct kh_advice *advice)
{
  if (condition->root && condition->nodes <= KH_POSSIBLE_NODES_MAX)
    (void)tell_constants(advice, supposed, condition->root);
}
