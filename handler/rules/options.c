#include "base/base.h"

#include "base/nearest.h"
#include "base/utf8.h"
#include "rules/message.h"
#include "rules/options.h"

/* What is read, and who hears of it. */
struct reader {
  struct kh_config *config;
  const json_t *options;
  struct kh_rule *rule;
  struct kh_diags *diags;
};

/* ---- secrets ---- */

/* http://, a loopback host, a port of digits if any, and then a path, a query or the end. */
static bool is_loopback_url(struct kh_str url)
{
  static const struct kh_str hosts[] = {
      {"http://127.0.0.1", 16}, {"http://localhost", 16}, {"http://[::1]", 12}};

  for (size_t i = 0; i < KH_COUNT(hosts); i++) {
    if (!kh_str_starts(url, hosts[i]))
      continue;
    struct kh_str rest = kh_str(url.at + hosts[i].len, url.len - hosts[i].len);
    if (kh_str_starts(rest, KH_STR(":")))
      do
        rest = kh_str(rest.at + 1, rest.len - 1);
      while (rest.len > 0 && kh_is_digit(rest.at[0]));
    return rest.len == 0 || rest.at[0] == '/' || rest.at[0] == '?';
  }
  return false;
}

static bool is_good_url(struct kh_str url)
{
  const struct kh_str https = KH_STR("https://");

  if (!kh_str_is_ascii_from(url, '!') || memchr(url.at, '\\', url.len))
    return false;
  if (kh_str_starts(url, https))
    return url.len > https.len && url.at[https.len] != '/';
  return is_loopback_url(url);
}

static bool add_to_credential(struct kh_rule *rule, const char *word)
{
  size_t len = strlen(rule->credential);
  int wrote = snprintf(rule->credential + len, sizeof rule->credential - len, " %s", word);

  return wrote > 0 && (size_t)wrote < sizeof rule->credential - len;
}

static bool name_reference(struct kh_rule *rule, const json_t *reference)
{
  const char *name = NULL;
  const char *source = kh_config_secret_source(reference, &name);
  const char *member = kh_config_text(json_object_get(reference, "key"));
  char word[sizeof rule->credential];
  int wrote = snprintf(word, sizeof word, "%s:%s%s%s", source, name, member ? "#" : "", member ? member : "");

  return wrote > 0 && (size_t)wrote < sizeof word && add_to_credential(rule, word);
}

/* NULL, or what SECRET must hold. */
static const char *fault_of(const struct kh_option *option, const struct kh_secret *secret)
{
  const struct kh_str value = kh_secret_reveal(secret);

  if (option->type == KH_OPTION_URL && !is_good_url(value))
    return "one https:// URL (http:// only to 127.0.0.1, localhost or [::1])";
  return option->is_good && !option->is_good(value) ? option->form : NULL;
}

static enum kh_err read_secret(const struct reader *from, const struct kh_option *option)
{
  struct kh_secret *secret = (struct kh_secret *)(void *)((char *)from->rule + option->offset);
  const json_t *reference = json_object_get(from->options, option->name);
  const char *notifier = from->rule->notifier->name;
  char where[64];

  if (!reference && option->required)
    return kh_config_mistake(from->config, from->options, NULL, from->diags,
                             "%s needs `%s: {env: NAME}` or `%s: {file: PATH}`", notifier, option->name,
                             option->name);
  if (!reference)
    return option->by_default ? kh_secret_set(secret, kh_str_of(option->by_default)) : KH_OK;
  (void)snprintf(where, sizeof where, "%s.%s", notifier, option->name);
  enum kh_err err = kh_config_secret(from->config, reference, where, secret, from->diags);
  if (err)
    return err;
  if (!name_reference(from->rule, reference))
    return kh_config_mistake(from->config, from->options, option->name, from->diags,
                             "the name behind %s is too long", where);
  const char *form = kh_secret_is_empty(secret) ? NULL : fault_of(option, secret);
  return form ? kh_config_mistake(from->config, from->options, option->name, from->diags, "%s must hold %s",
                                  where, form)
              : KH_OK;
}

/* ---- values ---- */

static bool is_good_number(const struct kh_option *option, const json_t *value)
{
  const double number = json_number_value(value);

  return json_is_number(value) && number <= option->max && (option->above_0 ? number > 0 : number >= 0);
}

static bool is_good_value(const struct kh_option *option, const char *text)
{
  json_t *value = NULL;
  bool good = false;

  if (!text)
    return false;
  if (option->type == KH_OPTION_TEXT)
    return option->is_good(kh_str_of(text));
  if (option->type == KH_OPTION_CHOICE)
    return option->choices[kh_word_place(kh_str_of(text), option->choices)] != NULL;
  value = json_loads(text, JSON_DECODE_ANY, NULL);
  good = option->type == KH_OPTION_TRUTH ? json_is_boolean(value) : is_good_number(option, value);
  json_decref(value);
  return good;
}

/* "breathe, pulse or none" */
static void add_choices(const char *const *choices, struct kh_buf *out)
{
  for (size_t i = 0; choices[i]; i++)
    (void)kh_buf_printf(out, "%s%s", i == 0 ? "" : choices[i + 1] ? ", " : " or ", choices[i]);
}

