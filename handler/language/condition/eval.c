#include "base/base.h"

#include "language/condition/node.h"
#include "language/condition/regex.h"
#include "language/condition/resolve.h"
#include "language/condition/shell.h"

enum { FIRST_BYTES = 2048, ARENA_BYTES = 64 * 1024 * 1024 };

struct evaluation {
  const struct kh_condition *condition;
  const struct kh_names *names;
  const struct kh_trace *trace;
  struct kh_mistake *mistake;
  struct kh_arena arena;
  size_t steps_left; /* of regular expressions */
  unsigned depth;
};

static bool eval(struct evaluation *run, const struct kh_node *node, struct kh_value *value);

static bool fail(struct evaluation *run, const struct kh_node *node, const char *text)
{
  return kh_mistake_set(run->mistake, KH_MISTAKE_EVALUATION, node->at, node->len, "%s", text);
}

/* A rule must not hold of an event that it does not speak of. */
static bool has_root(struct evaluation *run, const struct kh_node *node, enum kh_root root)
{
  if (run->condition->dialect != KH_DIALECT_EXTENDED || root == KH_ROOT_NONE || !run->names ||
      !run->names->offers || run->names->offers(run->names->self, root))
    return true;
  return kh_mistake_set(run->mistake, KH_MISTAKE_EVALUATION, node->at, node->len, "this event has no %s",
                        kh_root_name(root));
}

static bool expand(struct evaluation *run, const struct kh_node *node, struct kh_value *value)
{
  struct kh_shell shell = {
      .names = run->names,
      .arena = &run->arena,
      .quotes_are_text = run->condition->dialect == KH_DIALECT_EXTENDED,
      .steps = KH_SHELL_STEPS,
  };
  bool fine = false;

  if (node->type == KH_NODE_STRING && !node->is_template) {
    *value = node->value;
    return true;
  }
  if ((node->is_live || node->type == KH_NODE_SUBSTITUTION) && !has_root(run, node, KH_ROOT_BUILD))
    return false;
  fine = node->type == KH_NODE_STRING ? kh_shell_text(&shell, node->body, value)
                                      : kh_shell_value(&shell, node->body, value);
  return fine || fail(run, node, shell.fault);
}

static bool env(struct evaluation *run, const struct kh_node *node, const struct kh_value *name,
                struct kh_value *value)
{
  struct kh_str text = KH_NO_STR;

  if (name->kind != KH_KIND_STRING || name->text.len == 0)
    return fail(run, node, "the name of the environment variable is null or empty");
  if (kh_env_name_is_refused(name->text, true))
    return fail(run, node, "conditions cannot see this BUILDKITE_ variable");
  bool set = kh_resolve_env(run->names, name->text, &run->arena, &text);
  if (set)
    *value = kh_value_text(text.at ? text : KH_STR(""));
  else
    *value = node->function->function == KH_FUNCTION_ENV ? kh_value_text(KH_STR("")) : kh_value_null();
  return true;
}

static bool call(struct evaluation *run, const struct kh_node *node, struct kh_value *value)
{
  struct kh_value arguments[KH_ARGUMENTS_MAX] = {kh_value_null(), kh_value_null()};
  struct kh_str text = KH_NO_STR;
  size_t count = 0;

  for (const struct kh_node *child = node->first; child && count < KH_ARGUMENTS_MAX; child = child->next)
    if (!eval(run, child, &arguments[count++]))
      return false;
  if (!has_root(run, node, node->function->root))
    return false;
  switch (node->function->function) {
  case KH_FUNCTION_ENV:
  case KH_FUNCTION_BUILD_ENV:
    return env(run, node, &arguments[0], value);
  case KH_FUNCTION_META_DATA:
    if (arguments[0].kind == KH_KIND_STRING && run->names && run->names->meta_data &&
        run->names->meta_data(run->names->self, arguments[0].text, &run->arena, &text))
      *value = kh_value_text(text);
    return true;
  case KH_FUNCTION_AT_LEAST:
    *value = kh_value_truth(arguments[0].kind == KH_KIND_NUMBER && arguments[1].kind == KH_KIND_NUMBER &&
                            arguments[0].number >= arguments[1].number);
    return true;
  }
  return false;
}

