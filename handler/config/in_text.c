#include "base/base.h"

#include "base/utf8.h"
#include "config/config.h"

enum kh_err kh_config_say_in_text(const struct kh_config *config, const json_t *node, size_t at,
                                  enum kh_err err, struct kh_diags *diags, const char *format, ...)
{
  const struct kh_included *file = kh_config_included(config, node);
  const struct kh_yaml *yaml = file ? &file->yaml : &config->yaml;
  const char *text = kh_config_text(node);
  char said[sizeof((struct kh_diag *)NULL)->text];
  va_list values;

  size_t character = text ? kh_utf8_count(kh_str(text, strnlen(text, at))) : 0;
  const struct kh_place place = kh_yaml_text_place(yaml, node, (unsigned)character);
  va_start(values, format);
  (void)vsnprintf(said, sizeof said, format, values);
  va_end(values);
  return kh_diags_add(diags, err, yaml->file, place.line, place.column, "%s", said);
}

/* ---- ${VARIABLE} ---- */

enum kh_err kh_config_is_template(struct kh_config *config, json_t *text)
{
  if (!config->templates)
    config->templates = json_array();
  return json_array_append(config->templates, text) ? KH_ERR_NO_MEMORY : KH_OK;
}

static bool is_template(const struct kh_config *config, const json_t *text)
{
  size_t i = 0;

  while (i < json_array_size(config->templates) && json_array_get(config->templates, i) != text)
    i++;
  return i < json_array_size(config->templates);
}

/* Where TEXT has ${NAME, or names a variable and nothing else: $NAME. SIZE_MAX when it does neither. */
static size_t find_variable(struct kh_str text)
{
  static const char capitals[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789";

  if (text.len > 1 && text.at[0] == '$' && strspn(text.at + 1, capitals) == text.len - 1)
    return 0;
  for (size_t i = 0; i + 2 < text.len; i++) {
    if (text.at[i] == '$' && text.at[i + 1] == '{' && kh_str_name_length(kh_str(text.at + i + 2, 1)) > 0)
      return i;
  }
  return SIZE_MAX;
}

static void walk(const struct kh_config *config, json_t *node, const char *key, struct kh_diags *diags)
{
  const char *text = kh_config_text(node);
  const char *name = NULL;
  json_t *child = NULL;
  size_t index = 0;

  json_array_foreach(node, index, child) walk(config, child, key, diags);
  json_object_foreach(node, name, child)
  {
    /* In a condition it means the build's environment. */
    if (strcmp(name, "if") != 0 && (key || strcmp(name, "notify") != 0))
      walk(config, child, name, diags);
  }
  if (!text || is_template(config, node))
    return;
  size_t at = find_variable(kh_str(text, json_string_length(node)));
  if (at != SIZE_MAX)
    (void)kh_config_say_in_text(
        config, node, at, KH_OK, diags,
        "variables such as ${NAME} are not replaced in this file; write the text itself, or {env: NAME} "
        "where a secret stands");
}

void kh_config_warn_of_variables(const struct kh_config *config, struct kh_diags *diags)
{
  if (config->yaml.root)
    walk(config, config->yaml.root, NULL, diags);
  if (config->notify)
    walk(config, config->notify, "notify", diags);
}
