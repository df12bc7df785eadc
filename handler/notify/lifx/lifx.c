#include "base/base.h"

#include "base/utf8.h"
#include "notify/lifx/answer.h"
#include "notify/lifx/look.h"
#include "notify/notifiers.h"
#include "rules/outgoing.h"
#include "words/text.h"

#define API "https://api.lifx.com/v1"

/* An old light is worse than none: it would paint over what happened since. */
enum { AGE_MAX_S = 600 };
enum { SELECTOR_MAX_BYTES = 1000, SELECTORS_MAX = 25, PATH_MAX_BYTES = 15 };

_Static_assert((int)SELECTOR_MAX_BYTES + 1 + (int)PATH_MAX_BYTES < (int)KH_PLACE_BYTES,
               "no room for a place");

/* By their place in kh_lifx_effect. */
static const struct {
  const char *path;
  enum kh_verb verb;
} calls[] = {
    [KH_LIFX_BREATHE] = {"effects/breathe", KH_POST},
    [KH_LIFX_PULSE] = {"effects/pulse", KH_POST},
    [KH_LIFX_NONE] = {"state", KH_PUT},
};

/* <base>/lights/<selector>/<path> */
static enum kh_err make_url(struct kh_str base, struct kh_str selector, const char *path,
                            struct kh_secret *made)
{
  struct kh_buf url;

  kh_buf_init(&url, KH_SECRET_MAX_BYTES);
  if (kh_str_ends(base, KH_STR("/")))
    base.len--;
  (void)kh_buf_reserve(&url, KH_SECRET_MAX_BYTES); /* moved, what it holds could not be wiped */
  (void)kh_buf_printf(&url, "%.*s/lights/", KH_FMT(base));
  kh_buf_add_encoded(&url, selector); /* so that no part of it can be anything else in a URL */
  (void)kh_buf_printf(&url, "/%s", path);
  enum kh_err err = kh_buf_ok(&url);
  if (!err)
    err = kh_secret_set(made, kh_buf_view(&url));
  kh_wipe_buf(&url);
  return err;
}

/* A place is a selector and, behind a blank, what to do there: the path of a call. */
static enum kh_err request(const struct kh_rule *rule, const struct kh_delivery *delivery, int64_t now_us,
                           struct kh_outgoing *outgoing)
{
  const char *blank = strrchr(delivery->place, ' ');
  const struct kh_str base = kh_secret_reveal(&rule->url);

  (void)now_us;
  kh_outgoing_bearer(outgoing, &rule->secret);
  for (size_t i = 0; blank && i < KH_COUNT(calls); i++)
    if (strcmp(blank + 1, calls[i].path) == 0) {
      outgoing->verb = calls[i].verb;
      return make_url(base, kh_str(delivery->place, (size_t)(blank - delivery->place)), calls[i].path,
                      &outgoing->url);
    }
  return KH_ERR_RENDER;
}

/* Which of the looks EVENT has: by the build's state, for that is what a lamp shows. */
static const char *look_of(const struct kh_event *event, struct kh_str state)
{
  static const char *const looks[KH_MOOD__COUNT] = {
      [KH_MOOD_NEWS] = "other",      [KH_MOOD_PASSED] = "passed",   [KH_MOOD_FAILED] = "failed",
      [KH_MOOD_WARNING] = "failed",  [KH_MOOD_BLOCKED] = "blocked", [KH_MOOD_CANCELED] = "canceled",
      [KH_MOOD_SKIPPED] = "not_run", [KH_MOOD_RUNNING] = "running", [KH_MOOD_SCHEDULED] = "other",
  };
  const struct kh_state_words *known = kh_text_state(state);
  const bool finished = kh_str_ends(kh_str_of(event->name), KH_STR(".finished"));

  if (event->kind != KH_EVENT_BUILD)
    return "other";
  if (kh_str_equal(kh_str_of(event->name), KH_STR("build.running")) && (!known || !known->settled))
    return "running";
  if (!known)
    return finished && state.len > 0 ? "failed" : "other";
  /* A body that lags behind its event does not say how the build ended. */
  if (known->mood == KH_MOOD_RUNNING && finished)
    return "other";
  return kh_str_equal(state, KH_STR("skipped")) ? "skipped" : looks[known->mood];
}

static enum kh_err render(const struct kh_rule *rule, struct kh_rendering *rendering, struct kh_buf *body)
{
  const struct kh_event *event = rendering->event;
  struct kh_buf state;

  kh_buf_init(&state, event->body.len + 16);
  enum kh_err err = kh_event_build_state(event, &state);
  if (!err)
    err = kh_notify_write_json(json_incref(json_object_get(rule->made, look_of(event, kh_buf_view(&state)))),
                               body);
  kh_buf_release(&state);
  return err;
}

