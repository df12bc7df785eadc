#include "base/base.h"

#include "notify/lifx_answer.h"
#include "notify/lifx_look.h"
#include "notify/notifier.h"
#include "notify/text.h"

#define API "https://api.lifx.com/v1"

/* An old light is worse than none: it would paint over what happened since. */
enum { AGE_MAX_S = 600 };
enum { SELECTOR_MAX_BYTES = 1000, SELECTORS_MAX = 25, SELECTOR_SHOWN_BYTES = 64 };

/* By their place in kh_lifx_effect. */
static const struct {
  const char *path;
  enum kh_verb verb;
} calls[] = {
    [KH_LIFX_BREATHE] = {"effects/breathe", KH_POST},
    [KH_LIFX_PULSE] = {"effects/pulse", KH_POST},
    [KH_LIFX_NONE] = {"state", KH_PUT},
};

static void sign(const struct kh_rule *rule, const struct kh_delivery *delivery, int64_t now_us,
                 struct kh_sent_headers *headers)
{
  (void)delivery;
  (void)now_us;
  headers->at[0] = (struct kh_sent_header){
      .name = "Authorization", .text = "Bearer ", .secret = &rule->secret};
  headers->count = 1;
}

/* Which of the looks EVENT has: by the build's state, for that is what a lamp shows. */
static const char *look_of(const struct kh_event *event, struct kh_str state)
{
  const struct kh_state_words *known = kh_text_state(state);
  bool finished = kh_str_ends(kh_str_of(event->name), KH_STR(".finished"));

  if (event->kind != KH_EVENT_BUILD)
    return "other";
  if (kh_str_equal(kh_str_of(event->name), KH_STR("build.running")) && (!known || !known->settled))
    return "running";
  if (!known)
    return finished && state.len > 0 ? "failed" : "other";
  switch (known->mood) {
  case KH_MOOD_PASSED:
    return "passed";
  case KH_MOOD_FAILED:
  case KH_MOOD_WARNING:
    return "failed";
  case KH_MOOD_BLOCKED:
    return "blocked";
  case KH_MOOD_CANCELED:
    return "canceled";
  case KH_MOOD_SKIPPED:
    return kh_str_equal(state, KH_STR("skipped")) ? "skipped" : "not_run";
  case KH_MOOD_RUNNING:
    /* A body that lags behind its event does not say how the build ended. */
    return finished ? "other" : "running";
  default:
    return "other";
  }
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
  for (size_t i = 0; i < text.len; i++)
    if ((unsigned char)text.at[i] < ' ' || text.at[i] == 0x7F)
      return false;
  return count <= SELECTORS_MAX && text.len <= SELECTOR_MAX_BYTES;
}

/* So that no part of a selector can be anything else in a URL. */
static void add_encoded(struct kh_str text, struct kh_buf *out)
{
  for (size_t i = 0; i < text.len; i++) {
    const unsigned char c = (unsigned char)text.at[i];

    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || strchr("-._~", c))
      (void)kh_buf_add_byte(out, (char)c);
    else
      (void)kh_buf_printf(out, "%%%02X", c);
  }
}

/* <base>/lights/<selector>/<path> */
static enum kh_err make_url(struct kh_rule *rule, struct kh_str selector, const char *path)
{
  struct kh_str base = kh_secret_reveal(&rule->url);
  struct kh_buf url;

  kh_buf_init(&url, KH_SECRET_MAX_BYTES);
  if (kh_str_ends(base, KH_STR("/")))
    base.len--;
  (void)kh_buf_reserve(&url, KH_SECRET_MAX_BYTES); /* moved, what it holds could not be wiped */
  (void)kh_buf_add(&url, base);
  (void)kh_buf_add(&url, KH_STR("/lights/"));
  add_encoded(selector, &url);
  (void)kh_buf_add_byte(&url, '/');
  (void)kh_buf_add(&url, kh_str_of(path));
  enum kh_err err = kh_buf_ok(&url);
  if (!err)
    err = kh_secret_set(&rule->url, kh_buf_view(&url));
  kh_wipe_buf(&url);
  return err;
}

