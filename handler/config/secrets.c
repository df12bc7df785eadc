#include "base/base.h"

#include "config/parts.h"

enum { SHORT_BYTES = 8 };

static bool is_name(const char *text)
{
  size_t len = strlen(text);

  return len > 0 && len < KH_NAME_BYTES && strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_-") == len;
}

static enum kh_err set_name(const struct kh_reference *from, struct kh_secret_list *list, bool single,
                            struct kh_named_secret *named)
{
  const char *text = kh_config_text(json_object_get(from->node, "name"));

  if (!text && single)
    text = "default";
  if (!text)
    return kh_reference_mistake(from, NULL, "each secret of a list needs a `name`, which the log tells");
  if (!is_name(text))
    return kh_reference_mistake(from, "name", "a name is 1 to 32 of a-z, 0-9, _ and -");
  for (size_t i = 0; i < list->count; i++)
    if (strcmp(list->at[i].name, text) == 0)
      return kh_reference_mistake(from, "name", "this name is taken by a secret above");
  (void)snprintf(named->name, sizeof named->name, "%s", text);
  return KH_OK;
}

static enum kh_err add_secret(const struct kh_reference *from, bool single, struct kh_secret_list *list)
{
  if (list->count == KH_SECRETS_MAX)
    return kh_config_mistake(from->config, from->node, NULL, from->diags, "%s: more than %d secrets",
                             from->where, KH_SECRETS_MAX);

  const char *name = NULL;
  const char *source = kh_config_secret_source(from->node, &name);
  struct kh_named_secret *named = &list->at[list->count];

  from->config->has_remote_secrets |= source && kh_remote_is_source(source);
  enum kh_err err = kh_reference_resolve(from, true, &named->secret);
  if (json_is_object(from->node))
    err = kh_first_err(err, set_name(from, list, single, named));
  if (!err && !kh_secret_is_empty(&named->secret) && named->secret.len < SHORT_BYTES)
    kh_config_warning(from->config, from->node, NULL, from->diags,
                      "%s: the secret is shorter than %d bytes, and so easy to guess", from->where,
                      SHORT_BYTES);
  if (err)
    kh_secret_release(&named->secret);
  else
    list->count++;
  return err;
}

enum kh_err kh_config_secrets(const struct kh_section *webhook, const char *key, struct kh_secret_list *list)
{
  const json_t *node = json_object_get(webhook->object, key);
  enum kh_err err = KH_OK;
  char where[64];
  size_t index;
  json_t *item;

  (void)snprintf(where, sizeof where, "%s%s", webhook->name, key);
  struct kh_reference from = {webhook->config, node, where, webhook->diags};
  if (!node)
    return KH_OK;
  if (!json_is_array(node))
    return add_secret(&from, true, list);
  if (json_array_size(node) == 0)
    return kh_reference_mistake(&from, NULL, "the list is empty; without a secret nothing can be proven");
  json_array_foreach(node, index, item)
  {
    from.node = item;
    err = kh_first_err(err, add_secret(&from, false, list));
  }
  return err;
}

void kh_config_secrets_release(struct kh_secret_list *list)
{
  for (size_t i = 0; i < KH_COUNT(list->at); i++)
    kh_secret_release(&list->at[i].secret);
  list->count = 0;
}