static bool search(struct evaluation *run, const struct kh_node *node, const struct kh_regex *regex,
                   struct kh_str text, bool *found)
{
  const bool had_all = !run->names || !run->names->steps_left ||
                       *run->names->steps_left >= KH_REGEX_STEPS_MAX;
  enum kh_found result = kh_regex_search(regex, text, &run->arena, &run->steps_left);

  *found = result == KH_FOUND_YES;
  return result != KH_FOUND_LIMIT ||
         fail(run, node,
              had_all ? "the regular expression takes too many steps on this text"
                      : "regular expressions took all the steps that there are for one webhook");
}

static bool includes(struct evaluation *run, const struct kh_node *node, const struct kh_value *list,
                     const struct kh_value *wanted, bool *found)
{
  *found = false;
  if (list->kind != KH_KIND_LIST || wanted->kind == KH_KIND_NULL)
    return true;
  for (size_t i = 0; i < list->list.count && !*found; i++) {
    struct kh_str item = list->list.items[i];

    if (!item.at)
      return fail(run, node, "an item of the list is null");
    if (wanted->kind == KH_KIND_REGEX) {
      if (!search(run, node, wanted->regex, item, found))
        return false;
    } else {
      *found = kh_str_equal(item, wanted->text);
    }
  }
  return true;
}

/* NODE's value: its own where it is a constant, else in ROOM; NULL after a failure. */
static const struct kh_value *operand(struct evaluation *run, const struct kh_node *node,
                                      struct kh_value *room)
{
  const bool is_constant = node->type == KH_NODE_CONSTANT ||
                           (node->type == KH_NODE_STRING && !node->is_template);

  if (is_constant && !run->trace)
    return &node->value;
  return eval(run, node, room) ? room : NULL;
}

static bool compare(struct evaluation *run, const struct kh_node *node, struct kh_value *value)
{
  struct kh_value rooms[2];
  const struct kh_value *x = operand(run, node->first, &rooms[0]);
  const struct kh_value *y = x ? operand(run, node->first->next, &rooms[1]) : NULL;
  bool truth = false;

  if (!y)
    return false;
  switch (node->op) {
  case KH_TOKEN_INCLUDES:
    if (!includes(run, node, x, y, &truth))
      return false;
    break;
  case KH_TOKEN_EQUAL:
  case KH_TOKEN_UNEQUAL:
    if (x->kind == KH_KIND_NULL && y->kind == KH_KIND_REGEX)
      return fail(run, node, "null cannot be compared with a regular expression");
    truth = kh_value_equal(x, y) == (node->op == KH_TOKEN_EQUAL);
    break;
  default:
    if (y->kind != KH_KIND_REGEX)
      return fail(run, node, "there is no regular expression to match with");
    if (x->kind == KH_KIND_STRING && !search(run, node, y->regex, x->text, &truth))
      return false;
    truth = truth == (node->op == KH_TOKEN_MATCHES);
  }
  *value = kh_value_truth(truth);
  return true;
}

static bool list(struct evaluation *run, const struct kh_node *node, struct kh_value *value)
{
  size_t count = 0;
  struct kh_str *items = NULL;

  for (const struct kh_node *child = node->first; child; child = child->next)
    count++;
  items = kh_arena_take(&run->arena, count * sizeof *items);
  if (!items)
    return fail(run, node, "there is no memory for this list");
  count = 0;
  for (const struct kh_node *child = node->first; child; child = child->next) {
    struct kh_value item = kh_value_null();

    if (!eval(run, child, &item))
      return false;
    items[count++] = item.kind == KH_KIND_STRING ? item.text : KH_NO_STR;
  }
  *value = kh_value_list(items, count);
  return true;
}