static enum kh_err refuse_value(const struct reader *from, const json_t *mapping, const char *before,
                                const struct kh_option *option)
{
  const char *text = kh_config_text(json_object_get(mapping, option->name));
  const char *meant = text && option->choices ? kh_word_nearest(kh_str_of(text), option->choices) : NULL;
  struct kh_buf form;

  kh_buf_init(&form, 1024);
  if (option->choices)
    add_choices(option->choices, &form);
  else
    (void)kh_buf_add(&form,
                     option->type == KH_OPTION_TRUTH ? KH_STR("true or false") : kh_str_of(option->form));
  enum kh_err err = kh_config_mistake(from->config, mapping, option->name, from->diags, "%s%s is %s%s%s%s",
                                      before, option->name, kh_buf_text(&form),
                                      meant ? "; did you mean `" : "", meant ? meant : "", meant ? "`?" : "");
  kh_buf_release(&form);
  return err;
}

/* Of one that may be left out. BEFORE stands before its name in messages. */
static enum kh_err check_value(const struct reader *from, const json_t *mapping, const char *before,
                               const struct kh_option *option)
{
  const json_t *node = json_object_get(mapping, option->name);

  return !node || is_good_value(option, kh_config_text(node)) ? KH_OK
                                                              : refuse_value(from, mapping, before, option);
}

/* ---- keys ---- */

/* Those of OPTIONS that may stand beside the choice at PLACE. */
static enum kh_err check_keys(const struct reader *from, const json_t *mapping,
                              const struct kh_option *options, size_t place)
{
  const char **known = NULL;
  size_t count = 0;

  while (options[count].name)
    count++;
  known = calloc(count + 1, sizeof *known);
  if (!known)
    return KH_ERR_NO_MEMORY;
  count = 0;
  for (const struct kh_option *option = options; option->name; option++)
    if (option->beside == 0 || option->beside >> place & 1)
      known[count++] = option->name;
  enum kh_err err = kh_config_known_keys(from->config, mapping, known, from->diags);
  free(known);
  return err;
}

/* The place of what was chosen at the notifier's CHOICE; of the first after a mistake, or without one. */
static size_t chosen(const struct reader *from)
{
  for (const struct kh_option *option = from->rule->notifier->options; option->name; option++)
    if (option->type == KH_OPTION_CHOICE) {
      size_t place = kh_option_choice(from->rule->notifier, from->options, option->name);

      return option->choices[place] ? place : 0;
    }
  return 0;
}

static enum kh_err read_mapping(const struct reader *from, const struct kh_option *option)
{
  const json_t *mapping = json_object_get(from->options, option->name);

  if (!mapping)
    return KH_OK;
  if (!json_is_object(mapping))
    return kh_config_mistake(from->config, from->options, option->name, from->diags,
                             "write `%s: {%s: %s}`, with more keys if you like", option->name,
                             option->members[0].name, option->members[0].example);
  enum kh_err err = check_keys(from, mapping, option->members, chosen(from));
  for (const struct kh_option *member = option->members; member->name; member++)
    if (check_value(from, mapping, "", member))
      err = KH_ERR_CONFIG;
  return err;
}

static enum kh_err read_option(const struct reader *from, const struct kh_option *option)
{
  char before[32];

  switch (option->type) {
  case KH_OPTION_URL:
  case KH_OPTION_SECRET:
    return read_secret(from, option);
  case KH_OPTION_MESSAGE:
    return kh_message_compile(from->config, from->options, from->rule, from->diags);
  case KH_OPTION_MAPPING:
    return read_mapping(from, option);
  default:
    (void)snprintf(before, sizeof before, "%s.", from->rule->notifier->name);
    return check_value(from, from->options, before, option);
  }
}

enum kh_err kh_options_read(struct kh_config *config, const json_t *options, struct kh_rule *rule,
                            struct kh_diags *diags)
{
  const struct reader from = {config, options, rule, diags};
  enum kh_err err = check_keys(&from, options, rule->notifier->options, 0);

  (void)snprintf(rule->credential, sizeof rule->credential, "%s", rule->notifier->name);
  for (const struct kh_option *option = rule->notifier->options; option->name; option++)
    if (read_option(&from, option))
      err = KH_ERR_CONFIG;
  return err;
}

/* ---- what was read, and how it is written ---- */

static const struct kh_option *find(const struct kh_notifier *notifier, const char *name)
{
  const struct kh_option *option = notifier->options;

  while (strcmp(option->name, name) != 0)
    option++;
  return option;
}

const char *kh_option_text(const struct kh_notifier *notifier, const json_t *options, const char *name)
{
  const char *text = kh_config_text(json_object_get(options, name));

  return text ? text : find(notifier, name)->by_default;
}

size_t kh_option_choice(const struct kh_notifier *notifier, const json_t *options, const char *name)
{
  return kh_word_place(kh_str_of(kh_option_text(notifier, options, name)), find(notifier, name)->choices);
}

bool kh_option_is_token(struct kh_str value)
{
  return kh_str_is_ascii_from(value, '!');
}

bool kh_options_are_needed(const struct kh_notifier *notifier)
{
  const struct kh_option *option = notifier->options;

  while (option->name && !option->required)
    option++;
  return option->name != NULL;
}

void kh_options_usage(const struct kh_notifier *notifier, struct kh_buf *out)
{
  const char *before = ": {";

  (void)kh_buf_add(out, kh_str_of(notifier->name));
  for (const struct kh_option *option = notifier->options; option->name; option++) {
    if (!option->required)
      continue;
    (void)kh_buf_printf(out, "%s%s: {env: %s}", before, option->name, option->example);
    before = ", ";
  }
  if (kh_options_are_needed(notifier))
    (void)kh_buf_add_byte(out, '}');
}
