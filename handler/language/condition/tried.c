#include "base/base.h"

#include "language/condition/tried.h"

enum { EVALUATIONS_MAX = 50000 }; /* of nodes, in all tries together */

const struct kh_tried *kh_tries_find(const struct kh_tries *tries, enum kh_name name)
{
  for (size_t i = 0; i < tries->count; i++)
    if (tries->at[i].name->name == name)
      return &tries->at[i];
  return NULL;
}

/* ---- what is tried ---- */

static void add_value(struct kh_tried *tried, const struct kh_value *value)
{
  for (size_t i = 0; i < tried->count; i++)
    if (kh_value_equal(tried->values[i], value))
      return;
  if (tried->count < KH_TRIED_VALUES_MAX)
    tried->values[tried->count++] = value;
}

/* Adds the constants below NODE that a name of this kind can be compared with. */
static void add_constants(struct kh_tried *tried, const struct kh_node *node)
{
  const bool is_text = node->type == KH_NODE_STRING && !node->is_template;

  if ((is_text || node->type == KH_NODE_CONSTANT) && node->value.kind == tried->name->kind)
    add_value(tried, &node->value);
  for (const struct kh_node *child = node->first; child; child = child->next)
    add_constants(tried, child);
}

static struct kh_tried *add_name(struct kh_tries *tries, const struct kh_name_info *name)
{
  for (size_t i = 0; i < tries->count; i++)
    if (tries->at[i].name == name)
      return &tries->at[i];
  if (name->kind == KH_KIND_LIST || tries->count == KH_TRIED_NAMES_MAX)
    return NULL;
  tries->at[tries->count] = (struct kh_tried){.name = name};
  return &tries->at[tries->count++];
}

/* AROUND is the outermost comparison that NODE is in, or NULL. */
static void collect(struct kh_tries *tries, const struct kh_node *node, const struct kh_node *around)
{
  static const struct kh_value truths[] = {{.kind = KH_KIND_BOOLEAN, .truth = true},
                                           {.kind = KH_KIND_BOOLEAN, .truth = false}};

  if (!around && node->type == KH_NODE_COMPARE)
    around = node;
  struct kh_tried *tried = node->type == KH_NODE_VARIABLE ? add_name(tries, node->name) : NULL;

  if (tried && tried->name->kind == KH_KIND_BOOLEAN) {
    add_value(tried, &truths[0]);
    add_value(tried, &truths[1]);
  } else if (tried && tried->name->name == KH_NAME_EVENT && tries->supposed->event.at) {
    add_value(tried, &tries->event);
  } else if (tried && around) {
    add_constants(tried, around);
  }
  for (const struct kh_node *child = node->first; child; child = child->next)
    collect(tries, child, around);
}

static size_t nodes_below(const struct kh_node *node)
{
  size_t count = 1;

  for (const struct kh_node *child = node->first; child; child = child->next)
    count += nodes_below(child);
  return count;
}

/* Names that would make it too much are not tried. */
static void limit(struct kh_tries *tries, size_t product)
{
  size_t kept = 0;

  for (size_t i = 0; i < tries->count; i++) {
    const size_t choices = kh_tried_choices(&tries->at[i]);

    if (product * choices > EVALUATIONS_MAX)
      continue;
    product *= choices;
    tries->at[kept++] = tries->at[i];
  }
  tries->count = kept;
}

void kh_tries_init(struct kh_tries *tries, const struct kh_supposed *supposed, const struct kh_node *node)
{
  *tries = (struct kh_tries){.supposed = supposed, .event = kh_value_text(supposed->event)};
  collect(tries, node, NULL);
  limit(tries, nodes_below(node));
}

bool kh_tries_next(struct kh_tries *tries)
{
  for (size_t i = 0; i < tries->count; i++) {
    if (++tries->at[i].pick < kh_tried_choices(&tries->at[i]))
      return true;
    tries->at[i].pick = 0;
  }
  return false;
}

/* ---- what can be ---- */

static bool is_supposed(const struct kh_tries *tries, const struct kh_tried *tried)
{
  const struct kh_supposed *supposed = tries->supposed;
  const struct kh_value *value = kh_tried_value(tried);

  if (tried->name->name == KH_NAME_EVENT && (kh_tried_is_null(tried) || supposed->event.at))
    return value != NULL;
  if (!value || value->kind != KH_KIND_STRING)
    return true;
  if ((tried->name->flags & KH_NAME_BLANK_IS_NULL) && kh_text_is_blank(value->text))
    return false;
  return !supposed->may_be || supposed->may_be(supposed->self, tried->name, value->text);
}

static bool may_say(const struct kh_tried *tried, struct kh_str word)
{
  const struct kh_value value = kh_value_text(word);

  if (!tried)
    return true;
  if (kh_tried_value(tried))
    return kh_value_equal(kh_tried_value(tried), &value);
  for (size_t i = 0; i < tried->count; i++)
    if (kh_value_equal(tried->values[i], &value))
      return false;
  return !kh_tried_is_null(tried);
}

/* A blocked build has the state `blocked`, and only such a build has a state before (names_body.c). */
static bool is_consistent(const struct kh_tries *tries)
{
  const struct kh_tried *blocked = kh_tries_find(tries, KH_NAME_BUILD_BLOCKED);
  const struct kh_tried *before = kh_tries_find(tries, KH_NAME_BUILD_BLOCKED_STATE);
  const bool is_blocked = blocked && kh_tried_value(blocked) && kh_tried_value(blocked)->truth;
  const bool has_before = before && !kh_tried_is_null(before);

  if (has_before && blocked && !is_blocked)
    return false;
  return (!is_blocked && !has_before) ||
         may_say(kh_tries_find(tries, KH_NAME_BUILD_STATE), KH_STR("blocked"));
}

bool kh_tries_are_possible(const struct kh_tries *tries)
{
  for (size_t i = 0; i < tries->count; i++)
    if (!is_supposed(tries, &tries->at[i]))
      return false;
  return is_consistent(tries);
}
