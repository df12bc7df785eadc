#include "base/base.h"

#include "language/condition/regex.h"
#include "language/condition/tried.h"

enum { EITHER = KH_MAY_BE_TRUE | KH_MAY_BE_FALSE, ARENA_BYTES = 1024 * 1024 };

struct question {
  struct kh_tries tries;
  struct kh_arena arena;
  size_t steps_left; /* of regular expressions */
};

/* What a node may be. Of a value: which one; or that of NAME; or one of OTHER that is none of its values. */
struct outcome {
  unsigned may;
  const struct kh_value *known;
  const struct kh_name_info *name;
  const struct kh_tried *other;
};

static struct outcome look(struct question *question, const struct kh_node *node);

static struct outcome truths(unsigned may)
{
  return (struct outcome){.may = may};
}

static struct outcome anything(const struct kh_name_info *name)
{
  return (struct outcome){.may = KH_MAY_BE_VALUE | KH_MAY_BE_NULL, .name = name};
}

static struct outcome known(const struct kh_value *value)
{
  if (value->kind == KH_KIND_NULL)
    return truths(KH_MAY_BE_NULL);
  if (value->kind == KH_KIND_BOOLEAN)
    return truths(value->truth ? KH_MAY_BE_TRUE : KH_MAY_BE_FALSE);
  return (struct outcome){.may = KH_MAY_BE_VALUE, .known = value};
}

/* ---- names ---- */

static bool is_offered(const struct question *question, enum kh_root root)
{
  const struct kh_supposed *supposed = question->tries.supposed;

  return root == KH_ROOT_NONE || !supposed->offers || supposed->offers(supposed->self, root);
}

static struct outcome variable(struct question *question, const struct kh_node *node)
{
  const struct kh_tried *tried = kh_tries_find(&question->tries, node->name->name);

  if (!is_offered(question, node->name->root))
    return truths(KH_MAY_FAIL);
  if (!tried)
    return node->name->kind == KH_KIND_BOOLEAN ? truths(EITHER | KH_MAY_BE_NULL) : anything(node->name);
  if (kh_tried_is_null(tried))
    return truths(KH_MAY_BE_NULL);
  return kh_tried_value(tried)
             ? known(kh_tried_value(tried))
             : (struct outcome){.may = KH_MAY_BE_VALUE, .name = tried->name, .other = tried};
}

/* ---- comparisons ---- */

static bool is_other_than(const struct outcome *x, const struct kh_value *value)
{
  if (x->name && (x->name->flags & KH_NAME_BLANK_IS_NULL) && value->kind == KH_KIND_STRING &&
      kh_text_is_blank(value->text))
    return true;
  for (size_t i = 0; x->other && i < x->other->count; i++)
    if (kh_value_equal(x->other->values[i], value))
      return true;
  return false;
}

static unsigned equal_values(const struct outcome *x, const struct outcome *y)
{
  if (x->known && y->known)
    return kh_value_equal(x->known, y->known) ? KH_MAY_BE_TRUE : KH_MAY_BE_FALSE;
  if (x->other && x->other == y->other)
    return KH_MAY_BE_TRUE; /* the value of one name */
  if ((y->known && is_other_than(x, y->known)) || (x->known && is_other_than(y, x->known)))
    return KH_MAY_BE_FALSE;
  return EITHER;
}

static unsigned equal(const struct outcome *x, const struct outcome *y)
{
  unsigned may = (x->may | y->may) & KH_MAY_FAIL;

  if ((x->may & KH_MAY_BE_NULL) && y->known && y->known->kind == KH_KIND_REGEX)
    may |= KH_MAY_FAIL;
  for (unsigned a = KH_MAY_BE_TRUE; a < KH_MAY_FAIL; a <<= 1)
    for (unsigned b = KH_MAY_BE_TRUE; b < KH_MAY_FAIL; b <<= 1) {
      if (!(x->may & a) || !(y->may & b))
        continue;
      if (a == b && a == KH_MAY_BE_VALUE)
        may |= equal_values(x, y);
      else
        may |= a == b ? KH_MAY_BE_TRUE : KH_MAY_BE_FALSE;
    }
  return may;
}