static bool has_room_for_path(const struct kh_secret *base)
{
  const struct kh_str url = kh_secret_reveal(base);

  return !memchr(url.at, '?', url.len) && !memchr(url.at, '#', url.len) && url.len <= 512;
}

static enum kh_err read_url(struct kh_config *config, const json_t *options, struct kh_rule *rule,
                            struct kh_diags *diags)
{
  if (!json_object_get(options, "url"))
    return kh_secret_set(&rule->url, KH_STR(API));
  if (kh_notify_url(config, options, "url", &kh_notifier_lifx, rule, diags))
    return KH_ERR_CONFIG;
  if (has_room_for_path(&rule->url))
    return KH_OK;
  return kh_config_mistake(config, options, "url", diags,
                           "lifx.url must hold the root of the API, such as " API
                           ": at most 512 bytes, without `?` and `#`");
}

static bool is_token(const struct kh_secret *secret)
{
  const struct kh_str token = kh_secret_reveal(secret);

  for (size_t i = 0; i < token.len; i++)
    if (token.at[i] <= ' ' || token.at[i] >= 0x7F)
      return false;
  return true;
}

static enum kh_err read_token(struct kh_config *config, const json_t *options, struct kh_rule *rule,
                              struct kh_diags *diags)
{
  if (kh_notify_secret(config, options, "token", &kh_notifier_lifx, rule, &rule->secret, diags))
    return KH_ERR_CONFIG;
  if (is_token(&rule->secret))
    return KH_OK;
  return kh_config_mistake(config, options, "token", diags,
                           "lifx.token must hold one token: no blanks, no line ends, ASCII");
}

static enum kh_err read_selector(struct kh_config *config, const json_t *options, struct kh_str *selector,
                                 struct kh_diags *diags)
{
  const json_t *node = json_object_get(options, "selector");

  *selector = node ? kh_str_of(kh_config_text(node)) : KH_STR("all");
  if (selector->at && are_selectors(*selector))
    return KH_OK;
  return kh_config_mistake(
      config, options, "selector", diags,
      "lifx.selector is `all`, or up to %d of label:, id:, group:, group_id:, location:, "
      "location_id: and scene_id: with a name behind each, separated by commas",
      SELECTORS_MAX);
}

/* Two rules go to one destination only when all that the URL is made of is the same. */
static bool name_destination(struct kh_rule *rule, struct kh_str selector, const char *effect)
{
  unsigned char digest[KH_DIGEST_BYTES];
  char shown[2 * 8 + 1];

  if (selector.len > SELECTOR_SHOWN_BYTES) {
    kh_sha256(&selector, 1, digest);
    kh_hex(digest, 8, shown);
    selector = kh_str_of(shown);
  }
  return kh_notify_name(rule, selector) && kh_notify_name(rule, kh_str_of(effect));
}

static enum kh_err configure(struct kh_config *config, const json_t *options, struct kh_rule *rule,
                             struct kh_diags *diags)
{
  struct kh_str selector = KH_NO_STR;
  enum kh_lifx_effect effect = KH_LIFX_BREATHE;
  enum kh_err err = kh_lifx_looks(config, options, &effect, &rule->made, diags);

  if (read_token(config, options, rule, diags))
    err = KH_ERR_CONFIG;
  if (read_selector(config, options, &selector, diags))
    err = KH_ERR_CONFIG;
  if (read_url(config, options, rule, diags))
    err = KH_ERR_CONFIG;
  if (err)
    return err;
  rule->verb = calls[effect].verb;
  if (!name_destination(rule, selector, calls[effect].path))
    return kh_config_mistake(config, options, "token", diags, "the name behind lifx.token is too long");
  return kh_secret_is_empty(&rule->url) ? KH_OK : make_url(rule, selector, calls[effect].path);
}

static const char *const default_events[] = {"build.running", "build.finished", NULL};

const struct kh_notifier kh_notifier_lifx = {
    .name = "lifx",
    .via = KH_VIA_HTTP,
    .content_type = "application/json",
    .default_events = default_events,
    .usage = "lifx: {token: {env: LIFX_ACCESS_TOKEN}}",
    .needs_options = true,
    .age_max_s = AGE_MAX_S,
    .replaces = true,
    .configure = configure,
    .render = render,
    .sign = sign,
    .judge = kh_lifx_judge,
};