/* The first operand that decides, else the last: neither operator makes a boolean of its operand. */
static bool logic(struct evaluation *run, const struct kh_node *node, struct kh_value *value)
{
  for (const struct kh_node *child = node->first; child; child = child->next) {
    if (!eval(run, child, value))
      return false;
    if (kh_value_is_true(value) == (node->type == KH_NODE_OR))
      break;
  }
  return true;
}

static bool eval_node(struct evaluation *run, const struct kh_node *node, struct kh_value *value)
{
  switch (node->type) {
  case KH_NODE_CONSTANT:
    *value = node->value;
    return true;
  case KH_NODE_STRING:
  case KH_NODE_SUBSTITUTION:
    return expand(run, node, value);
  case KH_NODE_VARIABLE:
    if (!has_root(run, node, node->name->root))
      return false;
    kh_resolve(run->names, node->name, &run->arena, value);
    return true;
  case KH_NODE_CALL:
    return call(run, node, value);
  case KH_NODE_LIST:
    return list(run, node, value);
  case KH_NODE_NOT:
    if (!eval(run, node->first, value))
      return false;
    *value = kh_value_truth(!kh_value_is_true(value));
    return true;
  case KH_NODE_AND:
  case KH_NODE_OR:
    return logic(run, node, value);
  case KH_NODE_COMPARE:
    return compare(run, node, value);
  case KH_NODE_TERNARY:
    if (!eval(run, node->first, value))
      return false;
    return eval(run, kh_value_is_true(value) ? node->first->next : node->first->next->next, value);
  }
  return false;
}

static bool is_secret(const struct kh_node *node)
{
  return node->is_live || node->type == KH_NODE_SUBSTITUTION ||
         (node->type == KH_NODE_CALL && node->function->function <= KH_FUNCTION_BUILD_ENV);
}

static bool eval(struct evaluation *run, const struct kh_node *node, struct kh_value *value)
{
  value->kind =
      KH_KIND_NULL; /* the rest means nothing then, and is read back at once: no wider write than that */
  run->depth++;
  bool fine = eval_node(run, node, value);
  run->depth--;
  if (fine && run->arena.err)
    fine = fail(run, node, "there is not enough memory for the evaluation");
  if (fine && kh_names_lack(run->names))
    fine = kh_mistake_set(run->mistake, KH_MISTAKE_NOT_KEPT, node->at, node->len, KH_NOT_KEPT_FORMAT,
                          kh_names_lack(run->names));
  if (fine && run->trace)
    run->trace->see(run->trace->self,
                    &(struct kh_traced){node->at, node->len, run->depth, value, is_secret(node)});
  return fine;
}

bool kh_condition_eval(const struct kh_condition *condition, const struct kh_names *names,
                       const struct kh_trace *trace, struct kh_mistake *mistake)
{
  char storage[FIRST_BYTES];
  struct evaluation run = {.condition = condition, .names = names, .trace = trace, .mistake = mistake};
  struct kh_value value = kh_value_null();

  if (!condition->root) {
    if (kh_entrypoint_is_notification(condition->entrypoint))
      return true;
    return kh_mistake_set(mistake, KH_MISTAKE_PARSE, 0, 0, "the condition is empty");
  }
  size_t given = KH_REGEX_STEPS_MAX;
  if (names && names->steps_left && *names->steps_left < given)
    given = *names->steps_left;
  run.steps_left = given;
  kh_names_ask_anew(names);
  kh_arena_init(&run.arena, ARENA_BYTES, storage, sizeof storage);
  bool fine = eval(&run, condition->root, &value);
  kh_arena_release(&run.arena);
  if (names && names->steps_left)
    *names->steps_left -= given - run.steps_left;
  return fine && kh_value_is_true(&value);
}
