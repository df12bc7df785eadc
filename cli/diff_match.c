#include "base/base.h"

#include "diff.h"

enum { OLD, NEW };

/* Which messages have found theirs. */
struct matching {
  const struct kh_diff_side *sides;
  bool *is_matched[2]; /* owned; of each message */
  bool *is_unknown[2]; /* owned; of each rule: nobody knows what it did, and it is not the same on both */
};

static const struct kh_deliveries *made(const struct matching *matching, size_t side)
{
  return &matching->sides[side].made.deliveries;
}

static bool is_same_destination(const struct kh_delivery *a, const struct kh_delivery *b)
{
  return strcmp(a->credential, b->credential) == 0 && strcmp(a->place, b->place) == 0;
}

/* The first new message for where OLD goes that has not found its own; with SAME only an equal one. */
static bool find(const struct matching *matching, const struct kh_delivery *old, bool same, size_t *found)
{
  const struct kh_deliveries *all = made(matching, NEW);

  for (size_t i = 0; i < all->count; i++) {
    if (matching->is_matched[NEW][i] || !is_same_destination(&all->at[i], old) ||
        (same && !kh_str_equal(kh_buf_view(&all->at[i].body), kh_buf_view(&old->body))))
      continue;
    *found = i;
    return true;
  }
  return false;
}

/* ---- what nobody knows ---- */

static const struct kh_config *config_of(const struct matching *matching, size_t side)
{
  return &matching->sides[side].setup->config;
}

static bool is_not_kept(const struct matching *matching, size_t side, size_t rule)
{
  return matching->sides[side].made.reasons[rule] == KH_REASON_NOT_KEPT;
}

static bool are_equal(const json_t *a, const json_t *b)
{
  return a == b || json_equal(a, b);
}

/* All that decides what an entry of `notify` does, but for the entry. */
static bool have_same_ground(const struct matching *matching)
{
  const struct kh_config *old = config_of(matching, OLD), *new = config_of(matching, NEW);

  return are_equal(old->services, new->services) && are_equal(old->tables, new->tables);
}

static void pair_unknown(struct matching *matching, size_t old)
{
  const json_t *entry = json_array_get(config_of(matching, OLD)->notify, old);

  for (size_t i = 0; i < matching->sides[NEW].setup->rules.count; i++)
    if (matching->is_unknown[NEW][i] &&
        are_equal(entry, json_array_get(config_of(matching, NEW)->notify, i))) {
      matching->is_unknown[OLD][old] = matching->is_unknown[NEW][i] = false;
      return;
    }
}

static void find_unknown(struct matching *matching)
{
  size_t count[2] = {0};

  for (size_t side = OLD; side <= NEW; side++)
    for (size_t i = 0; i < matching->sides[side].setup->rules.count; i++) {
      matching->is_unknown[side][i] = is_not_kept(matching, side, i);
      count[side] += matching->is_unknown[side][i];
    }
  if (count[OLD] == 0 || count[NEW] == 0 || !have_same_ground(matching))
    return;
  for (size_t i = 0; i < matching->sides[OLD].setup->rules.count; i++)
    if (matching->is_unknown[OLD][i])
      pair_unknown(matching, i);
}

/* May SIDE have a message that it is not known to have, for CREDENTIAL? */
static bool may_send(const struct matching *matching, size_t side, const char *credential)
{
  const struct kh_rules *rules = &matching->sides[side].setup->rules;

  for (size_t i = 0; i < rules->count; i++)
    for (const struct kh_rule *by = &rules->at[i]; matching->is_unknown[side][i] && by; by = by->also)
      if (strcmp(by->credential, credential) == 0)
        return true;
  return false;
}

/* ---- all of it ---- */

static void match_same(struct matching *matching, int64_t *same)
{
  for (size_t i = 0; i < made(matching, OLD)->count; i++) {
    size_t other = 0;

    if (!find(matching, &made(matching, OLD)->at[i], true, &other))
      continue;
    matching->is_matched[OLD][i] = matching->is_matched[NEW][other] = true;
    ++*same;
  }
}

static void tell(const struct matching *matching,
                 void (*each)(void *self, const struct kh_difference *difference), void *self)
{
  for (size_t i = 0; i < made(matching, OLD)->count; i++) {
    const struct kh_delivery *old = &made(matching, OLD)->at[i];
    size_t other = 0;

    if (matching->is_matched[OLD][i])
      continue;
    if (find(matching, old, false, &other)) {
      matching->is_matched[NEW][other] = true;
      each(self,
           &(struct kh_difference){.kind = KH_CHANGED, .messages = {old, &made(matching, NEW)->at[other]}});
    } else if (!may_send(matching, NEW, old->credential)) {
      each(self, &(struct kh_difference){.kind = KH_LOST, .messages = {old, NULL}});
    }
  }
  for (size_t i = 0; i < made(matching, NEW)->count; i++) {
    const struct kh_delivery *new = &made(matching, NEW)->at[i];

    if (!matching->is_matched[NEW][i] && !may_send(matching, OLD, new->credential))
      each(self, &(struct kh_difference){.kind = KH_GAINED, .messages = {NULL, new}});
  }
  for (size_t side = OLD; side <= NEW; side++)
    for (size_t i = 0; i < matching->sides[side].setup->rules.count; i++)
      if (matching->is_unknown[side][i])
        each(self, &(struct kh_difference){.kind = KH_NOT_KEPT, .side = side, .rule = i});
}

enum kh_err kh_diff_match(const struct kh_diff_side sides[2],
                          void (*each)(void *self, const struct kh_difference *difference), void *self,
                          int64_t *same)
{
  struct matching matching = {.sides = sides};
  enum kh_err err = KH_OK;

  for (size_t side = OLD; side <= NEW; side++) {
    matching.is_matched[side] = calloc(sides[side].made.deliveries.count + 1, sizeof(bool));
    matching.is_unknown[side] = calloc(sides[side].setup->rules.count + 1, sizeof(bool));
    if (!matching.is_matched[side] || !matching.is_unknown[side])
      err = KH_ERR_NO_MEMORY;
  }
  if (!err) {
    find_unknown(&matching);
    match_same(&matching, same);
    tell(&matching, each, self);
  }
  for (size_t side = OLD; side <= NEW; side++) {
    free(matching.is_matched[side]);
    free(matching.is_unknown[side]);
  }
  return err;
}
