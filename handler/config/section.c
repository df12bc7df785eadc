#include "base/base.h"

#include "config/parts.h"

static const json_t *get(const struct kh_section *section, const char *key)
{
  return json_object_get(section->object, key);
}

static enum kh_err refuse(const struct kh_section *section, const char *key, const char *value,
                          const char *text)
{
  return kh_config_mistake(section->config, section->object, key, section->diags, "%s%s: %s %s",
                           section->name, key, kh_config_shown(value).text, text);
}

static enum kh_err check_range(const struct kh_section *section, const char *key, uint64_t amount,
                               const struct kh_range *range)
{
  char text[64];

  if (amount >= range->min && amount <= range->max)
    return KH_OK;
  (void)snprintf(text, sizeof text, "is out of range: %s", range->text);
  return refuse(section, key, kh_config_text(get(section, key)), text);
}

enum kh_err kh_section_duration(const struct kh_section *section, const char *key,
                                const struct kh_range *range, int64_t *seconds)
{
  const char *text = kh_config_text(get(section, key));
  int64_t amount = 0;

  if (!get(section, key))
    return KH_OK;
  if (!kh_config_duration_s(text, &amount))
    return refuse(section, key, text, "is no duration; write one such as 90s, 5m, 2h or 1d");
  enum kh_err err = check_range(section, key, (uint64_t)amount, range);
  if (!err)
    *seconds = amount;
  return err;
}

enum kh_err kh_section_size(const struct kh_section *section, const char *key, const struct kh_range *range,
                            uint64_t *bytes)
{
  const char *text = kh_config_text(get(section, key));
  uint64_t amount = 0;

  if (!get(section, key))
    return KH_OK;
  if (!kh_config_size_bytes(text, &amount))
    return refuse(section, key, text, "is no size; write one such as 512KB, 8MB or 1GB");
  enum kh_err err = check_range(section, key, amount, range);
  if (!err)
    *bytes = amount;
  return err;
}

enum kh_err kh_section_count(const struct kh_section *section, const char *key, const struct kh_range *range,
                             size_t *count)
{
  const char *text = kh_config_text(get(section, key));
  uint64_t amount = 0;

  if (!get(section, key))
    return KH_OK;
  if (!text || !kh_str_u64(kh_str_of(text), &amount))
    return refuse(section, key, text, "is no whole number");
  enum kh_err err = check_range(section, key, amount, range);
  if (!err)
    *count = (size_t)amount;
  return err;
}

enum kh_err kh_section_path(const struct kh_section *section, const char *key, bool stream,
                            char path[KH_PATH_BYTES])
{
  const json_t *node = get(section, key);
  const char *text = kh_config_text(node);

  if (!node)
    return KH_OK;
  if (!text || !*text)
    return kh_config_mistake(section->config, section->object, key, section->diags, "%s%s: needs a path",
                             section->name, key);
  if (stream && strcmp(text, "stdout") == 0)
    return kh_config_mistake(section->config, section->object, key, section->diags,
                             "%s%s: stdout is for the answers; write stderr or a path", section->name, key);
  if (stream && strcmp(text, "stderr") == 0) {
    (void)snprintf(path, KH_PATH_BYTES, "stderr");
    return KH_OK;
  }
  if (!kh_path_beside(section->config->path, text, path))
    return kh_config_mistake(section->config, section->object, key, section->diags,
                             "%s%s: a path is at most %d bytes long", section->name, key, KH_PATH_BYTES - 1);
  return KH_OK;
}
