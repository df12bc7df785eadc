#include "base/base.h"

#include "language/condition/possible.h"
#include "language/names/event_names.h"
#include "language/names/expected.h"
#include "rules/branches.h"
#include "rules/cannot.h"

/* One event, or a family such as "build.*", of which new ones may come. */
struct supposition {
  const struct kh_match *match; /* NULL: whatever the rule asks for */
  const char *event;            /* NULL: any */
  bool with_patterns;
};

static bool is_family(const char *event)
{
  return kh_str_ends(kh_str_of(event), KH_STR(".*"));
}

static bool offers(void *self, enum kh_root root)
{
  const struct supposition *supposition = self;

  return !supposition->event || kh_root_is_of_event(root, kh_str_of(supposition->event));
}

static bool is_let_through(const char *patterns, struct kh_str text)
{
  return !patterns || kh_branches_match(kh_str_of(patterns), text);
}

static bool may_be(void *self, const struct kh_name_info *name, struct kh_str text)
{
  const struct supposition *supposition = self;
  const struct kh_match *match = supposition->match;
  const char *event = supposition->event;

  if (name->name == KH_NAME_EVENT)
    return !event || kh_str_starts(text, kh_str(event, strlen(event) - 1));
  if (supposition->with_patterns && name->name == KH_NAME_BUILD_BRANCH &&
      !is_let_through(match->branches, text))
    return false;
  if (supposition->with_patterns && name->name == KH_NAME_PIPELINE_SLUG &&
      !is_let_through(match->pipelines, text))
    return false;
  return kh_value_is_expected(name->name, event && !is_family(event) ? kh_str_of(event) : KH_NO_STR, text);
}

/* Can `if` be true at EVENT? */
static bool can_be_at(const struct kh_match *match, const char *event, bool with_patterns)
{
  struct supposition supposition = {match, event, with_patterns};
  const struct kh_supposed supposed = {is_family(event) ? KH_NO_STR : kh_str_of(event), &supposition, offers,
                                       may_be};

  return kh_condition_possible(match->condition, &supposed) & KH_MAY_BE_TRUE;
}

static bool can_be_at_all(const struct kh_match *match, bool with_patterns)
{
  const char *const *events = kh_match_events(match);

  while (*events && !can_be_at(match, *events, with_patterns))
    events++;
  return *events != NULL;
}

/* ---- what to do ---- */

static void add_word(struct kh_buf *words, const char *word, size_t count)
{
  enum { SHOWN = 4 };

  if (count < SHOWN)
    (void)kh_buf_printf(words, "%s%.40s", count > 0 ? ", " : "", word);
  else if (count == SHOWN)
    (void)kh_buf_add(words, KH_STR(", …"));
}

static struct kh_str family_of(const char *event)
{
  struct kh_str rest = kh_str_of(event);

  return kh_str_cut(&rest, '.');
}

static bool has_family(const struct kh_match *match, struct kh_str family)
{
  const char *const *events = kh_match_events(match);

  while (*events && !kh_str_equal(family_of(*events), family))
    events++;
  return *events != NULL;
}

/* The events at which `if` could be true: those that are akin to the rule's, or else all others. */
static void add_other_events(const struct kh_match *match, bool akin, struct kh_buf *words)
{
  size_t count = 0;

  for (const char *const *event = kh_event_names(); *event; event++)
    if (has_family(match, family_of(*event)) == akin && !kh_match_name(match, kh_str_of(*event)) &&
        can_be_at(match, *event, true))
      add_word(words, *event, count++);
}

static void tell_never(const struct kh_config *config, const json_t *node, const struct kh_match *match,
                       struct kh_diags *diags)
{
  struct kh_buf own, others;
  const char *const *events = kh_match_events(match);
  const char *by_default = match->event_count > 0 ? "" : " by default";

  kh_buf_init(&own, 256);
  kh_buf_init(&others, 256);
  for (size_t i = 0; events[i]; i++)
    add_word(&own, events[i], i);
  add_other_events(match, true, &others);
  if (others.len == 0)
    add_other_events(match, false, &others);
  if (can_be_at_all(match, false))
    (void)kh_config_say_in_text(config, node, 0, KH_OK, diags,
                                "`if`: never true where `branches` and `pipelines` hold; change one of them");
  else
    (void)kh_config_say_in_text(
        config, node, 0, KH_OK, diags, "`if`: never true at %s, which this rule is for%s%s%s%s",
        kh_buf_text(&own), by_default, others.len > 0 ? "; it can be at " : "", kh_buf_text(&others),
        others.len > 0 ? ": name that in `events`" : "; no other event makes it true");
  kh_buf_release(&own);
  kh_buf_release(&others);
}

/* ---- parts that never change ---- */

struct adviser {
  const struct kh_config *config;
  const json_t *node;
  struct kh_diags *diags;
  bool told;
};

static void advise(void *self, size_t at, size_t len, const char *text)
{
  struct adviser *to = self;

  (void)len;
  to->told = true;
  (void)kh_config_say_in_text(to->config, to->node, at, KH_OK, to->diags, "`if`: %s", text);
}

static const char *meant(void *self, const struct kh_name_info *name, struct kh_str text)
{
  (void)self;
  return kh_value_meant(name->name, text);
}

static void advise_comments(const struct adviser *to, const struct kh_condition *condition)
{
  const struct kh_str source = kh_condition_source(condition);
  size_t next = 0;

  for (struct kh_str one = kh_condition_comment(condition, &next); one.at;
       one = kh_condition_comment(condition, &next))
    kh_cannot_advise_comment(to->config, to->node, "if", (size_t)(one.at - source.at), one.len, to->diags);
}

void kh_cannot_advise(const struct kh_config *config, const json_t *entry, const struct kh_match *match,
                      bool warned, struct kh_diags *diags)
{
  struct supposition nothing = {0};
  const struct kh_supposed supposed = {KH_NO_STR, &nothing, offers, may_be};
  struct adviser adviser = {config, json_object_get(entry, "if"), diags, false};
  const struct kh_advice advice = {.self = &adviser, .tell = advise, .meant = meant};

  if (match->branches)
    kh_cannot_advise_patterns(config, entry, "branches", match->branches, diags);
  if (match->pipelines)
    kh_cannot_advise_patterns(config, entry, "pipelines", match->pipelines, diags);
  if (!match->condition)
    return;
  advise_comments(&adviser, match->condition);
  if (warned)
    return;
  kh_condition_constants(match->condition, &supposed, &advice);
  if (!adviser.told && *kh_match_events(match) && !can_be_at_all(match, true))
    tell_never(config, adviser.node, match, diags);
}
