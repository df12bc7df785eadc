#include "base/base.h"

#include "base/nearest.h"
#include "base/utf8.h"
#include "language/condition/node.h"

struct type {
  enum kh_kind kind;
  const struct kh_enumeration *enumeration; /* then the kind is string */
};

struct check {
  struct kh_condition *condition;
  struct kh_mistake *mistake;
};

static bool type_of(const struct check *check, struct kh_node *node, struct type *type);

static bool refuse(const struct check *check, const struct kh_node *node, const char *format, ...)
    KH_PRINTF(3, 4);
static bool refuse(const struct check *check, const struct kh_node *node, const char *format, ...)
{
  char text[200] = "";
  va_list values;

  va_start(values, format);
  (void)vsnprintf(text, sizeof text, format, values);
  va_end(values);
  return kh_mistake_set(check->mistake, KH_MISTAKE_VALIDATION, node->at, node->len, "%s", text);
}

static bool has_step(const struct check *check)
{
  const enum kh_entrypoint entrypoint = check->condition->entrypoint;

  return entrypoint == KH_ENTRYPOINT_BUILD_WITH_STEP || entrypoint == KH_ENTRYPOINT_STEP_NOTIFICATION;
}

static bool is_extended(const struct check *check)
{
  return check->condition->dialect == KH_DIALECT_EXTENDED;
}

static const char *described(const struct type *type, char text[64])
{
  if (!type->enumeration)
    return kh_kind_name(type->kind);
  (void)snprintf(text, 64, "one of %s's values", type->enumeration->name);
  return text;
}

static bool wants(const struct check *check, const struct kh_node *node, const struct type *found,
                  const char *wanted)
{
  char text[64] = "";

  return refuse(check, node, "this must be a %s, but it is %s", wanted, described(found, text));
}

static bool is_plain(const struct type *type, enum kh_kind kind)
{
  return type->kind == kind && !type->enumeration;
}

/* ---- (1) step, (2) the arguments of env ---- */

static bool has_root(struct kh_str name, const char *root)
{
  struct kh_str first = kh_str_cut(&name, '.');

  return kh_str_equal(first, kh_str_of(root));
}

static bool check_steps(const struct check *check, struct kh_node *node)
{
  if ((node->type == KH_NODE_VARIABLE || node->type == KH_NODE_CALL) && has_root(node->body, "step"))
    return refuse(check, node, "there is no step here: step.… exists only where a step is");
  for (struct kh_node *child = node->first; child; child = child->next)
    if (!check_steps(check, child))
      return false;
  return true;
}

static bool check_env_name(const struct check *check, const struct kh_node *node)
{
  struct kh_str name = node->value.text;

  if (kh_str_starts(name, KH_STR("$"))) {
    kh_mistake_set(check->mistake, KH_MISTAKE_VALIDATION, node->at, node->len,
                   "the name of an environment variable is written without \"$\"");
    return false;
  }
  if (!kh_str_is_word(name, "_"))
    return refuse(check, node, "the name of an environment variable has only letters, digits and \"_\"");
  if (kh_env_name_is_refused(name, false)) {
    refuse(check, node, "conditions cannot see this BUILDKITE_ variable");
    kh_mistake_hint(check->mistake, kh_env_name_nearest(name));
    return false;
  }
  return true;
}

static bool check_env_calls(const struct check *check, struct kh_node *node)
{
  bool is_env = node->type == KH_NODE_CALL &&
                (kh_str_equal(node->body, KH_STR("env")) || kh_str_equal(node->body, KH_STR("build.env")));

  if (is_env && (!node->first || node->first->next))
    return refuse(check, node, "%.*s() takes one argument", KH_FMT(node->body));
  if (is_env && node->first->type == KH_NODE_STRING && !node->first->is_live &&
      !check_env_name(check, node->first))
    return false;
  for (struct kh_node *child = node->first; child; child = child->next)
    if (!check_env_calls(check, child))
      return false;
  return true;
}

/* ---- (3) kinds ---- */

