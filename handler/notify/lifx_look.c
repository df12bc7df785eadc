#include "base/base.h"

#include "notify/lifx_look.h"

enum { COLOR_MAX_BYTES = 100 };
enum { LOOKS = 8 };

/*
 * The first three are those of Buildkite's example lamps. 9,999 breaths of 5 s end after 14 hours, should the end of the
 * build never arrive.
 */
static const struct look {
  const char *outcome, *color, *from_color, *period, *cycles, *peak;
} defaults[LOOKS] = {
    {"running", "yellow brightness:5%", "yellow brightness:35%", "5", "9999", NULL},
    {"passed", "green brightness:75%", "green brightness:10%", "0.45", "3", "0.2"},
    {"failed", "red brightness:60%", "red brightness:25%", "0.1", "20", "0.2"},
    {"blocked", "blue brightness:60%", "blue brightness:10%", "2", "3", NULL},
    {"canceled", "purple brightness:40%", "purple brightness:10%", "1", "2", NULL},
    {"skipped", "cyan brightness:20%", "cyan brightness:5%", "1", "1", NULL},
    {"not_run", "white brightness:20%", "white brightness:5%", "1", "1", NULL},
    {"other", "pink brightness:20%", "pink brightness:5%", "1", "1", NULL},
};

enum kind { COLOR, NUMBER, TRUTH };

/* In the order in which they are written. */
static const struct member {
  const char *name;
  enum kind kind;
  bool exclusive; /* 0 is too little */
  double max;
  unsigned effects; /* who has it: 1 << effect */
  const char *form; /* for messages */
} members[] = {
    {"color", COLOR, false, 0, 7, "a colour, such as `green brightness:75%`, of 1 to 100 characters"},
    {"from_color", COLOR, false, 0, 3, "a colour, such as `green brightness:10%`, of 1 to 100 characters"},
    {"period", NUMBER, true, 86400, 3, "seconds, above 0 and up to 86400, such as 0.45"},
    {"cycles", NUMBER, true, 1000000, 3, "a number above 0 and up to 1000000"},
    {"persist", TRUTH, false, 0, 3, "true or false"},
    {"power_on", TRUTH, false, 0, 7, "true or false"},
    {"peak", NUMBER, false, 1, 1, "a number from 0 to 1, such as 0.2"},
};

static const char *const effects[] = {
    [KH_LIFX_BREATHE] = "breathe", [KH_LIFX_PULSE] = "pulse", [KH_LIFX_NONE] = "none", NULL};

static bool has(const struct member *member, enum kh_lifx_effect effect)
{
  return (member->effects >> effect & 1) != 0;
}

static bool is_color(const char *text)
{
  size_t len = strlen(text);

  for (size_t i = 0; i < len; i++)
    if (text[i] < ' ' || text[i] >= 0x7F)
      return false;
  return len > 0 && len <= COLOR_MAX_BYTES;
}

/* TEXT as the value of MEMBER; NULL when it is none. */
static json_t *value_of(const struct member *member, const char *text)
{
  if (member->kind == COLOR)
    return is_color(text) ? json_string(text) : NULL;

  json_t *value = json_loads(text, JSON_DECODE_ANY, NULL);
  double number = json_number_value(value);
  bool good = member->kind == TRUTH ? json_is_boolean(value)
                                    : json_is_number(value) && number <= member->max &&
                                          (member->exclusive ? number > 0 : number >= 0);

  if (good)
    return value;
  json_decref(value);
  return NULL;
}

static const char *default_of(const struct look *look, const struct member *member, bool own_color)
{
  const char *const all[] = {
      look->color, own_color ? NULL : look->from_color, look->period, look->cycles, "true", "false",
      look->peak};

  return all[member - members];
}

/* POWER_ON has another name where there is no effect, and false means to leave it alone, which is to say nothing. */
static bool put(json_t *request, const struct member *member, enum kh_lifx_effect effect, json_t *value)
{
  const bool power = effect == KH_LIFX_NONE && member->kind == TRUTH;

  if (!power)
    return json_object_set(request, member->name, value) == 0;
  return !json_is_true(value) || json_object_set_new(request, "power", json_string("on")) == 0;
}