/* ---- what the configuration says ---- */

static bool is_selector(struct kh_str one)
{
  static const char *const kinds[] = {
      "id:", "label:", "group:", "group_id:", "location:", "location_id:", "scene_id:"};

  if (kh_str_equal(one, KH_STR("all")) || kh_str_equal(one, KH_STR("all:random")))
    return true;
  for (size_t i = 0; i < KH_COUNT(kinds); i++)
    if (kh_str_starts(one, kh_str_of(kinds[i])) && one.len > strlen(kinds[i]))
      return true;
  return false;
}

static bool are_selectors(struct kh_str text)
{
  struct kh_str rest = text;
  size_t count = 0;

  for (; rest.at && count <= SELECTORS_MAX; count++)
    if (!is_selector(kh_str_cut(&rest, ',')))
      return false;
  return count <= SELECTORS_MAX && text.len <= SELECTOR_MAX_BYTES && !kh_str_has_control(text, false);
}

static bool has_room_for_path(struct kh_str url)
{
  return !memchr(url.at, '?', url.len) && !memchr(url.at, '#', url.len) && url.len <= 512;
}

#define LOOK(outcome, what)                                                                        \
  {                                                                                                \
    .name = (outcome), .type = KH_OPTION_MAPPING, .form = "look", .members = kh_lifx_look_members, \
    .words = (what)                                                                                \
  }
#define IN_THAT_STATE "What lamps do for a build in that state."
#define KINDS "(label|id|group|group_id|location|location_id|scene_id):[^,]+"

static const struct kh_option options[] = {
    {.name = "token",
     .type = KH_OPTION_SECRET,
     .required = true,
     .offset = offsetof(struct kh_rule, secret),
     .words = "A secret that holds a personal access token.",
     .example = "LIFX_ACCESS_TOKEN",
     .is_good = kh_option_is_token,
     .form = KH_OPTION_TOKEN_FORM},
    {.name = "selector",
     .type = KH_OPTION_TEXT,
     .words =
         "Which lamps: `all`, or up to 25 of label:, id:, group:, group_id:, location:, location_id: and "
         "scene_id:, with a name behind each, separated by commas.",
     .by_default = "all",
     .is_good = are_selectors,
     .form = "`all`, or up to 25 of label:, id:, group:, group_id:, location:, location_id: and scene_id: "
             "with a name behind each, separated by commas",
     .pattern = "^(all|" KINDS "(," KINDS "){0,24})$"},
    {.name = "url",
     .type = KH_OPTION_URL,
     .offset = offsetof(struct kh_rule, url),
     .words = "A secret that holds the root of the API.",
     .by_default = API,
     .is_good = has_room_for_path,
     .form = "the root of the API, such as " API ": at most 512 bytes, without `?` and `#`"},
    {.name = "effect",
     .type = KH_OPTION_CHOICE,
     .words = "How the colour changes; `none` for the colour alone.",
     .by_default = "breathe",
     .choices = kh_lifx_effects},
    LOOK("running", IN_THAT_STATE),
    LOOK("passed", IN_THAT_STATE),
    LOOK("failed", "A build in that state, or in a state that nobody has heard of."),
    LOOK("blocked", IN_THAT_STATE),
    LOOK("canceled", IN_THAT_STATE),
    LOOK("skipped", IN_THAT_STATE),
    LOOK("not_run", IN_THAT_STATE),
    LOOK("other", "A build that finished while its webhook did not know how, and all other events."),
    {.name = NULL},
};

static enum kh_err configure(struct kh_config *config, const json_t *given, struct kh_rule *rule,
                             struct kh_diags *diags)
{
  const char *selector = kh_option_text(rule->notifier, given, "selector");
  const enum kh_lifx_effect effect = (enum kh_lifx_effect)kh_option_choice(rule->notifier, given, "effect");

  (void)config;
  (void)diags;
  rule->verb = calls[effect].verb;
  (void)snprintf(rule->place, sizeof rule->place, "%s %s", selector, calls[effect].path);
  return kh_lifx_looks(given, effect, &rule->made);
}

static const char *const default_events[] = {"build.running", "build.finished", NULL};

/*
 * Source: api.developer.lifx.com, "Rate limits": 120 requests in 60 s with one token. Twenty and then
 * one each 0.6 s are no more than that in any minute.
 */
const struct kh_notifier kh_notifier_lifx = {
    .name = "lifx",
    .words = "Changes the colour of LIFX lamps",
    .content_type = "application/json",
    .default_events = default_events,
    .options = options,
    .age_max_s = AGE_MAX_S,
    .rate = {.burst = 20, .every_ms = 600},
    .replaces = true,
    .configure = configure,
    .render = render,
    .request = request,
    .judge = kh_lifx_judge,
};
