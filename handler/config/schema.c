#include "base/base.h"

#include "base/nearest.h"
#include "base/utf8.h"
#include "config/parts.h"

const char *const kh_config_last_keys[] = {"services", "tables", "notify", NULL};

const struct kh_included *kh_config_included(const struct kh_config *config, const json_t *node)
{
  const struct kh_included *file = config->included;

  while (file && kh_yaml_place(&file->yaml, node).line == 0)
    file = file->next;
  return file;
}

enum kh_err kh_config_stands_for(struct kh_config *config, json_t *made, const json_t *node)
{
  const struct kh_included *included = kh_config_included(config, node);
  struct kh_yaml *yaml = &config->yaml;

  for (struct kh_included *file = config->included; file; file = file->next)
    if (file == included)
      yaml = &file->yaml;
  return kh_yaml_mark(yaml, made, NULL, kh_yaml_place(yaml, node));
}

static enum kh_err say(const struct kh_config *config, const json_t *node, const char *key,
                       struct kh_diags *diags, enum kh_err err, const char *text)
{
  if (!kh_diags_have_room(diags, err))
    return kh_diags_add(diags, err, NULL, 0, 0, "%s", text);

  const struct kh_included *file = kh_config_included(config, node);
  const struct kh_yaml *yaml = file ? &file->yaml : &config->yaml;
  struct kh_place place = kh_yaml_key_place(yaml, node, key);

  if (place.line == 0)
    place = kh_yaml_place(yaml, node);
  return kh_diags_add(diags, err, yaml->file, place.line, place.column, "%s", text);
}

enum kh_err kh_config_mistake(const struct kh_config *config, const json_t *node, const char *key,
                              struct kh_diags *diags, const char *format, ...)
{
  char text[sizeof((struct kh_diag *)NULL)->text];
  va_list values;

  va_start(values, format);
  (void)vsnprintf(text, sizeof text, format, values);
  va_end(values);
  return say(config, node, key, diags, KH_ERR_CONFIG, text);
}

void kh_config_warning(const struct kh_config *config, const json_t *node, const char *key,
                       struct kh_diags *diags, const char *format, ...)
{
  char text[sizeof((struct kh_diag *)NULL)->text];
  va_list values;

  if (config->depth == KH_CONFIG_RECEIVER)
    return; /* warnings are for people, and it has none to tell */
  va_start(values, format);
  (void)vsnprintf(text, sizeof text, format, values);
  va_end(values);
  (void)say(config, node, key, diags, KH_OK, text);
}

const char *kh_config_text(const json_t *node)
{
  return json_string_value(node);
}

struct kh_shown kh_config_shown(const char *value)
{
  struct kh_shown shown = {"this value"};
  size_t len = value ? strlen(value) : 0;

  if (value && len == 0)
    (void)snprintf(shown.text, sizeof shown.text, "an empty value");
  else if (value && len <= 40 && kh_str_is_word(kh_str(value, len), " _.,-+/*"))
    (void)snprintf(shown.text, sizeof shown.text, "`%s`", value);
  return shown;
}

/* A key without a value is what `{credential}` and a credential on a line of its own look like. */
static bool may_show(const json_t *value)
{
  const char *text = kh_config_text(value);

  return !text || *text;
}

enum kh_err kh_config_known_keys(const struct kh_config *config, const json_t *object,
                                 const char *const *known, struct kh_diags *diags)
{
  json_t *tree = (json_t *)(uintptr_t)object; /* jansson's iterators take no const */
  enum kh_err err = KH_OK;
  const char *key;
  json_t *value;

  json_object_foreach(tree, key, value)
  {
    if (known[kh_word_place(kh_str_of(key), known)])
      continue;
    const char *meant = kh_word_nearest(kh_str_of(key), known);
    if (strcmp(key, "include") == 0)
      err = kh_config_mistake(config, object, key, diags,
                              "`include` is an item of `notify`, and nothing else: `- include: FILE`");
    else if (meant)
      err = kh_config_mistake(config, object, key, diags, "unknown key; did you mean `%s`?", meant);
    else
      err = kh_config_mistake(config, object, key, diags, "%s is no key here",
                              kh_config_shown(may_show(value) ? key : NULL).text);
  }
  return err;
}