static bool type_of_variable(const struct check *check, struct kh_node *node, struct type *type)
{
  const struct kh_name_info *name = kh_name_find(node->body);
  bool with_step = has_step(check);

  if (name && name->name == KH_NAME_PIPELINE_NAME) {
    refuse(check, node, "pipeline.name is no variable; the environment has the name");
    kh_mistake_hint(check->mistake, "env(\"BUILDKITE_PIPELINE_NAME\")");
    return false;
  }
  if (name && (name->flags & KH_NAME_EXTENDED) && !is_extended(check))
    return refuse(check, node, "%s is kitehook's own; Buildkite's dialect does not have it", name->text);
  if (!name || (name->flags & KH_NAME_HIDDEN)) {
    const struct kh_function_info *function = kh_function_find(node->body);

    if (function && (is_extended(check) || !function->extended))
      return refuse(check, node, "%s is a function and needs its parentheses", function->text);
    const char *meant = kh_name_nearest(node->body, is_extended(check), with_step);
    bool is_word = !meant && !memchr(node->body.at, '.', node->body.len);

    refuse(check, node, "\"%.*s\" is no variable%s", (int)(node->body.len < 80 ? node->body.len : 80),
           node->body.at, is_word ? "; put it in quotes if it is a text" : "");
    kh_mistake_hint(check->mistake, meant);
    return false;
  }
  node->name = name;
  *type = (struct type){name->kind, name->enumeration};
  return true;
}

static bool type_of_call(const struct check *check, struct kh_node *node, struct type *type)
{
  const struct kh_function_info *function = kh_function_find(node->body);
  size_t count = 0;

  if (!function || (function->extended && !is_extended(check))) {
    refuse(check, node, "\"%.*s\" is no function", (int)(node->body.len < 80 ? node->body.len : 80),
           node->body.at);
    kh_mistake_hint(check->mistake, kh_function_nearest(node->body, is_extended(check)));
    return false;
  }
  for (struct kh_node *child = node->first; child; child = child->next)
    count++;
  if (count != function->arguments)
    return refuse(check, node, "%s() takes %zu argument%s, here are %zu", function->text, function->arguments,
                  function->arguments == 1 ? "" : "s", count);
  for (struct kh_node *child = node->first; child; child = child->next) {
    struct type argument = {KH_KIND_NULL, NULL};

    if (!type_of(check, child, &argument))
      return false;
    if (argument.kind != function->argument)
      return wants(check, child, &argument, kh_kind_name(function->argument));
  }
  node->function = function;
  *type = (struct type){function->result, NULL};
  return true;
}

static bool check_literal(const struct check *check, const struct type *left, const struct kh_node *right)
{
  if (right->type != KH_NODE_STRING || right->is_live)
    return true;
  if (left->enumeration->values[kh_word_place(right->value.text, left->enumeration->values)])
    return true;
  refuse(check, right, "%s is never \"%.*s\"", left->enumeration->name,
         (int)(right->value.text.len < 60 ? right->value.text.len : 60), right->value.text.at);
  kh_mistake_hint(check->mistake, kh_word_nearest(right->value.text, left->enumeration->values));
  return false;
}

/*
 * Both sides of == and !=, and both branches of a ternary. TYPE: that of the left, or of the right if that is
 * null.
 */
static bool compatible(const struct check *check, struct kh_node *left, struct kh_node *right,
                       struct type *type)
{
  struct type x = {KH_KIND_NULL, NULL};
  struct type y = {KH_KIND_NULL, NULL};
  char wanted[64] = "";
  char found[64] = "";

  if (!type_of(check, left, &x) || !type_of(check, right, &y))
    return false;
  *type = x.kind == KH_KIND_NULL ? y : x;
  if (x.kind == KH_KIND_NULL || y.kind == KH_KIND_NULL)
    return true;
  if (x.enumeration && is_plain(&y, KH_KIND_STRING))
    return check_literal(check, &x, right);
  if (y.enumeration)
    return refuse(check, right, "%s can stand only on the left", described(&y, found));
  if (!x.enumeration && x.kind == y.kind)
    return true;
  return refuse(check, right, "%s cannot be compared with %s", described(&x, wanted), described(&y, found));
}