/* The body of a request for LOOK, with what OPTIONS, a mapping or NULL, has instead. */
static enum kh_err fill(const struct kh_config *config, const json_t *options, const struct look *look,
                        enum kh_lifx_effect effect, json_t *request, struct kh_diags *diags)
{
  /* Whoever names a colour does not mean a change that begins with ours. */
  const bool own_color = json_object_get(options, "color") != NULL;
  enum kh_err err = KH_OK;

  for (size_t i = 0; i < KH_COUNT(members); i++) {
    const struct member *member = &members[i];
    const json_t *node = json_object_get(options, member->name);
    const char *text = node ? kh_config_text(node) : default_of(look, member, own_color);

    if (!has(member, effect) || (!node && !text))
      continue;
    json_t *value = text ? value_of(member, text) : NULL;
    if (!value && !node)
      err = err ? err : KH_ERR_NO_MEMORY;
    else if (!value)
      err = kh_config_mistake(config, options, member->name, diags, "%s is %s", member->name, member->form);
    else if (!put(request, member, effect, value))
      err = err ? err : KH_ERR_NO_MEMORY;
    json_decref(value);
  }
  return err;
}

static enum kh_err check_look(const struct kh_config *config, const json_t *options, const struct look *look,
                              enum kh_lifx_effect effect, struct kh_diags *diags)
{
  const json_t *mine = json_object_get(options, look->outcome);
  const char *known[KH_COUNT(members) + 1] = {NULL};
  size_t count = 0;

  if (!mine)
    return KH_OK;
  if (!json_is_object(mine))
    return kh_config_mistake(config, options, look->outcome, diags,
                             "write `%s: {color: %s}`, with more keys if you like", look->outcome,
                             look->color);
  for (size_t i = 0; i < KH_COUNT(members); i++)
    if (has(&members[i], effect))
      known[count++] = members[i].name;
  return kh_config_known_keys(config, mine, known, diags);
}

static enum kh_err read_effect(const struct kh_config *config, const json_t *options,
                               enum kh_lifx_effect *effect, struct kh_diags *diags)
{
  const json_t *node = json_object_get(options, "effect");
  const char *text = kh_config_text(node);

  for (size_t i = 0; effects[i]; i++)
    if (text && strcmp(text, effects[i]) == 0) {
      *effect = (enum kh_lifx_effect)i;
      return KH_OK;
    }
  const char *meant = text ? kh_config_suggest(text, effects) : NULL;
  if (!node)
    return KH_OK;
  return kh_config_mistake(config, options, "effect", diags, "effect is breathe, pulse or none%s%s%s",
                           meant ? "; did you mean `" : "", meant ? meant : "", meant ? "`?" : "");
}

enum kh_err kh_lifx_looks(const struct kh_config *config, const json_t *options, enum kh_lifx_effect *effect,
                          json_t **looks, struct kh_diags *diags)
{
  const char *known[LOOKS + 5] = {"token", "selector", "url", "effect"};
  enum kh_err err = KH_OK;

  for (size_t i = 0; i < LOOKS; i++)
    known[4 + i] = defaults[i].outcome;
  err = kh_config_known_keys(config, options, known, diags);
  if (read_effect(config, options, effect, diags))
    err = KH_ERR_CONFIG;
  *looks = json_object();
  for (size_t i = 0; i < LOOKS; i++) {
    const json_t *mine = json_object_get(options, defaults[i].outcome);
    json_t *request = json_object();
    enum kh_err each = check_look(config, options, &defaults[i], *effect, diags);

    if (!mine || json_is_object(mine)) {
      enum kh_err filled = fill(config, mine, &defaults[i], *effect, request, diags);

      each = each ? each : filled;
    }
    if (json_object_set_new(*looks, defaults[i].outcome, request) && !each)
      each = KH_ERR_NO_MEMORY;
    err = err ? err : each;
  }
  return err;
}