static unsigned search(struct question *question, const struct outcome *text, const struct outcome *regex)
{
  if (!text->known || !regex->known)
    return EITHER;
  switch (kh_regex_search(regex->known->regex, text->known->text, &question->arena, &question->steps_left)) {
  case KH_FOUND_NO:
    return KH_MAY_BE_FALSE;
  case KH_FOUND_YES:
    return KH_MAY_BE_TRUE;
  case KH_FOUND_LIMIT:
    break;
  }
  return EITHER | KH_MAY_FAIL;
}

static unsigned matches(struct question *question, const struct outcome *x, const struct outcome *y)
{
  unsigned may = (x->may | y->may) & KH_MAY_FAIL;

  if (x->may & KH_MAY_BE_NULL)
    may |= KH_MAY_BE_FALSE;
  if (x->may & KH_MAY_BE_VALUE)
    may |= search(question, x, y);
  return may;
}

static unsigned negated(unsigned may)
{
  const unsigned truth = may & KH_MAY_BE_TRUE ? KH_MAY_BE_FALSE : 0;

  return truth | (may & (KH_MAY_BE_FALSE | KH_MAY_BE_NULL) ? KH_MAY_BE_TRUE : 0) | (may & KH_MAY_FAIL);
}

/* Of a list as it is written; one that a webhook brings may hold anything. */
static unsigned includes(struct question *question, const struct kh_node *node, const struct outcome *wanted)
{
  unsigned may = wanted->may & KH_MAY_FAIL;
  bool goes_on = true;

  if (wanted->may & KH_MAY_BE_NULL)
    may |= KH_MAY_BE_FALSE;
  if (!(wanted->may & KH_MAY_BE_VALUE))
    return may;
  if (node->type != KH_NODE_LIST) {
    const unsigned left = look(question, node).may;

    return may | (left & KH_MAY_FAIL) | (left & KH_MAY_BE_VALUE ? EITHER : KH_MAY_BE_FALSE);
  }
  for (const struct kh_node *child = node->first; child && goes_on; child = child->next) {
    const struct outcome item = look(question, child);
    const bool is_regex = wanted->known && wanted->known->kind == KH_KIND_REGEX;
    unsigned found = 0;

    if (item.may & (KH_MAY_FAIL | KH_MAY_BE_NULL))
      may |= KH_MAY_FAIL;
    if (item.may & KH_MAY_BE_VALUE)
      found = is_regex ? search(question, &item, wanted) : equal_values(&item, wanted);
    may |= found & (KH_MAY_BE_TRUE | KH_MAY_FAIL);
    goes_on = found != KH_MAY_BE_TRUE || item.may != KH_MAY_BE_VALUE;
  }
  return goes_on ? may | KH_MAY_BE_FALSE : may;
}

static unsigned compare(struct question *question, const struct kh_node *node)
{
  const struct outcome y = look(question, node->first->next);

  if (node->op == KH_TOKEN_INCLUDES)
    return includes(question, node->first, &y);

  const struct outcome x = look(question, node->first);
  switch (node->op) {
  case KH_TOKEN_EQUAL:
    return equal(&x, &y);
  case KH_TOKEN_UNEQUAL:
    return negated(equal(&x, &y));
  case KH_TOKEN_MATCHES:
    return matches(question, &x, &y);
  default:
    return negated(matches(question, &x, &y));
  }
}

/* ---- the rest ---- */

static struct outcome call(struct question *question, const struct kh_node *node)
{
  struct outcome arguments[KH_ARGUMENTS_MAX] = {{0}, {0}};
  unsigned fail = is_offered(question, node->function->root) ? 0 : KH_MAY_FAIL;
  size_t count = 0;

  for (const struct kh_node *child = node->first; child && count < KH_ARGUMENTS_MAX; child = child->next) {
    arguments[count] = look(question, child);
    fail |= arguments[count++].may & KH_MAY_FAIL;
  }
  if (!is_offered(question, node->function->root))
    return truths(KH_MAY_FAIL);
  if (node->function->function != KH_FUNCTION_AT_LEAST) {
    struct outcome text = anything(NULL);

    text.may |= fail;
    return text;
  }
  if (arguments[0].known && arguments[1].known)
    return truths(
        fail | (arguments[0].known->number >= arguments[1].known->number ? KH_MAY_BE_TRUE : KH_MAY_BE_FALSE));
  const unsigned both = arguments[0].may & arguments[1].may & KH_MAY_BE_VALUE;
  return truths(fail | (both ? EITHER : KH_MAY_BE_FALSE));
}