static bool type_of_compare(const struct check *check, struct kh_node *node, struct type *type)
{
  struct kh_node *left = node->first;
  struct kh_node *right = left->next;
  struct type x = {KH_KIND_NULL, NULL};
  struct type y = {KH_KIND_NULL, NULL};

  *type = (struct type){KH_KIND_BOOLEAN, NULL};
  if (node->op == KH_TOKEN_EQUAL || node->op == KH_TOKEN_UNEQUAL) {
    struct type both = {KH_KIND_NULL, NULL};

    return compatible(check, left, right, &both);
  }
  if (!type_of(check, left, &x))
    return false;
  if (node->op == KH_TOKEN_INCLUDES) {
    if (x.kind != KH_KIND_LIST && x.kind != KH_KIND_NULL)
      return wants(check, left, &x, "string list");
    if (!type_of(check, right, &y))
      return false;
    if (!is_plain(&y, KH_KIND_STRING) && y.kind != KH_KIND_REGEX && y.kind != KH_KIND_NULL)
      return wants(check, right, &y, "string or regular expression");
    return true;
  }
  if (!is_plain(&x, KH_KIND_STRING) && x.kind != KH_KIND_NULL)
    return wants(check, left, &x, "string");
  if (!type_of(check, right, &y))
    return false;
  return y.kind == KH_KIND_REGEX || wants(check, right, &y, "regular expression");
}

/* Every child of NODE is a boolean. */
static bool all_boolean(const struct check *check, struct kh_node *node, struct type *type)
{
  *type = (struct type){KH_KIND_BOOLEAN, NULL};
  for (struct kh_node *child = node->first; child; child = child->next) {
    struct type found = {KH_KIND_NULL, NULL};

    if (!type_of(check, child, &found))
      return false;
    if (found.kind != KH_KIND_BOOLEAN)
      return wants(check, child, &found, "boolean");
  }
  return true;
}

static bool type_of_ternary(const struct check *check, struct kh_node *node, struct type *type)
{
  struct type condition = {KH_KIND_NULL, NULL};

  if (!type_of(check, node->first, &condition))
    return false;
  if (condition.kind != KH_KIND_BOOLEAN)
    return wants(check, node->first, &condition, "boolean");
  return compatible(check, node->first->next, node->first->next->next, type);
}

static bool type_of_list(const struct check *check, struct kh_node *node, struct type *type)
{
  *type = (struct type){KH_KIND_LIST, NULL};
  for (struct kh_node *child = node->first; child; child = child->next) {
    struct type found = {KH_KIND_NULL, NULL};

    if (!type_of(check, child, &found))
      return false;
    if (!is_plain(&found, KH_KIND_STRING))
      return wants(check, child, &found, "string");
  }
  return true;
}

static bool type_of(const struct check *check, struct kh_node *node, struct type *type)
{
  switch (node->type) {
  case KH_NODE_CONSTANT:
    *type = (struct type){node->value.kind, NULL};
    return true;
  case KH_NODE_STRING:
  case KH_NODE_SUBSTITUTION:
    *type = (struct type){KH_KIND_STRING, NULL};
    return true;
  case KH_NODE_VARIABLE:
    return type_of_variable(check, node, type);
  case KH_NODE_CALL:
    return type_of_call(check, node, type);
  case KH_NODE_LIST:
    return type_of_list(check, node, type);
  case KH_NODE_NOT:
  case KH_NODE_AND:
  case KH_NODE_OR:
    return all_boolean(check, node, type);
  case KH_NODE_COMPARE:
    return type_of_compare(check, node, type);
  case KH_NODE_TERNARY:
    return type_of_ternary(check, node, type);
  }
  return false;
}

bool kh_condition_check(struct kh_condition *condition, struct kh_mistake *mistake)
{
  struct check check = {condition, mistake};
  struct kh_node *root = condition->root;
  struct type type = {KH_KIND_NULL, NULL};
  char found[64] = "";

  if (!has_step(&check) && !check_steps(&check, root))
    return false;
  if (!check_env_calls(&check, root) || !type_of(&check, root, &type))
    return false;
  if (type.kind == KH_KIND_BOOLEAN)
    return true;
  return kh_mistake_set(mistake, KH_MISTAKE_RESULT, root->at, root->len,
                        "a condition must be true or false, but this is %s", described(&type, found));
}
