#include "base/base.h"

#include "base/nearest.h"
#include "base/url.h"
#include "base/utf8.h"
#include "language/template/upload.h"
#include "rules/message.h"
#include "rules/options.h"

/* What is read, and who hears of it. */
struct reader {
  struct kh_config *config;
  const struct kh_options *options;
  struct kh_rule *rule;
  struct kh_diags *diags;
};

/* ---- secrets ---- */

static bool is_good_url(struct kh_str url)
{
  const struct kh_str https = KH_STR("https://");

  if (!kh_str_is_ascii_from(url, '!') || memchr(url.at, '\\', url.len))
    return false;
  if (kh_str_starts(url, https))
    return url.len > https.len && url.at[https.len] != '/';
  return kh_url_is_loopback(url, KH_STR("http://"));
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

/* By a hash, since it has no name: "here:9f86d081884c7d65". */
static bool name_value(struct kh_rule *rule, struct kh_str value)
{
  enum { SHOWN_BYTES = 8 };
  const struct kh_str parts[] = {KH_STR("kitehook: a value in its file"), value};
  unsigned char digest[KH_DIGEST_BYTES];
  char word[sizeof "here:" + 2 * SHOWN_BYTES] = "here:";

  kh_sha256(parts, KH_COUNT(parts), digest);
  kh_hex(digest, SHOWN_BYTES, word + strlen(word));
  return add_to_credential(rule, word);
}

/* What Buildkite has in the file itself. */
static enum kh_err read_value(const struct reader *from, const struct kh_option *option, const json_t *node,
                              const char *where, struct kh_secret *secret)
{
  const struct kh_str value = kh_str(kh_config_text(node), json_string_length(node));
  struct kh_upload variable;

  if (kh_message_is_none(value.at))
    return kh_config_mistake(from->config, node, NULL, from->diags, "%s: this is none; write `%s: {env: %s}`",
                             where, from->options->name, option->example);
  if (kh_upload_next(value, 0, &variable))
    return kh_config_mistake(
        from->config, node, NULL, from->diags,
        "%s: only Buildkite's agent knows its variables, when it uploads a pipeline; write "
        "`%s: {env: %s}` and set that one",
        where, from->options->name, option->example);
  if (kh_secret_set(secret, value))
    return kh_config_mistake(from->config, node, NULL, from->diags, "%s: is longer than %d bytes", where,
                             KH_SECRET_MAX_BYTES);
  if (from->config->depth == KH_CONFIG_CHECK)
    kh_config_warning(from->config, node, NULL, from->diags,
                      "%s: whoever may read this file has it; move it into a variable or a file of its own: "
                      "`%s: {env: %s}`",
                      where, from->options->name, option->example);
  return KH_OK;
}

/* `[]` behind a word of Buildkite's, which takes one, and in the file itself. */
static enum kh_err refuse_list(const struct reader *from, const struct kh_option *option)
{
  return kh_config_mistake(from->config, from->options->at, from->options->name, from->diags,
                           "%s takes one %s, no list; make an entry of each: `%s: {env: %s}`",
                           from->options->name, option->name, from->options->name, option->example);
}

static enum kh_err read_secret(const struct reader *from, const struct kh_option *option)
{
  struct kh_secret *secret = (struct kh_secret *)(void *)((char *)from->rule + option->offset);
  const json_t *given = from->options->given;
  const json_t *reference = json_object_get(given, option->name);
  const bool is_value = from->options->may_hold_values && json_is_string(reference);
  char where[64];

  if (!reference && option->required)
    return kh_config_mistake(from->config, given ? given : from->options->at, NULL, from->diags,
                             "%s needs `%s: {env: NAME}` or `%s: {file: PATH}`", from->options->name,
                             option->name, option->name);
  if (!reference)
    return option->by_default ? kh_secret_set(secret, kh_str_of(option->by_default)) : KH_OK;
  if (from->options->may_hold_values && json_is_array(reference))
    return refuse_list(from, option);
  (void)snprintf(where, sizeof where, "%s.%s", from->options->name, option->name);
  enum kh_err err = is_value ? read_value(from, option, reference, where, secret)
                             : kh_config_secret(from->config, reference, where, secret, from->diags);
  if (err)
    return err;
  if (!(is_value ? name_value(from->rule, kh_str_of(kh_config_text(reference)))
                 : name_reference(from->rule, reference)))
    return kh_config_mistake(from->config, given, option->name, from->diags, "the name behind %s is too long",
                             where);
  const char *form = kh_secret_is_empty(secret) ? NULL : fault_of(option, secret);
  return form ? kh_config_mistake(from->config, given, option->name, from->diags, "%s must hold %s", where,
                                  form)
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
    return option->is_good ? option->is_good(kh_str_of(text)) : !*text || !kh_message_is_none(text);
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
    (void)kh_buf_add(&form, option->type == KH_OPTION_TRUTH ? KH_STR("true or false")
                            : option->form                  ? kh_str_of(option->form)
                                           : KH_STR("one text; leave it out, or put the text in quotes"));
  enum kh_err err = kh_config_mistake(from->config, mapping, option->name, from->diags, "%s%s is %s%s%s%s",
                                      before, option->name, kh_buf_text(&form),
                                      meant ? "; did you mean `" : "", meant ? meant : "", meant ? "`?" : "");
  kh_buf_release(&form);
  return err;
}

/* BEFORE stands before its name in messages. */
static enum kh_err check_value(const struct reader *from, const json_t *mapping, const char *before,
                               const struct kh_option *option)
{
  const json_t *node = json_object_get(mapping, option->name);

  if (option->type == KH_OPTION_LIST)
    return KH_OK;
  if (!node && option->required)
    return kh_config_mistake(from->config, mapping ? mapping : from->options->at, NULL, from->diags,
                             "%.*s needs `%s`, such as `%s: %s`", (int)strlen(before) - 1, before,
                             option->name, option->name, option->example);
  return !node || is_good_value(option, kh_config_text(node)) ? KH_OK
                                                              : refuse_value(from, mapping, before, option);
}

/* ---- keys ---- */

/* Those of OPTIONS that may stand beside the choice at PLACE, and ALSO, unless it is NULL. */
static enum kh_err check_keys(const struct kh_config *config, const json_t *mapping,
                              const struct kh_option *options, size_t place, const char *also,
                              struct kh_diags *diags)
{
  const char **known = NULL;
  size_t count = 0;

  while (options[count].name)
    count++;
  known = calloc(count + 2, sizeof *known);
  if (!known)
    return KH_ERR_NO_MEMORY;
  count = 0;
  for (const struct kh_option *option = options; option->name; option++)
    if (option->beside == 0 || option->beside >> place & 1)
      known[count++] = option->name;
  known[count] = also;
  enum kh_err err = kh_config_known_keys(config, mapping, known, diags);
  free(known);
  return err;
}

enum kh_err kh_options_keys(struct kh_config *config, const struct kh_options *options,
                            struct kh_diags *diags)
{
  return check_keys(config, options->given, options->table, 0, options->may_name_account ? "service" : NULL,
                    diags);
}

/* The place of what was chosen at the notifier's CHOICE; of the first after a mistake, or without one. */
static size_t chosen(const struct reader *from)
{
  for (const struct kh_option *option = from->options->table; option->name; option++)
    if (option->type == KH_OPTION_CHOICE) {
      const char *text = kh_option_text_by(from->options->table, from->options->given, option->name);
      size_t place = kh_word_place(kh_str_of(text), option->choices);

      return option->choices[place] ? place : 0;
    }
  return 0;
}

static enum kh_err read_mapping(const struct reader *from, const struct kh_option *option)
{
  const json_t *mapping = json_object_get(from->options->given, option->name);

  if (!mapping)
    return KH_OK;
  if (!json_is_object(mapping))
    return kh_config_mistake(from->config, from->options->given, option->name, from->diags,
                             "write `%s: {%s: %s}`, with more keys if you like", option->name,
                             option->members[0].name, option->members[0].example);
  enum kh_err err = check_keys(from->config, mapping, option->members, chosen(from), NULL, from->diags);
  for (const struct kh_option *member = option->members; member->name; member++)
    if (check_value(from, mapping, "", member))
      err = KH_ERR_CONFIG;
  return err;
}

static enum kh_err read_option(const struct reader *from, const struct kh_option *option)
{
  char before[64];

  switch (option->type) {
  case KH_OPTION_URL:
  case KH_OPTION_SECRET:
    return read_secret(from, option);
  case KH_OPTION_MESSAGE:
    return kh_message_compile(from->config, from->options->given, from->rule, from->diags);
  case KH_OPTION_MAPPING:
    return read_mapping(from, option);
  case KH_OPTION_PLACE:
    return KH_OK;
  default:
    (void)snprintf(before, sizeof before, "%s.", from->options->name);
    return check_value(from, from->options->given, before, option);
  }
}

enum kh_err kh_options_read(struct kh_config *config, const struct kh_options *options, struct kh_rule *rule,
                            struct kh_diags *diags)
{
  const struct reader from = {config, options, rule, diags};
  enum kh_err err = kh_options_keys(config, options, diags);

  for (const struct kh_option *option = options->table; option->name; option++)
    if (read_option(&from, option))
      err = KH_ERR_CONFIG;
  return err;
}

/* ---- what was read, and how it is written ---- */

const struct kh_option *kh_option_named(const struct kh_option *table, const char *name)
{
  while (table->name && strcmp(table->name, name) != 0)
    table++;
  return table->name ? table : NULL;
}

const char *kh_option_text_by(const struct kh_option *table, const json_t *options, const char *name)
{
  const struct kh_option *option = kh_option_named(table, name);
  const char *text = kh_config_text(json_object_get(options, name));

  return text || !option ? text : option->by_default;
}

const char *kh_option_text(const struct kh_notifier *notifier, const json_t *options, const char *name)
{
  return kh_option_text_by(notifier->options, options, name);
}

size_t kh_option_choice(const struct kh_notifier *notifier, const json_t *options, const char *name)
{
  return kh_word_place(kh_str_of(kh_option_text(notifier, options, name)),
                       kh_option_named(notifier->options, name)->choices);
}

bool kh_option_is_token(struct kh_str value)
{
  return kh_str_is_ascii_from(value, '!');
}

static bool are_needed(const struct kh_option *option)
{
  while (option->name && !option->required)
    option++;
  return option->name != NULL;
}

bool kh_options_are_needed(const struct kh_notifier *notifier)
{
  return are_needed(notifier->options);
}

static bool is_secret(const struct kh_option *option)
{
  return option->type == KH_OPTION_URL || option->type == KH_OPTION_SECRET;
}

bool kh_option_is_needed(const struct kh_option *option, const char *const *needs)
{
  for (; !option->required && needs && *needs; needs++)
    if (strcmp(*needs, option->name) == 0)
      return true;
  return option->required;
}

void kh_options_usage_by(const struct kh_option *table, const char *const *needs, const char *name,
                         struct kh_buf *out)
{
  const char *before = ": {";

  (void)kh_buf_add(out, kh_str_of(name));
  for (const struct kh_option *option = table; option->name; option++) {
    if (!kh_option_is_needed(option, needs))
      continue;
    (void)kh_buf_printf(out, is_secret(option) ? "%s%s: {env: %s}" : "%s%s: %s", before, option->name,
                        option->example);
    before = ", ";
  }
  if (before[0] == ',')
    (void)kh_buf_add_byte(out, '}');
}

static void add_alone(const struct kh_notifier *notifier, const struct kh_option *alone, struct kh_buf *out)
{
  (void)kh_buf_printf(out, is_secret(alone) ? "%s: {env: %s}" : "%s: %s", notifier->name, alone->example);
}

void kh_options_usage(const struct kh_notifier *notifier, struct kh_buf *out)
{
  const struct kh_form *form = notifier->form;

  if (form && form->alone && !form->options)
    add_alone(notifier, kh_option_named(notifier->options, form->alone), out);
  else
    kh_options_usage_by(notifier->options, NULL, notifier->name, out);
}

void kh_options_usages(const struct kh_notifier *notifier, struct kh_buf *out)
{
  const struct kh_form *form = notifier->form;

  (void)kh_buf_add(out, KH_STR("`- "));
  if (form && form->alone && form->options) {
    add_alone(notifier, kh_option_named(form->options, form->alone), out);
    (void)kh_buf_add(out, KH_STR("`, or `- "));
  }
  kh_options_usage(notifier, out);
  (void)kh_buf_add_byte(out, '`');
}