static struct outcome text(struct question *question, const struct kh_node *node)
{
  struct outcome made = anything(NULL);

  if (node->type == KH_NODE_STRING && !node->is_template)
    return known(&node->value);
  if ((node->is_live || node->type == KH_NODE_SUBSTITUTION) && !is_offered(question, KH_ROOT_BUILD))
    return truths(KH_MAY_FAIL);
  made.may |= KH_MAY_FAIL;
  return made;
}

static struct outcome list(struct question *question, const struct kh_node *node)
{
  struct outcome made = {.may = KH_MAY_BE_VALUE};

  for (const struct kh_node *child = node->first; child; child = child->next)
    made.may |= look(question, child).may & KH_MAY_FAIL;
  return made;
}

/* The first operand that decides, else the last. */
static unsigned logic(struct question *question, const struct kh_node *node)
{
  const unsigned deciding = node->type == KH_NODE_OR ? KH_MAY_BE_TRUE : KH_MAY_BE_FALSE | KH_MAY_BE_NULL;
  unsigned done = 0;

  for (const struct kh_node *child = node->first; child; child = child->next) {
    const unsigned may = look(question, child).may;

    if (!child->next)
      return done | may;
    done |= may & (deciding | KH_MAY_FAIL);
    if (!(may & ~(deciding | KH_MAY_FAIL)))
      break;
  }
  return done;
}

static struct outcome either(struct outcome x, struct outcome y)
{
  const unsigned may = x.may | y.may;

  if (!(x.may & KH_MAY_BE_VALUE))
    x = y;
  else if ((y.may & KH_MAY_BE_VALUE) && (x.known != y.known || x.name != y.name || x.other != y.other))
    x = (struct outcome){0};
  x.may = may;
  return x;
}

static struct outcome ternary(struct question *question, const struct kh_node *node)
{
  const struct outcome condition = look(question, node->first);
  struct outcome made = truths(condition.may & KH_MAY_FAIL);

  if (condition.may & KH_MAY_BE_TRUE)
    made = either(made, look(question, node->first->next));
  if (condition.may & (KH_MAY_BE_FALSE | KH_MAY_BE_NULL))
    made = either(made, look(question, node->first->next->next));
  return made;
}

static struct outcome look(struct question *question, const struct kh_node *node)
{
  switch (node->type) {
  case KH_NODE_CONSTANT:
    return known(&node->value);
  case KH_NODE_STRING:
  case KH_NODE_SUBSTITUTION:
    return text(question, node);
  case KH_NODE_VARIABLE:
    return variable(question, node);
  case KH_NODE_CALL:
    return call(question, node);
  case KH_NODE_LIST:
    return list(question, node);
  case KH_NODE_NOT:
    return truths(negated(look(question, node->first).may));
  case KH_NODE_AND:
  case KH_NODE_OR:
    return truths(logic(question, node));
  case KH_NODE_COMPARE:
    return truths(compare(question, node));
  case KH_NODE_TERNARY:
    return ternary(question, node);
  }
  return truths(EITHER | KH_MAY_BE_NULL | KH_MAY_FAIL);
}

unsigned kh_node_possible(const struct kh_node *node, const struct kh_supposed *supposed)
{
  struct question question = {.steps_left = KH_REGEX_STEPS_MAX};
  unsigned may = 0;

  kh_tries_init(&question.tries, supposed, node);
  kh_arena_init(&question.arena, ARENA_BYTES, NULL, 0);
  do {
    if (kh_tries_are_possible(&question.tries))
      may |= look(&question, node).may;
  } while (kh_tries_next(&question.tries));
  kh_arena_release(&question.arena);
  return may;
}

unsigned kh_condition_possible(const struct kh_condition *condition, const struct kh_supposed *supposed)
{
  if (!condition->root)
    return KH_MAY_BE_TRUE;
  return condition->nodes > KH_POSSIBLE_NODES_MAX ? EITHER | KH_MAY_FAIL
                                                  : kh_node_possible(condition->root, supposed);
}
