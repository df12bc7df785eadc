#include "base/base.h"

#include "base/utf8.h"
#include "notify/lifx/look.h"

enum { COLOR_MAX_BYTES = 100 };
enum { LOOKS = 8 };
enum { BREATHE = 1 << KH_LIFX_BREATHE, PULSE = 1 << KH_LIFX_PULSE };

/*
 * The first three are those of Buildkite's example lamps. 9,999 breaths of 5 s end after 14 hours, should the
 * end of the build never arrive.
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

const char *const kh_lifx_effects[] = {
    [KH_LIFX_BREATHE] = "breathe", [KH_LIFX_PULSE] = "pulse", [KH_LIFX_NONE] = "none", NULL};

static bool is_color(struct kh_str text)
{
  return text.len > 0 && text.len <= COLOR_MAX_BYTES && kh_str_is_ascii_from(text, ' ');
}

enum { COLOR, FROM_COLOR, PERIOD, CYCLES, PERSIST, POWER_ON, PEAK };

/* In the order in which they are written. */
const struct kh_option kh_lifx_look_members[] = {
    [COLOR] =
        {.name = "color",
         .type = KH_OPTION_TEXT,
         .words = "The colour that the lamp gets, as LIFX writes it. Where it stands alone the change begins "
                  "at the colour that the lamp has.",
         .example = "green brightness:75%",
         .is_good = is_color,
         .form = "a colour, such as `green brightness:75%`, of 1 to 100 characters",
         .pattern = "^[ -~]{1,100}$"},
    [FROM_COLOR] = {.name = "from_color",
                    .type = KH_OPTION_TEXT,
                    .words = "The colour that the change begins at.",
                    .is_good = is_color,
                    .form = "a colour, such as `green brightness:10%`, of 1 to 100 characters",
                    .pattern = "^[ -~]{1,100}$",
                    .beside = BREATHE | PULSE},
    [PERIOD] = {.name = "period",
                .type = KH_OPTION_NUMBER,
                .words = "How many seconds one change takes: above 0, up to 86400.",
                .form = "seconds, above 0 and up to 86400, such as 0.45",
                .max = 86400,
                .above_0 = true,
                .beside = BREATHE | PULSE},
    [CYCLES] = {.name = "cycles",
                .type = KH_OPTION_NUMBER,
                .words = "How often the change is repeated: above 0, up to 1000000.",
                .form = "a number above 0 and up to 1000000",
                .max = 1000000,
                .above_0 = true,
                .beside = BREATHE | PULSE},
    [PERSIST] = {.name = "persist",
                 .type = KH_OPTION_TRUTH,
                 .words = "Whether the lamp keeps the colour.",
                 .by_default = "true",
                 .beside = BREATHE | PULSE},
    [POWER_ON] = {.name = "power_on",
                  .type = KH_OPTION_TRUTH,
                  .words = "Whether a lamp that is off is turned on.",
                  .by_default = "false"},
    [PEAK] = {.name = "peak",
              .type = KH_OPTION_NUMBER,
              .words = "When in a period the colour is at its strongest: 0 to 1.",
              .form = "a number from 0 to 1, such as 0.2",
              .max = 1,
              .beside = BREATHE},
    {.name = NULL},
};

static const char *default_of(const struct look *look, const struct kh_option *member, bool own_color)
{
  const char *const looks[] = {[COLOR] = look->color,
                               /* Whoever names a colour does not mean a change that begins with ours. */
                               [FROM_COLOR] = own_color ? NULL : look->from_color,
                               [PERIOD] = look->period,
                               [CYCLES] = look->cycles,
                               [PERSIST] = member->by_default,
                               [POWER_ON] = member->by_default,
                               [PEAK] = look->peak};

  return looks[member - kh_lifx_look_members];
}

/*
 * POWER_ON has another name where there is no effect, and false means to leave it alone, which is to say
 * nothing.
 */
static bool put(json_t *request, const struct kh_option *member, enum kh_lifx_effect effect, json_t *value)
{
  const bool power = effect == KH_LIFX_NONE && member->type == KH_OPTION_TRUTH;

  if (!power)
    return json_object_set(request, member->name, value) == 0;
  return !json_is_true(value) || json_object_set_new(request, "power", json_string("on")) == 0;
}

/* The body of a request for LOOK, with what MINE, a mapping or NULL, has instead. */
static bool fill(const json_t *mine, const struct look *look, enum kh_lifx_effect effect, json_t *request)
{
  const bool own_color = json_object_get(mine, "color") != NULL;
  bool good = true;

  for (const struct kh_option *member = kh_lifx_look_members; member->name; member++) {
    const char *given = kh_config_text(json_object_get(mine, member->name));
    const char *text = given ? given : default_of(look, member, own_color);

    if (!text || (member->beside && !(member->beside >> effect & 1)))
      continue;
    json_t *value = member->type == KH_OPTION_TEXT ? json_string(text)
                                                   : json_loads(text, JSON_DECODE_ANY, NULL);
    good = put(request, member, effect, value) && good;
    json_decref(value);
  }
  return good;
}

enum kh_err kh_lifx_looks(const json_t *options, enum kh_lifx_effect effect, json_t **looks)
{
  bool good = true;

  *looks = json_object();
  for (size_t i = 0; i < LOOKS; i++) {
    json_t *request = json_object();

    good = fill(json_object_get(options, defaults[i].outcome), &defaults[i], effect, request) && good;
    good = json_object_set_new(*looks, defaults[i].outcome, request) == 0 && good;
  }
  return good ? KH_OK : KH_ERR_NO_MEMORY;
}
